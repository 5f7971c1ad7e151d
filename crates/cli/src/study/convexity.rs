//! The flags of the study `convexity`.

use crate::numbers;
use clap::Args as ClapArgs;
use collado_studies::{
    CellCache, Report, StudyError,
    convexity::{CLAIM, ConvexitySettings, convexity},
};

use super::experiment::{Experiment, Progress, Size};

#[derive(Debug, Default, ClapArgs)]
pub(crate) struct ConvexityArgs {
    /// Number of points on the segment, which has to be odd [default: 101].
    #[arg(long, value_parser = numbers::whole::<usize>(3..=1000001))]
    points: Option<usize>,
    /// Indices n of the sequence's members [default: 1,2,4,…,4096].
    #[arg(long, value_delimiter = ',', value_parser = numbers::whole::<u32>(1..=4_000_000_000))]
    sequence: Option<Vec<u32>>,
}

impl Experiment for ConvexityArgs {
    const NAME: &'static str = "convexity";
    const CLAIM: &'static str = CLAIM;

    fn report(&self, _: Size, _: u64, _: &CellCache, progress: Progress<'_>) -> Result<Report, StudyError> {
        let usual = ConvexitySettings::default();
        let settings = ConvexitySettings {
            points: self.points.unwrap_or(usual.points),
            sequence: self.sequence.clone().unwrap_or(usual.sequence),
            ..usual
        };
        Ok((&convexity(&settings, progress)?).into())
    }
}
