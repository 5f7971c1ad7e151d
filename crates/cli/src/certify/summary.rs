//! The result of `collado certify`.

use std::path::Path;

use collado_certify::{Certificate, Status};
use serde::Serialize;

use crate::{json::print, shown::enclosure};

/// The largest risk along a path, enclosed.
#[derive(Debug, Serialize)]
pub(crate) struct Certified {
    pub(crate) lo: f64,
    pub(crate) hi: f64,
    pub(crate) subintervals: usize,
    method: &'static str,
    status: &'static str,
    /// A point where the risk is at least `lo`, rounded, and an interval that holds it.
    t: f64,
    t_within: (f64, f64),
    ends: Ends,
    above_ends: (f64, f64),
    /// An upper bound of the error, where there are classes.
    error_hi: Option<f64>,
    seconds: f64,
    /// The training rows that the statement is about, where they are not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Rows>,
}

/// Some of the training rows.
#[derive(Debug, Serialize)]
struct Rows {
    count: usize,
    of: usize,
    which: &'static str,
}

/// The risks at both ends, enclosed.
#[derive(Debug, Serialize)]
struct Ends {
    a: (f64, f64),
    b: (f64, f64),
}

impl Certified {
    pub(crate) fn new(proof: &Certificate) -> Self {
        let [a, b] = proof.ends;
        Self {
            lo: proof.lo,
            hi: proof.hi,
            subintervals: proof.subintervals,
            method: proof.method.name(),
            status: proof.status.name(),
            t: proof.t,
            t_within: proof.t_within,
            ends: Ends { a, b },
            above_ends: proof.above_ends(),
            error_hi: proof.error,
            seconds: proof.seconds,
            rows: None,
        }
    }

    /// The same statement, which is about `count` evenly spaced rows of all training rows.
    pub(super) fn about(self, count: usize, of: usize) -> Self {
        Self { rows: (count < of).then_some(Rows { count, of, which: "evenly spaced" }), ..self }
    }

    /// Whether the search was stopped, by its time limit or by the user.
    pub(crate) fn is_stopped(&self) -> bool {
        self.status == Status::Stopped.name()
    }

    pub(super) fn print(&self, out: Option<&Path>) {
        let Self { lo, hi, t_within, ends, method, status, subintervals, seconds, .. } = self;
        let gap = (hi - lo) / hi;
        print(&format!("highest risk         in {} for every t, proved", enclosure((*lo, *hi), 9)));
        print(&format!(
            "                     relative gap {gap:.2e}; at least the lower bound at a t in {}",
            enclosure(*t_within, 9)
        ));
        if let Some(Rows { count, of, which }) = &self.rows {
            print(&format!(
                "rows                 {count} of {of} training rows, {which}; nothing is said of the others"
            ));
        }
        print(&format!("risk at A            in {}", enclosure(ends.a, 9)));
        print(&format!("risk at B            in {}", enclosure(ends.b, 9)));
        print(&format!("barrier above ends   in {}", enclosure(self.above_ends, 9)));
        if let Some(error) = self.error_hi {
            print(&format!("error                at most {:.3} % for every t", (1e5 * error).ceil() / 1e3));
        }
        let end = match *status {
            "tolerance" => "as tight as --tolerance asks",
            "budget" => "ended by --max-subintervals",
            "resolution" => "ended where only rounding is left",
            _ => "interrupted",
        };
        print(&format!(
            "proof                {method}, {subintervals} pieces looked at in {seconds:.2} s, {end}"
        ));
        if let Some(out) = out {
            print(&format!("written to           {}", out.display()));
        }
    }
}
