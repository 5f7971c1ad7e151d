//! The task of a command: its data, its network and its risk.

use std::path::Path as FilePath;

use candle_core::{DType, Device, Tensor};
use collado_data::{Dataset, Split};
use collado_files::Provenance;
use collado_models::{Arch, ArchSpec};
use collado_risk::{Criterion, EmpiricalRisk, Examples, Loss, Path, Statistics};

use super::{
    fit::{classes_are_those_of, default_loss, outputs},
    source::Source,
};
use tracing::info;

use crate::{
    args::{Common, DataArgs, Dtype, Engine},
    cast,
    device::device,
    failure::Failure,
    record::{self, DataRecord, RiskRecord},
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
        let terms = Stated::default().terms(args, data.train.len(), common);
        let task = Self::new(data, spec, terms, args.engine, common, [DType::F32; 2])?;
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
        let terms = source.stated.terms(args, data.train.len(), common);
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
        let types = [usual, source.dtype];
        let task = Self::new(data, source.arch.spec(), terms, args.engine, common, types)?;
        task.tell(common, if precision == Precision::OfData { DType::F64 } else { task.dtype });
        Ok(task)
    }

    fn new(
        mut data: Dataset,
        spec: &ArchSpec,
        terms: Terms,
        engine: Engine,
        common: &Common,
        [usual, files]: [DType; 2],
    ) -> Result<Self, Failure> {
        let loss = terms.loss.unwrap_or_else(|| default_loss(&data, spec.head()));
        let arch = network(&data, spec, outputs(&data, spec, loss, common))?;
        let device = device(&common.device)?;
        let dtype = match common.dtype {
            Some(Dtype::F32) => DType::F32,
            Some(Dtype::F64) => DType::F64,
            None => usual,
        };
        let criterion = Criterion { loss, kappa: terms.kappa, regularizer: terms.regularizer };
        let memory = common.memory();
        let name = data.spec.clone();
        let examples = |split: &mut Split| -> Result<Examples, Failure> {
            cast::check_inputs(&split.inputs, dtype, &name)?;
            if dtype == DType::F64 {
                // Widened, they are the same numbers: they need not be held twice.
                split.inputs = split.inputs.to_dtype(dtype)?;
            }
            match arch.network().input() {
                [_] => Ok(Examples::try_from(&*split)?),
                shape => {
                    let inputs = split.inputs.reshape([&[split.len()], shape].concat())?;
                    Ok(Examples::of(&inputs, &split.targets)?)
                }
            }
        };
        let train = EmpiricalRisk::new(&arch, examples(&mut data.train)?, criterion)?;
        let train = train.with_memory(memory).with_precision(common.precision.precision());
        let train = with_statistics(train, &terms, common)?;
        let train = if engine == Engine::Candle { train.in_tensors() } else { train };
        let test =
            data.test.as_mut().map(|split| Ok::<_, Failure>(train.on(examples(split)?)?)).transpose()?;
        let rounds = files == DType::F64 && dtype == DType::F32;
        Ok(Self { data, arch, criterion, dtype, device, train, test, rounds })
    }

    /// Records data, network, risk and number type for the summary, and logs them.
    fn tell(&self, common: &Common, dtype: DType) {
        let Self { data, arch, criterion, .. } = self;
        let classes = data.train.targets.class_names().to_vec();
        common.run.risk(RiskRecord {
            data: DataRecord { spec: data.spec.clone(), hash: data.hash.clone(), classes },
            arch: arch.to_string(),
            loss: criterion.loss.to_string(),
            kappa: criterion.kappa,
            regularizer: criterion.regularizer.to_string(),
            statistics: self.statistics().map(|rule| rule.to_string()),
            statistics_rows: self.statistics().map(|_| self.train.reference_rows().len()),
            dtype: format!("{dtype:?}"),
        });
        let rows = |split: &Split| split.inputs.dims()[0];
        let (n, test) = (rows(&data.train), data.test.as_ref().map_or(0, rows));
        let (features, threads) = (data.features(), rayon::current_num_threads());
        let memory = common.memory();
        info!(data = data.spec, rows = n, test_rows = test, features);
        info!(network = %arch, parameters = arch.layout().len(), dtype = ?dtype);
        info!(loss = %criterion.loss, kappa = criterion.kappa, regularizer = %criterion.regularizer);
        info!(device = common.device, threads, memory_mib = memory >> 20);
    }

    /// The rule for the statistics of batch normalisation, if the network has some.
    pub(crate) fn statistics(&self) -> Option<Statistics> {
        self.train.network().batch_norms().next().map(|_| self.train.statistics())
    }

    /// The risk for searches: points that are searched for have no running statistics.
    pub(crate) fn recomputing(&self) -> EmpiricalRisk {
        match self.statistics() {
            Some(Statistics::Interpolate) => self.train.clone().with_statistics(Statistics::Population),
            _ => self.train.clone(),
        }
    }

    /// The running statistics `[B]` of a point `[S]` by a pass over training rows, if the network has some.
    pub(crate) fn running_statistics(&self, theta: &Tensor) -> Result<Option<Tensor>, Failure> {
        let rows = self.train.running_statistics(&theta.unsqueeze(0)?)?;
        Ok(rows.map(|rows| rows.squeeze(0)).transpose()?)
    }

    /// The path with the running statistics of its vertices, if the network has some: those `[B]` of the ends where they
    /// are known, and those of a pass over training rows elsewhere.
    pub(crate) fn with_running_statistics(
        &self,
        path: Path,
        ends: &[Option<Tensor>; 2],
    ) -> Result<Path, Failure> {
        if self.statistics().is_none() {
            return Ok(path);
        }
        let last = path.vertices().dims()[0] - 1;
        let row = |i: usize| match (i, ends) {
            (0, [Some(row), _]) => Ok(Some(row.clone())),
            (i, [_, Some(row)]) if i == last => Ok(Some(row.clone())),
            _ => self.running_statistics(&path.vertices().get(i)?),
        };
        match (0..=last).map(row).collect::<Result<Option<Vec<_>>, Failure>>()? {
            Some(rows) => Ok(path.with_buffers(Tensor::stack(&rows, 0)?)?),
            None => Ok(path),
        }
    }

    /// The same task where the running statistics `[B]` of a file hold for all points without their own.
    pub(crate) fn with_buffers(self, buffers: Option<&Tensor>) -> Result<Self, Failure> {
        let Some(row) = buffers else { return Ok(self) };
        let train = self.train.with_buffers(row)?;
        let test = self.test.map(|test| test.with_buffers(row)).transpose()?;
        Ok(Self { train, test, ..self })
    }

    /// The same task on `rows` of the training rows alone, evenly spaced, which statistics are then over, too. It is for
    /// proofs, which compute in F64.
    pub(crate) fn on_rows(self, rows: usize, common: &Common) -> Result<Self, Failure> {
        let task = Self { train: self.train.on_evenly_spaced(rows)?, ..self };
        task.tell(common, DType::F64);
        Ok(task)
    }

    /// The parameters that `file` holds, in the type and on the device of this task.
    pub(crate) fn place(&self, theta: &Tensor, file: &FilePath) -> Result<Tensor, Failure> {
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
            statistics: self.statistics().map(|rule| rule.to_string()),
            statistics_rows: self.statistics().map(|_| self.train.reference_rows().len()),
            ..Provenance::default()
        }
    }
}

