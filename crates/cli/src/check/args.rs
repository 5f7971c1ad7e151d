//! The flags of `collado check`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use crate::args::{Common, DataArgs};

#[derive(Debug, ClapArgs)]
pub(crate) struct CheckArgs {
    /// Proof that certify --proof wrote.
    pub(crate) proof: PathBuf,
    /// Path file path.safetensors that it is about, or its folder.
    pub(crate) path: PathBuf,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) common: Common,
}
