use candle_core::{DType, Device, Tensor};
use collado_dynamics::{Epoch, Result, Rule, Stop, TrainSettings, linear_optimum, train};
use collado_models::{Arch, DenseObjective, Init, Loss, Regularizer, Risk};

/// Whether gradient descent on a deep linear network ends at the global optimum from every start (theory §2; Kawaguchi
/// 2016: with squared loss every local minimum is global).
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `starts` | 20 | runs | ≥ 1 |
/// | `steps` | 20 000 | steps of gradient descent with momentum 0.9 | ≥ 1 |
/// | `lr` | 5e-3 | step size | > 0 |
/// | `gradient` | 1e-8 | a run has converged when ‖∇F‖ is this small | > 0 |
/// | `seed` | 0 | of the first start | |
#[derive(Debug, Clone)]
pub struct DeepLinearStudy {
    /// Runs.
    pub starts: usize,
    /// Steps.
    pub steps: u64,
    /// Step size.
    pub lr: f64,
    /// Gradient norm.
    pub gradient: f64,
    /// Seed.
    pub seed: u64,
}

impl Default for DeepLinearStudy {
    fn default() -> Self {
        Self { starts: 20, steps: 20_000, lr: 5e-3, gradient: 1e-8, seed: 0 }
    }
}

/// What the starts ended at.
#[derive(Debug, Clone)]
pub struct DeepLinearResult {
    /// The least risk of any network of this architecture, in closed form: least squares of the narrowest width's rank.
    pub optimum: f64,
    /// Final risk of each start.
    pub risks: Vec<f64>,
    /// Whether its gradient became as small as asked; the others are undecided.
    pub converged: Vec<bool>,
}

impl DeepLinearStudy {
    /// Runs all starts as one stack on `inputs` `[N, n_0]` and `targets` `[N, n_K]`, in `f64`.
    ///
    /// # Errors
    /// When sizes do not fit, and those of training.
    pub fn run(&self, arch: &Arch, inputs: &Tensor, targets: &Tensor) -> Result<DeepLinearResult> {
        let narrowest = arch.widths().iter().copied().min().unwrap_or(0);
        let optimum = linear_optimum(inputs, targets, narrowest, arch.has_bias(0))?.risk;
        let risk = Risk { loss: Loss::Squared, kappa: 0., regularizer: Regularizer::L2 };
        let objective = DenseObjective::new(arch, &inputs.to_dtype(DType::F64)?, targets, risk, 256 << 20)?;
        let seeds: Vec<u64> = (0..self.starts as u64).map(|i| self.seed.wrapping_add(i)).collect();
        let start = Init::default().stack(arch, &seeds, DType::F64, &Device::Cpu)?;
        let settings = TrainSettings {
            epochs: self.steps,
            batch: 0,
            rule: Rule::Sgd { momentum: 0.9, nesterov: false, weight_decay: 0. },
            lr: self.lr,
            until_gradient: Some(self.gradient),
            ..TrainSettings::default()
        };
        let runs = train(&objective, &start, &seeds, &settings, &mut |_: &Epoch<'_>| Ok(()))?.runs;
        Ok(DeepLinearResult {
            optimum,
            risks: runs.iter().map(|run| run.value.risk).collect(),
            converged: runs.iter().map(|run| run.stop == Stop::Converged).collect(),
        })
    }
}

/// $(\prod_kw_k-1)^2+\kappa\|w\|^2$: one deep linear network with one neuron a layer, one example x = y = 1, and ridge.
pub fn scalar_ridge(w: &[f64], kappa: f64) -> f64 {
    (w.iter().product::<f64>() - 1.).powi(2) + kappa * w.iter().map(|w| w * w).sum::<f64>()
}

/// The height that every path from w = 0 out of the ball must reach, above F(0) = 1, for `depth` ≥ 3:
/// $\max_r\min_{\|w\|=r}F-1$ with $\min_{\|w\|=r}F=(1-(r^2/K)^{K/2})^2+\kappa r^2$ while the product stays below 1, by
/// the inequality of the means. It is positive: 0 is a strict local minimum, and the sublevel set at 1 is not
/// connected wherever some point has F < 1. (At K = 2 it is 0 for κ < 1.)
pub fn ridge_barrier(depth: usize, kappa: f64) -> f64 {
    let k = depth as f64;
    let height = |r: f64| {
        let product = (r * r / k).powf(k / 2.);
        product * (product - 2.) + kappa * r * r
    };
    // One maximum in (0, √K): a fine geometric grid finds it to six digits.
    (0..=20_000).map(|i| k.sqrt() * 10f64.powf(-8. * f64::from(i) / 20_000.)).map(height).fold(0., f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_start_ends_at_least_squares() {
        let data = collado_data::load("synthetic:linear?d=4&q=3&n=60&noise=0.5").unwrap();
        let collado_data::Targets::Values(targets) = &data.train.targets else { panic!("values") };
        // The second has a width below the rank of the fit: reduced-rank regression.
        for widths in [&[4, 6, 5, 3][..], &[4, 2, 3]] {
            let arch = Arch::dense(collado_models::Activation::Linear, widths, false).unwrap();
            let study = DeepLinearStudy { starts: 6, ..DeepLinearStudy::default() };
            let found = study.run(&arch, &data.train.inputs, targets).unwrap();
            assert!(found.converged.iter().all(|c| *c), "{found:?}");
            assert!(found.risks.iter().all(|r| (r - found.optimum).abs() < 1e-10), "{found:?}");
        }
    }

    #[test]
    fn ridge_disconnects_three_layers() {
        assert_eq!(scalar_ridge(&[0., 0., 0.], 0.01), 1.);
        assert!((scalar_ridge(&[1., 1., 1.], 0.01) - 0.03).abs() < 1e-15);
        // The height is where the derivative vanishes: 2κr = 2√3 r²/3 · …, tiny but there.
        let height = ridge_barrier(3, 0.01);
        assert!(height > 1e-7 && height < 1e-5, "{height}");
        assert_eq!(ridge_barrier(2, 0.01), 0.);
        // Nothing on the sphere where the height is taken lies lower.
        let radius = 0.01 * 3f64.sqrt();
        for (a, b) in (0..60).flat_map(|i| (0..60).map(move |j| (f64::from(i) * 0.1, f64::from(j) * 0.1))) {
            let w = [radius * a.sin() * b.cos(), radius * a.sin() * b.sin(), radius * a.cos()];
            assert!(scalar_ridge(&w, 0.01) >= 1. + 0.999 * height, "{w:?}");
        }
    }
}
