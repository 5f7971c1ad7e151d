//! A GPU, through the CUDA driver.

mod beside;
mod module;

use std::{
    collections::{BTreeMap, HashMap},
    ffi::{CString, c_int, c_void},
    sync::{Arc, Mutex, PoisonError},
};

use candle_core::{
    CudaDevice, CudaStorage, Device, InplaceOp1, Layout, Storage, Tensor,
    cuda_backend::{
        CudaDType,
        cudarc::driver::{CudaStream, DevicePtr, DevicePtrMut, DeviceRepr, DriverError, result, sys},
    },
};

use self::{beside::Beside, module::Module};
use crate::{Error, Info, Launch, Machine, Recorded, Result};

/// The kernels for one generation of GPUs.
struct Image {
    /// The generation, as in "9.0".
    major: i32,
    bytes: &'static [u8],
}

const IMAGES: [Image; 3] = [
    Image { major: 8, bytes: include_bytes!(concat!(env!("OUT_DIR"), "/kernels_80.cubin")) },
    Image { major: 9, bytes: include_bytes!(concat!(env!("OUT_DIR"), "/kernels_90a.cubin")) },
    Image { major: 10, bytes: include_bytes!(concat!(env!("OUT_DIR"), "/kernels_100.cubin")) },
];
/// For other generations; the driver compiles it.
const PTX: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/kernels.ptx"));

/// A GPU. Its kernels run on the stream of candle's device, in order with candle's own operations.
pub struct Card {
    stream: Arc<CudaStream>,
    module: Arc<Module>,
    functions: Mutex<HashMap<String, Option<(usize, Info)>>>,
    beside: Mutex<Option<Beside>>,
    processors: usize,
    memory: usize,
    /// Whether kernels wait for the launch before, so that they may begin before its end.
    waits: bool,
}

// SAFETY: the driver's handles may be used from any thread once the context is bound to it.
unsafe impl Send for Card {}
// SAFETY: as above; the driver locks what it must.
unsafe impl Sync for Card {}

fn driver<T>(what: &str, done: std::result::Result<T, DriverError>) -> Result<T> {
    done.map_err(|e| Error::Driver { what: what.into(), reason: e.to_string() })
}

/// Lets the driver keep memory that is given back, for the next one who asks.
fn keep_memory(device: sys::CUdevice) -> Result<()> {
    let mut most = u64::MAX;
    let threshold = sys::CUmemPool_attribute_enum::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
    // SAFETY: a device of the driver, its pool, and a number of the attribute's type.
    unsafe {
        let pool = driver("the memory pool", result::device::get_default_mem_pool(device))?;
        let value = std::ptr::from_mut(&mut most).cast();
        driver("the memory pool", result::mem_pool::set_attribute(pool, threshold, value))
    }
}

/// The copies beside kernels, made when they are first wanted.
fn beside(held: &mut Option<Beside>) -> Result<&mut Beside> {
    match held {
        Some(beside) => Ok(beside),
        none => Ok(none.insert(Beside::new()?)),
    }
}

/// Bytes of shared memory that a launch may ask for beyond what its kernel always needs.
const MORE_SHARED: usize = 8 << 10;

impl Card {
    /// The GPU of candle's device, with the kernels for its generation.
    ///
    /// # Errors
    /// When the kernels do not load.
    pub fn new(device: &CudaDevice) -> Result<Self> {
        let stream = device.cuda_stream();
        let context = stream.context();
        driver("the context", context.bind_to_thread())?;
        let (major, minor) = driver("the generation", context.compute_capability())?;
        // Machine code for 9.0a runs on nothing else.
        let own =
            IMAGES.iter().find(|i| i.major == major && (major != 9 || minor == 0) && !i.bytes.is_empty());
        let image = own.map_or(PTX, |image| image.bytes);
        if image.is_empty() {
            let reason = format!("this program was built without those for generation {major}.{minor}");
            return Err(Error::Driver { what: "the kernels".into(), reason });
        }
        let module = Module::of(context, image)?;
        keep_memory(context.cu_device())?;
        let count = sys::CUdevice_attribute_enum::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT;
        let processors = driver("the number of multiprocessors", context.attribute(count))? as usize;
        let memory = driver("the memory", context.total_mem())?;
        Ok(Self {
            stream,
            module,
            functions: Mutex::default(),
            beside: Mutex::default(),
            processors,
            memory,
            waits: own.is_some() && major >= 9,
        })
    }

