//! Kernels for single operations of candle tensors and their derivatives: batch normalisation, rectifiers, largest pixels.

use std::{marker::PhantomData, sync::Arc};

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
#[cfg(feature = "cuda")]
use candle_core::cuda_backend::{CudaDType, cudarc::driver::DeviceRepr};
use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, Error, Layout, Result, Shape, Tensor, WithDType,
};
use collado_cuda::{
    Buffer, ChannelNorm, Machine, NormBackward, NormForward, Plain, Windows, rectify, rectify_back,
};
use collado_models::{Moments, Pool, TensorKernels};

use super::tensor::overwrite;

/// The numbers of results.
#[cfg(feature = "cuda")]
trait Number: WithDType + Plain + CudaDType + DeviceRepr {}
#[cfg(not(feature = "cuda"))]
trait Number: WithDType + Plain {}
impl Number for f32 {}
impl Number for u32 {}

/// The operations on a machine, in `f32`.
pub(crate) struct TensorOps {
    machine: Arc<dyn Machine>,
}

impl std::fmt::Debug for TensorOps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TensorOps")
    }
}

impl TensorOps {
    pub(crate) fn new(machine: Arc<dyn Machine>) -> Self {
        Self { machine }
    }

    fn scratch(&self, norm: &ChannelNorm) -> Result<Buffer<f32>> {
        Buffer::new(&self.machine, norm.scratch(&*self.machine)).map_err(Error::wrap)
    }

    /// Lends the address of a tensor on the device of the kernels, for reading and writing.
    fn lent(
        &self,
        tensor: &Tensor,
        write: impl FnOnce(u64) -> collado_cuda::Result<()>,
    ) -> collado_cuda::Result<()> {
        overwrite(tensor, &self.machine, |address| Ok(write(address)?)).map_err(|e| {
            let what = "an operation of tensors".into();
            collado_cuda::Error::Driver { what, reason: e.to_string() }
        })
    }

    fn operation<'a, T, F: Fn(&[u64], u64) -> collado_cuda::Result<()>>(
        &'a self,
        name: &'static str,
        shape: &'a Shape,
        run: F,
    ) -> Operation<'a, T, F> {
        Operation { ops: self, name, shape, run, number: PhantomData }
    }

    /// Lets `run` write `count` numbers, given the addresses of the inputs and of the result; on the CPU through copies.
    fn copied<T: Number>(
        &self,
        inputs: &[(&CpuStorage, &Layout)],
        count: usize,
        run: impl FnOnce(&[u64], u64) -> collado_cuda::Result<()>,
    ) -> Result<CpuStorage> {
        let copy = |&(storage, layout): &(&CpuStorage, &Layout)| {
            let (from, to) = layout.contiguous_offsets().ok_or_else(not_contiguous)?;
            Buffer::from_slice(&self.machine, &storage.as_slice::<f32>()?[from..to]).map_err(Error::wrap)
        };
        let inputs = inputs.iter().map(copy).collect::<Result<Vec<_>>>()?;
        let addresses: Vec<u64> = inputs.iter().map(|buffer| buffer.at(0)).collect();
        let out = Buffer::<T>::new(&self.machine, count).map_err(Error::wrap)?;
        run(&addresses, out.at(0)).map_err(Error::wrap)?;
        Ok(T::to_cpu_storage_owned(out.read(count).map_err(Error::wrap)?))
    }
}

fn not_contiguous() -> Error {
    Error::Msg("expected contiguous numbers".into())
}

/// An operation that kernels compute: `run` writes the numbers, of type `T`, of a result of this shape, given the addresses of the
/// inputs, which are contiguous and in `f32`, and of the result.
struct Operation<'a, T, F> {
    ops: &'a TensorOps,
    name: &'static str,
    shape: &'a Shape,
    run: F,
    number: PhantomData<T>,
}

