//! The flags of the study `width`.

use crate::numbers;
use clap::Args as ClapArgs;
use collado_data::Spec;
use collado_studies::{
    CellCache, Report, StudyError,
    width::{CLAIM, WidthSettings, width},
};

use super::experiment::{Experiment, Progress, Size};

#[derive(Debug, Default, ClapArgs)]
pub(crate) struct WidthArgs {
    /// Data with classes, such as digits or mnist:DIR [default: digits].
    #[arg(long)]
    data: Option<Spec>,
    /// Numbers of hidden neurons [default: 1,2,4,8,16,32,64].
    #[arg(long, value_delimiter = ',', value_parser = numbers::whole::<usize>(1..=1_000_000))]
    widths: Option<Vec<usize>>,
    /// Number of networks for each width, of which neighbours are connected [default: 16].
    #[arg(long, value_parser = numbers::whole::<usize>(2..=1_000_000))]
    runs: Option<usize>,
    /// Number of passes over the examples [default: 200].
    #[arg(long, value_parser = numbers::some::<u64>())]
    epochs: Option<u64>,
    /// Number of examples in a minibatch; 0 = all [default: 64].
    #[arg(long, value_parser = numbers::any::<usize>())]
    batch: Option<usize>,
    /// Step size of Adam [default: 0.01].
    #[arg(long, value_parser = numbers::positive)]
    lr: Option<f64>,
    /// Final training loss at which a run counts as a hit [default: 0.01].
    #[arg(long, value_parser = numbers::positive)]
    target: Option<f64>,
    /// Number of passes over the examples for each curve [default: 60].
    #[arg(long, value_parser = numbers::some::<u64>())]
    curve_epochs: Option<u64>,
}

impl Experiment for WidthArgs {
    const NAME: &'static str = "width";
    const CLAIM: &'static str = CLAIM;

    fn report(
        &self,
        size: Size,
        seed: u64,
        cells: &CellCache,
        progress: Progress<'_>,
    ) -> Result<Report, StudyError> {
        let usual = size.of(WidthSettings::quick, WidthSettings::default, WidthSettings::full);
        let data = self.data.as_ref().map_or_else(|| collado_data::load("digits"), Spec::load)?;
        let settings = WidthSettings {
            widths: self.widths.clone().unwrap_or(usual.widths),
            runs: self.runs.unwrap_or(usual.runs),
            epochs: self.epochs.unwrap_or(usual.epochs),
            batch: self.batch.unwrap_or(usual.batch),
            lr: self.lr.unwrap_or(usual.lr),
            target: self.target.unwrap_or(usual.target),
            curve_epochs: self.curve_epochs.unwrap_or(usual.curve_epochs),
            seed,
        };
        Ok((&width(&data, &settings, cells, progress)?).into())
    }
}
