//! Kernels for single operations of candle tensors and their derivatives: batch normalisation, rectifiers, largest pixels.

use std::sync::Arc;

use candle_core::{
    CpuStorage, CudaStorage, CustomOp1, CustomOp2, CustomOp3, Error, Layout, Result, Shape, Tensor, WithDType,
};
use collado_cuda::{
    Buffer, ChannelNorm, Machine, NormBackward, NormForward, Plain, Windows, rectify, rectify_back,
};
use collado_models::{Moments, Pool, TensorKernels};

use super::tensor::overwrite;

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

    fn scratch(&self, norm: &ChannelNorm) -> collado_cuda::Result<Buffer<f32>> {
        Buffer::new(&self.machine, norm.scratch(&*self.machine))
    }

    /// Lets `run` write `count` numbers, given the addresses of the inputs and of the result; on the CPU through copies.
    fn copied<T: WithDType + Plain>(
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

/// An operation that kernels compute.
trait Kernel {
    fn ops(&self) -> &TensorOps;

    /// The shape of the result, from that of the first input.
    fn shape(&self, input: &Layout) -> Shape {
        input.shape().clone()
    }

    /// Computes the `count` numbers of the result at the address `out` from the inputs at the addresses `given`.
    fn run(&self, given: &[u64], out: u64, count: usize) -> collado_cuda::Result<()>;
}

/// The two ways of an operation with these inputs and a result of numbers of type `T`: on the CPU, and on a GPU.
macro_rules! ways {
    ($number:ty: $($storage:ident $layout:ident),+) => {
        fn cpu_fwd(&self, $($storage: &CpuStorage, $layout: &Layout),+) -> Result<(CpuStorage, Shape)> {
            let inputs = [$(($storage, $layout)),+];
            let shape = self.shape(inputs[0].1);
            let count = shape.elem_count();
            let run = |given: &[u64], out| self.run(given, out, count);
            Ok((self.ops().copied::<$number>(&inputs, count, run)?, shape))
        }

        #[cfg(feature = "cuda")]
        fn cuda_fwd(&self, $($storage: &CudaStorage, $layout: &Layout),+) -> Result<(CudaStorage, Shape)> {
            let inputs = [$(($storage, $layout)),+];
            let shape = self.shape(inputs[0].1);
            let count = shape.elem_count();
            let run = |given: &[u64], out| self.run(given, out, count);
            Ok((collado_cuda::compute::<$number>(&inputs, count, run)?, shape))
        }

        #[cfg(not(feature = "cuda"))]
        fn cuda_fwd(&self, $($storage: &CudaStorage, _: &Layout),+) -> Result<(CudaStorage, Shape)> {
            $(let _ = $storage;)+
            Err(Error::NotCompiledWithCudaSupport)
        }
    };
}

impl TensorKernels for TensorOps {
    fn normalise(
        &self,
        x: &Tensor,
        scale: &Tensor,
        shift: &Tensor,
        epsilon: f64,
    ) -> Result<(Tensor, Tensor, Tensor)> {
        has_channels(x, &[scale, shift])?;
        let norm = sizes(x, epsilon);
        let mean = scale.detach().zeros_like()?;
        let variance = mean.zeros_like()?;
        let op = Normalise { ops: self, norm, mean: &mean, variance: &variance };
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
        has_channels(x, &[scale, moments.mean, moments.variance])?;
        let (dweight, dbias) = (moments.mean.zeros_like()?, moments.mean.zeros_like()?);
        let norm = sizes(x, moments.epsilon);
        let back = NormaliseBack { ops: self, norm, moments, dweight, dbias };
        let dx = x.contiguous()?.apply_op3_no_bwd(&scale.contiguous()?, &dy.contiguous()?, &back)?;
        Ok((dx, back.dweight, back.dbias))
    }

    fn rectify_back(&self, y: &Tensor, dy: &Tensor) -> Result<Tensor> {
        same_shape(y, dy)?;
        y.contiguous()?.apply_op2_no_bwd(&dy.contiguous()?, &RectifyBack { ops: self })
    }

    fn channelwise(&self, x: &Tensor, scale: &Tensor, shift: &Tensor) -> Result<Tensor> {
        has_channels(x, &[scale, shift])?;
        let norm = sizes(x, 0.);
        let op = Channelwise { ops: self, norm };
        x.contiguous()?.apply_op3_no_bwd(&scale.contiguous()?, &shift.contiguous()?, &op)
    }

    fn rectify(&self, x: &Tensor) -> Result<Tensor> {
        x.contiguous()?.apply_op1_no_bwd(&Rectify { ops: self })
    }

    fn largest(&self, op: &Pool, x: &Tensor) -> Result<Tensor> {
        let Pool { size, kernel, stride, padding, .. } = *op;
        let windows = Windows { size, windows: op.output_size(), kernel, stride, padding };
        x.contiguous()?.apply_op1_no_bwd(&Largest { ops: self, windows })
    }
}

struct Largest<'a> {
    ops: &'a TensorOps,
    windows: Windows,
}

