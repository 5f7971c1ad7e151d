#![doc = include_str!("../README.md")]

mod atomic;
mod chains;
mod checkpoint;
mod directory;
mod error;
mod fault;
mod infer;
mod layers;
mod legacy;
mod literal;
mod names;
mod natural;
mod objects;
mod options;
mod order;
mod outline;
mod path_file;
mod pickle;
mod point;
mod provenance;
mod resolve;
mod safetensors;
mod state;
mod state_dict;
mod strided;
mod tensors;
mod torch;
mod write;
mod write_torch;

pub use self::{
    atomic::{TEMPORARY, atomically, file_hash},
    checkpoint::Checkpoint,
    error::{Error, Result},
    names::Names,
    options::ReadOptions,
    path_file::PathFile,
    point::{read_point, write_point},
    provenance::Provenance,
    state::SavedState,
};
