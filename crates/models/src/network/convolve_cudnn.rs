//! Convolutions and their gradients by cuDNN, with algorithms that repeat to the same bits and without TF32.

use std::{cell::RefCell, collections::HashMap, ffi::c_void, rc::Rc, sync::Arc};

use candle_core::{
    CpuStorage, CudaStorage, CustomOp2, DType, Error, Layout, Result, Shape, Tensor,
    backend::BackendStorage,
    cuda_backend::{
        CudaDType,
        cudarc::{
            cudnn::{
                CudnnDataType, CudnnError,
                result::{self, get_convolution_backward_data_algorithm as data_algorithms},
                result::{
                    get_convolution_backward_filter_algorithm as filter_algorithms,
                    get_convolution_forward_algorithm as forward_algorithms,
                },
                sys,
            },
            driver::{CudaStream, DevicePtr, DevicePtrMut, DeviceRepr},
        },
    },
};

use super::Conv2d;

/// Scratch memory that an algorithm may take.
const SCRATCH: usize = 1 << 30;

impl Conv2d {
    /// The convolution of `x` `[N, in, height, width]` with `weight` `[out, in / groups, rows, columns]`, both on a GPU.
    pub(super) fn by_cudnn(&self, weight: &Tensor, x: &Tensor) -> Result<Tensor> {
        x.contiguous()?.apply_op2(&weight.contiguous()?, Pass { map: *self, of: Of::Output })
    }

    /// The derivatives with respect to `x`, if wanted, and to `weight`, from those `dy` with respect to the result.
    pub(super) fn slopes_by_cudnn(
        &self,
        weight: &Tensor,
        x: &Tensor,
        dy: &Tensor,
        of_input: bool,
    ) -> Result<(Option<Tensor>, Tensor)> {
        let (x, weight, dy) = (x.contiguous()?, weight.contiguous()?, dy.contiguous()?);
        let pass = |of| Pass { map: *self, of };
        let of_input = of_input.then(|| weight.apply_op2_no_bwd(&dy, &pass(Of::Input))).transpose()?;
        Ok((of_input, x.apply_op2_no_bwd(&dy, &pass(Of::Weight))?))
    }

    fn dims(&self, n: usize) -> ([usize; 4], [usize; 4], [usize; 4]) {
        let [height, width] = self.output_size();
        (
            [n, self.inputs, self.size[0], self.size[1]],
            [self.outputs, self.inputs / self.groups, self.kernel[0], self.kernel[1]],
            [n, self.outputs, height, width],
        )
    }
}

/// What a pass computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Of {
    /// The output y, from the input x and the weight w.
    Output,
    /// The gradient of x, from w and the gradient of y.
    Input,
    /// The gradient of w, from x and the gradient of y.
    Weight,
}

struct Pass {
    map: Conv2d,
    of: Of,
}

impl Pass {
    fn typed<T: CudaDType + DeviceRepr + CudnnDataType>(
        &self,
        (a, a_layout): (&CudaStorage, &Layout),
        (b, b_layout): (&CudaStorage, &Layout),
    ) -> Result<(CudaStorage, Shape)> {
        let n = match self.of {
            Of::Output | Of::Weight => a_layout.dims()[0],
            Of::Input => b_layout.dims()[0],
        };
        let (x, w, y) = self.map.dims(n);
        let shape = match self.of {
            Of::Output => y,
            Of::Input => x,
            Of::Weight => w,
        };
        let shape = Shape::from(shape.to_vec());
        let device = a.device().clone();
        let stream = device.cuda_stream();
        let a = a.as_cuda_slice::<T>()?.slice(a_layout.start_offset()..);
        let b = b.as_cuda_slice::<T>()?.slice(b_layout.start_offset()..);
        // SAFETY: written below as a whole.
        let mut out = unsafe { device.alloc::<T>(shape.elem_count())? };
        let failed = |e| Error::Msg(format!("cuDNN, {:?} of {:?} on {n} examples: {e}", self.of, self.map));
        let plan = plan::<T>(&self.map, self.of, n, &stream).map_err(failed)?;
        // SAFETY: scratch memory, which needs no contents.
        let mut scratch = unsafe { device.alloc::<u8>(plan.scratch.max(1))? };
        {
            let (a, _a) = a.device_ptr(&stream);
            let (b, _b) = b.device_ptr(&stream);
            let (out, _out) = out.device_ptr_mut(&stream);
            let (scratch, _scratch) = scratch.device_ptr_mut(&stream);
            // SAFETY: memory of the sizes that the plan describes, on its stream.
            unsafe { plan.run([a, b, out, scratch].map(|at| at as *mut c_void)) }.map_err(failed)?;
        }
        Ok((CudaStorage::wrap_cuda_slice(out, device), shape))
    }
}

