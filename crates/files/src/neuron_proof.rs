//! Proofs of all minima of one logistic neuron, as files that another program can check.
//!
//! A file has one JSON object a line: the header, one line for each minimum of a coordinate in ascending order, and at last
//! the number of lines after the header and the SHA-256 of all lines before.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{
    Result,
    signed::{self, Kind},
};

pub(crate) const KIND: Kind =
    Kind { key: "collado.minima", version: NeuronHeader::VERSION, counted: "lines" };

/// A proof that the risk of one logistic neuron has $p^d$ strict local minima: $F(w)=\frac1d\sum_jf(w_j)$, and each of p
/// disjoint boxes holds exactly one critical point of f, at which f″ > 0.
#[derive(Debug, Clone, PartialEq)]
pub struct NeuronFile {
    /// What is claimed, and of what.
    pub header: NeuronHeader,
    /// The boxes of a coordinate, ascending.
    pub minima: Vec<NeuronBox>,
}

/// The claim of a proof, and what it is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeuronHeader {
    /// The version of the format.
    #[serde(rename = "collado.minima")]
    pub version: u32,
    /// The version of the program.
    pub program: String,
    /// The claim.
    pub claim: NeuronClaim,
    /// The risk that it is about.
    pub neuron: NeuronSubject,
}

/// The claim about all minima.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeuronClaim {
    /// The number of minima, as a power: "3^4" for 3 of each of 4 coordinates.
    pub minima: String,
    /// An enclosure of F at all of them.
    #[serde(rename = "F")]
    pub risk: (f64, f64),
}

/// The risk $F(w)=\frac1d\sum_{j<d}f(w_j)$ with $f(w)=\frac1p\sum_{i<p}(\sigma(R^iw)-\frac34)^2$ and
/// $\sigma(z)=1/(1+e^{-z})$.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeuronSubject {
    /// Number of coordinates d.
    pub dims: usize,
    /// Number of examples, and of minima, of a coordinate, p.
    pub per_dim: usize,
    /// The ratio R of the lengths of the examples.
    pub ratio: f64,
}

/// A box around a minimum of f, in its own scale: with $w=\text{at}\cdot u$ it is $|u-1|\le$ `radius`, and derivatives are
/// those of f as a function of u.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeuronBox {
    /// The middle of the box.
    pub at: f64,
    /// The radius of the box.
    pub radius: f64,
    /// An approximate inverse of the second derivative.
    pub inverse: f64,
    /// The second derivative is at least this on the box.
    pub curvature: f64,
    /// An enclosure of f at the minimum: F where all coordinates are there.
    #[serde(rename = "F")]
    pub risk: (f64, f64),
}

impl NeuronHeader {
    /// The version of the format that this program writes.
    pub const VERSION: u32 = 1;
}

impl NeuronSubject {
    /// The number $p^d$ of minima, as a power.
    pub fn minima(&self) -> String {
        format!("{}^{}", self.per_dim, self.dims)
    }
}

impl NeuronFile {
    /// Writes the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut lines = vec![signed::line(&self.header)];
        lines.extend(self.minima.iter().map(signed::line));
        signed::write(path, &KIND, &lines)
    }

    /// Reads the file. Memory is in proportion to the file.
    ///
    /// # Errors
    /// When it cannot be read, was cut or changed, or is of another version.
    pub fn read(path: &Path) -> Result<Self> {
        let lines = signed::read(path, &KIND)?;
        let minima = (1..lines.len()).map(|i| signed::parsed(path, &lines, i)).collect::<Result<_>>()?;
        Ok(Self { header: signed::parsed(path, &lines, 0)?, minima })
    }
}
