//! The flags of the study `deep-linear`.

use crate::numbers;
use clap::Args as ClapArgs;
use collado_models::{ArchSpec, Error};
use collado_studies::{
    CellCache, Report, StudyError,
    deep_linear::{CLAIM, DeepLinearStudy},
};

use super::experiment::{Experiment, Progress, Size};

#[derive(Debug, Default, ClapArgs)]
pub(crate) struct DeepLinearArgs {
    /// Network without biases [default: linear:6-8-8-3].
    #[arg(long)]
    arch: Option<ArchSpec>,
    /// Number of examples [default: 100].
    #[arg(long, value_parser = numbers::whole::<usize>(1..=100000000))]
    examples: Option<usize>,
    /// Number of starts of gradient descent, of which neighbours are connected [default: 20].
    #[arg(long, value_parser = numbers::whole::<usize>(2..=1_000_000))]
    starts: Option<usize>,
    /// Number of steps of gradient descent [default: 20000].
    #[arg(long, value_parser = numbers::some::<u64>())]
    steps: Option<u64>,
    /// Step size of gradient descent [default: 0.005].
    #[arg(long, value_parser = numbers::positive)]
    lr: Option<f64>,
}

impl Experiment for DeepLinearArgs {
    const NAME: &'static str = "deep-linear";
    const CLAIM: &'static str = CLAIM;

    fn report(
        &self,
        size: Size,
        seed: u64,
        _: &CellCache,
        progress: Progress<'_>,
    ) -> Result<Report, StudyError> {
        let usual = size.of(DeepLinearStudy::quick, DeepLinearStudy::default, DeepLinearStudy::full);
        let study = DeepLinearStudy {
            widths: self.arch.as_ref().map_or(Ok(usual.widths), widths)?,
            examples: self.examples.unwrap_or(usual.examples),
            starts: self.starts.unwrap_or(usual.starts),
            steps: self.steps.unwrap_or(usual.steps),
            lr: self.lr.unwrap_or(usual.lr),
            gradient: usual.gradient,
            seed,
        };
        Ok((&study.run(progress)?).into())
    }
}

/// The widths of a linear network without biases.
fn widths(spec: &ArchSpec) -> Result<Vec<usize>, StudyError> {
    let arch = spec.with_ends(1, 1);
    if arch.activation() == collado_models::Activation::Linear && !arch.has_bias(0) {
        return Ok(arch.widths().to_vec());
    }
    let (expected, found) = ("linear:… without biases", spec.to_string());
    Err(Error::Setting { name: "--arch", expected, found }.into())
}
