//! Proofs of every kind, told apart by their first line.

use std::{
    io::{BufRead, BufReader},
    path::Path,
};

use crate::{
    MinimumFile, NeuronFile, Proof, Result, fault::io_error, format::regular, minimum_proof, neuron_proof,
};

/// A proof of some kind.
#[derive(Debug, Clone, PartialEq)]
pub enum AnyProof {
    /// About a path.
    Path(Proof),
    /// About a minimum.
    Minimum(MinimumFile),
    /// About all minima of one neuron.
    Neuron(NeuronFile),
}

impl AnyProof {
    /// Reads a proof of the kind that its first line names.
    ///
    /// # Errors
    /// When it cannot be read, was cut or changed, or is of another version.
    pub fn read(path: &Path) -> Result<Self> {
        let (file, _) = regular(path)?;
        let mut first = String::new();
        BufReader::new(file).read_line(&mut first).map_err(|e| io_error(path, &e))?;
        let header = serde_json::from_str::<serde_json::Value>(&first).unwrap_or_default();
        let names = |key: &str| header.get(key).is_some();
        match () {
            () if names(minimum_proof::KIND.key) => Ok(Self::Minimum(MinimumFile::read(path)?)),
            () if names(neuron_proof::KIND.key) => Ok(Self::Neuron(NeuronFile::read(path)?)),
            () => Ok(Self::Path(Proof::read(path)?)),
        }
    }
}
