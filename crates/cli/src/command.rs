//! The list of all commands. Each command has a file or folder of its own with its flags and its work.

use clap::{ArgAction, CommandFactory, Parser, Subcommand};

use crate::{
    align,
    args::{Common, MACHINE},
    certify, certify_minimum, check, connect, critical, eval,
    failure::Failure,
    inspect, json, kernel, landscape, levelset, man, merge, point, report, spectrum, study, sweep, time,
    train,
};

/// Find, follow and draw low-risk paths between minima of neural networks.
#[derive(Debug, Parser)]
#[command(
    name = "collado",
    version,
    after_help = "collado help data and collado help arch list data sets and networks with their options."
)]
pub(crate) struct Args {
    /// Say on stderr what is done and decided; -vv in more detail. COLLADO_LOG=info,collado_certify=debug chooses by crate.
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = MACHINE)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train one or many minima as one stack.
    #[command(
        after_help = "Example:\n  collado train --arch relu:64-64-64-10 --seeds 0..8 --out runs/digits"
    )]
    Train(train::TrainArgs),
    /// Compute risk, loss, error and gradient norm of checkpoints.
    #[command(after_help = "Example:\n  collado eval checkpoints/digits-a.safetensors")]
    Eval(eval::EvalArgs),
    /// Connect two minima by a low-risk path.
    #[command(
        after_help = "Examples:\n  collado connect --a checkpoints/digits-a.safetensors --b checkpoints/digits-b.safetensors --out runs/first\n  collado connect --method star --a runs/t/seed-0.safetensors --b runs/t/seed-1.safetensors --b runs/t/seed-2.safetensors --out runs/star"
    )]
    Connect(connect::ConnectArgs),
    /// Enclose the largest risk along a path, for every t.
    #[command(
        after_help = "Examples:\n  collado certify runs/first/path.safetensors\n  collado certify runs/first/path.safetensors --tolerance 1e-6 --out runs/first/proof"
    )]
    Certify(certify::CertifyArgs),
    /// Check a proof of certify --proof or certify-minimum --proof by independent code.
    #[command(
        after_help = "Every piece of a path is bounded again, or Krawczyk's test and the eigenvalues of minima are computed again.\nThe check ends at the first claim that it cannot confirm, with exit status 1. docs/certificates.md has the format.\n\nExamples:\n  collado certify runs/first --proof runs/first.proof\n  collado check runs/first.proof runs/first\n  collado certify-minimum --k 7 --proof runs/seven.proof\n  collado check runs/seven.proof\n  collado certify-minimum --dims 3 --per-dim 3 --proof runs/neuron.proof\n  collado check runs/neuron.proof"
    )]
    Check(check::CheckArgs),
    /// Permute and rescale the hidden neurons of B onto those of A.
    #[command(
        after_help = "Example:\n  collado align --a checkpoints/digits-a.safetensors --b checkpoints/digits-b.safetensors --data digits --out runs/aligned"
    )]
    Align(align::AlignArgs),
    /// Build the merge tree of many minima: the levels from which on they are connected.
    #[command(
        after_help = "Examples:\n  collado levelset runs/digits/seed-*.safetensors --method bezier --out runs/levels\n  collado levelset runs/digits/seed-*.safetensors --method auto --certify --out runs/proved"
    )]
    Levelset(levelset::LevelsetArgs),
    /// Average many networks, aligned to each other, and judge the average beside the best single one.
    #[command(
        after_help = "Examples:\n  collado merge runs/digits --out runs/merged.safetensors\n  collado merge runs/digits --greedy --repair --weights learned --out runs/soup.safetensors"
    )]
    Merge(merge::MergeArgs),
    /// Compute tangent kernels of a checkpoint, their spectra and the gradient bounds that follow.
    #[command(
        after_help = "Example:\n  collado kernel checkpoints/digits-a.safetensors --data digits --out runs/kernel"
    )]
    Kernel(kernel::KernelArgs),
    /// Prove that a point is a strict local minimum.
    #[command(
        after_help = "Examples:\n  collado certify-minimum --k 7\n  collado certify-minimum --dims 3 --per-dim 3 --proof runs/neuron.proof\n  collado certify-minimum runs/tanh/seed-0.safetensors --data digits --kappa 1e-3"
    )]
    CertifyMinimum(certify_minimum::CertifyMinimumArgs),
    /// Draw sections of the risk: lines, planes, zooms, training trajectories.
    Landscape(landscape::LandscapeArgs),
    /// Compute eigenvalues of the Hessian, index and trace, each with its error.
    #[command(
        after_help = "Example:\n  collado spectrum checkpoints/digits-a.safetensors --data digits --out runs/spectrum"
    )]
    Spectrum(spectrum::SpectrumArgs),
    /// Find critical points of the risk and draw their index against the risk.
    #[command(
        after_help = "Example:\n  collado critical --data \"synthetic:linear?d=4&q=3\" --arch linear:4-4-3 --out runs/critical"
    )]
    Critical(critical::CriticalArgs),
    /// List what is in a checkpoint, a path, a graph file or a data set, and which analyses cover the network.
    #[command(
        after_help = "Examples:\n  collado inspect checkpoints/digits-a.safetensors\n  collado inspect runs/first/path.safetensors --json\n  collado inspect net.pt2 --out net.svg\n  collado inspect \"csv:rows.csv?target=label\""
    )]
    Inspect(inspect::InspectArgs),
    /// Test a claim of the theory by an experiment.
    Study(study::StudyArgs),
    /// Plan, run and collect many trainings and connections, on one machine or a cluster.
    #[command(subcommand)]
    Sweep(sweep::SweepCommand),
    /// Write a point of a path as a checkpoint.
    #[command(
        after_help = "Example:\n  collado point runs/first/path.safetensors --t 0.5 --out middle.safetensors"
    )]
    Point(point::PointArgs),
    /// Write one self-contained page about one or many runs.
    #[command(
        after_help = "Examples:\n  collado report runs/first --out first.html\n  collado report runs/first runs/plane runs/levels --out all.html"
    )]
    Report(report::ReportArgs),
    /// Measure the seconds of one piece of work, for benchmarks.
    #[command(hide = true)]
    Time(time::TimeArgs),
    /// Write manual pages of all commands.
    #[command(after_help = "Example:\n  collado man ~/.local/share/man/man1")]
    Man(man::ManArgs),
    /// Print shell completions.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