/// An operation of candle with these inputs: on the CPU, and on a GPU.
macro_rules! operation {
    ($operation:ident: $($storage:ident $layout:ident),+) => {
        impl<T: Number, F: Fn(&[u64], u64) -> collado_cuda::Result<()>> $operation for Operation<'_, T, F> {
            fn name(&self) -> &'static str {
                self.name
            }

            fn cpu_fwd(&self, $($storage: &CpuStorage, $layout: &Layout),+) -> Result<(CpuStorage, Shape)> {
                let inputs = [$(($storage, $layout)),+];
                let out = self.ops.copied::<T>(&inputs, self.shape.elem_count(), &self.run)?;
                Ok((out, self.shape.clone()))
            }

            #[cfg(feature = "cuda")]
            fn cuda_fwd(&self, $($storage: &CudaStorage, $layout: &Layout),+) -> Result<(CudaStorage, Shape)> {
                let inputs = [$(($storage, $layout)),+];
                let out = collado_cuda::compute::<T>(&inputs, self.shape.elem_count(), &self.run)?;
                Ok((out, self.shape.clone()))
            }
        }
    };
}

operation!(CustomOp1: a a_layout);
operation!(CustomOp2: a a_layout, b b_layout);
operation!(CustomOp3: a a_layout, b b_layout, c c_layout);

impl TensorKernels for TensorOps {
    fn normalise(
        &self,
        x: &Tensor,
        scale: &Tensor,
        shift: &Tensor,
        epsilon: f64,
    ) -> Result<(Tensor, Tensor, Tensor)> {
        let norm = sizes(x, &[scale, shift], epsilon)?;
        let scratch = self.scratch(&norm)?;
        let (mean, variance) = (scale.zeros_like()?, scale.zeros_like()?);
        let op = self.operation::<f32, _>("batch-normalisation", x.shape(), |given, y| {
            let (x, weight, bias) = (given[0], given[1], given[2]);
            self.lent(&mean, |mean| {
                self.lent(&variance, |variance| {
                    let at = NormForward { x, weight, bias, y, mean, variance, scratch: scratch.at(0) };
                    // SAFETY: memory of the sizes that `norm` says.
                    unsafe { norm.forward(&*self.machine, &at) }
                })
            })
        });
        let y = x.contiguous()?.apply_op3_no_bwd(&scale.contiguous()?, &shift.contiguous()?, &op)?;
        Ok((y, mean, variance))
    }

    fn normalise_back(
        &self,
        x: &Tensor,
        scale: &Tensor,
        moments: Moments<'_>,
        dy: &Tensor,
    ) -> Result<(Tensor, Tensor, Tensor)> {
        same_shape(x, dy)?;
        let norm = sizes(x, &[scale, moments.mean, moments.variance], moments.epsilon)?;
        let scratch = self.scratch(&norm)?;
        let (dscale, dshift) = (scale.zeros_like()?, scale.zeros_like()?);
        let op = self.operation::<f32, _>("batch-normalisation-back", x.shape(), |given, dx| {
            let (x, weight, dy, scratch) = (given[0], given[1], given[2], scratch.at(0));
            self.lent(moments.mean, |mean| {
                self.lent(moments.variance, |variance| {
                    self.lent(&dscale, |dweight| {
                        self.lent(&dshift, |dbias| {
                            let at =
                                NormBackward { x, dy, weight, mean, variance, dx, dweight, dbias, scratch };
                            // SAFETY: memory of the sizes that `norm` says.
                            unsafe { norm.backward(&*self.machine, &at) }
                        })
                    })
                })
            })
        });
        let dx = x.contiguous()?.apply_op3_no_bwd(&scale.contiguous()?, &dy.contiguous()?, &op)?;
        Ok((dx, dscale, dshift))
    }

