//! Networks from the archives of `torch.export.save`, against what PyTorch computes for them.

#![allow(clippy::unwrap_used)]

mod archive;
mod carried;
mod exported;
mod model;
mod mutations;
mod onnx;
mod refused;
mod support;
