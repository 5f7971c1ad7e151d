//! Room for products, which each thread keeps: fresh memory would cost more than what is written to it.

use std::cell::RefCell;

/// The rooms of a thread.
#[derive(Default)]
struct Rooms {
    double: [Vec<f64>; 2],
    single: [Vec<f32>; 4],
}

thread_local! {
    static ROOMS: RefCell<Rooms> = RefCell::default();
}

/// Lends the rooms of this thread to `f`, which does not ask for them again.
pub(crate) fn with<R>(f: impl FnOnce(&mut [Vec<f64>; 2], &mut [Vec<f32>; 4]) -> R) -> R {
    ROOMS.with_borrow_mut(|rooms| f(&mut rooms.double, &mut rooms.single))
}

/// The first `len` numbers of a room; whatever is there is to be written over.
pub(crate) fn first<T: Clone + Default>(room: &mut Vec<T>, len: usize) -> &mut [T] {
    if room.len() < len {
        room.resize(len, T::default());
    }
    &mut room[..len]
}
