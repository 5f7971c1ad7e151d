//! Flags that several commands share.

use std::{
    cell::OnceCell,
    path::{Path, PathBuf},
};

use clap::{Args as ClapArgs, ValueEnum};
use collado_data::Spec;
use collado_files::{Checkpoint, GraphFile, ReadOptions};
use collado_models::ArchSpec;
use collado_risk::{Loss, Precision, Regularizer, Statistics};
use serde::Serialize;

use crate::{
    device,
    failure::{Failure, with_flags},
    json,
    numbers::{not_negative, whole},
    place, progress,
    record::Run,
    suggest::{ARCH, DATA, LOSSES, REGULARIZERS, STATISTICS, Suggest},
};

/// Heading of the flags that say where and how a command runs.
pub(crate) const MACHINE: &str = "Machine and output";

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = MACHINE)]
pub(crate) struct Common {
    /// Device to compute on: cpu, cuda or cuda:N.
    #[arg(long, default_value = "cpu", value_parser = device::name)]
    pub(crate) device: String,
    /// Floating-point type [default: f32; f64 for proofs, curvature, sections, kernels and studies].
    #[arg(long)]
    pub(crate) dtype: Option<Dtype>,
    /// How a GPU multiplies f32 numbers: as three products of TF32 numbers, with errors of f32's order, or in f32.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) precision: Products,
    /// Seed of all random choices.
    #[arg(long, default_value_t = 0, value_parser = whole::<u64>(0..=u64::MAX))]
    pub(crate) seed: u64,
    /// Number of threads [default: all cores]. Results do not depend on it.
    #[arg(long, value_parser = whole::<usize>(0..=1024))]
    pub(crate) threads: Option<usize>,
    /// Scratch memory, as 512MiB or 2GiB [default: a quarter of the machine's].
    #[arg(long, value_parser = memory)]
    pub(crate) memory: Option<usize>,
    /// Print the result as one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
    /// Pictures to write: for screens, or also for papers (PDF and SVG, 3.25 and 6.75 inches wide, letters of 8 points, no
    /// title) with every drawn point in a table.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) figure_style: FigureStyle,
    /// Show no progress and no summary.
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// The record of the run: its settings and its input files.
    #[arg(skip)]
    pub(crate) run: Run,
}

impl Common {
    /// Refuses any device except the CPU for work that runs nowhere else; `what` names it, as in "kernels are
    /// computed".
    pub(crate) fn on_cpu(&self, what: &str) -> Result<(), Failure> {
        match self.device.as_str() {
            "cpu" => Ok(()),
            device => Err(Failure::usage(format!("--device {device}: {what} on the cpu only"))),
        }
    }

    /// Says that part of the work runs on the CPU whatever the device is; `what` names it, as above.
    pub(crate) fn note_cpu(&self, what: &str) {
        if self.device != "cpu" {
            self.note(format!("{what} on the cpu"));
        }
    }

    /// Bytes of scratch memory: as many as were asked for, or a quarter of what the system says it has; 1 GiB where it
    /// does not say.
    pub(crate) fn memory(&self) -> usize {
        self.memory.unwrap_or_else(quarter_of_memory)
    }

    /// Adds a note about how the command understood its input, on stderr and in the summary; each note is shown once.
    pub(crate) fn note(&self, text: impl Into<String>) {
        let text = text.into();
        if self.run.note(&text) {
            progress::say(self.quiet, &format!("note: {text}"));
        }
    }

    /// Shows a result: as one JSON object with `--json`, else by `text`, which prints it for people.
    pub(crate) fn show(&self, summary: &impl Serialize, text: impl FnOnce()) {
        json::show((self.json, self.quiet), summary, text);
    }
}

/// A quarter of the bytes of memory that the system says it has; 1 GiB where it does not say.
pub(crate) fn quarter_of_memory() -> usize {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let mut lines = text.lines();
    let kib: Option<usize> =
        lines.find_map(|l| l.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse().ok());
    kib.map_or(1 << 30, |kib| kib * 1024 / 4)
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Output folder")]
pub(crate) struct Out {
    /// Folder for the results, which is created.
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Overwrite existing results.
    #[arg(long)]
    pub(crate) force: bool,
    /// Continue an earlier run that was stopped; a finished run is only shown again.
    #[arg(long, conflicts_with = "force")]
    pub(crate) resume: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dtype {
    F32,
    F64,
}

/// The pictures that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum FigureStyle {
    #[default]
    Screen,
    Paper,
}

/// How a GPU multiplies f32 numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Products {
    #[default]
    Tf32x3,
    F32,
}

impl Products {
    /// The same for the engines.
    pub(crate) fn precision(self) -> Precision {
        match self {
            Self::Tf32x3 => Precision::Tf32x3,
            Self::F32 => Precision::F32,
        }
    }
}

