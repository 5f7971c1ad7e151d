//! The engine of own kernels for chains of dense layers, in `f32`, on stacks of points: `collado-cuda` has the kernels,
//! this folder what is launched on which sizes.

mod data;
mod descend;
mod gradient;
mod layers;
mod layout;
mod session;
mod small;
mod spans;
mod tensor;
#[cfg(any(feature = "cuda", test))]
mod tensor_ops;
mod values;

use std::sync::{Arc, Mutex};

use candle_core::Tensor;
use collado_cuda::Machine;
use collado_models::Chain;

#[cfg(feature = "cuda")]
pub(super) use self::tensor_ops::TensorOps;
use self::{data::Data, layout::Layout, session::Session};
use crate::{Criterion, Descent, EmpiricalRisk, Evaluation, Objective, Result, Rows, Span};

/// How products of `f32` numbers are computed on a GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// As three products of TF32 numbers each, added up outside of the tensor cores: errors of the order of `f32`.
    #[default]
    Tf32x3,
    /// By multiply-adds in `f32`.
    F32,
}

/// Scratch memory beyond which no kernel runs faster.
const MEMORY: usize = 2 << 30;

/// The engine for one network on one data set, in `f32`.
pub(crate) struct Kernels {
    machine: Arc<dyn Machine>,
    layout: Layout,
    data: Data,
    criterion: Criterion,
    /// The padded columns that the regulariser depends on.
    pulled: std::ops::Range<usize>,
    memory: usize,
    precision: Precision,
    /// What the last descent works with; the next one mostly wants the same.
    session: Mutex<Option<Session>>,
}

impl Kernels {
    pub(crate) fn new(
        risk: &EmpiricalRisk,
        chain: &Chain,
        machine: Arc<dyn Machine>,
        precision: Precision,
    ) -> Result<Self> {
        let layout = Layout::new(chain, risk.network().size());
        let criterion = risk.criterion();
        let last = layout.last();
        let pulled = match criterion.regularizer {
            crate::Regularizer::L2 => 0..layout.size,
            _ => last.weight..last.weight + last.outputs * last.ld,
        };
        let data = Data::new(risk.data(), &machine, layout.outputs())?;
        let memory = risk.memory().min(MEMORY);
        Ok(Self { machine, layout, data, criterion, pulled, memory, precision, session: Mutex::default() })
    }

    /// The number of examples of a batch.
    fn batch(&self, rows: Rows<'_>) -> usize {
        rows.size(self.data.examples)
    }

    /// The kind of the regulariser for kernels: 0 none, 1 squares, 2 absolute values.
    fn pull(&self) -> i32 {
        match self.criterion.regularizer {
            _ if self.criterion.kappa == 0. => 0,
            crate::Regularizer::L1Last => 2,
            _ => 1,
        }
    }
}

impl Objective for Kernels {
    fn at(&self, theta: &Tensor, rows: Rows<'_>, gradient: Option<&mut Tensor>) -> Result<Vec<Evaluation>> {
        self.evaluate(&Span::stack(theta)?, rows, gradient)
    }

    fn evaluate(
        &self,
        span: &Span,
        rows: Rows<'_>,
        gradient: Option<&mut Tensor>,
    ) -> Result<Vec<Evaluation>> {
        match gradient {
            None => self.values(span, rows),
            Some(gradient) => self.gradients(span, rows, gradient),
        }
    }

    fn stride(&self, span: &Span, descent: &Descent<'_>) -> Option<usize> {
        self.stride_of(span, descent)
    }

    fn descend(&self, span: &Span, descent: &Descent<'_>, memory: &[Tensor]) -> Result<()> {
        self.descend_span(span, descent, memory)
    }

    fn settle(&self) -> Result<()> {
        self.wait()
    }

    fn examples(&self) -> usize {
        self.data.examples
    }
}
