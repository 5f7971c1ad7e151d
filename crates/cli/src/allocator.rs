//! An allocator that ends the program with one line where memory runs out; the standard library would abort it.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    io::Write,
};

/// The system's allocator, but the program ends where it has no memory left.
pub(crate) struct OrExit;

/// Reports what was asked for. No file is half-written at the exit: files are moved to their places once complete.
#[cold]
fn out_of_memory(len: usize) -> ! {
    // Neither line allocates, since stderr has no buffer.
    let _ = writeln!(std::io::stderr(), "error: out of memory: {} MiB more were asked for", len >> 20);
    let _ = writeln!(std::io::stderr(), "hint: fewer seeds, points or bends, or a smaller network");
    std::process::exit(1)
}

fn or_exit(at: *mut u8, len: usize) -> *mut u8 {
    if at.is_null() {
        out_of_memory(len);
    }
    at
}

// SAFETY: every call goes to the system's allocator with the caller's own arguments, for which the caller promises the same.
unsafe impl GlobalAlloc for OrExit {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's own promise.
        or_exit(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's own promise.
        or_exit(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's own promise.
        or_exit(unsafe { System.realloc(at, layout, size) }, size)
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's own promise.
        unsafe { System.dealloc(at, layout) }
    }
}
