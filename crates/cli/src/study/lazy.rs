//! The flags of the study `lazy`.

use crate::numbers;
use clap::Args as ClapArgs;
use collado_studies::{
    CellCache, Report, StudyError,
    lazy::{CLAIM, LazySettings, lazy},
};

use super::experiment::{Experiment, Progress, Size};

#[derive(Debug, Default, ClapArgs)]
pub(crate) struct LazyArgs {
    /// Numbers of neurons [default: the powers of 2 from 64 to 4096].
    #[arg(long, value_delimiter = ',', value_parser = numbers::whole::<usize>(1..=10000000))]
    widths: Option<Vec<usize>>,
    /// Number m of examples on the unit sphere [default: 64].
    #[arg(long, value_parser = numbers::whole::<usize>(1..=100000))]
    examples: Option<usize>,
    /// Dimension of the sphere's space [default: 10].
    #[arg(long, value_parser = numbers::whole::<usize>(1..=100000))]
    dims: Option<usize>,
    /// Number of networks for each width and initialisation [default: 8].
    #[arg(long, value_parser = numbers::whole::<usize>(1..=1_000_000))]
    runs: Option<usize>,
    /// Number of steps of gradient descent, and of SGD [default: 2000].
    #[arg(long, value_parser = numbers::some::<u64>())]
    steps: Option<u64>,
    /// Number of examples in a minibatch of SGD [default: 8].
    #[arg(long, value_parser = numbers::whole::<usize>(1..=1000000000))]
    batch: Option<usize>,
    /// Number of neurons drawn for the second derivatives [default: 200000].
    #[arg(long, value_parser = numbers::whole::<usize>(1..=1000000000))]
    draws: Option<usize>,
}

impl Experiment for LazyArgs {
    const NAME: &'static str = "lazy";
    const CLAIM: &'static str = CLAIM;

    fn report(
        &self,
        size: Size,
        seed: u64,
        cells: &CellCache,
        progress: Progress<'_>,
    ) -> Result<Report, StudyError> {
        let usual = size.of(LazySettings::quick, LazySettings::default, LazySettings::full);
        let settings = LazySettings {
            widths: self.widths.clone().unwrap_or(usual.widths),
            examples: self.examples.unwrap_or(usual.examples),
            inputs: self.dims.unwrap_or(usual.inputs),
            runs: self.runs.unwrap_or(usual.runs),
            steps: self.steps.unwrap_or(usual.steps),
            batch: self.batch.unwrap_or(usual.batch),
            draws: self.draws.unwrap_or(usual.draws),
            seed,
        };
        Ok((&lazy(&settings, cells, progress)?).into())
    }
}
