use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use collado_models::{ArchSpec, Checkpoint, Loss, ReadOptions, Regularizer};

use crate::{
    failure::Failure,
    json,
    numbers::{any, momentum, not_negative, positive, seconds, share, some, whole},
    place, progress,
    record::Run,
};

/// Find, follow and draw low-risk paths between minima of neural networks.
#[derive(Debug, Parser)]
#[command(name = "collado", version, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train one or many minima as one stack.
    #[command(
        after_help = "Example:\n  collado train --arch relu:64-64-64-10 --seeds 0..8 --out runs/digits"
    )]
    Train(TrainArgs),
    /// Risk, loss and error of checkpoints.
    #[command(after_help = "Example:\n  collado eval checkpoints/digits-a.safetensors")]
    Eval(EvalArgs),
    /// Connect two minima by a low-risk path.
    #[command(
        after_help = "Example:\n  collado connect --a checkpoints/digits-a.safetensors --b checkpoints/digits-b.safetensors --out runs/first"
    )]
    Connect(ConnectArgs),
    /// Enclose the largest risk along a path, for every t.
    #[command(
        after_help = "Examples:\n  collado certify runs/first/path.safetensors\n  collado certify runs/first/path.safetensors --tolerance 1e-6 --out runs/first/proof"
    )]
    Certify(crate::certify::CertifyArgs),
    /// Permute and rescale the hidden neurons of B onto those of A.
    #[command(
        after_help = "Example:\n  collado align --a checkpoints/digits-a.safetensors --b checkpoints/digits-b.safetensors --data digits --out runs/aligned"
    )]
    Align(crate::align::AlignArgs),
    /// Merge tree of many minima: from which level on are they connected?
    #[command(
        after_help = "Examples:\n  collado levelset runs/digits/seed-*.safetensors --method bezier --out runs/levels\n  collado levelset runs/digits/seed-*.safetensors --method auto --certify --out runs/proved"
    )]
    Levelset(crate::levelset::LevelsetArgs),
    /// Tangent kernels of a checkpoint, their spectra and the gradient bounds they give.
    #[command(
        after_help = "Example:\n  collado kernel checkpoints/digits-a.safetensors --data digits --out runs/kernel"
    )]
    Kernel(crate::kernel::KernelArgs),
    /// Prove that a point is a strict local minimum.
    #[command(
        after_help = "Examples:\n  collado certify-minimum --k 7\n  collado certify-minimum --dims 3 --per-dim 3\n  collado certify-minimum runs/tanh/seed-0.safetensors --data digits --kappa 1e-3"
    )]
    CertifyMinimum(crate::certify_minimum::CertifyMinimumArgs),
    /// Sections of the risk: lines, planes, zooms, training trajectories.
    Landscape(crate::landscape::LandscapeArgs),
    /// Eigenvalues of the Hessian, index and trace, each with its error.
    #[command(
        after_help = "Example:\n  collado spectrum checkpoints/digits-a.safetensors --data digits --out runs/spectrum"
    )]
    Spectrum(crate::spectrum::SpectrumArgs),
    /// Critical points of the risk: index against risk.
    #[command(
        after_help = "Example:\n  collado critical --data \"synthetic:linear?d=4&q=3\" --arch linear:4-4-3 --out runs/critical"
    )]
    Critical(crate::critical::CriticalArgs),
    /// Run one claim of the theory as an experiment.
    Study(crate::study::StudyArgs),
    /// Write a point of a path as a checkpoint.
    #[command(
        after_help = "Example:\n  collado point runs/first/path.safetensors --t 0.5 --out middle.safetensors"
    )]
    Point(PointArgs),
    /// Seconds of one piece of work, for benchmarks.
    #[command(hide = true)]
    Time(crate::time::TimeArgs),
    /// Print shell completions.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Machine and output")]
pub(crate) struct Common {
    /// Where to compute: cpu, cuda or cuda:N.
    #[arg(long, default_value = "cpu", value_parser = device)]
    pub(crate) device: String,
    /// Floating-point type [default: f32; f64 for proofs, curvature, sections, kernels and studies].
    #[arg(long)]
    pub(crate) dtype: Option<Dtype>,
    /// Seed of everything random.
    #[arg(long, default_value_t = 0, value_parser = whole::<u64>(0..=u64::MAX))]
    pub(crate) seed: u64,
    /// Threads [default: all cores]. Results do not depend on it.
    #[arg(long, value_parser = whole::<usize>(0..=1024))]
    pub(crate) threads: Option<usize>,
    /// Scratch memory, as 512MiB or 2GiB [default: a quarter of the machine's].
    #[arg(long, value_parser = memory)]
    pub(crate) memory: Option<usize>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
    /// No progress, no summary.
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Say more on stderr: data, network, risk and machine.
    #[arg(short, long, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
    /// What the run was asked to do and what it took.
    #[arg(skip)]
    pub(crate) run: Run,
}

