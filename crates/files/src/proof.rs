//! Proofs along a path, as files that another program can check.
//!
//! A file has one JSON object a line: first the header, then one line a piece, from the start of the path to its end, and
//! at last the number of pieces and the SHA-256 of all lines before, which shows damage. Numbers read back as the very
//! doubles that were written.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, Result, atomically, fault::io_error};

/// The version of the format.
const VERSION: u32 = 1;

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

/// The last line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Footer {
    pieces: usize,
    sha256: String,
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
    pub const VERSION: u32 = VERSION;
}

impl Proof {
    /// Writes the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut text = line(&self.header);
        self.pieces.iter().for_each(|piece| text.push_str(&line(piece)));
        let footer = Footer { pieces: self.pieces.len(), sha256: format!("{:x}", Sha256::digest(&text)) };
        text.push_str(&line(&footer));
        atomically(path, |file| file.write_all(text.as_bytes()))
    }

    /// Reads the file. Memory is in proportion to the file.
    ///
    /// # Errors
    /// When it cannot be read, was cut or changed, or is of another version.
    pub fn read(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| io_error(path, &e))?;
        let mut lines = Vec::new();
        let mut hash = Sha256::new();
        for line in BufReader::new(file).lines() {
            lines.push(line.map_err(|e| io_error(path, &e))?);
        }
        let [first, pieces @ .., last] = lines.as_slice() else {
            return Err(fault(
                path,
                format!("expected a proof of three lines or more, found {}", lines.len()),
            ));
        };
        let of = |number: usize, e: serde_json::Error| fault(path, format!("line {number}: {e}"));
        let version: serde_json::Value = serde_json::from_str(first).map_err(|e| of(1, e))?;
        match version["collado.proof"].as_u64() {
            Some(found) if found == u64::from(VERSION) => {}
            Some(found) => {
                return Err(fault(path, format!("expected version {VERSION} of the format, found {found}")));
            }
            None => {
                return Err(fault(
                    path,
                    "is not a proof: expected \"collado.proof\" in its first line".into(),
                ));
            }
        }
        let header = serde_json::from_str(first).map_err(|e| of(1, e))?;
        let footer: Footer = serde_json::from_str(last).map_err(|e| of(lines.len(), e))?;
        lines[..lines.len() - 1].iter().for_each(|line| {
            hash.update(line);
            hash.update("\n");
        });
        let found = format!("{:x}", hash.finalize());
        if footer.sha256 != found || footer.pieces != pieces.len() {
            let stated = format!("{} pieces with SHA-256 {}", footer.pieces, footer.sha256);
            return Err(fault(
                path,
                format!("was changed or cut: expected {stated}, found {} with {found}", pieces.len()),
            ));
        }
        let read = |(i, line): (usize, &String)| serde_json::from_str(line).map_err(|e| of(i + 2, e));
        Ok(Self { header, pieces: pieces.iter().enumerate().map(read).collect::<Result<_>>()? })
    }
}

fn fault(path: &Path, reason: String) -> Error {
    Error::File { path: path.to_owned(), reason }
}

fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("the types of a proof have only text and numbers") + "\n"
}
