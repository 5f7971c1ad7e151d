//! Numbers in vector registers. A tile holds as many examples as fit into one cache line, and every vector instruction
//! works on some of its examples at once.

use collado_models::Real;
use pulp::Simd;

/// A number type with its vectors.
pub(crate) trait Number: Real {
    /// The number of examples in a tile: 16 in `f32`, 8 in `f64`. It is fixed, so that results depend neither on threads
    /// nor on the registers of the CPU.
    const LANES: usize = 64 / size_of::<Self>();

    /// A vector register.
    type Vector<S: Simd>: Copy;

    /// The vector of equal numbers.
    fn splat<S: Simd>(simd: S, x: Self) -> Self::Vector<S>;

    /// $ab+c$.
    fn multiply_add<S: Simd>(
        simd: S,
        a: Self::Vector<S>,
        b: Self::Vector<S>,
        c: Self::Vector<S>,
    ) -> Self::Vector<S>;

    /// $a+b$.
    fn plus<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;

    /// $a-b$.
    fn minus<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;

    /// The larger number, or NaN where one of them is; of equal ones `a`.
    fn larger<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;

    /// `a` where x and y are equal, else `b`.
    fn where_equal<S: Simd>(
        simd: S,
        x: Self::Vector<S>,
        y: Self::Vector<S>,
        a: Self::Vector<S>,
        b: Self::Vector<S>,
    ) -> Self::Vector<S>;

    /// The sum of the numbers of a vector.
    fn reduce<S: Simd>(simd: S, a: Self::Vector<S>) -> Self;

    /// The number of vectors that hold one number of every example of a tile.
    #[inline(always)]
    fn vectors<S: Simd>() -> usize {
        Self::LANES * size_of::<Self>() / size_of::<Self::Vector<S>>()
    }
}

macro_rules! number {
    ($t:ty, $vector:ident, $splat:ident, $multiply_add:ident, $plus:ident, $minus:ident, $reduce:ident, $greater:ident, $equal:ident, $select:ident) => {
        impl Number for $t {
            type Vector<S: Simd> = S::$vector;

            #[inline(always)]
            fn splat<S: Simd>(simd: S, x: Self) -> S::$vector {
                simd.$splat(x)
            }

            #[inline(always)]
            fn multiply_add<S: Simd>(simd: S, a: S::$vector, b: S::$vector, c: S::$vector) -> S::$vector {
                simd.$multiply_add(a, b, c)
            }

            #[inline(always)]
            fn plus<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$plus(a, b)
            }

            #[inline(always)]
            fn minus<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$minus(a, b)
            }

            #[inline(always)]
            fn larger<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                let larger = simd.$select(simd.$greater(b, a), b, a);
                Self::where_equal(simd, b, b, larger, b)
            }

            #[inline(always)]
            fn where_equal<S: Simd>(
                simd: S,
                x: S::$vector,
                y: S::$vector,
                a: S::$vector,
                b: S::$vector,
            ) -> S::$vector {
                simd.$select(simd.$equal(x, y), a, b)
            }

            #[inline(always)]
            fn reduce<S: Simd>(simd: S, a: S::$vector) -> Self {
                simd.$reduce(a)
            }
        }
    };
}
number!(
    f32,
    f32s,
    splat_f32s,
    mul_add_e_f32s,
    add_f32s,
    sub_f32s,
    reduce_sum_f32s,
    greater_than_f32s,
    equal_f32s,
    select_f32s
);
number!(
    f64,
    f64s,
    splat_f64s,
    mul_add_e_f64s,
    add_f64s,
    sub_f64s,
    reduce_sum_f64s,
    greater_than_f64s,
    equal_f64s,
    select_f64s
);

/// Whether vectors have 64 bytes, and there are 32 registers for them.
#[inline(always)]
pub(super) const fn wide<S: Simd, T: Number>() -> bool {
    size_of::<T::Vector<S>>() == 64
}

/// The size of the next part, where `count` things are left to be divided into the fewest parts of at most `most`, of
/// nearly equal size.
#[inline(always)]
pub(super) fn part(count: usize, most: usize) -> usize {
    count.div_ceil(count.div_ceil(most))
}

/// # Safety
/// A whole vector of numbers can be read at `from`.
#[inline(always)]
pub(super) unsafe fn load<S: Simd, T: Number>(from: *const T) -> T::Vector<S> {
    // SAFETY: as the caller vouches; every bit pattern is a vector.
    unsafe { from.cast::<T::Vector<S>>().read_unaligned() }
}

/// # Safety
/// A whole vector of numbers can be written at `to`.
#[inline(always)]
pub(super) unsafe fn store<S: Simd, T: Number>(to: *mut T, vector: T::Vector<S>) {
    // SAFETY: as the caller vouches.
    unsafe { to.cast::<T::Vector<S>>().write_unaligned(vector) };
}