impl Common {
    /// Refuses another device than the CPU, for what runs nowhere else: `what`, as in "kernels are computed".
    pub(crate) fn on_cpu(&self, what: &str) -> Result<(), Failure> {
        match self.device.as_str() {
            "cpu" => Ok(()),
            device => Err(Failure::usage(format!("--device {device}: {what} on the cpu only"))),
        }
    }

    /// Says once what someone should know about how the command took its input: on stderr, and in the summary.
    pub(crate) fn note(&self, text: impl Into<String>) {
        let text = text.into();
        if self.run.note(&text) {
            progress::say(self, &format!("note: {text}"));
        }
    }

    /// Shows a result: as one JSON object, or as `text` prints it for people.
    pub(crate) fn show(&self, summary: &serde_json::Value, text: impl FnOnce()) {
        match (self.json, self.quiet) {
            (true, _) => json::print(&summary.to_string()),
            (_, false) => text(),
            _ => {}
        }
    }
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Output folder")]
pub(crate) struct Out {
    /// Folder for the results; created.
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Overwrite results that are there.
    #[arg(long)]
    pub(crate) force: bool,
    /// Go on where an earlier run was stopped; nothing to do when it was finished.
    #[arg(long, conflicts_with = "force")]
    pub(crate) resume: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dtype {
    F32,
    F64,
}

/// How a file of parameters is read as a network.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Network")]
pub(crate) struct NetworkArgs {
    /// Network, for files that do not say: relu:64-64-64-10, linear:64-32-10 or two-layer:256.
    #[arg(long)]
    pub(crate) arch: Option<ArchSpec>,
    /// Which state dict of a .pt file with several: its key, or two with a dot between them.
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// Names of all layers in the order of use, for files where names and shapes do not say it: input,hidden,output.
    #[arg(long, value_delimiter = ',')]
    pub(crate) layers: Option<Vec<String>>,
}

impl NetworkArgs {
    /// Reads a checkpoint, and says what had to be guessed.
    pub(crate) fn read(&self, file: &Path, common: &Common) -> Result<Checkpoint, Failure> {
        let options =
            ReadOptions { arch: self.arch.clone(), key: self.key.clone(), layers: self.layers.clone() };
        let checkpoint = Checkpoint::read(file, &options)?;
        checkpoint.notes.iter().for_each(|note| common.note(note));
        common.run.file(file, checkpoint.hash.as_deref());
        Ok(checkpoint)
    }

