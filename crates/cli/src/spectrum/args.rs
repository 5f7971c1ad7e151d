//! The flags of `collado spectrum`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};
use collado_landscape::Side;
use collado_risk::CurvatureForm;

use crate::{
    args::{Common, DataArgs, NetworkArgs},
    numbers,
};

#[derive(Debug, ClapArgs)]
pub(crate) struct SpectrumArgs {
    /// Checkpoints of one network, or folders of a run.
    #[arg(required = true)]
    pub(super) checkpoints: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) network: NetworkArgs,
    /// Matrix whose spectrum is computed.
    #[arg(long, default_value = "hessian")]
    pub(super) matrix: MatrixName,
    /// Largest number of parameters for which all eigenvalues are computed, if --memory holds the matrix; of larger
    /// networks the ends, trace and density are computed.
    #[arg(long, default_value_t = 3000, value_parser = numbers::whole::<usize>(0..=100_000))]
    pub(super) dense: usize,
    /// Ends of the spectrum: both, top or bottom. One end alone takes fewer products.
    #[arg(long = "ends", default_value = "both", value_name = "ENDS")]
    pub(super) side: SideName,
    /// Number of eigenvalues at each end, counted with multiplicities.
    #[arg(long, default_value_t = 5, value_parser = numbers::whole::<usize>(1..=10_000))]
    pub(super) count: usize,
    /// Largest number of products for each start of Lanczos' method that finds eigenvalues.
    #[arg(long, default_value_t = 300, value_parser = numbers::whole::<usize>(1..=1_000_000))]
    pub(super) steps: usize,
    /// Largest number of products for the last start, orthogonal to everything found, which checks that no eigenvalue
    /// was missed; 0 = no check, and every line is 'or more', 'or less'.
    #[arg(long, default_value_t = 50, value_parser = numbers::whole::<usize>(0..=1_000_000))]
    pub(super) check: usize,
    /// Size of all residuals, relative to the largest eigenvalue, at which Lanczos' method ends.
    #[arg(long, default_value_t = 1e-6, value_parser = numbers::positive)]
    pub(super) tolerance: f64,
    /// Number of products for the trace; 0 = no trace.
    #[arg(long, default_value_t = 60, value_parser = products)]
    pub(super) products: usize,
    /// Number of random vectors for the density; 0 = no density.
    #[arg(long, default_value_t = 4, value_parser = numbers::whole::<usize>(0..=1_000_000))]
    pub(super) probes: usize,
    /// Folder for summary, tables (eigenvalues.csv, spectrum.csv) and picture, which is created. Each of several
    /// checkpoints gets a folder in it, named after its file.
    #[arg(long)]
    pub(super) out: Option<PathBuf>,
    /// Overwrite existing results.
    #[arg(long, requires = "out")]
    pub(super) force: bool,
    #[command(flatten)]
    pub(super) data: DataArgs,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum MatrixName {
    Hessian,
    GaussNewton,
    Fisher,
}

impl MatrixName {
    pub(super) fn form(self) -> CurvatureForm {
        match self {
            Self::Hessian => CurvatureForm::Hessian,
            Self::GaussNewton => CurvatureForm::GaussNewton,
            Self::Fisher => CurvatureForm::Fisher,
        }
    }

    /// As on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hessian => "hessian",
            Self::GaussNewton => "gauss-newton",
            Self::Fisher => "fisher",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Hessian => "Hessian",
            Self::GaussNewton => "Gauss–Newton matrix",
            Self::Fisher => "Empirical Fisher matrix",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SideName {
    Both,
    Top,
    Bottom,
}

impl From<SideName> for Side {
    fn from(name: SideName) -> Self {
        match name {
            SideName::Both => Self::Both,
            SideName::Top => Self::Top,
            SideName::Bottom => Self::Bottom,
        }
    }
}

/// Parses the number of products for the trace: 0, or enough for a standard error.
fn products(text: &str) -> Result<usize, String> {
    match numbers::whole(0..=1_000_000)(text) {
        Ok(products @ (0 | 9..)) => Ok(products),
        _ => Err("expected 0, or a whole number from 9 to 1000000".into()),
    }
}
