//! The guarantee that a method gives for its path, in summaries and states.

use collado_dynamics::{Guarantee, StringReport};
use collado_files::read_number;
use serde::{Deserialize, Serialize};

use crate::shown::risk;

/// The guarantee that a method gives for its path; a path that is only sampled has none.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum GuaranteeRecord {
    ConvexLegs {
        #[serde(deserialize_with = "read_number")]
        vertex_max: f64,
    },
    Band {
        pivots: usize,
    },
    String {
        #[serde(deserialize_with = "read_number")]
        level: f64,
        beads: usize,
        missed: usize,
        open_legs: usize,
        depth_limit_reached: bool,
    },
}

impl GuaranteeRecord {
    pub(crate) fn new(guarantee: &Guarantee) -> Option<Self> {
        match *guarantee {
            Guarantee::Sampled => None,
            Guarantee::Convex { vertex_max } => Some(Self::ConvexLegs { vertex_max }),
            Guarantee::Band { pivots } => Some(Self::Band { pivots }),
            Guarantee::String(StringReport { level, beads, missed, open_legs, depth_limit_reached }) => {
                Some(Self::String { level, beads, missed, open_legs, depth_limit_reached })
            }
        }
    }

    /// The guarantee that was recorded.
    pub(crate) fn guarantee(this: Option<Self>) -> Guarantee {
        match this {
            None => Guarantee::Sampled,
            Some(Self::ConvexLegs { vertex_max }) => Guarantee::Convex { vertex_max },
            Some(Self::Band { pivots }) => Guarantee::Band { pivots },
            Some(Self::String { level, beads, missed, open_legs, depth_limit_reached }) => {
                Guarantee::String(StringReport { level, beads, missed, open_legs, depth_limit_reached })
            }
        }
    }

    /// The guarantee as a line for people.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::ConvexLegs { vertex_max } => format!(
                "highest vertex       {}  (F is convex on every leg: it bounds the whole path, up to rounding)",
                risk(*vertex_max)
            ),
            Self::Band { pivots } => format!("band                 {pivots} pivots"),
            Self::String { level, beads, missed, open_legs, depth_limit_reached } => {
                let limit = if *depth_limit_reached { ", depth limit reached" } else { "" };
                format!(
                    "string               {} beads below {}, {missed} missed, {open_legs} legs open{limit}",
                    beads - missed,
                    risk(*level)
                )
            }
        }
    }
}
