//! The two ends of a path, and the alignment of B to A.

use std::{rc::Rc, time::Instant};

use candle_core::Tensor;
use collado_dynamics::{Align, Aligned, Matching, Result};
use serde::Serialize;

use super::flags::AlignBy;
use crate::{args::Common, task::Task};

/// The ends of a path: A, and B as it was read or aligned to A.
#[derive(Clone)]
pub(crate) struct Ends {
    pub(crate) a: Tensor,
    pub(crate) b: Tensor,
    /// The running statistics `[B]` of A and B, where the files have some.
    pub(crate) buffers: [Option<Tensor>; 2],
    pub(crate) alignment: Option<Rc<Alignment>>,
}

/// The alignment by which B was brought to A.
pub(crate) struct Alignment {
    pub(crate) by: &'static str,
    pub(crate) aligned: Aligned,
    pub(crate) seconds: f64,
}

/// The point at which a path from A ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum End {
    /// B itself.
    #[serde(rename = "b")]
    B,
    /// B′: B with its neurons permuted and rescaled, which computes the same function.
    #[serde(rename = "b-up-to-symmetry")]
    UpToSymmetry,
}

impl End {
    /// The name of the point for people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::B => "B",
            Self::UpToSymmetry => "B′",
        }
    }
}

impl Ends {
    /// The point at which a path between them ends.
    pub(crate) fn end(&self) -> End {
        if self.alignment.is_some() { End::UpToSymmetry } else { End::B }
    }

    /// The name of an attempt between these ends: that of the method, and by what B was aligned.
    pub(crate) fn attempt(&self, method: &str) -> String {
        match &self.alignment {
            None => method.to_owned(),
            Some(alignment) => format!("{method}, aligned by {}", alignment.by),
        }
    }

    /// The same ends with B aligned to A.
    pub(crate) fn align(&self, by: AlignBy, task: &Task, common: &Common) -> Result<Self> {
        let matching = match by {
            AlignBy::None => return Ok(self.clone()),
            AlignBy::Weights => Matching::Weights,
            AlignBy::Activations => Matching::Activations,
        };
        let by = by.name();
        let start = Instant::now();
        let align = Align { matching, seed: common.seed, ..Align::default() };
        let host = |t: &Tensor| t.to_device(&candle_core::Device::Cpu);
        let aligned =
            align.align(&task.arch, &host(&self.a)?, &host(&self.b)?, Some(&task.data.train.inputs))?;
        let b = aligned.theta.to_device(&task.device)?;
        let moved = |row: &Tensor| aligned.symmetry.apply_to_buffers(row);
        let buffers = [self.buffers[0].clone(), self.buffers[1].as_ref().map(moved).transpose()?];
        let seconds = start.elapsed().as_secs_f64();
        let alignment = Some(Rc::new(Alignment { by, aligned, seconds }));
        Ok(Self { a: self.a.clone(), b, buffers, alignment })
    }
}
