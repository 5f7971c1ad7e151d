//! The trait [`Machine`]: memory by address, and kernels by name.

use crate::{Error, Result};

/// What a kernel was compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Info {
    /// Threads of a block.
    pub threads: u32,
    /// Bytes of shared memory of a block.
    pub shared: usize,
    /// Rows of a tile.
    pub rows: usize,
    /// Columns of a tile.
    pub columns: usize,
}

/// The launch of a kernel.
#[derive(Debug, Clone, Copy)]
pub struct Launch<'a> {
    /// The name of the kernel.
    pub kernel: &'a str,
    /// The blocks along three axes.
    pub grid: [u32; 3],
    /// Bytes of shared memory beyond what the kernel always needs.
    pub more_shared: usize,
    /// Blocks that share a cluster; 1 where there is none.
    pub cluster: u32,
    /// Whether it may begin before the launch before it has ended; the kernel waits where it must.
    pub early: bool,
}

impl<'a> Launch<'a> {
    /// The launch of `blocks` blocks in a row.
    pub fn new(kernel: &'a str, blocks: usize) -> Self {
        let blocks = u32::try_from(blocks).expect("fewer blocks than 2^32");
        Self { kernel, grid: [blocks, 1, 1], more_shared: 0, cluster: 1, early: false }
    }
}

/// Launches that were recorded, to be run again and again.
pub trait Recorded: Send {
    /// Runs them.
    ///
    /// # Errors
    /// What the driver says.
    fn run(&mut self) -> Result<()>;
}

/// A machine that runs kernels, one after the other in the order of the calls.
pub trait Machine: Send + Sync {
    /// New memory of undefined contents; its address is a multiple of 256.
    ///
    /// # Errors
    /// When there is no more memory.
    fn allocate(&self, bytes: usize) -> Result<u64>;

    /// Gives memory back.
    ///
    /// # Safety
    /// `address` comes from [`allocate`](Self::allocate) of this machine, and is not used afterwards.
    unsafe fn free(&self, address: u64);

    /// Writes `from` into the memory at `to`.
    ///
    /// # Errors
    /// What the driver says.
    ///
    /// # Safety
    /// The memory is this machine's and large enough.
    unsafe fn upload(&self, to: u64, from: &[u8]) -> Result<()>;

    /// Lets `fill` write a table of so many bytes into the memory at `to` while kernels run, with room for two such
    /// tables: `slot` is 0 or 1. Kernels launched afterwards see it. The bytes lie at a multiple of 16.
    ///
    /// # Errors
    /// What the driver says.
    ///
    /// # Safety
    /// The memory is this machine's and large enough. What was launched before the last [`used_beside`](Self::used_beside) of
    /// this slot may use it, nothing launched since: so [`used_beside`](Self::used_beside) follows the allocation too.
    unsafe fn fill_beside(
        &self,
        slot: usize,
        to: u64,
        bytes: usize,
        fill: &mut dyn FnMut(&mut [u8]),
    ) -> Result<()>;

    /// Says that all kernels which use the memory of the table of this slot are launched.
    ///
    /// # Errors
    /// What the driver says.
    fn used_beside(&self, _slot: usize) -> Result<()> {
        Ok(())
    }

    /// Reads the memory at `from` after all kernels launched so far have ended.
    ///
    /// # Errors
    /// What the driver says; errors of kernels show here.
    ///
    /// # Safety
    /// The memory is this machine's and large enough.
    unsafe fn download(&self, from: u64, to: &mut [u8]) -> Result<()>;

    /// Sets the memory at `address` to zeros.
    ///
    /// # Errors
    /// What the driver says.
    ///
    /// # Safety
    /// The memory is this machine's and large enough.
    unsafe fn clear(&self, address: u64, bytes: usize) -> Result<()>;

    /// What a kernel was compiled for, if this machine has it.
    ///
    /// # Errors
    /// What the driver says when the kernel is loaded.
    fn info(&self, kernel: &str) -> Result<Option<Info>>;

    /// What a kernel was compiled for.
    ///
    /// # Errors
    /// When this machine does not have the kernel, and those of [`info`](Self::info).
    fn kernel(&self, name: &str) -> Result<Info> {
        self.info(name)?.ok_or_else(|| Error::Missing { name: name.into() })
    }

    /// Number of multiprocessors.
    fn processors(&self) -> usize;

    /// Bytes of memory in all.
    fn memory(&self) -> usize {
        usize::MAX
    }

    /// Starts a kernel with the bytes of its argument.
    ///
    /// # Errors
    /// When there is no such kernel, and what the driver says.
    ///
    /// # Safety
    /// The bytes are the kernel's argument, all addresses in it are of memory of this machine, and no size in it leads
    /// beyond that memory.
    unsafe fn launch_bytes(&self, launch: &Launch<'_>, argument: &[u8]) -> Result<()>;

    /// Records the launches of `work` in place of running them, if the machine can.
    ///
    /// # Errors
    /// The errors of `work`, and what the driver says.
    fn record(&self, work: &mut dyn FnMut() -> Result<()>) -> Result<Option<Box<dyn Recorded>>>;
}

/// Starts a kernel with its argument.
///
/// # Errors
/// The errors of [`Machine::launch_bytes`].
///
/// # Safety
/// As for [`Machine::launch_bytes`]; `argument` is the struct of [`args`](crate::args) that the kernel takes.
pub unsafe fn launch<A: Copy>(machine: &dyn Machine, launch: &Launch<'_>, argument: &A) -> Result<()> {
    // SAFETY: the bytes of a live value; arguments are plain numbers, and padding is not looked at.
    let bytes =
        unsafe { std::slice::from_raw_parts(std::ptr::from_ref(argument).cast::<u8>(), size_of::<A>()) };
    // SAFETY: the caller promises it.
    unsafe { machine.launch_bytes(launch, bytes) }
}
