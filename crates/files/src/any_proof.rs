//! Proofs of every kind, told apart by their first line.

use std::{
    io::{BufRead, BufReader},
    path::Path,
};

use crate::{
    MinimumFile, NeuronFile, Proof, Result,
    fault::{file_error, io_error},
    format::regular,
    minimum_proof, neuron_proof, proof,
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
    /// When it cannot be read, is no proof, was cut or changed, or is of another version.
    pub fn read(path: &Path) -> Result<Self> {
        let (file, _) = regular(path)?;
        let mut first = Vec::new();
        BufReader::new(file).read_until(b'\n', &mut first).map_err(|e| io_error(path, &e))?;
        let header = serde_json::from_slice::<serde_json::Value>(&first).unwrap_or_default();
        let names = |key: &str| header.get(key).is_some();
        match () {
            () if names(minimum_proof::KIND.key) => Ok(Self::Minimum(MinimumFile::read(path)?)),
            () if names(neuron_proof::KIND.key) => Ok(Self::Neuron(NeuronFile::read(path)?)),
            () if names(proof::KIND.key) => Ok(Self::Path(Proof::read(path)?)),
            () => Err(file_error(
                path,
                "is not a proof, as certify --proof or certify-minimum --proof writes it",
            )),
        }
    }
}
