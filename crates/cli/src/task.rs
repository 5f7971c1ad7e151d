//! The task of a command: its data, its network and its risk.

use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use collado_data::{Dataset, Split};
use collado_files::{Checkpoint, PathFile, Provenance, file_hash};
use collado_models::{Arch, ArchSpec, Head};
use collado_risk::{Criterion, EmpiricalRisk, Examples, Loss};
use serde_json::json;

use crate::{
    args::{Common, DataArgs, Dtype, NetworkArgs},
    cast,
    failure::Failure,
    json::number,
    progress::say,
    record,
    stated::{self, Stated, Terms},
};

/// The data, the network and the risk of one command.
pub(crate) struct Task {
    pub(crate) data: Dataset,
    pub(crate) arch: Arch,
    pub(crate) criterion: Criterion,
    pub(crate) dtype: DType,
    pub(crate) device: Device,
    pub(crate) train: EmpiricalRisk,
    pub(crate) test: Option<EmpiricalRisk>,
    /// Whether parameters of files are rounded, so that a proof would not be about the files.
    pub(crate) rounds: bool,
}

/// The floating-point type that is used where `--dtype` does not state it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    /// F32, or F64 if a file of parameters has it.
    OfFiles,
    /// The type of the data, for work that computes in F64 itself and takes data as they are.
    OfData,
}

/// The joint statements of files of parameters.
pub(crate) struct Source<'a> {
    pub(crate) arch: &'a Arch,
    pub(crate) stated: Stated,
    /// The widest number type of the files.
    pub(crate) dtype: DType,
}

