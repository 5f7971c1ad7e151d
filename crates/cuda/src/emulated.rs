//! The kernels on the CPU, for tests.

use std::{
    alloc::{Layout, alloc, dealloc},
    collections::HashMap,
    ffi::{CString, c_char, c_void},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{Error, Info, Launch, Machine, Recorded, Result};

unsafe extern "C" {
    fn collado_emulated_info(name: *const c_char, info: *mut i32) -> bool;
    fn collado_emulated_launch(
        name: *const c_char,
        args: *const c_void,
        bytes: usize,
        grid: *const u32,
        threads: u32,
        shared: usize,
        together: u32,
        order: i32,
    ) -> bool;
}

/// A machine that runs the kernels on the CPU, thread by thread. New memory is full of NaN, so that what a kernel does
/// not write shows.
#[derive(Debug)]
pub struct Emulated {
    order: i32,
    memory: Mutex<HashMap<u64, Layout>>,
}

/// The emulation has one state for the whole process.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Emulated {
    /// A machine that runs threads in this order: 0 forwards, 1 backwards, 2 shuffled.
    pub fn in_order(order: i32) -> Self {
        Self { order, memory: Mutex::default() }
    }
}

impl Machine for Emulated {
    fn allocate(&self, bytes: usize) -> Result<u64> {
        let layout = Layout::from_size_align(bytes.max(256), 256).expect("a size");
        // SAFETY: the size is not zero. The bytes 0xff are NaN in every float.
        let address = unsafe {
            let p = alloc(layout);
            p.write_bytes(0xff, layout.size());
            p as u64
        };
        locked(&self.memory).insert(address, layout);
        Ok(address)
    }

    unsafe fn free(&self, address: u64) {
        let layout = locked(&self.memory).remove(&address).expect("memory of this machine");
        // SAFETY: allocated above with this layout.
        unsafe { dealloc(address as *mut u8, layout) }
    }

    unsafe fn upload(&self, to: u64, from: &[u8]) -> Result<()> {
        // SAFETY: the caller promises that the memory is large enough.
        unsafe { (to as *mut u8).copy_from_nonoverlapping(from.as_ptr(), from.len()) }
        Ok(())
    }

    unsafe fn fill_beside(
        &self,
        _: usize,
        to: u64,
        bytes: usize,
        fill: &mut dyn FnMut(&mut [u8]),
    ) -> Result<()> {
        // SAFETY: the caller promises that the memory is large enough.
        fill(unsafe { std::slice::from_raw_parts_mut(to as *mut u8, bytes) });
        Ok(())
    }

    unsafe fn download(&self, from: u64, to: &mut [u8]) -> Result<()> {
        // SAFETY: the caller promises that the memory is large enough.
        unsafe { (from as *const u8).copy_to_nonoverlapping(to.as_mut_ptr(), to.len()) }
        Ok(())
    }

    unsafe fn clear(&self, address: u64, bytes: usize) -> Result<()> {
        // SAFETY: the caller promises that the memory is large enough.
        unsafe { (address as *mut u8).write_bytes(0, bytes) }
        Ok(())
    }

    fn info(&self, kernel: &str) -> Option<Info> {
        let name = CString::new(kernel).ok()?;
        let mut info = [0; 4];
        // SAFETY: a string with its end, and room for four numbers.
        let known = unsafe { collado_emulated_info(name.as_ptr(), info.as_mut_ptr()) };
        known.then(|| Info {
            threads: info[0] as u32,
            shared: info[1] as usize,
            rows: info[2] as usize,
            columns: info[3] as usize,
        })
    }

    fn processors(&self) -> usize {
        4
    }

    unsafe fn launch_bytes(&self, launch: &Launch<'_>, argument: &[u8]) -> Result<()> {
        let unknown = || Error::Kernel { name: launch.kernel.into(), bytes: argument.len() };
        let info = self.info(launch.kernel).ok_or_else(unknown)?;
        let name = CString::new(launch.kernel).map_err(|_| unknown())?;
        let shared = info.shared + launch.more_shared;
        let _one = locked(&ONE_AT_A_TIME);
        // SAFETY: the caller promises that the argument is right; the emulation checks its size.
        let done = unsafe {
            collado_emulated_launch(
                name.as_ptr(),
                argument.as_ptr().cast(),
                argument.len(),
                launch.grid.as_ptr(),
                info.threads,
                shared,
                launch.cluster,
                self.order,
            )
        };
        if done { Ok(()) } else { Err(unknown()) }
    }

    fn record(&self, _: &mut dyn FnMut() -> Result<()>) -> Result<Option<Box<dyn Recorded>>> {
        Ok(None)
    }
}