impl Command {
    /// The common flags of the command; `None` for commands that only print or copy.
    pub(crate) fn common(&mut self) -> Option<&mut Common> {
        Some(match self {
            Self::Train(args) => &mut args.common,
            Self::Eval(args) => &mut args.common,
            Self::Inspect(args) => &mut args.common,
            Self::Connect(args) => &mut args.common,
            Self::Certify(args) => &mut args.common,
            Self::Check(args) => &mut args.common,
            Self::Align(args) => &mut args.common,
            Self::Levelset(args) => &mut args.common,
            Self::Merge(args) => &mut args.common,
            Self::Kernel(args) => &mut args.common,
            Self::Landscape(args) => args.common(),
            Self::CertifyMinimum(args) => &mut args.common,
            Self::Spectrum(args) => &mut args.common,
            Self::Critical(args) => &mut args.common,
            Self::Study(args) => return args.common(),
            Self::Time(args) => &mut args.common,
            Self::Point(_) | Self::Report(_) | Self::Sweep(_) | Self::Man(_) | Self::Completions { .. } => {
                return None;
            }
        })
    }

    /// Runs the command.
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Train(args) => train::run(&args),
            Self::Eval(args) => eval::run(&args),
            Self::Inspect(args) => inspect::run(&args),
            Self::Connect(args) => connect::run(&args),
            Self::Certify(args) => certify::run(&args),
            Self::Check(args) => check::run(&args),
            Self::Align(args) => align::run(&args),
            Self::Levelset(args) => levelset::run(&args),
            Self::Merge(args) => merge::run(&args),
            Self::Kernel(args) => kernel::run(&args),
            Self::Landscape(args) => landscape::run(args),
            Self::CertifyMinimum(args) => certify_minimum::run(&args),
            Self::Spectrum(args) => spectrum::run(args),
            Self::Critical(args) => critical::run(args),
            Self::Study(args) => study::run(&args),
            Self::Time(args) => time::run(&args),
            Self::Point(args) => point::run(&args),
            Self::Report(args) => report::run(&args),
            Self::Sweep(command) => command.run(),
            Self::Man(args) => man::run(&args),
            Self::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Args::command(), "collado", &mut script);
                json::print(String::from_utf8_lossy(&script).trim_end());
                Ok(())
            }
        }
    }
}