impl<'a> Source<'a> {
    /// The source of one checkpoint, or of several of one architecture.
    pub(crate) fn of(files: &[(&Path, &'a Checkpoint)], args: &DataArgs) -> Result<Self, Failure> {
        let (file, first) = files[0];
        let mut source = Self {
            arch: &first.arch,
            stated: Stated::by(file, &first.provenance)?,
            dtype: first.theta.dtype(),
        };
        for (file, checkpoint) in &files[1..] {
            source.stated.join(Stated::by(file, &checkpoint.provenance)?, args)?;
            if checkpoint.theta.dtype() == DType::F64 {
                source.dtype = DType::F64;
            }
        }
        Ok(source)
    }

    /// The source of a path file.
    pub(crate) fn of_path(file: &Path, path: &'a PathFile) -> Result<Self, Failure> {
        let provenance = serde_json::from_value(path.provenance.clone())
            .map_err(|e| Failure::new(format!("{}: metadata 'collado.provenance': {e}", file.display())))?;
        let (arch, dtype) = (&path.arch, path.path.vertices().dtype());
        Ok(Self { arch, stated: Stated::by(file, &provenance)?, dtype })
    }
}

impl Task {
    /// The task of training `spec` from the start; if no data are named, they are `usual`.
    pub(crate) fn for_training(
        args: &DataArgs,
        common: &Common,
        spec: &ArchSpec,
        usual: Option<&str>,
    ) -> Result<Self, Failure> {
        let data = match (&args.data, usual) {
            (None, Some(usual)) => stated::load(&usual.parse()?, common)?,
            _ => Stated::default().load(args, common)?,
        };
        let terms = Stated::default().terms(args, common);
        let task = Self::new(data, spec, terms, common, DType::F32, DType::F32)?;
        task.tell(common, task.dtype);
        Ok(task)
    }

    /// The task for checkpoints or a path.
    pub(crate) fn for_files(
        source: &Source<'_>,
        args: &DataArgs,
        common: &Common,
        precision: Precision,
    ) -> Result<Self, Failure> {
        let data = source.stated.load(args, common)?;
        classes_are_those_of(source.arch, &data)?;
        let terms = source.stated.terms(args, common);
        let usual = match precision {
            Precision::OfFiles => source.dtype,
            Precision::OfData => data.train.inputs.dtype(),
        };
        if terms.loss.is_none() && source.arch.spec().head().is_none() {
            let (kind, guess) = match data.train.targets.is_classes() {
                true => ("class labels", Loss::CrossEntropy),
                false => ("values", Loss::Squared),
            };
            common.note(format!(
                "loss guessed: {guess}, from the {kind} of {}; --loss says otherwise",
                data.spec
            ));
        }
        let task = Self::new(data, source.arch.spec(), terms, common, usual, source.dtype)?;
        task.tell(common, if precision == Precision::OfData { DType::F64 } else { task.dtype });
        Ok(task)
    }

    fn new(
        mut data: Dataset,
        spec: &ArchSpec,
        terms: Terms,
        common: &Common,
        usual: DType,
        files: DType,
    ) -> Result<Self, Failure> {
        let loss = terms.loss.unwrap_or_else(|| default_loss(&data, spec.head()));
        let arch = spec.resolve(data.features(), outputs(&data, spec, loss, common))?;
        let device = device(&common.device)?;
        let dtype = match common.dtype {
            Some(Dtype::F32) => DType::F32,
            Some(Dtype::F64) => DType::F64,
            None => usual,
        };
        let criterion = Criterion { loss, kappa: terms.kappa, regularizer: terms.regularizer };
        let memory = common.memory.unwrap_or_else(default_memory);
        let name = data.spec.clone();
        let objective = |split: &mut Split| -> Result<EmpiricalRisk, Failure> {
            cast::check_inputs(&split.inputs, dtype, &name)?;
            if dtype == DType::F64 {
                // Widened, they are the same numbers: they need not be held twice.
                split.inputs = split.inputs.to_dtype(dtype)?;
            }
            Ok(EmpiricalRisk::new(&arch, Examples::try_from(&*split)?, criterion)?.with_memory(memory))
        };
        let train = objective(&mut data.train)?;
        let test = data.test.as_mut().map(objective).transpose()?;
        let rounds = files == DType::F64 && dtype == DType::F32;
        Ok(Self { data, arch, criterion, dtype, device, train, test, rounds })
    }

    /// Records data, network, risk and number type for the summary, and prints them if `--verbose`.
    fn tell(&self, common: &Common, dtype: DType) {
        let Self { data, arch, criterion, .. } = self;
        let mut source = json!({"spec": data.spec, "hash": data.hash});
        if !data.train.targets.class_names().is_empty() {
            source["classes"] = json!(data.train.targets.class_names());
        }
        common.run.risk(json!({
            "data": source, "arch": arch.to_string(), "loss": criterion.loss.to_string(),
            "kappa": number(criterion.kappa), "regularizer": criterion.regularizer.to_string(), "dtype": format!("{dtype:?}"),
        }));
        if !common.verbose {
            return;
        }
        let rows = |split: &Split| split.inputs.dims()[0];
        let (n, test) = (rows(&data.train), data.test.as_ref().map_or(0, rows));
        let (features, threads) = (data.features(), rayon::current_num_threads());
        let memory = common.memory.unwrap_or_else(default_memory);
        let lines = [
            format!("data      {}: {n} training rows, {test} test rows, {features} features", data.spec),
            format!("network   {arch}: {} parameters, {dtype:?}", arch.layout().len()),
            format!("risk      {}, kappa {} ({})", criterion.loss, criterion.kappa, criterion.regularizer),
            format!("machine   {}, {threads} threads, {} MiB of scratch", common.device, memory >> 20),
        ];
        lines.iter().for_each(|line| say(common.quiet, line));
    }

    /// The parameters that `file` holds, in the type and on the device of this task.
    pub(crate) fn place(&self, theta: &Tensor, file: &Path) -> Result<Tensor, Failure> {
        Ok(cast::parameters(theta, self.dtype, &self.arch, file)?.to_device(&self.device)?)
    }

    /// The part of a provenance that all files of this task share.
    pub(crate) fn provenance(&self) -> Provenance {
        Provenance {
            version: Some(env!("CARGO_PKG_VERSION").into()),
            command: record::words(),
            data: Some(self.data.spec.clone()),
            data_hash: Some(self.data.hash.clone()),
            loss: Some(self.criterion.loss.to_string()),
            kappa: Some(self.criterion.kappa),
            regularizer: Some(self.criterion.regularizer.to_string()),
            ..Provenance::default()
        }
    }
}

/// Reads checkpoints of one network, with their task.
pub(crate) fn open(
    files: &[PathBuf],
    network: &NetworkArgs,
    data: &DataArgs,
    common: &Common,
    precision: Precision,
) -> Result<(Vec<Checkpoint>, Task), Failure> {
    let first = network.read(&files[0], common)?;
    let mut checkpoints = vec![first];
    for file in &files[1..] {
        let like = &checkpoints[0];
        checkpoints.push(network.read_like(file, like, common)?);
    }
    let pairs: Vec<_> = files.iter().map(PathBuf::as_path).zip(&checkpoints).collect();
    let task = Task::for_files(&Source::of(&pairs, data)?, data, common, precision)?;
    Ok((checkpoints, task))
}

/// Reads checkpoints of one network as a stack `[P, S]`, with their task.
pub(crate) fn open_stack(
    files: &[PathBuf],
    network: &NetworkArgs,
    data: &DataArgs,
    common: &Common,
) -> Result<(Tensor, Task), Failure> {
    let (checkpoints, task) = open(files, network, data, common, Precision::OfFiles)?;
    let points = checkpoints.iter().zip(files).map(|(c, file)| task.place(&c.theta, file));
    Ok((Tensor::stack(&points.collect::<Result<Vec<_>, _>>()?, 0)?, task))
}

/// Reads a path, with its task.
pub(crate) fn open_path(
    file: &Path,
    data: &DataArgs,
    common: &Common,
    precision: Precision,
) -> Result<(PathFile, Task), Failure> {
    let path = PathFile::read(file)?;
    common.run.file(file, Some(&file_hash(file)?));
    let task = Task::for_files(&Source::of_path(file, &path)?, data, common, precision)?;
    Ok((path, task))
}

/// Refuses data whose classes may be numbered differently from those of the network: data with fewer classes, whose own
/// labels decide which class is which.
fn classes_are_those_of(arch: &Arch, data: &Dataset) -> Result<(), Failure> {
    let (classes, outputs) = (data.outputs(), arch.outputs());
    if !data.classes_inferred || classes >= outputs || (classes, outputs) == (2, 1) {
        return Ok(());
    }
    let names = data.train.targets.class_names();
    let expected =
        format!("labels of all {outputs} classes of the network, as it is not known which is which");
    let found =
        format!("{classes} ('{}' to '{}')", names[0].escape_debug(), names[classes - 1].escape_debug());
    Err(Failure::new(format!("{}: expected {expected}, found {found}", data.spec)).hint(
        "labels in numbers: labels-from=0 or labels-from=1 in the --data string says what they count from",
    ))
}

fn default_loss(data: &Dataset, head: Option<Head>) -> Loss {
    match head {
        Some(Head::Regress) => Loss::Squared,
        _ if data.train.targets.is_classes() => Loss::CrossEntropy,
        _ => Loss::Squared,
    }
}

/// The number of outputs that the data need. Two classes may share one output under the losses that allow it, and
/// outputs for classes that the data lack are permitted.
fn outputs(data: &Dataset, spec: &ArchSpec, loss: Loss, common: &Common) -> usize {
    let outputs = data.outputs();
    // What the string itself says, where it does not leave it to the data.
    let own = spec.with_ends(1, outputs).outputs();
    if !data.train.targets.is_classes() || own == outputs {
        return outputs;
    }
    if own == 1 && outputs == 2 && loss != Loss::CrossEntropy {
        return 1;
    }
    if own > outputs {
        common.note(format!("{}: labels of {outputs} classes for a network of {own} outputs", data.spec));
        return own;
    }
    outputs
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

/// A quarter of the memory of the machine, or 1 GiB where it is not known.
pub(crate) fn default_memory() -> usize {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib =
        text.lines().find_map(|l| l.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse().ok());
    kib.map_or(1 << 30, |kib: usize| kib * 1024 / 4)
}
