#![doc = include_str!("../README.md")]

pub use candle_core as candle;
pub use collado_certify::{self as certificates, certify};
pub use collado_data as data;
pub use collado_dynamics as dynamics;
pub use collado_files as files;
pub use collado_landscape as landscape;
pub use collado_models as models;
pub use collado_risk as risk;
pub use collado_studies as studies;

/// The names of everyday use.
pub mod prelude {
    pub use candle_core::{DType, Device, Tensor};
    pub use collado_certify::Certificate;
    pub use collado_dynamics::{Align, Connect, Connection, Curve, Linear, Search, Trainer};
    pub use collado_files::{Checkpoint, PathFile};
    pub use collado_models::{Activation, Arch, Init};
    pub use collado_risk::{
        Criterion, EmpiricalRisk, Evaluation, Examples, Loss, ModuleObjective, Objective, Path, RiskOn, Rows,
        Span,
    };
}