impl CustomOp2 for Pass {
    fn name(&self) -> &'static str {
        "convolution"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        candle_core::bail!("cuDNN has no convolutions on the CPU")
    }

    fn cuda_fwd(
        &self,
        a: &CudaStorage,
        a_layout: &Layout,
        b: &CudaStorage,
        b_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        match a.dtype() {
            DType::F32 => self.typed::<f32>((a, a_layout), (b, b_layout)),
            DType::F64 => self.typed::<f64>((a, a_layout), (b, b_layout)),
            other => candle_core::bail!("convolutions are for f32 and f64, not for {other:?}"),
        }
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        slope: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        // The first layer's input is data.
        let (of_input, of_weight) = self.map.slopes_by_cudnn(weight, x, slope, x.track_op())?;
        Ok((of_input, Some(of_weight)))
    }
}

/// A pass of a size with its algorithm.
struct Plan {
    handle: Rc<Handle>,
    x: sys::cudnnTensorDescriptor_t,
    w: sys::cudnnFilterDescriptor_t,
    y: sys::cudnnTensorDescriptor_t,
    map: sys::cudnnConvolutionDescriptor_t,
    algorithm: Algorithm,
    scratch: usize,
    /// 1 and 0 in the type of the numbers.
    scales: Scales,
}

#[derive(Clone, Copy)]
enum Algorithm {
    Output(sys::cudnnConvolutionFwdAlgo_t),
    Input(sys::cudnnConvolutionBwdDataAlgo_t),
    Weight(sys::cudnnConvolutionBwdFilterAlgo_t),
}

#[derive(Clone, Copy)]
enum Scales {
    F32([f32; 2]),
    F64([f64; 2]),
}

/// A handle of cuDNN, which belongs to a thread, with the stream that it works on.
struct Handle {
    handle: sys::cudnnHandle_t,
    stream: Arc<CudaStream>,
}

impl Handle {
    fn new(stream: &Arc<CudaStream>) -> std::result::Result<Rc<Self>, CudnnError> {
        let handle = result::create_handle()?;
        let new = Rc::new(Self { handle, stream: Arc::clone(stream) });
        // SAFETY: a new handle and a live stream.
        unsafe { result::set_stream(handle, stream.cu_stream() as *mut _)? };
        Ok(new)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.stream.context().bind_to_thread().is_ok() {
            // SAFETY: plans keep their handle, so that none is left.
            unsafe { _ = result::destroy_handle(self.handle) }
        }
    }
}

/// The stream, whether numbers have 64 bits, the convolution, the pass and the number of examples.
type Key = (usize, bool, Conv2d, Of, usize);

thread_local! {
    static HANDLES: RefCell<HashMap<usize, Rc<Handle>>> = RefCell::default();
    static PLANS: RefCell<HashMap<Key, Rc<Plan>>> = RefCell::default();
}

/// The plan of a pass on `n` examples, which is made once.
fn plan<T: CudnnDataType>(
    map: &Conv2d,
    of: Of,
    n: usize,
    stream: &Arc<CudaStream>,
) -> std::result::Result<Rc<Plan>, CudnnError> {
    let at = stream.cu_stream() as usize;
    let key = (at, size_of::<T>() == 8, *map, of, n);
    if let Some(known) = PLANS.with_borrow(|plans| plans.get(&key).cloned()) {
        return Ok(known);
    }
    let known = HANDLES.with_borrow(|handles| handles.get(&at).cloned());
    let handle = match known {
        Some(handle) => handle,
        None => Handle::new(stream)?,
    };
    HANDLES.with_borrow_mut(|handles| handles.insert(at, Rc::clone(&handle)));
    // SAFETY: a live handle.
    let plan = Rc::new(unsafe { Plan::new::<T>(handle, map, of, n)? });
    PLANS.with_borrow_mut(|plans| plans.insert(key, Rc::clone(&plan)));
    Ok(plan)
}

/// The fastest of cuDNN's algorithms, by its own estimate, which gives the same bits every time and takes no more scratch
/// memory than there may be.
macro_rules! fastest {
    ($find:ident, $result:ty, $($given:expr),+) => {{
        let (mut count, mut found) = (0, [std::mem::zeroed::<$result>(); 10]);
        $find($($given),+, found.len() as i32, &mut count, found.as_mut_ptr())?;
        let mut usable = found[..count as usize].iter().filter(|one| {
            one.status == sys::cudnnStatus_t::CUDNN_STATUS_SUCCESS
                && one.determinism == sys::cudnnDeterminism_t::CUDNN_DETERMINISTIC
                && one.memory <= SCRATCH
        });
        let first = usable.next().ok_or(CudnnError(sys::cudnnStatus_t::CUDNN_STATUS_NOT_SUPPORTED))?;
        (first.algo, first.memory)
    }};
}