    fn channelwise(&self, x: &Tensor, scale: &Tensor, shift: &Tensor) -> Result<Tensor> {
        let norm = sizes(x, &[scale, shift], 0.)?;
        let op = self.operation::<f32, _>("channelwise", x.shape(), |given, y| {
            let at =
                NormForward { x: given[0], weight: given[1], bias: given[2], y, ..NormForward::default() };
            // SAFETY: memory of the sizes that `norm` says.
            unsafe { norm.affine(&*self.machine, &at) }
        });
        x.contiguous()?.apply_op3_no_bwd(&scale.contiguous()?, &shift.contiguous()?, &op)
    }

    fn rectify(&self, x: &Tensor) -> Result<Tensor> {
        let op = self.operation::<f32, _>("rectify", x.shape(), |given, y| {
            // SAFETY: as many numbers as the tensor has.
            unsafe { rectify(&*self.machine, given[0], y, x.elem_count()) }
        });
        x.contiguous()?.apply_op1_no_bwd(&op)
    }

    fn rectify_back(&self, y: &Tensor, dy: &Tensor) -> Result<Tensor> {
        same_shape(y, dy)?;
        let op = self.operation::<f32, _>("rectify-back", y.shape(), |given, dx| {
            // SAFETY: as many numbers as the tensors have.
            unsafe { rectify_back(&*self.machine, given[0], given[1], dx, y.elem_count()) }
        });
        y.contiguous()?.apply_op2_no_bwd(&dy.contiguous()?, &op)
    }

    fn largest(&self, op: &Pool, x: &Tensor) -> Result<Tensor> {
        let Pool { size, kernel, stride, padding, .. } = *op;
        let windows = Windows { size, windows: op.output_size(), kernel, stride, padding };
        let maps = x.dim(0)?;
        let shape = Shape::from((maps, windows.windows.iter().product::<usize>()));
        let op = self.operation::<u32, _>("largest-pixels", &shape, |given, pixel| {
            // SAFETY: the tensor has these maps, and the result a number for each window.
            unsafe { windows.largest(&*self.machine, given[0], pixel, maps) }
        });
        x.contiguous()?.apply_op1_no_bwd(&op)
    }
}

/// Kernels take one tensor's word for the size of the other.
fn same_shape(x: &Tensor, y: &Tensor) -> Result<()> {
    match x.shape() == y.shape() {
        true => Ok(()),
        false => {
            Err(Error::Msg(format!("expected derivatives of the shape {:?}, found {:?}", x.dims(), y.dims())))
        }
    }
}

