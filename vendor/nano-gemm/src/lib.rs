//! The products of small matrices faer 0.24 takes from the `nano-gemm` crate, done by `gemm`.
//!
//! `nano-gemm` brings kernels for every size up to sixteen and four types of number, which take long to compile.
//! `gemm`, which multiplies faer's and candle's larger matrices, is there anyway. Who depends on collado's libraries
//! from another workspace gets the real crate.

/// Products without a plan made beforehand, faer's only way in.
pub mod planless {
    use gemm::Parallelism;
    use num_complex::Complex;

    macro_rules! execute {
        ($name:ident, $number:ty) => {
            /// `dst = alpha · dst + beta · lhs · rhs` for `m × k` and `k × n` factors, conjugated where asked, with a
            /// row stride (`rs`) and a column stride (`cs`) for each matrix.
            ///
            /// # Safety
            /// `lhs` and `rhs` must be valid for reads and `dst` for reads and writes at all their places; `dst` may
            /// hold anything if `alpha` is zero.
            #[allow(clippy::too_many_arguments, reason = "the signature of nano-gemm")]
            pub unsafe fn $name(
                m: usize,
                n: usize,
                k: usize,
                dst: *mut $number,
                dst_rs: isize,
                dst_cs: isize,
                lhs: *const $number,
                lhs_rs: isize,
                lhs_cs: isize,
                rhs: *const $number,
                rhs_rs: isize,
                rhs_cs: isize,
                alpha: $number,
                beta: $number,
                conj_lhs: bool,
                conj_rhs: bool,
            ) {
                let read = alpha != <$number>::default();
                // SAFETY: the caller's promise is that of `gemm`.
                unsafe {
                    gemm::gemm(
                        m,
                        n,
                        k,
                        dst,
                        dst_cs,
                        dst_rs,
                        read,
                        lhs,
                        lhs_cs,
                        lhs_rs,
                        rhs,
                        rhs_cs,
                        rhs_rs,
                        alpha,
                        beta,
                        false,
                        conj_lhs,
                        conj_rhs,
                        Parallelism::None,
                    );
                }
            }
        };
    }

    execute!(execute_f32, f32);
    execute!(execute_f64, f64);
    execute!(execute_c32, Complex<f32>);
    execute!(execute_c64, Complex<f64>);
}
