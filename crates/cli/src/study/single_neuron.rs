//! The flags of the study `single-neuron`.

use crate::numbers;
use clap::Args as ClapArgs;
use collado_studies::{
    CellCache, Report, StudyError,
    single_neuron::{CLAIM, SingleNeuronSettings, single_neuron},
};

use super::experiment::{Experiment, Progress, Size};

#[derive(Debug, Default, ClapArgs)]
pub(crate) struct SingleNeuronArgs {
    /// Numbers of inputs d [default: 1,2,3,4,5,6].
    #[arg(long, value_delimiter = ',', value_parser = numbers::whole::<usize>(1..=1000))]
    dims: Option<Vec<usize>>,
    /// Number p of minima of each coordinate [default: 3].
    #[arg(long, value_parser = numbers::whole::<usize>(1..=9))]
    per_dim: Option<usize>,
    /// Ratio R of the lengths of the examples [default: 10].
    #[arg(long, value_parser = numbers::above_one)]
    ratio: Option<f64>,
    /// Number of starts of descent for each d [default: 40000].
    #[arg(long, value_parser = numbers::some::<usize>())]
    starts: Option<usize>,
    /// Random labels: numbers of examples [default: 4,8,16,32,64].
    #[arg(long, value_delimiter = ',', value_parser = numbers::whole::<usize>(2..=100000000))]
    samples: Option<Vec<usize>>,
    /// Random labels: number of data sets for each number of examples [default: 20].
    #[arg(long, value_parser = numbers::whole::<usize>(2..=1000000000))]
    draws: Option<usize>,
    /// Random labels: number of starts for each data set [default: 200].
    #[arg(long, value_parser = numbers::some::<usize>())]
    tries: Option<usize>,
}

impl Experiment for SingleNeuronArgs {
    const NAME: &'static str = "single-neuron";
    const CLAIM: &'static str = CLAIM;

    fn report(
        &self,
        size: Size,
        seed: u64,
        cells: &CellCache,
        progress: Progress<'_>,
    ) -> Result<Report, StudyError> {
        let usual =
            size.of(SingleNeuronSettings::quick, SingleNeuronSettings::default, SingleNeuronSettings::full);
        let settings = SingleNeuronSettings {
            dims: self.dims.clone().unwrap_or(usual.dims),
            per_dim: self.per_dim.unwrap_or(usual.per_dim),
            ratio: self.ratio.unwrap_or(usual.ratio),
            starts: self.starts.unwrap_or(usual.starts),
            samples: self.samples.clone().unwrap_or(usual.samples),
            draws: self.draws.unwrap_or(usual.draws),
            tries: self.tries.unwrap_or(usual.tries),
            seed,
        };
        Ok((&single_neuron(&settings, cells, progress)?).into())
    }
}
