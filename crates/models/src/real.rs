//! The floating-point types of parameters, and access to the numbers of a candle tensor as slices of them.

use candle_core::{CpuStorage, DType, Tensor, WithDType};

use crate::{Error, Result, elementary, exponential};

/// The two floating-point types of parameters: `f32` for training, `f64` where a number is a claim.
pub trait Real: WithDType + num_traits::Float + std::iter::Sum + num_traits::NumAssign + Send + Sync {
    /// Converts from `f64`, rounding to nearest.
    fn of(x: f64) -> Self;
    /// Converts to `f64`, which is exact.
    fn wide(self) -> f64;
    /// The complementary error function: in `f32` to a few units in the last place, in operations that compilers turn
    /// into vector instructions; in `f64` that of the mathematical library.
    fn erfc(self) -> Self;
    /// The hyperbolic tangent, likewise.
    fn tangent(self) -> Self;
    /// $\log(1+x)$ for 0 ≤ x ≤ 1, likewise.
    fn ln_1p_unit(self) -> Self;
    /// $e^x$ for x ≤ 0, likewise.
    fn exp_decay(self) -> Self;
    /// $e^x$ for x ≤ 0, to two units in the last place, in operations that compilers turn into vector instructions;
    /// 0 where it would be no normal number.
    fn exp_nonpositive(self) -> Self;
    /// The elements of a CPU storage, if they are of this type.
    fn elements_mut(storage: &mut CpuStorage) -> Option<&mut [Self]>;
}

macro_rules! real {
    ($t:ty, $variant:ident, $erfc:path, $tanh:path, $ln_1p:path, $decay:path, $exp:path) => {
        impl Real for $t {
            #[inline(always)]
            fn of(x: f64) -> Self {
                x as $t
            }
            #[inline(always)]
            fn wide(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            fn erfc(self) -> Self {
                $erfc(self)
            }
            #[inline(always)]
            fn tangent(self) -> Self {
                $tanh(self)
            }
            #[inline(always)]
            fn ln_1p_unit(self) -> Self {
                $ln_1p(self)
            }
            #[inline(always)]
            fn exp_decay(self) -> Self {
                $decay(self)
            }
            #[inline(always)]
            fn exp_nonpositive(self) -> Self {
                $exp(self)
            }
            fn elements_mut(storage: &mut CpuStorage) -> Option<&mut [Self]> {
                match storage {
                    CpuStorage::$variant(data) => Some(data),
                    _ => None,
                }
            }
        }
    };
}
real!(
    f32,
    F32,
    elementary::erfc,
    elementary::tanh,
    elementary::ln_1p_unit,
    exponential::f32,
    exponential::f32
);
real!(f64, F64, libm::erfc, f64::tanh, f64::ln_1p, f64::exp, exponential::f64);

/// Lends the elements of a contiguous CPU tensor to `read`.
///
/// # Errors
/// When the tensor is on another device, of another dtype or not contiguous.
pub fn with_slice<T: Real, R, E: From<Error>>(
    tensor: &Tensor,
    read: impl FnOnce(&[T]) -> Result<R, E>,
) -> Result<R, E> {
    let (storage, layout) = tensor.storage_and_layout();
    let candle_core::Storage::Cpu(storage) = &*storage else {
        return Err(unsupported("a view of elements", tensor).into());
    };
    let (start, end) =
        layout.contiguous_offsets().ok_or_else(|| unsupported("a view of elements", tensor))?;
    read(&storage.as_slice::<T>().map_err(Error::from)?[start..end])
}

/// Lends the elements of a contiguous CPU tensor to `write`, in place.
///
/// `write` must not touch the same tensor's storage in another way: the storage is locked meanwhile.
///
/// # Errors
/// When the tensor is on another device, of another dtype or not contiguous.
pub fn with_slice_mut<T: Real, R, E: From<Error>>(
    tensor: &Tensor,
    write: impl FnOnce(&mut [T]) -> Result<R, E>,
) -> Result<R, E> {
    if tensor.dtype() != T::DTYPE || !tensor.is_contiguous() || !tensor.device().is_cpu() {
        return Err(unsupported("writing in place", tensor).into());
    }
    let op = InPlace {
        write: std::cell::RefCell::new(Some(write)),
        result: std::cell::RefCell::new(None),
        element: std::marker::PhantomData,
    };
    tensor.inplace_op1(&op).map_err(Error::from)?;
    op.result.into_inner().unwrap_or_else(|| Err(unsupported("writing in place", tensor).into()))
}

fn unsupported(what: &'static str, tensor: &Tensor) -> Error {
    let order = if tensor.is_contiguous() { "contiguous" } else { "strided" };
    Error::Unsupported {
        what,
        found: format!("a {order} {:?} tensor on {:?}", tensor.dtype(), tensor.device().location()),
    }
}

/// candle hands out mutable storage only to in-place operations: this one runs a closure on it.
struct InPlace<F, R, T, E> {
    write: std::cell::RefCell<Option<F>>,
    result: std::cell::RefCell<Option<Result<R, E>>>,
    element: std::marker::PhantomData<T>,
}

impl<T: Real, R, E, F: FnOnce(&mut [T]) -> Result<R, E>> candle_core::InplaceOp1 for InPlace<F, R, T, E> {
    fn name(&self) -> &'static str {
        "write-in-place"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &candle_core::Layout) -> candle_core::Result<()> {
        let elements = T::elements_mut(storage).zip(layout.contiguous_offsets());
        if let (Some((elements, (start, end))), Some(write)) = (elements, self.write.borrow_mut().take()) {
            *self.result.borrow_mut() = Some(write(&mut elements[start..end]));
        }
        Ok(())
    }
}

/// Runs `$body` with the type `$t` = `f32` or `f64` named by a [`DType`].
#[macro_export]
macro_rules! dispatch {
    ($dtype:expr, $t:ident => $body:expr) => {
        match $dtype {
            ::candle_core::DType::F32 => {
                type $t = f32;
                $body
            }
            ::candle_core::DType::F64 => {
                type $t = f64;
                $body
            }
            other => {
                Err($crate::Error::Unsupported { what: "arithmetic", found: format!("{other:?}") }.into())
            }
        }
    };
}

/// Refuses dtypes other than `f32` and `f64`.
///
/// # Errors
/// When the dtype is another.
pub fn check_dtype(dtype: DType) -> Result<()> {
    dispatch!(dtype, T => { let _ = T::DTYPE; Ok::<(), Error>(()) })
}
