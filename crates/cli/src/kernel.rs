//! `collado kernel`: tangent kernels of a checkpoint, their spectra and bounds.

mod bounds;
mod picture;

use std::{
    fs::File,
    io::BufWriter,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use candle_core::{DType, Tensor};
use clap::{Args as ClapArgs, ValueEnum};
use collado_data::NpzWriter;
use collado_files::Checkpoint;
use collado_landscape::{Kernel, KernelSpectrum, Outputs, SpectrumSettings, Tangent, WidthLimit};
use collado_models::Init;
use collado_risk::{Examples, Loss};
use serde_json::{Map, Value, json};

use crate::{
    args::{Common, DataArgs, Dtype, NetworkArgs, Out},
    failure::Failure,
    folder::{self, Folder},
    json::{number, print},
    numbers, place, progress,
    task::{self, Precision, Task},
};
use bounds::Bounds;

#[derive(Debug, ClapArgs)]
pub(crate) struct KernelArgs {
    /// Checkpoint of the network.
    checkpoint: PathBuf,
    #[command(flatten)]
    network: NetworkArgs,
    /// Number of training examples, evenly spaced over all of them; 0 = all.
    #[arg(long, default_value_t = 1000, value_parser = numbers::any::<usize>())]
    examples: usize,
    /// Tangent kernel of several outputs: their mean, or one row for each output.
    #[arg(long, default_value = "mean")]
    outputs: OutputsName,
    /// Write and analyse the part of each layer too.
    #[arg(long)]
    by_layer: bool,
    /// Initialisation whose infinite-width limit is computed.
    #[arg(long, default_value = "pytorch")]
    init: Init,
    /// Largest kernel whose eigenvalues are all computed; of larger ones both ends are computed.
    #[arg(long, default_value_t = SpectrumSettings::default().dense, value_parser = numbers::whole::<usize>(0..=100000))]
    dense: usize,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    out: Out,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OutputsName {
    Mean,
    Each,
}

/// The summary of one kernel after it is written.
struct KernelSummary {
    name: String,
    size: usize,
    spectrum: KernelSpectrum,
    trace: f64,
    seconds: [f64; 2],
}

/// The examples, and the network on them.
struct KernelInput {
    rows: Vec<u32>,
    inputs: Tensor,
    examples: Arc<Examples>,
    tangent: Tangent,
    theta: Tensor,
    loss: Loss,
}

/// Computes kernels of a checkpoint, writes and analyses them.
pub(crate) fn run(args: &KernelArgs) -> Result<(), Failure> {
    if args.common.dtype == Some(Dtype::F32) {
        return Err(Failure::usage("--dtype f32: kernels are computed in f64"));
    }
    args.common.on_cpu("kernels are computed")?;
    let file = place::checkpoint(&args.checkpoint)?;
    let (checkpoints, task) =
        task::open(&[file], &args.network, &args.data, &args.common, Precision::OfData)?;
    let input = KernelInput::new(args, &task, &checkpoints[0])?;
    let folder = Folder::open(&args.out, &args.common, "summary.json", &["kernel.npz", "bounds.csv"])?;
    let Some(folder) = folder else { return Ok(()) };
    progress::catch_interrupt();
    let mut outcome = None;
    let written = collado_files::atomically(&args.file(), |file| {
        let result = kernels(args, &input, file);
        let failed = result.is_err();
        outcome = Some(result);
        if failed { Err(std::io::Error::other("left unfinished")) } else { Ok(()) }
    });
    let report = outcome.transpose()?;
    written?;
    let report = report.ok_or_else(|| Failure::new("kernel.npz was not written"))?;
    report.save(args, &input, &folder)
}

impl KernelArgs {
    fn file(&self) -> PathBuf {
        self.out.out.join("kernel.npz")
    }

    fn unwritten(&self, error: &std::io::Error) -> Failure {
        Failure::new(format!("{}: {error}", self.file().display()))
    }
}

impl KernelInput {
    fn new(args: &KernelArgs, task: &Task, checkpoint: &Checkpoint) -> Result<Self, Failure> {
        let all = task.data.train.len();
        let m = if args.examples == 0 { all } else { args.examples.min(all) };
        let rows: Vec<u32> = (0..m).map(|i| (i * all / m) as u32).collect();
        let split = task.data.train.select(&rows)?;
        let examples = Arc::new(Examples::try_from(&split)?);
        let inputs = examples.inputs(DType::F64)?.clone();
        let tangent = Tangent::new(&task.arch, &checkpoint.theta, &inputs)?;
        Ok(Self {
            rows,
            inputs,
            examples,
            tangent,
            theta: checkpoint.theta.clone(),
            loss: task.criterion.loss,
        })
    }
}

/// The content of the summary.
struct Report {
    kernels: Vec<KernelSummary>,
    bounds: Vec<Bounds>,
    /// The relative distances of the empirical kernels from their infinite-width limits.
    distances: Map<String, Value>,
    seconds: f64,
}

/// Computes the kernels one after another; each is written and analysed before the next one takes its memory.
fn kernels(args: &KernelArgs, input: &KernelInput, file: &mut BufWriter<File>) -> Result<Report, Failure> {
    let start = Instant::now();
    let (tangent, m) = (&input.tangent, input.tangent.examples());
    let mut archive = KernelArchive { npz: NpzWriter::new(file), args, kernels: Vec::new() };
    let failed = |e| args.unwritten(&e);
    archive.npz.integers("rows", &input.rows).map_err(failed)?;
    archive.npz.array("outputs", &[m, tangent.arch().outputs()], tangent.outputs()).map_err(failed)?;
    let outputs = if args.outputs == OutputsName::Each { Outputs::Each } else { Outputs::Mean };
    let limit = WidthLimit::new(tangent.arch(), args.init, &input.inputs);
    let mut distances = Map::new();
    let last = archive.add("last_layer", || Ok(tangent.last_layer()))?;
    let bounds = bounds::bounds(input, &last, archive.kernels[0].spectrum.min.value)?;
    if let Ok(limit) = &limit {
        let off = last.distance(&limit.last_layer) / limit.last_layer.norm();
        distances.insert("last_layer".into(), number(off));
    }
    drop(last);
    let ntk = archive.add("ntk", || Ok(tangent.kernel(outputs)))?;
    if let Ok(limit) = limit {
        if ntk.size() == m {
            distances.insert("ntk".into(), number(ntk.distance(&limit.tangent) / limit.tangent.norm()));
        }
        archive.add("ntk_limit", || Ok(limit.tangent))?;
        archive.add("last_layer_limit", || Ok(limit.last_layer))?;
        archive.add("nngp", || Ok(limit.covariance))?;
    }
    drop(ntk);
    for k in 0..if args.by_layer { tangent.arch().depth() } else { 0 } {
        archive.add(&format!("ntk_{}", tangent.arch().layer_name(k)), || Ok(tangent.layer(k, outputs)?))?;
    }
    archive.npz.finish().map_err(failed)?;
    Ok(Report { kernels: archive.kernels, bounds, distances, seconds: start.elapsed().as_secs_f64() })
}

/// The archive that kernels are written to.
struct KernelArchive<'a> {
    npz: NpzWriter<&'a mut BufWriter<File>>,
    args: &'a KernelArgs,
    kernels: Vec<KernelSummary>,
}

impl KernelArchive<'_> {
    fn add(
        &mut self,
        name: &str,
        compute: impl FnOnce() -> Result<Kernel, Failure>,
    ) -> Result<Kernel, Failure> {
        let start = Instant::now();
        let kernel = compute()?;
        let computed = start.elapsed().as_secs_f64();
        if progress::interrupted() {
            return Err(Failure::interrupted("interrupted; nothing is written"));
        }
        let settings =
            SpectrumSettings { dense: self.args.dense, seed: self.args.common.seed, ..Default::default() };
        let spectrum = KernelSpectrum::new(&kernel, &settings)?;
        let seconds = [computed, start.elapsed().as_secs_f64() - computed];
        let failed = |e| self.args.unwritten(&e);
        self.npz.array(name, &[kernel.size(), kernel.size()], kernel.as_slice()).map_err(failed)?;
        if let Some(all) = &spectrum.eigenvalues {
            self.npz.array(&format!("{name}_eigenvalues"), &[all.len()], all).map_err(failed)?;
        }
        let (name, size, trace) = (name.into(), kernel.size(), kernel.trace());
        self.kernels.push(KernelSummary { name, size, spectrum, trace, seconds });
        Ok(kernel)
    }
}

