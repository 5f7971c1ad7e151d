//! The tensors of a file, and its statistics of batch normalisation.

use collado_files::{Role, TensorInfo};
use collado_models::Network;
use serde::Serialize;

/// A tensor.
#[derive(Serialize)]
pub(super) struct TensorSummary {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) dtype: String,
    /// The ends of the range of its finite numbers, if it has such.
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    pub(super) nan: usize,
    pub(super) infinite: usize,
    pub(super) role: Role,
    /// The network's own name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<String>,
}

impl From<TensorInfo> for TensorSummary {
    fn from(info: TensorInfo) -> Self {
        let TensorInfo { name, shape, dtype, min, max, nan, infinite, role, entry } = info;
        Self { name, shape, dtype, min, max, nan, infinite, role, entry }
    }
}

impl TensorSummary {
    /// An array of a data set.
    pub(super) fn of_data(name: String, shape: Vec<usize>, dtype: String, values: &[f64]) -> Self {
        let finite = || values.iter().copied().filter(|x| x.is_finite());
        let nan = values.iter().filter(|x| x.is_nan()).count();
        let (min, max) = (finite().reduce(f64::min), finite().reduce(f64::max));
        let infinite = values.len() - nan - finite().count();
        Self { name, shape, dtype, min, max, nan, infinite, role: Role::Other, entry: None }
    }
}

/// The running statistics of a batch normalisation.
#[derive(Serialize)]
pub(super) struct StatisticsSummary {
    pub(super) layer: String,
    pub(super) channels: usize,
    epsilon: f64,
    /// Whether the file has them.
    pub(super) present: bool,
    /// The ranges of means and variances over all channels.
    pub(super) mean: Option<[f64; 2]>,
    pub(super) variance: Option<[f64; 2]>,
    /// Number of batches that they are averages of.
    pub(super) batches: Option<f64>,
}

/// The running statistics of all batch normalisations.
pub(super) fn statistics(network: &Network, tensors: &[TensorInfo]) -> Vec<StatisticsSummary> {
    let tensor = |name: String| {
        tensors.iter().find(|t| t.role == Role::Buffer && t.entry.as_deref() == Some(name.as_str()))
    };
    let range = |name: String| tensor(name).and_then(|t| Some([t.min?, t.max?]));
    let all = network.batch_norms().map(|norm| {
        let name = &norm.name;
        StatisticsSummary {
            layer: name.clone(),
            channels: norm.channels,
            epsilon: norm.epsilon,
            present: tensor(format!("{name}.running_mean")).is_some(),
            mean: range(format!("{name}.running_mean")),
            variance: range(format!("{name}.running_var")),
            batches: tensor(format!("{name}.num_batches_tracked")).and_then(|t| t.max),
        }
    });
    all.collect()
}
