//! Bounds of the gradient by the last layer's kernel, for growing numbers of examples.

use std::{io::Write, path::Path, sync::Arc};

use candle_core::{DType, Device};
use collado_landscape::{GradientBound, Kernel, KernelSpectrum, SpectrumSettings};
use collado_risk::{Criterion, EmpiricalRisk, Objective, Regularizer, Rows, Span};
use serde::Serialize;

use super::input::KernelInput;
use crate::failure::Failure;

/// The squared gradient of the loss over the first examples, and its lower bounds.
pub(super) struct Bounds {
    pub(super) examples: usize,
    pub(super) loss: f64,
    pub(super) measured: f64,
    pub(super) bound: GradientBound,
}

/// The bounds for 1, 2, 4, … and all examples; `lambda_min` is that of the whole `kernel` of the last layer.
pub(super) fn bounds(input: &KernelInput, kernel: &Kernel, lambda_min: f64) -> Result<Vec<Bounds>, Failure> {
    let KernelInput { examples, tangent, loss, theta, .. } = input;
    let criterion = Criterion { loss: *loss, kappa: 0., regularizer: Regularizer::L2 };
    let objective = EmpiricalRisk::new(tangent.arch(), Arc::clone(examples), criterion)?;
    let span = Span::stack(&theta.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.unsqueeze(0)?)?;
    let slopes = loss.slopes(tangent.outputs(), examples.targets())?;
    let losses = loss.values(tangent.outputs(), examples.targets())?;
    let m = kernel.size();
    let q = slopes.len() / m;
    let at = |n: usize| {
        let (loss, measured) = match tangent.jacobian() {
            // Chains of dense layers have an engine for gradients of their own.
            None => {
                let rows: Vec<u32> = (0..n as u32).collect();
                let mut grad = span.vertices().zeros_like()?;
                let value = objective.evaluate(&span, Rows::Shared(&rows), Some(&mut grad))?[0];
                (value.loss, grad.sqr()?.sum_all()?.to_scalar::<f64>()?)
            }
            Some(jacobian) => {
                let gradient = jacobian.transposed(&slopes[..n * q])?;
                let square = gradient.iter().map(|g| g * g).sum::<f64>() / (n as f64).powi(2);
                (losses[..n].iter().sum::<f64>() / n as f64, square)
            }
        };
        let bound = if n == m {
            GradientBound::new(kernel, lambda_min.max(0.), &slopes)?
        } else {
            let leading = kernel.leading(n);
            let spectrum = KernelSpectrum::new(&leading, &SpectrumSettings::default())?;
            GradientBound::new(&leading, spectrum.min.value.max(0.), &slopes[..n * q])?
        };
        Ok(Bounds { examples: n, loss, measured, bound })
    };
    let doubling = std::iter::successors(Some(1), |n| Some(2 * n)).take_while(|&n| n < m);
    doubling.chain([m]).map(at).collect()
}

/// The bounds as they stand in a summary.
#[derive(Serialize)]
pub(super) struct Gradient {
    examples: usize,
    loss: f64,
    squared: f64,
    last_layer_bound: f64,
    eigenvalue_bound: f64,
}

impl Bounds {
    pub(super) fn record(&self) -> Gradient {
        Gradient {
            examples: self.examples,
            loss: self.loss,
            squared: self.measured,
            last_layer_bound: self.bound.last_layer,
            eigenvalue_bound: self.bound.eigenvalue,
        }
    }

    /// Writes `bounds.csv`, with one row for each number of examples.
    pub(super) fn write(all: &[Self], file: &Path) -> Result<(), Failure> {
        let mut text = String::from("examples,loss,squared_gradient,last_layer_bound,eigenvalue_bound\n");
        for Self { examples, loss, measured, bound } in all {
            text +=
                &format!("{examples},{loss:e},{measured:e},{:e},{:e}\n", bound.last_layer, bound.eigenvalue);
        }
        Ok(collado_files::atomically(file, |f| f.write_all(text.as_bytes()))?)
    }
}
