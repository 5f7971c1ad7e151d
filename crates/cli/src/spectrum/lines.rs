//! The listed eigenvalues, each with its rank and its enclosure.

use collado_landscape::{Ends, RankCheck, Ritz};
use serde::Serialize;

use super::ranks::{RankMethod, RankRecord};
use crate::{failure::Failure, shown::significant, table::text};

/// The eigenvalues at both ends.
#[derive(Debug, Serialize)]
pub(super) struct Lines {
    top: Vec<Line>,
    bottom: Vec<Line>,
}

/// One eigenvalue of a list.
#[derive(Debug, Serialize)]
struct Line {
    /// The end of the spectrum, `top` or `bottom`.
    #[serde(skip)]
    end: &'static str,
    /// The rank from 1, counted from the end with multiplicities.
    rank: usize,
    value: f64,
    residual: f64,
    /// The enclosure of the eigenvalue of that rank.
    enclosure: (f64, f64),
    #[serde(rename = "rank_status")]
    status: Status,
}

/// Whether a line's rank is known.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Status {
    /// All eigenvalues are known.
    Exact,
    /// No eigenvalue was missed, except with the probability that is stated.
    Checked,
    /// The eigenvalue of that rank has this value or lies farther out.
    AtLeast,
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Checked => "checked",
            Self::AtLeast => "at-least",
        }
    }
}

impl Lines {
    /// The lines of both ends, given all eigenvalues, ascending, each with the error `rounding`.
    pub(super) fn of_all(values: &[f64], (top, bottom): (usize, usize), rounding: f64) -> Self {
        let line = |end, (i, &value): (usize, &f64)| {
            let enclosure = (value - rounding, value + rounding);
            Line { end, rank: i + 1, value, residual: rounding, enclosure, status: Status::Exact }
        };
        Self {
            top: values.iter().rev().take(top).enumerate().map(|v| line("top", v)).collect(),
            bottom: values.iter().take(bottom).enumerate().map(|v| line("bottom", v)).collect(),
        }
    }

    /// The lines of the ends that Lanczos' method found.
    pub(super) fn of_ends(ends: &Ends) -> Self {
        let line = |end, (i, ritz): (usize, &Ritz)| {
            let status = match ends.check {
                _ if !ritz.ranked => Status::AtLeast,
                RankCheck::Complete => Status::Exact,
                _ => Status::Checked,
            };
            let Ritz { value, residual, enclosure, .. } = *ritz;
            Line { end, rank: i + 1, value, residual, enclosure, status }
        };
        Self {
            top: ends.top.iter().enumerate().map(|r| line("top", r)).collect(),
            bottom: ends.bottom.iter().enumerate().map(|r| line("bottom", r)).collect(),
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Line> {
        self.top.iter().chain(&self.bottom)
    }

    /// The lines as people read them.
    pub(super) fn texts(&self) -> impl Iterator<Item = String> {
        self.iter().map(Line::text)
    }

    /// A sentence about the ranks of all lines.
    pub(super) fn ranks(&self, check: &RankRecord) -> String {
        let all = self.iter().all(|l| l.status != Status::AtLeast);
        let known = self.iter().filter(|l| l.status != Status::AtLeast);
        let off = |l: &Line| (l.enclosure.1 - l.value).max(l.value - l.enclosure.0);
        let within = known.map(off).fold(0., f64::max);
        let which = if all { "each line is" } else { "lines without 'or' are" };
        match check.method {
            RankMethod::AllEigenvalues => {
                format!("{which} the eigenvalue of its rank ± {within:.1e}; all are known")
            }
            RankMethod::RandomStart => format!(
                "{which} the eigenvalue of its rank ± {within:.1e}, except with probability {:.0e} (a random start found no other)",
                check.failure_probability.unwrap_or(f64::NAN)
            ),
            RankMethod::None => "not checked: eigenvalues may have been missed".into(),
        }
    }

    /// The lines as a table.
    pub(super) fn table(&self) -> Result<csv::Writer<Vec<u8>>, Failure> {
        let mut table = csv::Writer::from_writer(Vec::new());
        table.write_record(["rank", "end", "value", "residual", "status", "lower", "upper"])?;
        for l in self.iter() {
            table.write_record([
                l.rank.to_string(),
                l.end.to_owned(),
                text(l.value),
                text(l.residual),
                l.status.name().to_owned(),
                text(l.enclosure.0),
                text(l.enclosure.1),
            ])?;
        }
        Ok(table)
    }
}

impl Line {
    fn text(&self) -> String {
        let name = format!("{} {}", self.end, self.rank);
        let value = significant(self.value, 7);
        let farther = match (self.status, self.end) {
            (Status::AtLeast, "top") => beyond("or more", "up to", self.enclosure.1),
            (Status::AtLeast, _) => beyond("or less", "down to", self.enclosure.0),
            _ => String::new(),
        };
        format!("{name:<12} {value:>14}  ± {:.1e}{farther}", self.residual)
    }
}

fn beyond(more: &str, up_to: &str, bound: f64) -> String {
    let bound = if bound.is_finite() { format!(", {up_to} {bound:.3e}") } else { String::new() };
    format!("  {more}{bound}")
}
