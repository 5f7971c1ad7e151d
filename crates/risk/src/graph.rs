//! A risk as a node of candle's computation graph, for automatic differentiation through it.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};

use crate::{Objective, Result, Rows, Span};
use collado_models::dispatch;

/// The risks `[P]` of the points `theta` `[P, S]` as a node of a candle graph, in the dtype of `theta`: autodiff goes
/// through it to whatever `theta` was made from. Values over all examples, or over one shared minibatch. CPU only.
///
/// # Errors
/// The errors of the objective and of candle.
pub fn risk_node(objective: Arc<dyn Objective>, theta: &Tensor, rows: Option<Vec<u32>>) -> Result<Tensor> {
    Ok(theta.contiguous()?.apply_op1(RiskNode { objective, rows })?)
}

struct RiskNode {
    objective: Arc<dyn Objective>,
    rows: Option<Vec<u32>>,
}

impl RiskNode {
    fn rows(&self) -> Rows<'_> {
        self.rows.as_deref().map_or(Rows::All, Rows::Shared)
    }
}

impl CustomOp1 for RiskNode {
    fn name(&self) -> &'static str {
        "risk"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let (points, size) = layout.shape().dims2()?;
        let fail = candle_core::Error::wrap;
        let (start, end) = layout
            .contiguous_offsets()
            .ok_or_else(|| candle_core::Error::RequiresContiguous { op: "risk" }.bt())?;
        dispatch!(candle_core::backend::BackendStorage::dtype(storage), T => {
            let theta = Tensor::from_slice(&storage.as_slice::<T>()?[start..end], (points, size), &candle_core::Device::Cpu)?;
            let values = self.objective.evaluate(&Span::stack(&theta).map_err(fail)?, self.rows(), None).map_err(fail)?;
            let risks = values.iter().map(|v| <T as collado_models::Real>::of(v.risk)).collect();
            Ok((<T as candle_core::WithDType>::to_cpu_storage_owned(risks), Shape::from(points)))
        })
        .map_err(|e: crate::Error| candle_core::Error::wrap(e))
    }

    fn bwd(&self, theta: &Tensor, _: &Tensor, upstream: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let theta = theta.detach();
        let mut grad = theta.zeros_like()?;
        let span = Span::stack(&theta).map_err(candle_core::Error::wrap)?;
        self.objective.evaluate(&span, self.rows(), Some(&mut grad)).map_err(candle_core::Error::wrap)?;
        Ok(Some(grad.broadcast_mul(&upstream.unsqueeze(1)?)?))
    }
}