impl Kernel for Largest<'_> {
    fn ops(&self) -> &TensorOps {
        self.ops
    }

    fn shape(&self, input: &Layout) -> Shape {
        Shape::from((input.dims()[0], self.windows.windows.iter().product::<usize>()))
    }

    fn run(&self, given: &[u64], out: u64, count: usize) -> collado_cuda::Result<()> {
        let &[x] = given else { unreachable!("one input") };
        let maps = count / self.windows.windows.iter().product::<usize>();
        // SAFETY: the tensor has these maps, and the result a number for each window.
        unsafe { self.windows.largest(&*self.ops.machine, x, out, maps) }
    }
}

impl CustomOp1 for Largest<'_> {
    fn name(&self) -> &'static str {
        "largest-pixels"
    }

    ways!(u32: x x_layout);
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

/// Checks that there is a number for each channel of `x` `[n, C, ..]`, which is not empty.
fn has_channels(x: &Tensor, rows: &[&Tensor]) -> Result<()> {
    let channels = x.dim(1)?;
    match x.elem_count() > 0 && rows.iter().all(|row| row.dims() == [channels]) {
        true => Ok(()),
        false => Err(Error::Msg(format!("expected numbers for the channels of {:?}", x.dims()))),
    }
}

/// The sizes of `x` `[n, C, ..]`.
fn sizes(x: &Tensor, epsilon: f64) -> ChannelNorm {
    let (examples, channels) = (x.dims()[0], x.dims()[1]);
    let pixels = x.dims()[2..].iter().product();
    ChannelNorm { examples, channels, pixels, epsilon: epsilon as f32 }
}

struct Channelwise<'a> {
    ops: &'a TensorOps,
    norm: ChannelNorm,
}

impl Kernel for Channelwise<'_> {
    fn ops(&self) -> &TensorOps {
        self.ops
    }

    fn run(&self, given: &[u64], y: u64, _: usize) -> collado_cuda::Result<()> {
        let &[x, weight, bias] = given else { unreachable!("three inputs") };
        let at = NormForward { x, weight, bias, y, ..NormForward::default() };
        // SAFETY: memory of the sizes that `norm` says.
        unsafe { self.norm.affine(&*self.ops.machine, &at) }
    }
}

impl CustomOp3 for Channelwise<'_> {
    fn name(&self) -> &'static str {
        "channelwise"
    }

    ways!(f32: x x_layout, scale scale_layout, shift shift_layout);
}

struct Normalise<'a> {
    ops: &'a TensorOps,
    norm: ChannelNorm,
    mean: &'a Tensor,
    variance: &'a Tensor,
}

