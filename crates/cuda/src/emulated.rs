//! The kernels on the CPU, for tests.

use std::{
    collections::HashMap,
    ffi::{CStr, CString, c_char, c_void},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{Error, Info, Launch, Machine, Recorded, Result};

/// The functions of a form of the kernels: what is known of one by its name, and its launch.
macro_rules! form {
    ($info:ident, $launch:ident) => {
        unsafe extern "C" {
            fn $info(name: *const c_char, info: *mut i32) -> bool;
            fn $launch(
                name: *const c_char,
                args: *const c_void,
                bytes: usize,
                grid: *const u32,
                threads: u32,
                shared: usize,
                together: u32,
                early: bool,
                order: i32,
                since: *mut u32,
            ) -> i32;
        }
    };
}

form!(collado_plain_info, collado_plain_launch);
form!(collado_watched_info, collado_watched_launch);

type InfoOf = unsafe extern "C" fn(*const c_char, *mut i32) -> bool;
type Run = unsafe extern "C" fn(
    name: *const c_char,
    args: *const c_void,
    bytes: usize,
    grid: *const u32,
    threads: u32,
    shared: usize,
    together: u32,
    early: bool,
    order: i32,
    since: *mut u32,
) -> i32;

unsafe extern "C" {
    fn collado_plain_name(i: usize) -> *const c_char;
    fn collado_emulated_races() -> *const c_char;
    fn collado_emulated_allocate(bytes: usize) -> *mut u8;
    fn collado_emulated_release(memory: *mut u8, bytes: usize);
}

/// A machine that runs the kernels on the CPU, thread by thread. New memory is full of NaN, so that what a kernel does
/// not write shows.
#[derive(Debug)]
pub struct Emulated {
    order: i32,
    info: InfoOf,
    run: Run,
    memory: Mutex<HashMap<u64, usize>>,
    /// When the last launch began, if the next one may begin before its end; else 0.
    since: Mutex<u32>,
}

/// The emulation has one state for the whole process.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Emulated {
    /// A machine that runs threads in this order: 0 forwards, 1 backwards, 2 shuffled.
    pub fn in_order(order: i32) -> Self {
        let (memory, since) = Default::default();
        Self { order, info: collado_plain_info, run: collado_plain_launch, memory, since }
    }

    /// The same, and a launch fails with [`Error::Race`] where a GPU may order accesses of memory in either way. It takes
    /// several times as long.
    pub fn watched(order: i32) -> Self {
        Self { info: collado_watched_info, run: collado_watched_launch, ..Self::in_order(order) }
    }

    /// The names of all kernels.
    pub fn kernels() -> Vec<String> {
        // SAFETY: names end with a zero and stay.
        let name = |i| unsafe {
            let name = collado_plain_name(i);
            (!name.is_null()).then(|| CStr::from_ptr(name).to_string_lossy().into_owned())
        };
        (0..).map_while(name).collect()
    }

    /// A copy stands between two launches: the second waits for the end of the first.
    fn between(&self) {
        *locked(&self.since) = 0;
    }
}

impl Machine for Emulated {
    fn allocate(&self, bytes: usize) -> Result<u64> {
        let bytes = bytes.max(256);
        let _one = locked(&ONE_AT_A_TIME);
        // SAFETY: the emulation reserves addresses, or aborts.
        let address = unsafe { collado_emulated_allocate(bytes) } as u64;
        locked(&self.memory).insert(address, bytes);
        Ok(address)
    }

    unsafe fn free(&self, address: u64) {
        let bytes = locked(&self.memory).remove(&address).expect("memory of this machine");
        let _one = locked(&ONE_AT_A_TIME);
        // SAFETY: allocated above with this size.
        unsafe { collado_emulated_release(address as *mut u8, bytes) }
    }

    unsafe fn upload(&self, to: u64, from: &[u8]) -> Result<()> {
        self.between();
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
        self.between();
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
        self.between();
        // SAFETY: the caller promises that the memory is large enough.
        unsafe { (address as *mut u8).write_bytes(0, bytes) }
        Ok(())
    }

    fn info(&self, kernel: &str) -> Result<Option<Info>> {
        let Ok(name) = CString::new(kernel) else { return Ok(None) };
        let mut info = [0; 4];
        // SAFETY: a string with its end, and room for four numbers.
        let known = unsafe { (self.info)(name.as_ptr(), info.as_mut_ptr()) };
        Ok(known.then(|| Info {
            threads: info[0] as u32,
            shared: info[1] as usize,
            rows: info[2] as usize,
            columns: info[3] as usize,
        }))
    }

    fn processors(&self) -> usize {
        4
    }

    unsafe fn launch_bytes(&self, launch: &Launch<'_>, argument: &[u8]) -> Result<()> {
        let unknown = || Error::Kernel { name: launch.kernel.into(), bytes: argument.len() };
        let info = self.kernel(launch.kernel)?;
        let name = CString::new(launch.kernel).map_err(|_| unknown())?;
        let shared = info.shared + launch.more_shared;
        let mut since = locked(&self.since);
        let _one = locked(&ONE_AT_A_TIME);
        // SAFETY: the caller promises that the argument is right; the emulation checks its size.
        let done = unsafe {
            (self.run)(
                name.as_ptr(),
                argument.as_ptr().cast(),
                argument.len(),
                launch.grid.as_ptr(),
                info.threads,
                shared,
                launch.cluster,
                launch.early,
                self.order,
                &raw mut *since,
            )
        };
        match done {
            0 => Ok(()),
            1 => Err(unknown()),
            _ => {
                // SAFETY: a text with its end, which stays until the next launch.
                let reason =
                    unsafe { CStr::from_ptr(collado_emulated_races()) }.to_string_lossy().into_owned();
                Err(Error::Race { kernel: launch.kernel.into(), reason })
            }
        }
    }

    fn record(&self, _: &mut dyn FnMut() -> Result<()>) -> Result<Option<Box<dyn Recorded>>> {
        Ok(None)
    }
}
