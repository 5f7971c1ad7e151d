//! A value for all tiles of a batch.

use std::marker::PhantomData;

use super::{super::chain::Buffer, lanes::Number};

/// The tiles of a batch, one after another. Different threads write different tiles.
pub(super) struct Store<'a, T> {
    data: *mut T,
    /// Distance between two tiles.
    stride: usize,
    tiles: usize,
    /// The memory that `data` points to, which nothing else uses meanwhile.
    _buffer: Buffer<'a, T>,
    life: PhantomData<&'a mut [T]>,
}

// SAFETY: a store is an exclusive slice in parts, of numbers that may go to other threads.
unsafe impl<T: Send> Send for Store<'_, T> {}
// SAFETY: tiles are written through shared references only by the one caller of `tile_mut` for that tile.
unsafe impl<T: Sync> Sync for Store<'_, T> {}

impl<'a, T: Number> Store<'a, T> {
    /// A store of `tiles` tiles of `stride` numbers each in a buffer that has room for them.
    pub(super) fn new(mut buffer: Buffer<'a, T>, tiles: usize, stride: usize) -> Self {
        assert!(tiles * stride <= buffer.len(), "a store of {tiles} x {stride} numbers");
        Self { data: buffer.as_mut_ptr(), stride, tiles, _buffer: buffer, life: PhantomData }
    }

    /// Distance between two tiles.
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    /// Tile `t`.
    pub(super) fn tile(&self, t: usize) -> &[T] {
        assert!(t < self.tiles);
        // SAFETY: the tile lies in the buffer; `tile_mut` demands that nothing writes to a tile that is read.
        unsafe { std::slice::from_raw_parts(self.data.add(t * self.stride), self.stride) }
    }

    /// Tile `t`, to be written.
    ///
    /// # Safety
    /// Nothing else reads or writes the tile meanwhile.
    #[allow(clippy::mut_from_ref)]
    pub(super) unsafe fn tile_mut(&self, t: usize) -> &mut [T] {
        assert!(t < self.tiles);
        // SAFETY: the tile lies in the buffer, and the caller has it for itself.
        unsafe { std::slice::from_raw_parts_mut(self.data.add(t * self.stride), self.stride) }
    }
}