    fn bind(&self) -> Result<()> {
        driver("the context", self.stream.context().bind_to_thread())
    }

    /// The kernel of this name, if this GPU has it.
    fn function(&self, name: &str) -> Result<Option<(sys::CUfunction, Info)>> {
        let mut functions = self.functions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = functions.get(name) {
            return Ok(known.map(|(f, info)| (f as sys::CUfunction, info)));
        }
        self.bind()?;
        let found = match self.load(name) {
            Ok(found) => Some(found),
            // It was not compiled for this generation, or needs more shared memory than there is.
            Err(DriverError(
                sys::CUresult::CUDA_ERROR_NOT_FOUND | sys::CUresult::CUDA_ERROR_INVALID_VALUE,
            )) => None,
            Err(e) => return driver(name, Err(e)),
        };
        functions.insert(name.into(), found.map(|(f, info)| (f as usize, info)));
        Ok(found)
    }

    fn load(&self, name: &str) -> std::result::Result<(sys::CUfunction, Info), DriverError> {
        let text = |name: String| CString::new(name).expect("names have no zeros");
        let mut info = [0_i32; 4];
        // SAFETY: the module is loaded for as long as this value lives; the symbol holds four numbers.
        unsafe {
            let function = result::module::get_function(self.module.handle, text(name.into()))?;
            let (at, _) = result::module::get_global(self.module.handle, text(format!("{name}_info")))?;
            result::memcpy_dtoh_sync(&mut info, at)?;
            let shared = info[1] + MORE_SHARED as i32;
            let most = sys::CUfunction_attribute_enum::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
            result::function::set_function_attribute(function, most, shared as c_int)?;
            let [threads, shared, rows, columns] = info;
            let info = Info {
                threads: threads as u32,
                shared: shared as usize,
                rows: rows as usize,
                columns: columns as usize,
            };
            Ok((function, info))
        }
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        if self.bind().is_ok() {
            // Nothing of the kernels is used any more once the stream is through.
            _ = self.stream.synchronize();
            *self.beside.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

impl Machine for Card {
    fn allocate(&self, bytes: usize) -> Result<u64> {
        self.bind()?;
        let what = format!("{} MiB of GPU memory", bytes >> 20);
        // SAFETY: a live stream, on which alone the memory is used.
        driver(&what, unsafe { result::malloc_async(self.stream.cu_stream(), bytes) })
    }

    unsafe fn free(&self, address: u64) {
        if self.bind().is_ok() {
            // SAFETY: the caller's promise; the stream orders it behind all uses.
            unsafe { _ = result::free_async(address, self.stream.cu_stream()) }
        }
    }

    unsafe fn upload(&self, to: u64, from: &[u8]) -> Result<()> {
        if from.is_empty() {
            return Ok(());
        }
        self.bind()?;
        // SAFETY: the caller's promise; the driver has copied pageable memory before it returns.
        driver("a copy to the GPU", unsafe { result::memcpy_htod_async(to, from, self.stream.cu_stream()) })
    }

    unsafe fn download(&self, from: u64, to: &mut [u8]) -> Result<()> {
        self.bind()?;
        if !to.is_empty() {
            // SAFETY: the caller's promise; the stream is waited for below.
            let copied = unsafe { result::memcpy_dtoh_async(to, from, self.stream.cu_stream()) };
            driver("a copy from the GPU", copied)?;
        }
        driver("the kernels", self.stream.synchronize())
    }

    unsafe fn clear(&self, address: u64, bytes: usize) -> Result<()> {
        self.bind()?;
        // SAFETY: the caller's promise.
        driver("zeros", unsafe { result::memset_d8_async(address, 0, bytes, self.stream.cu_stream()) })
    }

    unsafe fn fill_beside(
        &self,
        slot: usize,
        to: u64,
        bytes: usize,
        fill: &mut dyn FnMut(&mut [u8]),
    ) -> Result<()> {
        self.bind()?;
        let mut held = self.beside.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the caller's promise.
        unsafe { beside(&mut held)?.upload(slot, (to, bytes), fill, self.stream.cu_stream()) }
    }

    fn used_beside(&self, slot: usize) -> Result<()> {
        self.bind()?;
        let mut held = self.beside.lock().unwrap_or_else(PoisonError::into_inner);
        beside(&mut held)?.used(slot, self.stream.cu_stream())
    }

    fn info(&self, kernel: &str) -> Result<Option<Info>> {
        Ok(self.function(kernel)?.map(|(_, info)| info))
    }

    fn processors(&self) -> usize {
        self.processors
    }

    fn memory(&self) -> usize {
        self.memory
    }

    unsafe fn launch_bytes(&self, launch: &Launch<'_>, argument: &[u8]) -> Result<()> {
        let missing = || Error::Missing { name: launch.kernel.into() };
        let (function, info) = self.function(launch.kernel)?.ok_or_else(missing)?;
        self.bind()?;
        let mut attributes = Vec::with_capacity(2);
        // SAFETY: all zeros is a valid value of these plain structs.
        let mut attribute: sys::CUlaunchAttribute = unsafe { std::mem::zeroed() };
        if launch.cluster > 1 {
            attribute.id = sys::CUlaunchAttributeID_enum::CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
            attribute.value.clusterDim.x = launch.cluster;
            attribute.value.clusterDim.y = 1;
            attribute.value.clusterDim.z = 1;
            attributes.push(attribute);
        }
        if launch.early && self.waits {
            attribute.id =
                sys::CUlaunchAttributeID_enum::CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
            attribute.value.programmaticStreamSerializationAllowed = 1;
            attributes.push(attribute);
        }
        let config = sys::CUlaunchConfig {
            gridDimX: launch.grid[0],
            gridDimY: launch.grid[1],
            gridDimZ: launch.grid[2],
            blockDimX: info.threads,
            blockDimY: 1,
            blockDimZ: 1,
            sharedMemBytes: (info.shared + launch.more_shared) as u32,
            hStream: self.stream.cu_stream(),
            attrs: attributes.as_mut_ptr(),
            numAttrs: attributes.len() as u32,
        };
        let mut parameters = [argument.as_ptr().cast_mut().cast::<c_void>()];
        // SAFETY: the caller promises that the argument is the kernel's; the driver copies it before it returns.
        let done = unsafe {
            sys::cuLaunchKernelEx(&config, function, parameters.as_mut_ptr(), std::ptr::null_mut())
        };
        driver(launch.kernel, done.result())
    }

    fn record(&self, work: &mut dyn FnMut() -> Result<()>) -> Result<Option<Box<dyn Recorded>>> {
        self.bind()?;
        let stream = self.stream.cu_stream();
        let mode = sys::CUstreamCaptureMode_enum::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
        // SAFETY: a live stream; the capture ends below in any case.
        let graph = unsafe {
            driver("a recording", result::stream::begin_capture(stream, mode))?;
            let worked = work();
            let graph = driver("a recording", result::stream::end_capture(stream));
            worked?;
            graph?
        };
        // SAFETY: the graph was just made, and is not needed once it is instantiated.
        unsafe {
            let mut graph_exec = std::mem::MaybeUninit::uninit();
            let done = sys::cuGraphInstantiateWithFlags(graph_exec.as_mut_ptr(), graph, 0).result();
            _ = result::graph::destroy(graph);
            driver("a recording", done)?;
            let graph = Graph { stream: Arc::clone(&self.stream), graph: graph_exec.assume_init() };
            driver("a recording", result::graph::upload(graph.graph, stream))?;
            Ok(Some(Box::new(graph)))
        }
    }
}

struct Graph {
    stream: Arc<CudaStream>,
    graph: sys::CUgraphExec,
}

// SAFETY: the driver's handles may be used from any thread once the context is bound to it.
unsafe impl Send for Graph {}

impl Recorded for Graph {
    fn run(&mut self) -> Result<()> {
        driver("the context", self.stream.context().bind_to_thread())?;
        // SAFETY: graph and stream are live.
        driver("a recording", unsafe { result::graph::launch(self.graph, self.stream.cu_stream()) })
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        // SAFETY: the graph was made by `record` and is used by nothing else.
        unsafe { _ = result::graph::exec_destroy(self.graph) }
    }
}

/// Lends the address of the first number of a contiguous `f32` tensor on a GPU, for reading.
///
/// # Errors
/// When the tensor is of another kind.
pub fn with_address<R>(tensor: &Tensor, read: impl FnOnce(u64) -> R) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cuda(storage) = &*storage else { return Err(not_here("reading")) };
    let (start, _) = layout.contiguous_offsets().ok_or_else(|| not_here("reading"))?;
    let stream = storage.device.cuda_stream();
    let slice = storage.as_cuda_slice::<f32>()?;
    let (address, _guard) = slice.device_ptr(&stream);
    Ok(read(address + 4 * start as u64))
}

/// Lends the address of the first number of a contiguous `f32` tensor on a GPU, for writing in place.
///
/// # Errors
/// When the tensor is of another kind.
pub fn with_address_mut<R>(tensor: &Tensor, write: impl FnOnce(u64) -> R) -> Result<R> {
    let op = InPlace { write: Mutex::new((Some(write), None)) };
    tensor.inplace_op1(&op)?;
    let (_, result) = op.write.into_inner().unwrap_or_else(PoisonError::into_inner);
    result.ok_or_else(|| not_here("writing in place"))
}

static DEVICES: Mutex<BTreeMap<usize, Device>> = Mutex::new(BTreeMap::new());

/// GPU number `number` for candle, the same one for the whole process. All its work is on one stream: not the default one, on which
/// launches cannot be recorded, and without an event before and after each use of memory, which would only be for several streams
/// and takes longer than a launch. So tensors of this device and of another one of the same GPU must not be mixed. One thread at a
/// time may use the device: while steps are recorded, the work of another one would become part of the recording.
///
/// # Errors
/// When there is no such GPU.
pub fn device(number: usize) -> Result<Device> {
    let mut devices = DEVICES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(device) = devices.get(&number) {
        return Ok(device.clone());
    }
    let device = Device::new_cuda_with_stream(number)?;
    if let Device::Cuda(card) = &device {
        // SAFETY: candle uses its memory on this stream only; copies beside it have memory and events of their own.
        unsafe { card.disable_event_tracking() }
    }
    devices.insert(number, device.clone());
    Ok(device)
}

/// New storage of `count` numbers on a GPU, which `run` writes, given the addresses of contiguous `f32` inputs and of the result.
///
/// # Errors
/// When an input is of another kind, there is no more memory, and the errors of `run`.
pub fn compute<T: CudaDType + DeviceRepr>(
    inputs: &[(&CudaStorage, &Layout)],
    count: usize,
    run: impl FnOnce(&[u64], u64) -> Result<()>,
) -> candle_core::Result<CudaStorage> {
    let device = inputs[0].0.device.clone();
    let stream = device.cuda_stream();
    let (mut addresses, mut guards) = (Vec::new(), Vec::new());
    for (storage, layout) in inputs {
        let (start, _) = layout.contiguous_offsets().ok_or_else(|| candle(not_here("reading")))?;
        let (address, guard) = storage.as_cuda_slice::<f32>()?.device_ptr(&stream);
        addresses.push(address + 4 * start as u64);
        guards.push(guard);
    }
    // SAFETY: `run` writes all of it.
    let mut out = unsafe { device.alloc::<T>(count)? };
    {
        let (address, _guard) = out.device_ptr_mut(&stream);
        run(&addresses, address).map_err(candle)?;
    }
    drop(guards);
    Ok(CudaStorage::wrap_cuda_slice(out, device))
}

fn candle(e: Error) -> candle_core::Error {
    candle_core::Error::wrap(e)
}

struct InPlace<F, R> {
    write: Mutex<(Option<F>, Option<R>)>,
}

impl<R, F: FnOnce(u64) -> R> InplaceOp1 for InPlace<F, R> {
    fn name(&self) -> &'static str {
        "write-in-place"
    }

    fn cpu_fwd(&self, _: &mut candle_core::CpuStorage, _: &Layout) -> candle_core::Result<()> {
        Err(candle_core::Error::Msg("a tensor on the CPU".into()))
    }

    fn cuda_fwd(&self, storage: &mut CudaStorage, layout: &Layout) -> candle_core::Result<()> {
        let Some((start, _)) = layout.contiguous_offsets() else { return Ok(()) };
        let stream = storage.device.cuda_stream();
        let slice = storage.as_cuda_slice_mut::<f32>()?;
        let (address, _guard) = slice.device_ptr_mut(&stream);
        let mut state = self.write.lock().unwrap_or_else(PoisonError::into_inner);
        state.1 = state.0.take().map(|write| write(address + 4 * start as u64));
        Ok(())
    }
}

fn not_here(what: &str) -> Error {
    Error::Driver { what: what.into(), reason: "expected contiguous f32 numbers on a GPU".into() }
}