/// The network of `spec` for the data. One for images needs images.
fn network(data: &Dataset, spec: &ArchSpec, outputs: usize) -> Result<Arch, Failure> {
    match (spec.image(), data.image) {
        (None, _) => Ok(spec.resolve(data.features(), outputs)?),
        (Some(_), Some(image)) => Ok(spec.resolve_images(image, outputs)?),
        (Some(_), None) => {
            let (features, spec) = (data.features(), &data.spec);
            let message = format!("{spec}: expected images [N, C, H, W], found rows of {features} numbers");
            Err(Failure::new(message)
                .hint("digits, mnist:, cifar10:, cifar100:, folder: and 4-D x of npz: are images"))
        }
    }
}

/// The risk with the rule for the statistics of batch normalisation.
fn with_statistics(risk: EmpiricalRisk, terms: &Terms, common: &Common) -> Result<EmpiricalRisk, Failure> {
    if risk.network().batch_norms().next().is_none() {
        if terms.statistics.is_some() || terms.statistics_rows.is_some() {
            common.note("--bn and --bn-rows change nothing: the network has no batch normalisation");
        }
        return Ok(risk);
    }
    let risk = risk.with_statistics(terms.statistics.unwrap_or_default());
    match terms.statistics_rows {
        Some(rows) if rows != risk.reference_rows().len() => {
            risk.with_reference_rows(rows).map_err(|e| Failure::new(format!("--bn-rows: {e}")))
        }
        _ => Ok(risk),
    }
}
