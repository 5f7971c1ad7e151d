//! The flags of the study `overparam-gap`.

use crate::numbers;
use clap::Args as ClapArgs;
use collado_studies::{
    CellCache, Report, StudyError,
    overparam_gap::{CLAIM, OverparamGap},
};

use super::experiment::{Experiment, Progress, Size};

#[derive(Debug, Default, ClapArgs)]
pub(crate) struct OverparamGapArgs {
    /// Number n of inputs [default: 2].
    #[arg(long, value_parser = numbers::whole::<usize>(1..=100000))]
    inputs: Option<usize>,
    /// Widths m [default: 4,8,16,32].
    #[arg(long, value_delimiter = ',', value_parser = numbers::whole::<usize>(1..=1_000_000))]
    widths: Option<Vec<usize>>,
    /// Number of pairs of minima for each width [default: 10].
    #[arg(long, value_parser = numbers::whole::<usize>(1..=1_000_000))]
    pairs: Option<usize>,
    /// Number of examples [default: 400].
    #[arg(long, value_parser = numbers::whole::<usize>(1..=100000000))]
    examples: Option<usize>,
    /// Weight of the output weights' absolute values [default: 0.001].
    #[arg(long, value_parser = numbers::not_negative)]
    kappa: Option<f64>,
    /// Number of steps of Adam to a minimum [default: 3000].
    #[arg(long, value_parser = numbers::some::<u64>())]
    steps: Option<u64>,
    /// Search for the best number of neurons to drop, instead of dropping half of them.
    #[arg(long)]
    search: bool,
}

impl Experiment for OverparamGapArgs {
    const NAME: &'static str = "overparam-gap";
    const CLAIM: &'static str = CLAIM;

    fn report(
        &self,
        size: Size,
        seed: u64,
        cells: &CellCache,
        progress: Progress<'_>,
    ) -> Result<Report, StudyError> {
        let usual = size.of(OverparamGap::quick, OverparamGap::default, OverparamGap::full);
        let study = OverparamGap {
            inputs: self.inputs.unwrap_or(usual.inputs),
            widths: self.widths.clone().unwrap_or(usual.widths),
            pairs: self.pairs.unwrap_or(usual.pairs),
            examples: self.examples.unwrap_or(usual.examples),
            kappa: self.kappa.unwrap_or(usual.kappa),
            steps: self.steps.unwrap_or(usual.steps),
            search: self.search || usual.search,
            seed,
        };
        Ok((&study.run(cells, progress)?).into())
    }
}
