//! A pool of scratch buffers that are reused.

use std::{
    ops::{Deref, DerefMut},
    sync::Mutex,
};

use collado_models::Real;

/// The size in bytes of a cache line.
const LINE: usize = 64;

/// Scratch buffers that outlive a call, so that a training step allocates nothing.
#[derive(Debug)]
pub(in crate::engine) struct Pool<T> {
    free: Mutex<Vec<Vec<T>>>,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { free: Mutex::new(Vec::new()) }
    }
}

impl<T: Real> Pool<T> {
    /// A buffer of `len` elements with arbitrary content; it returns to the pool when dropped.
    ///
    /// It starts on a cache line, so that threads that write neighbouring columns of it do not share one.
    pub(in crate::engine) fn take(&self, len: usize) -> Buffer<'_, T> {
        let room = len + LINE / size_of::<T>();
        let mut data =
            self.free.lock().ok().and_then(|mut free| fitting(&mut free, room)).unwrap_or_default();
        if data.len() < room {
            data.clear();
            data.resize(room, T::zero());
        }
        let start = data.as_ptr().align_offset(LINE).min(room - len);
        Buffer { data, start, len, pool: self }
    }
}

/// Takes the smallest buffer that has room, or else the smallest of all, which is to grow.
fn fitting<T>(free: &mut Vec<Vec<T>>, room: usize) -> Option<Vec<T>> {
    let key = |i: &usize| (free[*i].len() < room, free[*i].len());
    let best = (0..free.len()).min_by_key(key)?;
    Some(free.swap_remove(best))
}

/// A buffer borrowed from a [`Pool`].
pub(in crate::engine) struct Buffer<'a, T> {
    data: Vec<T>,
    start: usize,
    len: usize,
    pool: &'a Pool<T>,
}

impl<T> Deref for Buffer<'_, T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.data[self.start..self.start + self.len]
    }
}

impl<T> DerefMut for Buffer<'_, T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.data[self.start..self.start + self.len]
    }
}

impl<T> Drop for Buffer<'_, T> {
    fn drop(&mut self) {
        if let Ok(mut free) = self.pool.free.lock() {
            free.push(std::mem::take(&mut self.data));
        }
    }
}
