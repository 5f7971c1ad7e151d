//! Proofs along a path, as files that another program can check.
//!
//! A file has one JSON object a line: first the header, then one line a piece, from the start of the path to its end, and
//! at last the number of pieces and the SHA-256 of all lines before, which shows damage. Numbers read back as the very
//! doubles that were written.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    Result,
    signed::{self, Kind},
};

pub(crate) const KIND: Kind = Kind { key: "collado.proof", version: ProofHeader::VERSION, counted: "pieces" };

/// A proof that lo ≤ max F(γ(t)) ≤ hi over every real t in \[0, 1\].
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// What is claimed, and of what.
    pub header: ProofHeader,
    /// The pieces, which cover every leg of the path.
    pub pieces: Vec<ProofPiece>,
}

/// The claim of a proof, and what it is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofHeader {
    /// The version of the format.
    #[serde(rename = "collado.proof")]
    pub version: u32,
    /// The version of the program.
    pub program: String,
    /// The claim.
    pub claim: Claim,
    /// SHA-256 of the path file.
    pub path: String,
    /// The data set, as on the command line, and SHA-256 of its content.
    pub data: ProofData,
    /// Number of training rows that F is the mean over.
    pub rows: usize,
    /// The network.
    pub network: String,
    /// The loss ℓ.
    pub loss: String,
    /// The weight κ of the regulariser.
    pub kappa: f64,
    /// The regulariser R.
    pub regularizer: String,
    /// The rule for the statistics of batch normalisation, where the network has some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistics: Option<String>,
    /// The rows that F is the mean over, where they are not all training rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subset: Option<ProofRows>,
}

/// Some of the training rows. Statistics over the population are then over these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofRows {
    /// Number of training rows of the data.
    pub of: usize,
    /// The rule by which the rows are taken.
    pub rule: String,
    /// SHA-256 of the numbers of the rows, counted from 0, in decimal with a line feed behind each.
    pub hash: String,
}

/// The data of a proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofData {
    /// The data set, as on the command line.
    pub spec: String,
    /// SHA-256 of its content.
    pub hash: String,
}

/// The enclosure of max F, and the point at which F ≥ lo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// F is at least this at the point `at`.
    pub lo: f64,
    /// F is at most this everywhere.
    pub hi: f64,
    /// A point of the path.
    pub at: Place,
}

/// A point of a path: a leg, counted from 0, and its own parameter τ in \[0, 1\]. A Bézier curve is one leg, each segment
/// of a chain is one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The number of the leg.
    pub leg: usize,
    /// The parameter on the leg.
    pub tau: f64,
}

/// A bound on a piece: F ≤ `hi` for every τ in \[`from`, `to`\].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofPiece {
    /// The number of the leg.
    pub leg: usize,
    /// The parameter τ at which the piece begins.
    pub from: f64,
    /// The parameter τ at which it ends.
    pub to: f64,
    /// The bound.
    pub hi: f64,
}

impl ProofRows {
    /// The rule that takes the rows ⌊i of / rows⌋ for i = 0, 1, ….
    pub const EVENLY_SPACED: &str = "evenly spaced";

    /// The hash of some rows.
    pub fn hash_of(rows: &[usize]) -> String {
        let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
        format!("{:x}", Sha256::digest(text))
    }
}

impl ProofHeader {
    /// The version of the format that this program writes.
    pub const VERSION: u32 = 1;
}

impl Proof {
    /// Writes the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let pieces = self.pieces.iter().map(signed::line);
        let lines: Vec<String> = std::iter::once(signed::line(&self.header)).chain(pieces).collect();
        signed::write(path, &KIND, &lines)
    }

    /// Reads the file. Memory is in proportion to the file.
    ///
    /// # Errors
    /// When it cannot be read, was cut or changed, or is of another version.
    pub fn read(path: &Path) -> Result<Self> {
        let lines = signed::read(path, &KIND)?;
        let pieces = (1..lines.len()).map(|i| signed::parsed(path, &lines, i)).collect::<Result<_>>()?;
        Ok(Self { header: signed::parsed(path, &lines, 0)?, pieces })
    }
}