    /// Reads a checkpoint and refuses one of another network than `like`.
    pub(crate) fn read_like(
        &self,
        file: &Path,
        like: &Checkpoint,
        common: &Common,
    ) -> Result<Checkpoint, Failure> {
        let checkpoint = self.read(file, common)?;
        if checkpoint.arch.layout() == like.arch.layout()
            && checkpoint.arch.activation() == like.arch.activation()
        {
            return Ok(checkpoint);
        }
        let (found, expected) = (&checkpoint.arch, &like.arch);
        let message =
            format!("{}: expected a network {expected} like the first, found {found}", file.display());
        Err(Failure::new(message).hint("only minima of one architecture can be compared or connected"))
    }
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Data and risk")]
pub(crate) struct DataArgs {
    /// digits, mnist:DIR, "csv:FILE?target=COL", npz:FILE, safetensors:FILE or "synthetic:NAME?..."
    /// [default: what the files state; train: digits].
    #[arg(long)]
    pub(crate) data: Option<collado_data::Spec>,
    /// Loss: squared, cross-entropy or logistic [default: what the files state, else by the outputs].
    #[arg(long)]
    pub(crate) loss: Option<Loss>,
    /// Weight of the regulariser [default: what the files state, else 0].
    #[arg(long, value_parser = not_negative)]
    pub(crate) kappa: Option<f64>,
    /// R of loss + kappa R: l2, l1-last or l2-last [default: what the files state, else l2].
    #[arg(long)]
    pub(crate) regularizer: Option<Regularizer>,
}

impl DataArgs {
    /// Whether a flag says something about the risk.
    pub(crate) fn is_said(&self) -> bool {
        self.loss.is_some() || self.kappa.is_some() || self.regularizer.is_some()
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct TrainArgs {
    /// Network, as relu:64-64-64-10, linear:64-32-10 or two-layer:256.
    #[arg(long)]
    pub(crate) arch: ArchSpec,
    /// Seeds a..b without b, one run each; overrides --seed.
    #[arg(long, value_parser = seeds)]
    pub(crate) seeds: Option<std::ops::Range<u64>>,
    /// Initialisation: pytorch, he, xavier, normal, normal:SIGMA, standard, narrow or orthogonal.
    #[arg(long, default_value = "pytorch")]
    pub(crate) init: collado_models::Init,
    /// Passes over the examples.
    #[arg(long, default_value_t = 100, value_parser = some::<u64>())]
    pub(crate) epochs: u64,
    /// Examples in a minibatch; 0 = all [default: 64; lbfgs 0].
    #[arg(long, value_parser = any::<usize>())]
    pub(crate) batch: Option<usize>,
    /// Update rule; lbfgs takes one seed and all examples.
    #[arg(long, default_value = "sgd")]
    pub(crate) optimizer: OptimizerName,
    /// Step size [default: 0.05; adam, adamw, rmsprop, nadam, radam 1e-3; adamax 2e-3; adagrad 1e-2; adadelta, lbfgs 1].
    #[arg(long, value_parser = positive)]
    pub(crate) lr: Option<f64>,
    /// Momentum of SGD [default: 0.9].
    #[arg(long, value_parser = momentum)]
    pub(crate) momentum: Option<f64>,
    /// Nesterov's momentum.
    #[arg(long)]
    pub(crate) nesterov: bool,
    /// Weight decay.
    #[arg(long, default_value_t = 0., value_parser = not_negative)]
    pub(crate) weight_decay: f64,
    /// Step size over the run.
    #[arg(long, default_value = "constant")]
    pub(crate) schedule: ScheduleName,
    /// Epochs of linear warm-up.
    #[arg(long, default_value_t = 0, value_parser = any::<u64>())]
    pub(crate) warmup: u64,
    /// A run stops at this risk.
    #[arg(long, value_parser = not_negative)]
    pub(crate) until_risk: Option<f64>,
    /// A run stops at this gradient norm.
    #[arg(long, value_parser = not_negative)]
    pub(crate) until_gradient: Option<f64>,
    /// At most so many steps.
    #[arg(long, value_parser = whole::<u64>(0..=u64::MAX))]
    pub(crate) max_steps: Option<u64>,
    /// At most so long.
    #[arg(long, value_parser = seconds)]
    pub(crate) max_seconds: Option<Duration>,
    /// Save the state every so many seconds, for --resume.
    #[arg(long, default_value = "30", value_parser = seconds, value_name = "SECONDS")]
    pub(crate) save_every: Duration,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) out: Out,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OptimizerName {
    Sgd,
    Adam,
    Adamw,
    Rmsprop,
    Nadam,
    Radam,
    Adagrad,
    Adadelta,
    Adamax,
    Lbfgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScheduleName {
    Constant,
    Step,
    Cosine,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct EvalArgs {
    /// Checkpoints.
    #[arg(required = true)]
    pub(crate) checkpoints: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Method {
    Auto,
    Linear,
    Bezier,
    Polychain,
    Neb,
    Dss,
    DeepLinear,
    Constructive,
    Repair,
}

impl Method {
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().into())
    }
}

/// What B is aligned to A by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AlignBy {
    None,
    Weights,
    Activations,
}

impl AlignBy {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Weights => "weights",
            Self::Activations => "activations",
        }
    }
}

/// How paths are searched for.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Search")]
pub(crate) struct SearchArgs {
    /// Bends of the curve [default: 1].
    #[arg(long, value_parser = whole::<usize>(1..=1000))]
    pub(crate) bends: Option<usize>,
    /// Passes over the examples [default: as many as 5 000 steps need, at least 10; auto starts with fewer].
    #[arg(long, value_parser = some::<u64>())]
    pub(crate) epochs: Option<u64>,
    /// Examples in a minibatch; 0 = all [default: 128].
    #[arg(long, value_parser = any::<usize>())]
    pub(crate) batch: Option<usize>,
    /// Step size of Adam [default: 2e-3].
    #[arg(long, value_parser = positive)]
    pub(crate) lr: Option<f64>,
    /// Barrier above the ends to reach: a number, or N% of the higher end's risk [default for auto and level sets: 5%].
    #[arg(long, value_parser = target)]
    pub(crate) target: Option<Target>,
}

/// Two minima.
#[derive(Debug, ClapArgs)]
pub(crate) struct EndsArgs {
    /// The two ends, if --a and --b do not name them: checkpoints, or a folder of a run with two.
    #[arg(num_args = 0..=2)]
    ends: Vec<PathBuf>,
    /// One end: a checkpoint, or a folder with one.
    #[arg(long)]
    a: Option<PathBuf>,
    /// The other end.
    #[arg(long)]
    b: Option<PathBuf>,
}

impl EndsArgs {
    /// The files of A and B.
    pub(crate) fn files(&self) -> Result<[PathBuf; 2], Failure> {
        let mut free = Vec::new();
        for end in &self.ends {
            free.extend(place::checkpoints(end)?);
        }
        let named = [&self.a, &self.b].map(|end| end.as_deref().map(place::checkpoint).transpose());
        let [a, b] = named;
        let (mut ends, mut free) = ([a?, b?], free.into_iter());
        for end in &mut ends {
            *end = end.take().or_else(|| free.next());
        }
        let left = free.len();
        match ends {
            [Some(a), Some(b)] if left == 0 => Ok([a, b]),
            ends => {
                let found = ends.iter().flatten().count() + left;
                Err(Failure::usage(format!("expected two ends, found {found}"))
                    .hint("--a FILE --b FILE, or the two files by themselves"))
            }
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ConnectArgs {
    #[command(flatten)]
    pub(crate) ends: EndsArgs,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    /// How: auto tries the straight line, aligned lines, the theorems, Bézier curves with more and more bends, a band.
    #[arg(long, default_value = "auto")]
    pub(crate) method: Method,
    /// Permute and rescale the neurons of B onto those of A first [default: none; auto tries both].
    #[arg(long)]
    pub(crate) align: Option<AlignBy>,
    /// Points of the profile, both ends among them.
    #[arg(long, default_value_t = 61, value_parser = whole::<usize>(2..=1_000_000))]
    pub(crate) points: usize,
    #[command(flatten)]
    pub(crate) search: SearchArgs,
    /// Whether to enclose the risk of the path for every t: auto for as long as finding the path took, at least 1 s.
    #[arg(long, value_enum, default_value_t = crate::certify::When::Auto)]
    pub(crate) certify: crate::certify::When,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) out: Out,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PointArgs {
    /// A path.safetensors.
    pub(crate) path: PathBuf,
    /// Where on the path, from 0 to 1.
    #[arg(long, value_parser = share)]
    pub(crate) t: f64,
    /// The checkpoint to write.
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Overwrite it.
    #[arg(long)]
    pub(crate) force: bool,
}

/// How high a path may be above its ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    /// Share of the higher end's risk.
    Share(f64),
    /// Absolute.
    Absolute(f64),
}

impl Target {
    pub(crate) fn bound(self, ends: f64) -> f64 {
        match self {
            Self::Share(share) => share * ends,
            Self::Absolute(bound) => bound,
        }
    }
}

fn target(text: &str) -> Result<Target, String> {
    let (number, share) = text.strip_suffix('%').map_or((text, false), |n| (n, true));
    match number.parse::<f64>() {
        Ok(n) if n >= 0. && n.is_finite() && share => Ok(Target::Share(n / 100.)),
        Ok(n) if n >= 0. && n.is_finite() => Ok(Target::Absolute(n)),
        _ => Err("expected a number ≥ 0, or one with %".into()),
    }
}

/// A device that this program can use, by its name.
fn device(text: &str) -> Result<String, String> {
    let number = text
        .strip_prefix("cuda")
        .map(|n| n.strip_prefix(':').map_or(n.is_empty(), |n| n.parse::<u16>().is_ok()));
    match number {
        None if text == "cpu" => Ok(text.into()),
        Some(true) if cfg!(feature = "cuda") => Ok(text.into()),
        Some(true) => Err("built without CUDA; build with --features cuda".into()),
        _ => Err("expected cpu, cuda or cuda:N".into()),
    }
}

fn seeds(text: &str) -> Result<std::ops::Range<u64>, String> {
    let ends = text.split_once("..").and_then(|(a, b)| Some(a.parse::<u64>().ok()?..b.parse::<u64>().ok()?));
    match ends {
        Some(range) if range.start < range.end && range.end - range.start <= 100_000 => Ok(range),
        _ => Err("expected a..b with a < b".into()),
    }
}

fn memory(text: &str) -> Result<usize, String> {
    let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1), ("", 1)];
    units
        .into_iter()
        .find_map(|(unit, size)| text.strip_suffix(unit)?.trim().parse::<usize>().ok()?.checked_mul(size))
        .filter(|&n| n > 0)
        .ok_or_else(|| "expected a size like 512MiB or 2GiB".into())
}
