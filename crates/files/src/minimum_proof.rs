//! Proofs of minima, as files that another program can check.
//!
//! A file has one JSON value a line: the header, the point x, the rows of the matrix R, and at last the number of lines
//! after the header and the SHA-256 of all lines before.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{
    ProofData, Result,
    fault::file_error,
    signed::{self, Kind},
};

pub(crate) const KIND: Kind =
    Kind { key: "collado.minimum", version: MinimumHeader::VERSION, counted: "lines" };

/// A proof that the box of all parameters within a radius of a point holds exactly one critical point of F, which is a
/// strict local minimum.
#[derive(Debug, Clone, PartialEq)]
pub struct MinimumFile {
    /// What is claimed, and of what.
    pub header: MinimumHeader,
    /// The middle x of the box.
    pub point: Vec<f64>,
    /// The rows of R, an approximate inverse of the Hessian.
    pub inverse: Vec<Vec<f64>>,
}

/// The claim of a proof, and what it is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MinimumHeader {
    /// The version of the format.
    #[serde(rename = "collado.minimum")]
    pub version: u32,
    /// The version of the program.
    pub program: String,
    /// The claim.
    pub claim: MinimumClaim,
    /// The risk that it is about.
    pub risk: MinimumSubject,
}

/// The claim about a box.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MinimumClaim {
    /// The radius of the box in every coordinate.
    pub radius: f64,
    /// An enclosure of F at the critical point.
    #[serde(rename = "F")]
    pub risk: (f64, f64),
    /// The eigenvalues of the Hessian at every point of the box.
    pub hessian: Eigenvalues,
    /// Those of the Hessian's further block for more inputs, where there may be more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<Eigenvalues>,
}

/// A lower bound of the eigenvalues of a symmetric matrix A.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Eigenvalues {
    /// The number s for which A − sI nearly has a Cholesky factor.
    pub shift: f64,
    /// The lower bound, which is s less what A − sI is off.
    pub at_least: f64,
}

/// The risk that a minimum is one of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum MinimumSubject {
    /// The empirical risk of a network.
    Network {
        /// SHA-256 of the checkpoint that the network was read from.
        checkpoint: String,
        /// The data.
        data: ProofData,
        /// Number of training rows that F is the mean over.
        rows: usize,
        /// The network.
        network: String,
        /// The loss ℓ.
        loss: String,
        /// The weight κ of the regulariser.
        kappa: f64,
        /// The regulariser R.
        regularizer: String,
    },
    /// The risk of planted teachers. The minimum is spurious: F > 0.
    Planted {
        /// Number of teachers and of inputs.
        k: usize,
        /// Number of neurons.
        n: usize,
    },
}

impl MinimumHeader {
    /// The version of the format that this program writes.
    pub const VERSION: u32 = 1;
}

impl MinimumFile {
    /// Writes the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut lines = vec![signed::line(&self.header), signed::line(&self.point)];
        lines.extend(self.inverse.iter().map(signed::line));
        signed::write(path, &KIND, &lines)
    }

    /// Reads the file. Memory is in proportion to the file.
    ///
    /// # Errors
    /// When it cannot be read, was cut or changed, or is of another version; when R is not square.
    pub fn read(path: &Path) -> Result<Self> {
        let lines = signed::read(path, &KIND)?;
        let header = signed::parsed(path, &lines, 0)?;
        let point: Vec<f64> = signed::parsed(path, &lines, 1)?;
        let rows = (2..lines.len()).map(|i| signed::parsed::<Vec<f64>>(path, &lines, i));
        let inverse = rows.collect::<Result<Vec<_>>>()?;
        let size = point.len();
        if inverse.len() != size || inverse.iter().any(|row| row.len() != size) {
            let found = inverse.len();
            return Err(file_error(
                path,
                format!("expected {size} rows of {size} numbers after the point, found {found}"),
            ));
        }
        Ok(Self { header, point, inverse })
    }
}