impl Plan {
    /// # Safety
    /// The handle is live.
    unsafe fn new<T: CudnnDataType>(
        owner: Rc<Handle>,
        conv: &Conv2d,
        of: Of,
        n: usize,
    ) -> std::result::Result<Self, CudnnError> {
        let (format, handle) = (sys::cudnnTensorFormat_t::CUDNN_TENSOR_NCHW, owner.handle);
        let whole = |dims: [usize; 4]| dims.map(|d| d as i32);
        let (x_dims, w_dims, y_dims) = conv.dims(n);
        let [[above, left], [down, right], [apart, beside]] =
            [conv.padding, conv.stride, conv.dilation].map(|pair| pair.map(|k| k as i32));
        // SAFETY: descriptors that were just made; the handle is live.
        unsafe {
            let (x, y) = (result::create_tensor_descriptor()?, result::create_tensor_descriptor()?);
            let (w, map) = (result::create_filter_descriptor()?, result::create_convolution_descriptor()?);
            result::set_tensor4d_descriptor(x, format, T::DATA_TYPE, whole(x_dims))?;
            result::set_tensor4d_descriptor(y, format, T::DATA_TYPE, whole(y_dims))?;
            result::set_filter4d_descriptor(w, T::DATA_TYPE, format, whole(w_dims))?;
            let mode = sys::cudnnConvolutionMode_t::CUDNN_CROSS_CORRELATION;
            result::set_convolution2d_descriptor(
                map,
                above,
                left,
                down,
                right,
                apart,
                beside,
                mode,
                T::DATA_TYPE,
            )?;
            result::set_convolution_group_count(map, conv.groups as i32)?;
            result::set_convolution_math_type(map, sys::cudnnMathType_t::CUDNN_FMA_MATH)?;
            let (algorithm, scratch) = match of {
                Of::Output => {
                    let (algorithm, scratch) = fastest!(
                        forward_algorithms,
                        sys::cudnnConvolutionFwdAlgoPerf_t,
                        handle,
                        x,
                        w,
                        map,
                        y
                    );
                    (Algorithm::Output(algorithm), scratch)
                }
                Of::Input => {
                    let (algorithm, scratch) = fastest!(
                        data_algorithms,
                        sys::cudnnConvolutionBwdDataAlgoPerf_t,
                        handle,
                        w,
                        y,
                        map,
                        x
                    );
                    (Algorithm::Input(algorithm), scratch)
                }
                Of::Weight => {
                    let (algorithm, scratch) = fastest!(
                        filter_algorithms,
                        sys::cudnnConvolutionBwdFilterAlgoPerf_t,
                        handle,
                        x,
                        y,
                        map,
                        w
                    );
                    (Algorithm::Weight(algorithm), scratch)
                }
            };
            let scales = if size_of::<T>() == 8 { Scales::F64([1., 0.]) } else { Scales::F32([1., 0.]) };
            Ok(Self { handle: owner, x, w, y, map, algorithm, scratch, scales })
        }
    }

    /// Runs it on the addresses of the two inputs, the result and the scratch memory.
    ///
    /// # Safety
    /// The memory is as large as the plan says.
    unsafe fn run(&self, [a, b, out, scratch]: [*mut c_void; 4]) -> std::result::Result<(), CudnnError> {
        let (one, zero): (*const c_void, *const c_void) = match &self.scales {
            Scales::F32([one, zero]) => (std::ptr::from_ref(one).cast(), std::ptr::from_ref(zero).cast()),
            Scales::F64([one, zero]) => (std::ptr::from_ref(one).cast(), std::ptr::from_ref(zero).cast()),
        };
        let &Self { x, w, y, map, scratch: bytes, .. } = self;
        let handle = self.handle.handle;
        // SAFETY: the caller's promise; the descriptors live as long as the plan.
        unsafe {
            match self.algorithm {
                Algorithm::Output(algorithm) => result::convolution_forward(
                    handle, one, x, a, w, b, map, algorithm, scratch, bytes, zero, y, out,
                ),
                Algorithm::Input(algorithm) => result::convolution_backward_data(
                    handle, one, w, a, y, b, map, algorithm, scratch, bytes, zero, x, out,
                ),
                Algorithm::Weight(algorithm) => result::convolution_backward_filter(
                    handle, one, x, a, y, b, map, algorithm, scratch, bytes, zero, w, out,
                ),
            }
        }
    }
}

impl Drop for Plan {
    fn drop(&mut self) {
        // SAFETY: made by this plan; nothing else knows them.
        unsafe {
            _ = result::destroy_tensor_descriptor(self.x);
            _ = result::destroy_tensor_descriptor(self.y);
            _ = result::destroy_filter_descriptor(self.w);
            _ = result::destroy_convolution_descriptor(self.map);
        }
    }
}
