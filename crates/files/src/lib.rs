#![doc = include_str!("../README.md")]

mod any_proof;
mod archive;
mod atomic;
mod checkpoint;
mod described;
mod error;
mod fault;
mod format;
mod graph;
mod listing;
mod minimum_proof;
mod names;
mod neuron_proof;
mod number;
mod options;
mod outline;
mod path_file;
mod point;
mod proof;
mod provenance;
mod resolve;
mod safetensors;
mod signed;
mod stack;
mod state;
mod tensors;
mod text;
mod torch;
mod write;

pub use self::{
    any_proof::AnyProof,
    atomic::{TEMPORARY, atomically, file_hash},
    checkpoint::Checkpoint,
    error::{Error, Result},
    graph::GraphFile,
    listing::{Listing, Role, TensorInfo},
    minimum_proof::{Eigenvalues, MinimumClaim, MinimumFile, MinimumHeader, MinimumSubject},
    names::Names,
    neuron_proof::{NeuronBox, NeuronClaim, NeuronFile, NeuronHeader, NeuronSubject},
    number::{read_number, to_json},
    options::ReadOptions,
    path_file::PathFile,
    point::{read_point, write_point},
    proof::{Claim, Place, Proof, ProofData, ProofHeader, ProofPiece, ProofRows},
    provenance::Provenance,
    state::State,
    text::read_text,
};
