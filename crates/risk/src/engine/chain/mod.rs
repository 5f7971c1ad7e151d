//! The engine for chains of dense layers on the CPU: activations stay in cache tile by tile, points and examples run in
//! parallel, and the results have the same bits for any number of threads.

mod fused;
mod gradient;
mod matmul;
mod pool;
mod softmax;
mod tile;
mod values;

pub(crate) use self::fused::Fused;
pub(super) use self::{
    fused::PARALLEL_FLOPS,
    matmul::{Mat, MatMut},
    pool::{Buffer, Pool},
    tile::{First, Forward, ReadOut, Sums, TILE, Tile, bias_of, weight_of},
};
