//! The listed eigenvalues, each with its rank and its enclosure.

use collado_landscape::{Ends, RankCheck, Ritz};
use serde_json::{Value as Json, json};

use crate::{failure::Failure, json::number, shown::significant, table::text};

/// One eigenvalue of a list.
pub(super) struct Line {
    /// The end of the spectrum, `top` or `bottom`.
    end: &'static str,
    /// The rank from 1, counted from the end with multiplicities.
    rank: usize,
    value: f64,
    residual: f64,
    /// The enclosure of the eigenvalue of that rank.
    enclosure: (f64, f64),
    status: Status,
}

/// Whether a line's rank is known.
#[derive(Clone, Copy, PartialEq)]
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

impl Line {
    /// The lines of both ends, given all eigenvalues, ascending, each with the error `rounding`.
    pub(super) fn of_all(values: &[f64], (top, bottom): (usize, usize), rounding: f64) -> Vec<Self> {
        let line = |end, (i, &value): (usize, &f64)| {
            let enclosure = (value - rounding, value + rounding);
            Self { end, rank: i + 1, value, residual: rounding, enclosure, status: Status::Exact }
        };
        let above = values.iter().rev().take(top).enumerate().map(|v| line("top", v));
        above.chain(values.iter().take(bottom).enumerate().map(|v| line("bottom", v))).collect()
    }

    /// The lines of the ends that Lanczos' method found.
    pub(super) fn of_ends(ends: &Ends) -> Vec<Self> {
        let line = |end, (i, ritz): (usize, &Ritz)| {
            let status = match ends.check {
                _ if !ritz.ranked => Status::AtLeast,
                RankCheck::Complete => Status::Exact,
                _ => Status::Checked,
            };
            let Ritz { value, residual, enclosure, .. } = *ritz;
            Self { end, rank: i + 1, value, residual, enclosure, status }
        };
        let above = ends.top.iter().enumerate().map(|r| line("top", r));
        above.chain(ends.bottom.iter().enumerate().map(|r| line("bottom", r))).collect()
    }

    fn json(&self) -> Json {
        json!({
            "value": number(self.value), "residual": number(self.residual), "rank": self.rank,
            "rank_status": self.status.name(),
            "enclosure": [number(self.enclosure.0), number(self.enclosure.1)],
        })
    }

    /// The line as people read it.
    pub(super) fn text(&self) -> String {
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

/// Adds both lists and the check of their ranks to a summary.
pub(super) fn describe(lines: &[Line], check: Option<RankCheck>, summary: &mut Json) {
    for end in ["top", "bottom"] {
        summary[end] = lines.iter().filter(|l| l.end == end).map(Line::json).collect();
    }
    summary["rank_check"] = match check {
        None | Some(RankCheck::Complete) => json!({"method": "all-eigenvalues", "failure_probability": 0.0}),
        Some(RankCheck::Random { failure }) => {
            json!({"method": "random-start", "failure_probability": number(failure)})
        }
        Some(RankCheck::Unchecked) => json!({"method": "none", "failure_probability": null}),
    };
}

/// A sentence about the ranks of all lines.
pub(super) fn ranks(lines: &[Line], check: &Json) -> String {
    let all = lines.iter().all(|l| l.status != Status::AtLeast);
    let known = lines.iter().filter(|l| l.status != Status::AtLeast);
    let off = |l: &Line| (l.enclosure.1 - l.value).max(l.value - l.enclosure.0);
    let within = known.map(off).fold(0., f64::max);
    let which = if all { "each line is" } else { "lines without 'or' are" };
    match check["method"].as_str() {
        Some("all-eigenvalues") => {
            format!("{which} the eigenvalue of its rank ± {within:.1e}; all are known")
        }
        Some("random-start") => format!(
            "{which} the eigenvalue of its rank ± {within:.1e}, except with probability {:.0e} (a random start found no other)",
            check["failure_probability"].as_f64().unwrap_or(f64::NAN)
        ),
        _ => "not checked: eigenvalues may have been missed".into(),
    }
}

/// The lines as a table.
pub(super) fn table(lines: &[Line]) -> Result<csv::Writer<Vec<u8>>, Failure> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(["rank", "end", "value", "residual", "status", "lower", "upper"])?;
    for l in lines {
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
