#![doc = include_str!("../README.md")]

mod engine;
mod error;
mod graph;
mod loss;
mod module_objective;
mod neuron;
mod objective;
mod path;
mod planted;
mod profile;
mod regularizer;
mod slopes;
mod span;

pub use self::{
    engine::{Criterion, CurvatureForm, CurvaturePoint, DenseCurvature, DenseObjective},
    error::{Error, Result},
    graph::risk_node,
    loss::Loss,
    module_objective::ModuleObjective,
    neuron::LogisticNeuron,
    objective::{Evaluation, Objective, Rows},
    path::{Path, PathKind, hat},
    planted::{Planted, PlantedDescent, PlantedRun},
    profile::{Barrier, Profile, largest, profile},
    regularizer::Regularizer,
    span::Span,
};
