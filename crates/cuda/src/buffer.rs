//! Memory of a machine.

use std::{marker::PhantomData, sync::Arc};

use crate::{Machine, Result};

/// Numbers in the memory of a machine, which gets them back at the end.
pub struct Buffer<T> {
    machine: Arc<dyn Machine>,
    address: u64,
    len: usize,
    element: PhantomData<T>,
}

/// Plain numbers, of which every pattern of bits is one.
pub trait Plain: Copy + Default {}
impl Plain for f32 {}
impl Plain for f64 {}
impl Plain for u32 {}

impl<T: Plain> Buffer<T> {
    /// Memory for `len` numbers, of undefined contents.
    ///
    /// # Errors
    /// When there is no more memory.
    pub fn new(machine: &Arc<dyn Machine>, len: usize) -> Result<Self> {
        let address = machine.allocate((len * size_of::<T>()).max(256))?;
        Ok(Self { machine: Arc::clone(machine), address, len, element: PhantomData })
    }

    /// Memory with these numbers.
    ///
    /// # Errors
    /// When there is no more memory, and what the driver says.
    pub fn from_slice(machine: &Arc<dyn Machine>, numbers: &[T]) -> Result<Self> {
        let mut buffer = Self::new(machine, numbers.len())?;
        buffer.write(0, numbers)?;
        Ok(buffer)
    }

    /// Zeros.
    ///
    /// # Errors
    /// When there is no more memory, and what the driver says.
    pub fn zeros(machine: &Arc<dyn Machine>, len: usize) -> Result<Self> {
        let buffer = Self::new(machine, len)?;
        buffer.clear()?;
        Ok(buffer)
    }

    /// Writes zeros, after all that was launched before.
    ///
    /// # Errors
    /// What the driver says.
    pub fn clear(&self) -> Result<()> {
        // SAFETY: the memory of this buffer.
        unsafe { self.machine.clear(self.address, self.len * size_of::<T>()) }
    }

    /// Writes numbers from place `from` on.
    ///
    /// # Errors
    /// What the driver says.
    pub fn write(&mut self, from: usize, numbers: &[T]) -> Result<()> {
        assert!(from + numbers.len() <= self.len, "{} numbers at {from} of {}", numbers.len(), self.len);
        // SAFETY: the bytes of a slice of plain numbers, written within this buffer.
        unsafe {
            let bytes = std::slice::from_raw_parts(numbers.as_ptr().cast(), size_of_val(numbers));
            self.machine.upload(self.address + (from * size_of::<T>()) as u64, bytes)
        }
    }

    /// Lets `fill` write the first `count` numbers while kernels run: see [`Machine::fill_beside`].
    ///
    /// # Errors
    /// What the driver says.
    ///
    /// # Safety
    /// What was launched before the last [`Machine::used_beside`] of this slot may use the buffer, nothing launched since.
    pub unsafe fn fill_beside(
        &mut self,
        slot: usize,
        count: usize,
        fill: impl FnOnce(&mut [T]),
    ) -> Result<()> {
        assert!(count <= self.len, "{count} numbers of {}", self.len);
        let mut fill = Some(fill);
        let mut write = |bytes: &mut [u8]| {
            // SAFETY: the bytes are aligned for numbers, and every pattern of bits is one.
            let numbers = unsafe { std::slice::from_raw_parts_mut(bytes.as_mut_ptr().cast(), count) };
            if let Some(fill) = fill.take() {
                fill(numbers);
            }
        };
        // SAFETY: the memory of this buffer; the rest is the caller's promise.
        unsafe { self.machine.fill_beside(slot, self.address, count * size_of::<T>(), &mut write) }
    }

    /// The first `count` numbers, after all kernels launched so far.
    ///
    /// # Errors
    /// What the driver says.
    pub fn read(&self, count: usize) -> Result<Vec<T>> {
        assert!(count <= self.len, "{count} numbers of {}", self.len);
        let mut numbers = vec![T::default(); count];
        // SAFETY: the bytes of plain numbers, read within this buffer.
        unsafe {
            let bytes = std::slice::from_raw_parts_mut(numbers.as_mut_ptr().cast(), count * size_of::<T>());
            self.machine.download(self.address, bytes)?;
        }
        Ok(numbers)
    }

    /// The address of number `i`.
    pub fn at(&self, i: usize) -> u64 {
        debug_assert!(i <= self.len, "{i} of {}", self.len);
        self.address + (i * size_of::<T>()) as u64
    }

    /// Number of numbers.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<T> Drop for Buffer<T> {
    fn drop(&mut self) {
        // SAFETY: allocated by this machine; nothing else knows the address any more.
        unsafe { self.machine.free(self.address) }
    }
}