/// The flags by which a file of parameters is read as a network.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Network")]
pub(crate) struct NetworkArgs {
    /// Network, for files that do not state it: relu:64-64-64-10, linear:64-32-10, two-layer:256, lenet, vgg11:norm=bn,
    /// resnet20:width=2, wrn-16-4.
    #[arg(long, value_parser = Suggest::<ArchSpec>::new(ARCH), hide_possible_values = true)]
    pub(crate) arch: Option<ArchSpec>,
    /// Graph file of the network, instead of --arch: net.pt2 as torch.export.save writes it, or an ONNX model net.onnx.
    #[arg(long, value_name = "FILE", conflicts_with = "arch")]
    pub(crate) net: Option<PathBuf>,
    /// The network of the graph file, once it is read.
    #[arg(skip)]
    graph: OnceCell<ArchSpec>,
    /// Key of the state dict to read, for a .pt file with several; two keys are joined by a dot.
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// Names of all layers in the order of use, for files where it is not clear from names and shapes:
    /// input,hidden,output.
    #[arg(long, value_delimiter = ',')]
    pub(crate) layers: Option<Vec<String>>,
}

impl NetworkArgs {
    /// The network that --arch or --net states.
    pub(crate) fn spec(&self, common: &Common) -> Result<Option<ArchSpec>, Failure> {
        if let (None, Some(net)) = (self.graph.get(), &self.net) {
            let read = graph(net, common)?;
            return Ok(Some(self.graph.get_or_init(|| read).clone()));
        }
        Ok(self.arch.as_ref().or(self.graph.get()).cloned())
    }

    /// Takes the network from the first of `files` that is a graph file, if nothing else states it.
    pub(crate) fn take_graph(&self, files: &[PathBuf], common: &Common) -> Result<(), Failure> {
        let graph_file = || files.iter().find(|file| GraphFile::is_one(file));
        if self.arch.is_none()
            && self.net.is_none()
            && let Some(file) = graph_file()
        {
            let read = graph(file, common)?;
            self.graph.get_or_init(|| read);
        }
        Ok(())
    }

    /// Reads a checkpoint, and notes what had to be guessed.
    pub(crate) fn read(&self, file: &Path, common: &Common) -> Result<Checkpoint, Failure> {
        let (key, layers) = (self.key.clone(), self.layers.clone());
        let options = ReadOptions { arch: self.spec(common)?, key, layers };
        let checkpoint = Checkpoint::read(file, &options)?;
        checkpoint.notes.iter().for_each(|note| common.note(with_flags(note)));
        common.run.file(file, checkpoint.hash.as_deref());
        Ok(checkpoint)
    }

    /// Reads a checkpoint, which has to be of the same network as `like`.
    pub(crate) fn read_like(
        &self,
        file: &Path,
        like: &Checkpoint,
        common: &Common,
    ) -> Result<Checkpoint, Failure> {
        let checkpoint = self.read(file, common)?;
        if checkpoint.arch.does_the_same(&like.arch) {
            return Ok(checkpoint);
        }
        let (found, expected) = (&checkpoint.arch, &like.arch);
        let message =
            format!("{}: expected a network {expected} like the first, found {found}", file.display());
        Err(Failure::new(message).hint("only minima of one architecture can be compared or connected"))
    }
}

/// The network of a graph file, which is recorded.
fn graph(file: &Path, common: &Common) -> Result<ArchSpec, Failure> {
    let graph = GraphFile::read(file)?;
    graph.notes.iter().for_each(|note| common.note(with_flags(note)));
    common.run.file(file, Some(&graph.hash));
    Ok(graph.arch.spec().clone())
}

/// The flags that name a network without parameters.
#[derive(Debug, ClapArgs)]
pub(crate) struct ArchArgs {
    /// Network, such as relu:64-64-64-10, linear:64-32-10, two-layer:256, lenet, vgg11:norm=bn, resnet20:width=2 or
    /// wrn-16-4.
    #[arg(
        long,
        required_unless_present = "net",
        value_parser = Suggest::<ArchSpec>::new(ARCH),
        hide_possible_values = true
    )]
    arch: Option<ArchSpec>,
    /// Graph file of the network, instead of --arch: net.pt2 as torch.export.save writes it, or an ONNX model net.onnx.
    #[arg(long, value_name = "FILE", conflicts_with = "arch")]
    net: Option<PathBuf>,
}

impl ArchArgs {
    /// The network.
    pub(crate) fn spec(&self, common: &Common) -> Result<ArchSpec, Failure> {
        self.stated(common)?.ok_or_else(|| {
            Failure::usage("expected a network: --arch or --net, found neither")
                .hint("for example --arch relu:64-64-64-10; collado help arch lists networks")
        })
    }

