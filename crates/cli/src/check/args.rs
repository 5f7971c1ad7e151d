//! The flags of `collado check`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use crate::args::{Common, DataArgs, NetworkArgs};

#[derive(Debug, ClapArgs)]
pub(crate) struct CheckArgs {
    /// Proof that certify --proof or certify-minimum --proof wrote.
    pub(super) proof: PathBuf,
    /// File that it is about, or its folder: the path path.safetensors, or the checkpoint of a minimum. Proofs about planted
    /// teachers or one logistic neuron need none.
    pub(super) path: Option<PathBuf>,
    #[command(flatten)]
    pub(super) network: NetworkArgs,
    #[command(flatten)]
    pub(super) data: DataArgs,
    #[command(flatten)]
    pub(crate) common: Common,
}
