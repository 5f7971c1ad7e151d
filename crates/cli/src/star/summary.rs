//! A star in summaries.

use collado_risk::largest;
use serde::Serialize;

use super::{Centre, Segment};
use crate::{
    certify::Certified,
    json::print,
    shown::{enclosure, risk, significant},
};

/// The centre.
#[derive(Serialize)]
pub(crate) struct CentreRecord {
    file: &'static str,
    pub(crate) risk: f64,
    /// Its norm over the largest of an end.
    length: f64,
    /// `explicit` for deep linear networks, else `learned`.
    kind: &'static str,
    /// The theorem's condition on the first hidden width, and what the equations were like.
    #[serde(skip_serializing_if = "Option::is_none")]
    linear: Option<LinearRecord>,
    seconds: f64,
}

#[derive(Serialize)]
struct LinearRecord {
    threshold: usize,
    width: usize,
    condition: f64,
    residual: f64,
}

/// One segment.
#[derive(Serialize)]
pub(crate) struct SegmentRecord {
    /// The end that it joins to the centre, by the name of its file.
    end: String,
    path: Option<String>,
    /// The risk at the end.
    risk: f64,
    /// The highest sampled risk, also above the end and the centre.
    max: f64,
    above_ends: f64,
    /// The largest values on the test rows, where there are some.
    test_loss_max: Option<f64>,
    test_error_max: Option<f64>,
    certified: Option<Certified>,
}

impl CentreRecord {
    /// The record of a centre, whose norm is `length` times the largest of an end.
    pub(crate) fn new(centre: &Centre, segments: &[Segment], length: f64) -> Self {
        let linear = centre.explicit.as_ref();
        let last = |segment: &Segment| segment.profile.train[segment.profile.train.len() - 1].risk;
        Self {
            file: "center.safetensors",
            risk: segments.first().map_or(f64::NAN, last),
            length,
            kind: if linear.is_some() { "explicit" } else { "learned" },
            linear: linear.map(|l| LinearRecord {
                threshold: l.threshold,
                width: l.width,
                condition: l.condition,
                residual: l.residual,
            }),
            seconds: centre.seconds,
        }
    }

    pub(crate) fn print(&self) {
        let length = significant(self.length, 3);
        print(&format!("centre               {}, {length} times as long as the longest end", self.kind));
        if let Some(LinearRecord { threshold, width, condition, residual }) = &self.linear {
            print(&format!(
                "                     first hidden width {width}, the theorem asks for {threshold}; condition {}, residual {residual:.1e}",
                significant(*condition, 3)
            ));
        }
        print(&format!("risk at the centre   {}", risk(self.risk)));
    }
}

impl SegmentRecord {
    /// The name of the end.
    pub(crate) fn name(&self) -> &str {
        &self.end
    }

    pub(crate) fn new(segment: &Segment, path: Option<String>) -> Self {
        let test = |f: fn(&collado_risk::Evaluation) -> f64| {
            segment.profile.test.as_ref().map(|values| largest(values.iter().map(f)))
        };
        Self {
            end: segment.name.clone(),
            path,
            risk: segment.risk(),
            max: segment.highest(),
            above_ends: segment.profile.barrier().above_ends,
            test_loss_max: test(|v| v.loss),
            test_error_max: test(|v| v.error),
            certified: segment.proof.as_ref().map(Certified::new),
        }
    }

    pub(crate) fn print(&self, width: usize) {
        let Self { end, risk: at_end, max, above_ends, certified, .. } = self;
        let proof = certified.as_ref().map_or_else(String::new, |proof| {
            format!(", in {} for every t, proved", enclosure((proof.lo, proof.hi), 6))
        });
        let above = risk(*above_ends);
        print(&format!(
            "{end:<width$}  risk {}, highest on the segment {} (above its ends {above}){proof}",
            risk(*at_end),
            risk(*max)
        ));
    }
}