    /// The network, if a flag states it.
    pub(crate) fn stated(&self, common: &Common) -> Result<Option<ArchSpec>, Failure> {
        match (&self.arch, &self.net) {
            (Some(arch), _) => Ok(Some(arch.clone())),
            (None, Some(net)) => graph(net, common).map(Some),
            (None, None) => Ok(None),
        }
    }
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Data and risk")]
pub(crate) struct DataArgs {
    /// Data set: digits, mnist:DIR, cifar10:DIR, cifar100:DIR, folder:DIR, "csv:FILE?target=COL", npz:FILE,
    /// safetensors:FILE or "synthetic:NAME?..."
    /// [default: what the files state; train: digits].
    #[arg(long, value_parser = Suggest::<Spec>::new(DATA), hide_possible_values = true)]
    pub(crate) data: Option<Spec>,
    /// Loss: squared, cross-entropy or logistic [default: what the files state, else by the outputs].
    #[arg(long, value_parser = Suggest::<Loss>::new(LOSSES), hide_possible_values = true)]
    pub(crate) loss: Option<Loss>,
    /// Weight kappa of the regulariser R [default: what the files state, else 0].
    #[arg(long, value_parser = not_negative)]
    pub(crate) kappa: Option<f64>,
    /// Regulariser R in loss + kappa R: l2, l1-last or l2-last [default: what the files state, else l2].
    #[arg(long, value_parser = Suggest::<Regularizer>::new(REGULARIZERS), hide_possible_values = true)]
    pub(crate) regularizer: Option<Regularizer>,
    /// Statistics of batch normalisation: population, interpolate, garipov[:ROWS], repair[:ROWS] or train[:ROWS]
    /// [default: what the files state, else population].
    #[arg(long, value_parser = Suggest::<Statistics>::new(STATISTICS), hide_possible_values = true)]
    pub(crate) bn: Option<Statistics>,
    /// Number of training rows, evenly spaced, that the statistics are taken over [default: what the files state, else
    /// all, at most 10000].
    #[arg(long, value_parser = whole::<usize>(2..=u64::MAX))]
    pub(crate) bn_rows: Option<usize>,
    /// Engine of risks and gradients: fused, the fastest there is for the network and the device, or candle, the
    /// framework's own operations and automatic differentiation.
    #[arg(long, default_value = "fused")]
    pub(crate) engine: Engine,
}

/// The engine that computes risks and their gradients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    Fused,
    Candle,
}

impl DataArgs {
    /// Whether a flag states a part of the risk.
    pub(crate) fn is_said(&self) -> bool {
        self.loss.is_some()
            || self.kappa.is_some()
            || self.regularizer.is_some()
            || self.bn.is_some()
            || self.bn_rows.is_some()
    }

    /// Refuses candle's engine for work that has an arithmetic of its own; `what` names it, as in "proofs are computed
    /// by intervals".
    pub(crate) fn without_candle(&self, what: &str) -> Result<(), Failure> {
        match self.engine {
            Engine::Fused => Ok(()),
            Engine::Candle => Err(Failure::usage(format!("--engine candle: {what}"))),
        }
    }
}

/// The flags that name two minima.
#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = true)]
pub(crate) struct EndsArgs {
    /// The two ends, if --a and --b do not name them: checkpoints, or a folder of a run with two.
    #[arg(num_args = 0..)]
    ends: Vec<PathBuf>,
    /// End A: a checkpoint, or a folder with one.
    #[arg(long)]
    a: Option<PathBuf>,
    /// End B: a checkpoint, or a folder with one; connect --method star takes several.
    #[arg(long)]
    b: Vec<PathBuf>,
}

impl EndsArgs {
    /// The files of A and B.
    pub(crate) fn files(&self) -> Result<[PathBuf; 2], Failure> {
        <[PathBuf; 2]>::try_from(self.all()?).map_err(|ends| {
            let failure = Failure::usage(format!("expected two ends, found {}", ends.len()));
            failure.hint(match ends.len() {
                0..2 => "--a FILE --b FILE, or the two files by themselves",
                _ => "connect --method star joins more than two",
            })
        })
    }

    /// The files of all ends, A first.
    pub(crate) fn all(&self) -> Result<Vec<PathBuf>, Failure> {
        let a = self.a.as_deref().map(place::checkpoint).transpose()?;
        let b = self.b.iter().map(|b| place::checkpoint(b)).collect::<Result<Vec<_>, _>>()?;
        let mut free = place::all(&self.ends)?.into_iter();
        let a = a.or_else(|| free.next());
        Ok(a.into_iter().chain(b).chain(free).collect())
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
