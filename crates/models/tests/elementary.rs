//! Elementary functions against those of the mathematical library, over the whole range.

use collado_models::Real;

/// The largest error in units in the last place over numbers of all sizes, both signs if asked.
fn error(f: impl Fn(f32) -> f32, exact: impl Fn(f64) -> f64, range: std::ops::Range<f32>) -> f64 {
    let mut worst = 0_f64;
    let mut check = |x: f32| {
        let (found, right) = (f(x).wide(), exact(x.wide()));
        if right.abs() > f64::from(f32::MIN_POSITIVE) {
            let unit = 2_f64.powi(right.abs().log2().floor() as i32 - 23);
            worst = worst.max((found - right).abs() / unit);
        }
    };
    // Every number with other leading bits, in the range, and evenly spaced ones.
    (0..u32::MAX / 0x4001)
        .map(|i| f32::from_bits(i * 0x4001))
        .filter(|x| range.contains(x))
        .for_each(&mut check);
    let step = (range.end - range.start) / 3e5;
    (0..300_000).for_each(|i| check(range.start + step * i as f32));
    worst
}

#[test]
fn functions_are_good_to_a_few_units() {
    assert!(error(Real::tangent, f64::tanh, -100. ..100.) < 1.5);
    assert!(error(Real::ln_1p_unit, f64::ln_1p, 0. ..1.) < 2.);
    assert!(error(Real::exp_decay, f64::exp, -87. ..0.) < 1.5);
    assert!(error(Real::erfc, libm::erfc, -10. ..9.1) < 5.);
}

#[test]
fn ends_and_undefined_numbers_are_kept() {
    assert_eq!([f32::INFINITY, f32::NEG_INFINITY, 0.].map(Real::tangent), [1., -1., 0.]);
    assert_eq!([f32::INFINITY, f32::NEG_INFINITY].map(Real::erfc), [0., 2.]);
    assert!([f32::NAN.tangent(), Real::erfc(f32::NAN), f32::NAN.ln_1p_unit()].iter().all(|x| x.is_nan()));
}

#[test]
fn wide_numbers_use_the_library() {
    for i in 0..2000 {
        let x = f64::from(i) / 100. - 10.;
        assert_eq!(Real::tangent(x).to_bits(), f64::tanh(x).to_bits());
        assert_eq!(Real::erfc(x).to_bits(), libm::erfc(x).to_bits());
        assert_eq!(Real::exp_decay(-x.abs()).to_bits(), (-x.abs()).exp().to_bits());
    }
}