impl Kernel for Normalise<'_> {
    fn ops(&self) -> &TensorOps {
        self.ops
    }

    fn run(&self, given: &[u64], y: u64, _: usize) -> collado_cuda::Result<()> {
        let &[x, weight, bias] = given else { unreachable!("three inputs") };
        let machine = &self.ops.machine;
        let scratch = self.ops.scratch(&self.norm)?;
        filled(self.mean, machine, |mean| {
            filled(self.variance, machine, |variance| {
                let at = NormForward { x, weight, bias, y, mean, variance, scratch: scratch.at(0) };
                // SAFETY: memory of the sizes that `norm` says.
                unsafe { self.norm.forward(&**machine, &at) }
            })
        })
    }
}

/// Lends the address of a tensor on the device of the kernels, for reading and writing.
fn filled(
    tensor: &Tensor,
    machine: &Arc<dyn Machine>,
    write: impl FnOnce(u64) -> collado_cuda::Result<()>,
) -> collado_cuda::Result<()> {
    overwrite(tensor, machine, |address| Ok(write(address)?)).map_err(|e| collado_cuda::Error::Driver {
        what: "an operation of tensors".into(),
        reason: e.to_string(),
    })
}

impl CustomOp3 for Normalise<'_> {
    fn name(&self) -> &'static str {
        "batch-normalisation"
    }

    ways!(f32: x x_layout, weight weight_layout, bias bias_layout);
}

/// The gradients of x, which is the result, and of weight and bias.
struct NormaliseBack<'a> {
    ops: &'a TensorOps,
    norm: ChannelNorm,
    moments: Moments<'a>,
    dweight: Tensor,
    dbias: Tensor,
}

impl Kernel for NormaliseBack<'_> {
    fn ops(&self) -> &TensorOps {
        self.ops
    }

    fn run(&self, given: &[u64], dx: u64, _: usize) -> collado_cuda::Result<()> {
        let &[x, weight, dy] = given else { unreachable!("three inputs") };
        let &Self { ops, norm, moments: Moments { mean, variance, .. }, .. } = self;
        let machine = &ops.machine;
        let scratch = ops.scratch(&norm)?;
        filled(mean, machine, |mean| {
            filled(variance, machine, |variance| {
                filled(&self.dweight, machine, |dweight| {
                    filled(&self.dbias, machine, |dbias| {
                        let scratch = scratch.at(0);
                        let at = NormBackward { x, dy, weight, mean, variance, dx, dweight, dbias, scratch };
                        // SAFETY: memory of the sizes that `norm` says.
                        unsafe { norm.backward(&**machine, &at) }
                    })
                })
            })
        })
    }
}

impl CustomOp3 for NormaliseBack<'_> {
    fn name(&self) -> &'static str {
        "batch-normalisation-back"
    }

    ways!(f32: x x_layout, weight weight_layout, dy dy_layout);
}

struct Rectify<'a> {
    ops: &'a TensorOps,
}

impl Kernel for Rectify<'_> {
    fn ops(&self) -> &TensorOps {
        self.ops
    }

    fn run(&self, given: &[u64], y: u64, count: usize) -> collado_cuda::Result<()> {
        let &[x] = given else { unreachable!("one input") };
        // SAFETY: as many numbers as the tensor has.
        unsafe { rectify(&*self.ops.machine, x, y, count) }
    }
}

impl CustomOp1 for Rectify<'_> {
    fn name(&self) -> &'static str {
        "rectify"
    }

    ways!(f32: x x_layout);
}

struct RectifyBack<'a> {
    ops: &'a TensorOps,
}

impl Kernel for RectifyBack<'_> {
    fn ops(&self) -> &TensorOps {
        self.ops
    }

    fn run(&self, given: &[u64], dx: u64, count: usize) -> collado_cuda::Result<()> {
        let &[y, dy] = given else { unreachable!("two inputs") };
        // SAFETY: as many numbers as the tensors have.
        unsafe { rectify_back(&*self.ops.machine, y, dy, dx, count) }
    }
}

impl CustomOp2 for RectifyBack<'_> {
    fn name(&self) -> &'static str {
        "rectify-back"
    }

    ways!(f32: y y_layout, dy dy_layout);
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
