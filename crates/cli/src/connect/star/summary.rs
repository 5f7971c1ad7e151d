//! The result of `collado connect --method star`.

use serde::Serialize;

use crate::{
    connect::{args::ConnectArgs, summary::TestValues},
    folder::Folder,
    json::print,
    search::AlignBy,
    shown::{counted, enclosure, risk},
    star::{Centre, CentreRecord, Segment, SegmentRecord},
};

/// The result of `connect --method star`.
#[derive(Serialize)]
pub(super) struct Summary {
    method: &'static str,
    /// Over all segments: the highest sampled risk, and its height above the highest end. For two ends all definitions, on
    /// the path A, centre, B.
    pub(super) barrier: Barrier,
    #[serde(skip_serializing_if = "Option::is_none")]
    test: Option<TestValues>,
    certified: Option<Enclosed>,
    /// The risks of `a` and `b`, or of `a`, `b1`, `b2`, …
    ends: serde_json::Map<String, serde_json::Value>,
    center: CentreRecord,
    segments: Vec<SegmentRecord>,
    align: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    normalized_length: Option<f64>,
    points: usize,
    seconds: f64,
    fit_seconds: f64,
    profile_seconds: f64,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Barrier {
    Two(collado_risk::Barrier),
    Many { max: f64, above_ends: f64 },
}

impl Barrier {
    pub(super) fn above_ends(&self) -> f64 {
        match self {
            Self::Two(barrier) => barrier.above_ends,
            Self::Many { above_ends, .. } => *above_ends,
        }
    }
}

/// The proofs of all segments together.
#[derive(Serialize)]
struct Enclosed {
    lo: f64,
    hi: f64,
    subintervals: usize,
    method: &'static str,
}

impl Summary {
    pub(super) fn new(
        args: &ConnectArgs,
        centre: &Centre,
        segments: &[Segment],
        (whole, length): (Option<&collado_risk::Profile>, f64),
        (seconds, profile_seconds): (f64, f64),
    ) -> Self {
        let highest = |f: fn(&Segment) -> f64| segments.iter().map(f).fold(f64::NEG_INFINITY, f64::max);
        let max = collado_risk::largest(segments.iter().map(Segment::highest));
        let barrier = match whole {
            Some(profile) => Barrier::Two(profile.barrier()),
            None => Barrier::Many { max, above_ends: max - highest(Segment::risk) },
        };
        let proofs = segments.iter().map(|s| s.proof.as_ref()).collect::<Option<Vec<_>>>();
        let certified = proofs.map(|all| Enclosed {
            lo: all.iter().map(|p| p.lo).fold(f64::NEG_INFINITY, f64::max),
            hi: all.iter().map(|p| p.hi).fold(f64::NEG_INFINITY, f64::max),
            subintervals: all.iter().map(|p| p.subintervals).sum(),
            method: "each segment by itself",
        });
        let names = (0..segments.len()).map(|i| match (i, segments.len()) {
            (0, _) => "a".to_owned(),
            (_, 2) => "b".to_owned(),
            (i, _) => format!("b{i}"),
        });
        let ends = names.zip(segments).map(|(name, s)| (name, s.risk().into())).collect();
        let record = |(i, segment): (usize, &Segment)| {
            let file = whole.is_none().then(|| Segment::file(i).display().to_string());
            SegmentRecord::new(segment, file)
        };
        Self {
            method: "star",
            barrier,
            test: whole.and_then(TestValues::new),
            certified,
            ends,
            center: CentreRecord::new(centre, segments, length),
            segments: segments.iter().enumerate().map(record).collect(),
            align: args.align.unwrap_or(AlignBy::None).name(),
            length: whole.map(|profile| profile.length()),
            normalized_length: whole.map(|profile| profile.normalized_length()),
            points: args.points,
            seconds,
            fit_seconds: centre.seconds,
            profile_seconds,
        }
    }

    pub(super) fn print(&self, folder: &Folder) {
        print(&format!("star of {}", counted(self.segments.len(), "minimum").replace("minimums", "minima")));
        self.center.print();
        let width = self.segments.iter().map(|s| s.name().chars().count()).max().unwrap_or(0);
        self.segments.iter().for_each(|segment| segment.print(width));
        print(&format!(
            "barrier above ends   {}  (sampled at {} points a segment)",
            risk(self.barrier.above_ends()),
            self.points
        ));
        if let Some(Enclosed { lo, hi, .. }) = &self.certified {
            print(&format!(
                "highest risk         in {} for every t of every segment, proved",
                enclosure((*lo, *hi), 6)
            ));
        }
        print(&format!("written to           {}", folder.path().display()));
    }
}
