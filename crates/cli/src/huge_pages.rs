//! An allocator that places large buffers on huge pages. With pages of 4 KiB each row of a weight matrix of width 1024
//! lies on a page of its own, and matrix products wait for the TLB.
//!
//! Linux gives huge pages to programs that ask for them (`madvise`, its default); elsewhere this is the system's
//! allocator.

use std::alloc::{GlobalAlloc, Layout, System};

/// The size in bytes of a huge page on x86-64, and on arm64 with pages of 4 KiB.
const HUGE: usize = 2 << 20;

pub(crate) struct HugePages;

/// Aligns buffers of the size of a huge page or more to huge pages.
fn aligned(layout: Layout) -> Layout {
    let align = if layout.size() < HUGE { 1 } else { HUGE };
    layout.align_to(align).unwrap_or(layout)
}

/// Ends the program with one line instead of an abort. Such large allocations come from unreasonable arguments. No file
/// is left half-written, as files are moved to their places when they are complete.
#[cold]
fn out_of_memory(len: usize) -> ! {
    use std::io::Write;
    // Neither allocates: stderr has no buffer.
    let _ = writeln!(std::io::stderr(), "error: out of memory: {} MiB more were asked for", len >> 20);
    let _ = writeln!(std::io::stderr(), "hint: fewer seeds, points or bends, or a smaller network");
    std::process::exit(1)
}

fn advise(at: *mut u8, len: usize) -> *mut u8 {
    if len >= HUGE && at.is_null() {
        out_of_memory(len);
    }
    #[cfg(target_os = "linux")]
    if len >= HUGE {
        // SAFETY: a hint about memory that was just allocated; it changes no content, and may be ignored.
        unsafe { libc::madvise(at.cast(), len, libc::MADV_HUGEPAGE) };
    }
    at
}

// SAFETY: this is the system's allocator, always asked with `aligned` of the caller's layout, which is stricter.
unsafe impl GlobalAlloc for HugePages {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller promises a layout of some size; `aligned` keeps it.
        advise(unsafe { System.alloc(aligned(layout)) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.size() < HUGE {
            // SAFETY: the caller's own promise.
            return unsafe { System.alloc_zeroed(layout) };
        }
        // Huge pages are asked for before the first touch, which decides about them.
        // SAFETY: the caller's own promise.
        let at = unsafe { self.alloc(layout) };
        if !at.is_null() {
            // SAFETY: so many bytes were just allocated there.
            unsafe { at.write_bytes(0, layout.size()) };
        }
        at
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller gives the layout it was allocated with; both times `aligned` makes the same of it.
        unsafe { System.dealloc(at, aligned(layout)) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if layout.size().max(size) < HUGE {
            // SAFETY: the caller's own promise; below a huge page `aligned` changes nothing.
            return unsafe { System.realloc(at, layout, size) };
        }
        // SAFETY: the caller promises that `size`, rounded up to the alignment, does not overflow.
        let new = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !new.is_null() {
            // SAFETY: two buffers, both at least so large; the old one is not used again.
            unsafe {
                at.copy_to_nonoverlapping(new, size.min(layout.size()));
                self.dealloc(at, layout);
            }
        }
        new
    }
}
