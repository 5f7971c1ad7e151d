//! The exponential function without tables, branches or calls, so that compilers turn a loop over it into vector
//! instructions: $e^x=2^ne^r$ with $n=\mathrm{round}(x/\ln2)$ and Taylor's polynomial of $e^r$ for $|r|\le\frac12\ln2$.

macro_rules! exponential {
    ($t:ident, $bits:ty, $mantissa:literal, $bias:literal, $least:literal, $ln2:expr, $reciprocals:expr) => {
        #[inline(always)]
        pub(crate) fn $t(x: $t) -> $t {
            // Adding it rounds to an integer, which then stands in the lowest bits.
            const SHIFT: $t = 1.5 * (1_u64 << $mantissa) as $t;
            let below = x < $least;
            let x = if below { $least } else { x };
            let shifted = x * std::$t::consts::LOG2_E + SHIFT;
            let n = shifted - SHIFT;
            let (high, low): ($t, $t) = $ln2;
            let r = (x - n * high) - n * low;
            let mut sum: $t = 1.;
            // Horner's scheme: 1 + r(1 + r/2(1 + r/3(…))).
            for reciprocal in $reciprocals {
                sum = 1. + r * reciprocal * sum;
            }
            let power = <$t>::from_bits((shifted.to_bits() as $bits).wrapping_add($bias) << $mantissa);
            if below { 0. } else { sum * power }
        }
    };
}

// High parts of ln 2 with enough trailing zeros for exact products with n, and the rest.
exponential!(
    f32,
    u32,
    23,
    127,
    -87.0,
    (0.693_359_4, -2.121_944_4e-4),
    [1. / 7., 1. / 6., 1. / 5., 1. / 4., 1. / 3., 1. / 2., 1.]
);
exponential!(
    f64,
    u64,
    52,
    1023,
    -708.0,
    (6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10),
    [
        1. / 13.,
        1. / 12.,
        1. / 11.,
        1. / 10.,
        1. / 9.,
        1. / 8.,
        1. / 7.,
        1. / 6.,
        1. / 5.,
        1. / 4.,
        1. / 3.,
        1. / 2.,
        1.
    ]
);
