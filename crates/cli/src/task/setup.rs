//! The task of a command: its data, its network and its risk.

use std::path::Path;

use candle_core::{DType, Device, Tensor};
use collado_data::{Dataset, Split};
use collado_files::Provenance;
use collado_models::{Arch, ArchSpec};
use collado_risk::{Criterion, EmpiricalRisk, Examples, Loss};

use super::{
    fit::{classes_are_those_of, default_loss, outputs},
    source::Source,
};
use tracing::info;

use crate::{
    args::{Common, DataArgs, Dtype},
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
        let memory = common.memory();
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
