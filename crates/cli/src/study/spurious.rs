//! The flags of the study `spurious`.

use crate::numbers;
use clap::Args as ClapArgs;
use collado_studies::{
    CellCache, Report, StudyError,
    spurious::{CLAIM, SpuriousSettings, spurious},
};

use super::experiment::{Experiment, Progress, Size};

#[derive(Debug, Default, ClapArgs)]
pub(crate) struct SpuriousArgs {
    /// Numbers k of teachers [default: 6,8,10].
    #[arg(long, value_delimiter = ',', value_parser = numbers::whole::<usize>(1..=100))]
    k: Option<Vec<usize>>,
    /// Numbers n - k of neurons beyond the teachers [default: 0,1,2].
    #[arg(long, value_delimiter = ',', value_parser = numbers::whole::<usize>(0..=100))]
    extra: Option<Vec<usize>>,
    /// Number of runs for each k and n [default: 1000].
    #[arg(long, value_parser = numbers::some::<u64>())]
    runs: Option<u64>,
    /// Largest number of steps of a run [default: 200000].
    #[arg(long, value_parser = numbers::some::<u64>())]
    max_steps: Option<u64>,
    /// Gradient norm at which descent ends [default: 1e-9].
    #[arg(long, value_parser = numbers::positive)]
    gradient_tolerance: Option<f64>,
    /// Number of runs of SGD on drawn data for each n = k; 0 = none [default: 200].
    #[arg(long, value_parser = numbers::any::<u64>())]
    sgd_runs: Option<u64>,
    /// Number of examples drawn for SGD [default: 10000].
    #[arg(long, value_parser = numbers::whole::<usize>(64..=100000000))]
    samples: Option<usize>,
    /// Number of steps of SGD [default: 5000].
    #[arg(long, value_parser = numbers::some::<u64>())]
    sgd_steps: Option<u64>,
}

impl Experiment for SpuriousArgs {
    const NAME: &'static str = "spurious";
    const CLAIM: &'static str = CLAIM;

    fn report(
        &self,
        size: Size,
        seed: u64,
        cells: &CellCache,
        progress: Progress<'_>,
    ) -> Result<Report, StudyError> {
        let usual = size.of(SpuriousSettings::quick, SpuriousSettings::default, SpuriousSettings::full);
        let settings = SpuriousSettings {
            k: self.k.clone().unwrap_or(usual.k),
            extra: self.extra.clone().unwrap_or(usual.extra),
            runs: self.runs.unwrap_or(usual.runs),
            max_steps: self.max_steps.unwrap_or(usual.max_steps),
            gradient_tolerance: self.gradient_tolerance.unwrap_or(usual.gradient_tolerance),
            sgd_runs: self.sgd_runs.unwrap_or(usual.sgd_runs),
            samples: self.samples.unwrap_or(usual.samples),
            sgd_steps: self.sgd_steps.unwrap_or(usual.sgd_steps),
            seed,
        };
        Ok((&spurious(&settings, cells, progress)?).into())
    }
}
