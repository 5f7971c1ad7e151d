//! The kernels in the memory of a GPU, once for each GPU of a process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use candle_core::cuda_backend::cudarc::driver::{CudaContext, result, sys};

use super::driver;
use crate::Result;

/// Loaded kernels.
pub(super) struct Module {
    pub(super) handle: sys::CUmodule,
    context: Arc<CudaContext>,
}

// SAFETY: the driver's handles may be used from any thread once the context is bound to it.
unsafe impl Send for Module {}
// SAFETY: as above; the driver locks what it must.
unsafe impl Sync for Module {}

static LOADED: Mutex<Option<HashMap<usize, Weak<Module>>>> = Mutex::new(None);

impl Module {
    /// The kernels of `image`, which are loaded unless a user of the same GPU still has them.
    pub(super) fn of(context: &Arc<CudaContext>, image: &[u8]) -> Result<Arc<Self>> {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = loaded.get_or_insert_default();
        let key = context.cu_ctx() as usize;
        if let Some(module) = loaded.get(&key).and_then(Weak::upgrade) {
            return Ok(module);
        }
        // PTX is text and has to end with a zero.
        let image: Vec<u8> = image.iter().copied().chain([0]).collect();
        // SAFETY: an image that nvcc made.
        let handle = driver("the kernels", unsafe { result::module::load_data(image.as_ptr().cast()) })?;
        let module = Arc::new(Self { handle, context: Arc::clone(context) });
        loaded.insert(key, Arc::downgrade(&module));
        Ok(module)
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        if self.context.bind_to_thread().is_ok() {
            // SAFETY: every user has waited for its own stream.
            unsafe { _ = result::module::unload(self.handle) }
        }
    }
}
