//! Copies to a GPU beside its kernels: on a stream of their own, from memory that the GPU reads itself.

use std::ffi::c_void;

use candle_core::cuda_backend::cudarc::driver::{result, sys};

use super::driver;
use crate::Result;

/// Two places for tables, so that one is filled while kernels read the other.
pub(super) struct Beside {
    stream: sys::CUstream,
    slots: [Slot; 2],
}

struct Slot {
    host: *mut c_void,
    bytes: usize,
    /// The copy out of host memory is done.
    copied: sys::CUevent,
    /// The kernels that use the memory of the table on the GPU are done.
    used: sys::CUevent,
}

// SAFETY: the driver's handles and its memory may be used from any thread once the context is bound to it.
unsafe impl Send for Beside {}

impl Beside {
    pub(super) fn new() -> Result<Self> {
        let event = || driver("an event", result::event::create(sys::CUevent_flags::CU_EVENT_DISABLE_TIMING));
        let slot = || {
            Ok::<_, crate::Error>(Slot {
                host: std::ptr::null_mut(),
                bytes: 0,
                copied: event()?,
                used: event()?,
            })
        };
        let stream = driver("a stream", result::stream::create(result::stream::StreamKind::NonBlocking))?;
        Ok(Self { stream, slots: [slot()?, slot()?] })
    }

    /// Copies the bytes that `fill` writes to `to`; what is launched on `main` afterwards sees them.
    ///
    /// # Safety
    /// The memory at `to` is large enough, and used by no kernel but those before [`used`](Self::used) of this slot.
    pub(super) unsafe fn upload(
        &mut self,
        slot: usize,
        (to, bytes): (u64, usize),
        fill: &mut dyn FnMut(&mut [u8]),
        main: sys::CUstream,
    ) -> Result<()> {
        let slot = &mut self.slots[slot];
        // SAFETY: events, streams and host memory are this value's own; the copy ends before the memory is used again.
        unsafe {
            driver("a copy to the GPU", result::event::synchronize(slot.copied))?;
            slot.make_room(bytes)?;
            let host = std::slice::from_raw_parts_mut(slot.host.cast::<u8>(), bytes);
            fill(host);
            let wait = sys::CUevent_wait_flags::CU_EVENT_WAIT_DEFAULT;
            driver("a copy to the GPU", result::stream::wait_event(self.stream, slot.used, wait))?;
            driver("a copy to the GPU", result::memcpy_htod_async(to, &*host, self.stream))?;
            driver("a copy to the GPU", result::event::record(slot.copied, self.stream))?;
            driver("a copy to the GPU", result::stream::wait_event(main, slot.copied, wait))
        }
    }

    /// All kernels that use the memory of the table of this slot are launched.
    pub(super) fn used(&mut self, slot: usize, main: sys::CUstream) -> Result<()> {
        // SAFETY: a live event and a live stream.
        driver("an event", unsafe { result::event::record(self.slots[slot].used, main) })
    }
}

impl Slot {
    /// Host memory of at least this size.
    ///
    /// # Safety
    /// No copy out of it is under way.
    unsafe fn make_room(&mut self, bytes: usize) -> Result<()> {
        if self.bytes >= bytes {
            return Ok(());
        }
        // Tables grow: to take memory of this kind is slow.
        let bytes = bytes.next_power_of_two();
        // SAFETY: the old memory, if any, is this slot's own.
        unsafe {
            if self.bytes > 0 {
                driver("host memory", result::free_host(self.host))?;
                self.bytes = 0;
            }
            self.host = driver("host memory", result::malloc_host(bytes, 0))?;
            // Never lent without contents.
            self.host.cast::<u8>().write_bytes(0, bytes);
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // SAFETY: all handles are this value's own; the stream is waited for first.
        unsafe {
            _ = result::stream::synchronize(self.stream);
            for slot in &self.slots {
                if slot.bytes > 0 {
                    _ = result::free_host(slot.host);
                }
                _ = result::event::destroy(slot.copied);
                _ = result::event::destroy(slot.used);
            }
            _ = result::stream::destroy(self.stream);
        }
    }
}