/// The sizes of `x` `[n, C, ..]`, which is not empty, with rows of a number for each channel.
fn sizes(x: &Tensor, rows: &[&Tensor], epsilon: f64) -> Result<ChannelNorm> {
    let (examples, channels) = (x.dim(0)?, x.dim(1)?);
    if x.elem_count() == 0 || rows.iter().any(|row| row.dims() != [channels]) {
        return Err(Error::Msg(format!("expected numbers for the channels of {:?}", x.dims())));
    }
    let pixels = x.dims()[2..].iter().product();
    Ok(ChannelNorm { examples, channels, pixels, epsilon: epsilon as f32 })
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};
    use collado_cuda::Emulated;
    use collado_models::{
        Algebra, ArchSpec, BatchMoments, Init, Leaves, Noted, PointTensors, PoolKind, Tape, TensorMoments,
    };

    use super::*;

    /// Outputs, gradient and statistics of a network at a point: by a tape with kernels, or by automatic differentiation without.
    fn pass(kernels: Option<&dyn TensorKernels>, theta: &Tensor, x: &Tensor) -> (Tensor, Tensor, Tensor) {
        let spec: ArchSpec = "resnet8:width=0.25".parse().unwrap();
        let arch = spec.resolve_images([3, 8, 8], 4).unwrap();
        let (y, slope, seen) = match kernels {
            None => {
                let leaves = Leaves::new(theta);
                let mut algebra = PointTensors::of_leaves(&leaves, TensorMoments::Batch);
                let y = arch.network().run(&mut algebra, vec![x.clone()]).unwrap().remove(0);
                let mut slopes = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
                (y, leaves.gradient(&mut slopes).unwrap(), algebra.into_seen())
            }
            _ => {
                let mut tape = Tape::new(theta, TensorMoments::Batch, kernels);
                let y = arch.network().run(&mut tape, Noted::data(x.clone())).unwrap();
                let seen = tape.take_seen();
                let slope = (y.tensor() * 2.).unwrap();
                (y.tensor().clone(), tape.gradient(&y, slope).unwrap(), seen)
            }
        };
        let mut row = vec![0.; arch.network().buffers().len()];
        BatchMoments::write(&seen, true, &mut row).unwrap();
        let wide = |t: Tensor| t.detach().to_dtype(DType::F64).unwrap();
        let count = row.len();
        let row = Tensor::from_vec(row, count, &Device::Cpu).unwrap();
        (wide(y), wide(slope), row)
    }

    /// The largest difference, as a share of the largest number.
    fn gap(found: &Tensor, expected: &Tensor) -> f64 {
        let largest = |t: Tensor| t.abs().unwrap().max_all().unwrap().to_scalar::<f64>().unwrap();
        largest((found - expected).unwrap()) / largest(expected.clone())
    }

    #[test]
    fn largest_pixels_are_those_of_the_cpu() {
        let ops = TensorOps::new(Arc::new(Emulated::in_order(1)));
        let mut x: Vec<f32> = (0..6 * 42).map(|i| ((i * i) as f32 * 0.37).sin().round()).collect();
        x[45] = f32::NAN;
        let x = Tensor::from_vec(x, (2, 3, 7, 6), &Device::Cpu).unwrap();
        for (kernel, stride, padding, ceil) in
            [([2, 2], [2, 2], [0, 0], false), ([3, 2], [2, 1], [1, 1], false), ([3, 3], [2, 3], [1, 0], true)]
        {
            let kind = PoolKind::Max;
            let size = [7, 6];
            let op = Pool { kind, channels: 3, size, kernel, stride, padding, ceil, counts_border: true };
            let with = |kernels| {
                let mut algebra = PointTensors::new(&x, TensorMoments::Batch).with_kernels(kernels);
                let y = algebra.pool(&op, &vec![x.clone()]).unwrap().remove(0);
                y.flatten_all().unwrap().to_vec1::<f32>().unwrap()
            };
            let bits = |y: Vec<f32>| y.into_iter().map(f32::to_bits).collect::<Vec<_>>();
            assert_eq!(bits(with(Some(&ops as &dyn TensorKernels))), bits(with(None)), "{op:?}");
        }
    }

    #[test]
    fn residual_networks_have_the_values_gradients_and_statistics_of_f64() {
        let spec: ArchSpec = "resnet8:width=0.25".parse().unwrap();
        let arch = spec.resolve_images([3, 8, 8], 4).unwrap();
        let theta = Init::default().stack(&arch, &[3], DType::F32, &Device::Cpu).unwrap().get(0).unwrap();
        let x: Vec<f32> = (0..5 * 3 * 64).map(|i| (i as f32 * 1.7).sin()).collect();
        let x = Tensor::from_vec(x, (5, 3, 8, 8), &Device::Cpu).unwrap();
        let wide = |t: &Tensor| t.to_dtype(DType::F64).unwrap();
        let expected = pass(None, &wide(&theta), &wide(&x));
        let ops = TensorOps::new(Arc::new(Emulated::in_order(2)));
        let found = pass(Some(&ops), &theta, &x);
        assert!(gap(&found.0, &expected.0) < 1e-5, "outputs {}", gap(&found.0, &expected.0));
        assert!(gap(&found.1, &expected.1) < 1e-5, "gradient {}", gap(&found.1, &expected.1));
        assert!(gap(&found.2, &expected.2) < 1e-6, "statistics {}", gap(&found.2, &expected.2));
    }
}
