//! Products of all four types against the sum that defines them.

use std::ops::{Add, Mul};

use nano_gemm::planless::{execute_c32, execute_c64, execute_f32, execute_f64};
use num_complex::Complex;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A matrix within a longer buffer: where its first entry lies, and its strides.
struct View<T> {
    buffer: Vec<T>,
    first: usize,
    rs: isize,
    cs: isize,
}

impl<T: Copy> View<T> {
    /// By columns, by rows, or by rows from the last entry of the buffer to its first, with gaps in each case.
    fn new(rows: usize, columns: usize, case: usize, number: &mut dyn FnMut() -> T) -> Self {
        let buffer: Vec<T> = (0..(rows + 1) * (columns + 1)).map(|_| number()).collect();
        let (rs, cs) = [(1, rows + 1), (columns + 1, 1), (columns + 1, 1)][case];
        let (rs, cs) = (rs as isize, cs as isize);
        match case {
            2 => Self { first: buffer.len() - 1, buffer, rs: -rs, cs: -cs },
            _ => Self { first: 0, buffer, rs, cs },
        }
    }

    fn place(&self, i: usize, j: usize) -> usize {
        (self.first as isize + i as isize * self.rs + j as isize * self.cs) as usize
    }

    fn at(&self, i: usize, j: usize) -> T {
        self.buffer[self.place(i, j)]
    }
}

macro_rules! check {
    ($execute:ident, $number:ty, $draw:expr, $conj:expr, $square:expr, $close:expr) => {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        for case in 0..3 * 3 * 3 * 2 * 2 * 4 {
            let pick = |by: usize, of: usize| case / by % of;
            let (m, n, k) = (rng.random_range(1..20), rng.random_range(1..20), rng.random_range(0..20));
            let mut number = || $draw(&mut rng);
            let lhs = View::new(m, k, pick(1, 3), &mut number);
            let rhs = View::new(k, n, pick(3, 3), &mut number);
            let mut dst = View::new(m, n, pick(9, 3), &mut number);
            let (conj_lhs, conj_rhs) = (pick(27, 2) == 1, pick(54, 2) == 1);
            let alpha = [<$number>::default(), number()][pick(108, 2)];
            let beta = number();
            let conj = |x: $number, yes: bool| if yes { $conj(x) } else { x };
            let overwrites = alpha == <$number>::default();
            let mut want = dst.buffer.clone();
            for i in 0..m {
                for j in 0..n {
                    let sum = (0..k)
                        .map(|p| conj(lhs.at(i, p), conj_lhs).mul(conj(rhs.at(p, j), conj_rhs)))
                        .fold(<$number>::default(), Add::add);
                    let place = dst.place(i, j);
                    want[place] = if overwrites { beta * sum } else { alpha * dst.at(i, j) + beta * sum };
                    if overwrites {
                        // What lies there may be anything.
                        dst.buffer[place] = beta / <$number>::default();
                    }
                }
            }
            // SAFETY: views hold all their places.
            unsafe {
                $execute(
                    m,
                    n,
                    k,
                    dst.buffer.as_mut_ptr().add(dst.first),
                    dst.rs,
                    dst.cs,
                    lhs.buffer.as_ptr().add(lhs.first),
                    lhs.rs,
                    lhs.cs,
                    rhs.buffer.as_ptr().add(rhs.first),
                    rhs.rs,
                    rhs.cs,
                    alpha,
                    beta,
                    conj_lhs,
                    conj_rhs,
                );
            }
            for (found, want) in dst.buffer.iter().zip(&want) {
                assert!($square(*found - *want) < $close * $close, "case {case}: {found} instead of {want}");
            }
        }
    };
}

#[test]
fn real_products_are_the_sums_that_define_them() {
    let f64s = |rng: &mut ChaCha8Rng| rng.random_range(-1.0..1.0);
    let f32s = |rng: &mut ChaCha8Rng| rng.random_range(-1f32..1.);
    check!(execute_f64, f64, f64s, |x: f64| x, |x: f64| x * x, 1e-13);
    check!(execute_f32, f32, f32s, |x: f32| x, |x: f32| x * x, 1e-5);
}

#[test]
fn complex_products_are_the_sums_that_define_them() {
    let c64 = |rng: &mut ChaCha8Rng| Complex::new(rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0));
    let c32 = |rng: &mut ChaCha8Rng| Complex::new(rng.random_range(-1f32..1.), rng.random_range(-1f32..1.));
    check!(execute_c64, Complex<f64>, c64, |x: Complex<f64>| x.conj(), |x: Complex<f64>| x.norm_sqr(), 1e-13);
    check!(execute_c32, Complex<f32>, c32, |x: Complex<f32>| x.conj(), |x: Complex<f32>| x.norm_sqr(), 1e-5);
}
