use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use collado_data::{Dataset, Split, Targets};
use collado_models::{Arch, ArchSpec, DenseObjective, Head, Loss, Provenance, Risk};

use crate::{
    args::{Common, DataArgs, Dtype, NetworkArgs},
    cast,
    failure::Failure,
    progress::say,
};

/// Data, network and risk of one command.
pub(crate) struct Task {
    pub(crate) data: Dataset,
    pub(crate) arch: Arch,
    pub(crate) risk: Risk,
    pub(crate) dtype: DType,
    pub(crate) device: Device,
    pub(crate) train: DenseObjective,
    pub(crate) test: Option<DenseObjective>,
}

impl Task {
    /// For training `spec` from the start.
    pub(crate) fn for_training(args: &DataArgs, common: &Common, spec: &ArchSpec) -> Result<Self, Failure> {
        let data = args.data.load()?;
        let loss = args.loss.unwrap_or_else(|| default_loss(&data, spec.head()));
        let arch = spec.resolve(data.features(), outputs(&data, spec, loss))?;
        Self::new(data, arch, loss, args, common, DType::F32)
    }

    /// For checkpoints or paths of `arch`, made as `provenance` says.
    pub(crate) fn for_arch(
        args: &DataArgs,
        common: &Common,
        arch: &Arch,
        provenance: &Provenance,
    ) -> Result<Self, Failure> {
        Self::of(args.data.load()?, args, common, arch, provenance, DType::F32)
    }

    /// The same for what computes in f64 itself, from data as they are: in their own type, if none is asked for.
    pub(crate) fn exact(
        args: &DataArgs,
        common: &Common,
        arch: &Arch,
        provenance: &Provenance,
    ) -> Result<Self, Failure> {
        let data = args.data.load()?;
        let own = data.train.inputs.dtype();
        Self::of(data, args, common, arch, provenance, own)
    }

    fn of(
        data: Dataset,
        args: &DataArgs,
        common: &Common,
        arch: &Arch,
        provenance: &Provenance,
        usual: DType,
    ) -> Result<Self, Failure> {
        let told = provenance.loss.as_deref().and_then(|l| l.parse().ok());
        let loss = args.loss.or(told).unwrap_or_else(|| default_loss(&data, arch.spec().head()));
        let arch = arch.spec().resolve(data.features(), outputs(&data, arch.spec(), loss))?;
        Self::new(data, arch, loss, args, common, usual)
    }

    fn new(
        data: Dataset,
        arch: Arch,
        loss: Loss,
        args: &DataArgs,
        common: &Common,
        usual: DType,
    ) -> Result<Self, Failure> {
        let device = device(&common.device)?;
        let dtype = match common.dtype {
            Some(Dtype::F32) => DType::F32,
            Some(Dtype::F64) => DType::F64,
            None => usual,
        };
        let risk = Risk { loss, kappa: args.kappa, regularizer: args.regularizer };
        let memory = common.memory.unwrap_or_else(default_memory);
        let objective = |split: &Split| -> Result<DenseObjective, Failure> {
            let inputs = cast::inputs(&split.inputs, dtype, &data.spec)?.to_device(&device)?;
            let targets = targets(split)?.to_device(&device)?;
            Ok(DenseObjective::new(&arch, &inputs, &targets, risk, memory)?)
        };
        let train = objective(&data.train)?;
        let test = data.test.as_ref().map(objective).transpose()?;
        if common.verbose {
            let rows = |split: &Split| split.inputs.dims()[0];
            let test = data.test.as_ref().map_or(0, rows);
            let (n, threads) = (rows(&data.train), rayon::current_num_threads());
            say(
                common,
                &format!(
                    "data      {}: {n} training rows, {test} test rows, {} features",
                    data.spec,
                    data.features()
                ),
            );
            say(common, &format!("network   {arch}: {} parameters, {dtype:?}", arch.layout().len()));
            say(common, &format!("risk      {loss}, kappa {} ({})", risk.kappa, risk.regularizer));
            say(
                common,
                &format!("machine   {}, {threads} threads, {} MiB of scratch", common.device, memory >> 20),
            );
        }
        Ok(Self { data, arch, risk, dtype, device, train, test })
    }

    /// Parameters that `file` holds, in the type and on the device of this task.
    pub(crate) fn place(&self, theta: &Tensor, file: &Path) -> Result<Tensor, Failure> {
        Ok(cast::parameters(theta, self.dtype, &self.arch, file)?.to_device(&self.device)?)
    }

    /// The part of a provenance that all files of this task share.
    pub(crate) fn provenance(&self) -> Provenance {
        Provenance {
            version: Some(env!("CARGO_PKG_VERSION").into()),
            command: std::env::args().collect(),
            data: Some(self.data.spec.clone()),
            data_hash: Some(self.data.hash.clone()),
            loss: Some(self.risk.loss.to_string()),
            kappa: Some(self.risk.kappa),
            regularizer: Some(self.risk.regularizer.to_string()),
            ..Provenance::default()
        }
    }
}

/// Reads checkpoints of one network as a stack `[P, S]`, and the risk they are judged by.
pub(crate) fn open(
    files: &[PathBuf],
    network: &NetworkArgs,
    data: &DataArgs,
    common: &Common,
) -> Result<(Tensor, Task), Failure> {
    let first = network.read(&files[0], common)?;
    let task = Task::for_arch(data, common, &first.arch, &first.provenance)?;
    let mut points = vec![task.place(&first.theta, &files[0])?];
    for file in &files[1..] {
        points.push(task.place(&network.read_like(file, &first, common)?.theta, file)?);
    }
    Ok((Tensor::stack(&points, 0)?, task))
}

/// Class labels `u32` `[N]`, or values `[N, q]`.
pub(crate) fn targets(split: &Split) -> Result<Tensor, Failure> {
    Ok(match &split.targets {
        Targets::Classes { labels, .. } => Tensor::from_slice(labels, labels.len(), &Device::Cpu)?,
        Targets::Values(values) => values.clone(),
    })
}

fn default_loss(data: &Dataset, head: Option<Head>) -> Loss {
    match head {
        Some(Head::Regress) => Loss::Squared,
        _ if data.train.targets.is_classes() => Loss::CrossEntropy,
        _ => Loss::Squared,
    }
}

/// Outputs that the data need; two classes may share one under the losses that allow it.
fn outputs(data: &Dataset, spec: &ArchSpec, loss: Loss) -> usize {
    let outputs = data.outputs();
    let shared = data.train.targets.is_classes() && outputs == 2 && loss != Loss::CrossEntropy;
    if shared && spec.with_ends(data.features(), 2).outputs() == 1 { 1 } else { outputs }
}

fn device(name: &str) -> Result<Device, Failure> {
    let number = match name {
        "cpu" => return Ok(Device::Cpu),
        "cuda" => Some(0),
        _ => name.strip_prefix("cuda:").and_then(|n| n.parse().ok()),
    };
    match number {
        None => Err(Failure::usage(format!("--device: expected cpu, cuda or cuda:N, found '{name}'"))),
        Some(_) if !cfg!(feature = "cuda") => {
            Err(Failure::new(format!("--device {name}: built without CUDA"))
                .hint("build with --features cuda"))
        }
        Some(n) => Device::new_cuda(n).map_err(|e| Failure::new(format!("--device {name}: {e}"))),
    }
}

/// A quarter of the memory that the system says it has; 1 GiB where it does not say.
pub(crate) fn default_memory() -> usize {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib =
        text.lines().find_map(|l| l.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse().ok());
    kib.map_or(1 << 30, |kib: usize| kib * 1024 / 4)
}
