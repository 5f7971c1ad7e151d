//! The emulation finds the mistakes that only truly concurrent threads make: each of `kernels/mistakes.h` is reported, and
//! the same kernel without it is not.
#![cfg(feature = "emulation")]
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use collado_cuda::{Buffer, Emulated, Error, Launch, Machine, launch};

#[repr(C)]
#[derive(Clone, Copy)]
struct Mistake {
    x: u64,
    y: u64,
    which: i32,
    right: i32,
}

/// Words of the report of each mistake, in the order of `mistakes.h`, and how many blocks run.
const MISTAKES: [(&str, usize); 12] = [
    ("a read by thread", 1),
    ("a read by thread", 1),
    ("a read by thread", 1),
    ("a read of a copy under way", 1),
    ("a write by thread", 1),
    ("a write by thread", 2),
    ("not ordered with a write", 1),
    ("an access beyond global memory", 1),
    ("not ordered with a", 2),
    ("its block ends while another one uses its memory", 2),
    ("without a fence", 1),
    ("a write to what the tensor cores still read", 1),
];

#[test]
fn every_planted_mistake_is_found_in_every_order_of_threads() {
    for order in 0..3 {
        let machine: Arc<dyn Machine> = Arc::new(Emulated::watched(order));
        let x = Buffer::from_slice(&machine, &[1_f32; 1000]).unwrap();
        let y = Buffer::<f32>::zeros(&machine, 1000).unwrap();
        for (which, (words, blocks)) in MISTAKES.into_iter().enumerate() {
            for right in [1, 0] {
                let argument = Mistake { x: x.at(0), y: y.at(0), which: which as i32, right };
                let how = Launch::new("mistake_before", 1);
                // SAFETY: both kernels stay within 1000 numbers, but for the mistake of reading 18 more: the rest of the page
                // is the machine's.
                let done = unsafe {
                    launch(&*machine, &how, &argument).unwrap();
                    let cluster = if which == 8 || which == 9 { 2 } else { 1 };
                    let how = Launch { cluster, early: which == 6, ..Launch::new("mistake_of", blocks) };
                    launch(&*machine, &how, &argument)
                };
                match done {
                    Ok(()) => assert!(right == 1, "mistake {which} is not found in order {order}"),
                    Err(Error::Race { reason, .. }) => {
                        assert!(right == 0 && reason.contains(words), "{which}, {right}: {reason}");
                    }
                    Err(other) => panic!("{other}"),
                }
            }
        }
    }
}
