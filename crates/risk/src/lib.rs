#![doc = include_str!("../README.md")]

mod constant;
mod criterion;
mod descent;
mod empirical_risk;
mod engine;
mod error;
mod examples;
mod graph;
mod loss;
mod module_objective;
mod neuron;
mod objective;
mod path;
mod planted;
mod profile;
mod progress;
mod regularizer;
mod slopes;
mod span;
mod statistics;
mod training;

#[cfg(feature = "cuda")]
pub use collado_cuda::device as gpu;

pub use self::{
    criterion::Criterion,
    descent::{Batches, Descent, Draw, NO_EXAMPLE, StepRule},
    empirical_risk::{EmpiricalRisk, RiskOn},
    engine::{CurvatureForm, CurvaturePoint, ExactCurvature, Jacobian, Precision},
    error::{Error, Result},
    examples::{Examples, Targets},
    graph::risk_node,
    loss::Loss,
    module_objective::ModuleObjective,
    neuron::LogisticNeuron,
    objective::{Evaluation, Objective, Rows},
    path::{Path, PathKind, hat},
    planted::{Planted, PlantedDescent, PlantedRun},
    profile::{Barrier, Profile, largest, profile},
    progress::{Part, Progress},
    regularizer::Regularizer,
    span::Span,
    statistics::Statistics,
    training::TrainingObjective,
};
