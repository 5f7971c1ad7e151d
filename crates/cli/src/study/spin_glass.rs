//! The flags of the study `spin-glass`.

use crate::numbers;
use clap::Args as ClapArgs;
use collado_studies::{
    CellCache, Report, StudyError,
    spin_glass::{CLAIM, SpinGlassSettings, spin_glass},
};

use super::experiment::{Experiment, Progress, Size};

#[derive(Debug, Default, ClapArgs)]
pub(crate) struct SpinGlassArgs {
    /// Number p of spins in each interaction [default: 3].
    #[arg(long, value_parser = numbers::whole::<usize>(2..=20))]
    p: Option<usize>,
    /// Number N of spins [default: 40].
    #[arg(long, value_parser = numbers::whole::<usize>(3..=2000))]
    size: Option<usize>,
    /// Number of random starts of Newton's method [default: 200].
    #[arg(long, value_parser = numbers::whole::<u64>(0..=1_000_000))]
    starts: Option<u64>,
    /// Number of random starts of descent [default: 40].
    #[arg(long, value_parser = numbers::whole::<u64>(0..=1_000_000))]
    descents: Option<u64>,
    /// Number of random starts in a small tanh network, whose critical points are drawn the same way; 0 = none
    /// [default: 150].
    #[arg(long, value_parser = numbers::whole::<u64>(0..=1_000_000))]
    network_starts: Option<u64>,
}

impl Experiment for SpinGlassArgs {
    const NAME: &'static str = "spin-glass";
    const CLAIM: &'static str = CLAIM;

    fn report(
        &self,
        size: Size,
        seed: u64,
        cells: &CellCache,
        progress: Progress<'_>,
    ) -> Result<Report, StudyError> {
        let usual = size.of(SpinGlassSettings::quick, SpinGlassSettings::default, SpinGlassSettings::full);
        let settings = SpinGlassSettings {
            p: self.p.unwrap_or(usual.p),
            size: self.size.unwrap_or(usual.size),
            starts: self.starts.unwrap_or(usual.starts),
            descents: self.descents.unwrap_or(usual.descents),
            network_starts: self.network_starts.unwrap_or(usual.network_starts),
            seed,
        };
        Ok((&spin_glass(&settings, cells, progress)?).into())
    }
}