impl KernelSummary {
    fn json(&self) -> Value {
        let KernelSpectrum { eigenvalues, min, max, rounding } = &self.spectrum;
        json!({
            "lambda_min": number(min.value), "lambda_min_residual": number(min.residual),
            "lambda_max": number(max.value), "lambda_max_residual": number(max.residual),
            "condition": number(self.spectrum.condition()), "rounding": number(*rounding),
            "trace": number(self.trace), "method": if eigenvalues.is_some() { "dense" } else { "lanczos" },
            "seconds": self.seconds[0], "spectrum_seconds": self.seconds[1],
        })
    }
}

impl Report {
    fn save(&self, args: &KernelArgs, input: &KernelInput, run: &Folder) -> Result<(), Failure> {
        let folder = run.path();
        let arch = input.tangent.arch();
        let kernels: Map<_, _> = self.kernels.iter().map(|k| (k.name.clone(), k.json())).collect();
        let limit = !self.distances.is_empty();
        let mut summary = json!({
            "arch": arch.to_string(), "parameters": arch.layout().len(), "examples": input.rows.len(),
            "outputs": if args.outputs == OutputsName::Each { "each" } else { "mean" },
            "loss": input.loss.name(), "kernels": kernels,
            "limit": limit.then(|| json!({"init": args.init.to_string(), "relative_distance": self.distances})),
            "gradient": self.bounds.last().map(Bounds::json), "seconds": self.seconds,
        });
        Bounds::write(&self.bounds, &folder.join("bounds.csv"))?;
        folder::picture(folder, "spectrum", &picture::spectrum(arch, &self.kernels))?;
        folder::picture(folder, "bounds", &picture::bounds(arch, &self.bounds))?;
        run.finish(&args.common, &mut summary, false)?;
        args.common.show(&summary, || self.print(folder));
        Ok(())
    }

    fn print(&self, folder: &Path) {
        let mut text = format!(
            "{:>18} {:>12} {:>12} {:>10} {:>9}\n",
            "kernel", "λ_min", "λ_max", "condition", "seconds"
        );
        for kernel in &self.kernels {
            let KernelSpectrum { min, max, .. } = &kernel.spectrum;
            let condition = kernel.spectrum.condition();
            let (name, seconds) = (&kernel.name, kernel.seconds.iter().sum::<f64>());
            let (min, max) = (min.value, max.value);
            text += &format!("{name:>18} {min:>12.4e} {max:>12.4e} {condition:>10.2e} {seconds:>9.2}\n");
        }
        if let Some(b) = self.bounds.last() {
            text += &format!(
                "‖∇r‖² = {:.4e} ≥ {:.4e} (last layer) ≥ {:.4e} (λ_min)\n",
                b.measured, b.bound.last_layer, b.bound.eigenvalue
            );
        }
        print(&format!("{text}written to {}", folder.display()));
    }
}
