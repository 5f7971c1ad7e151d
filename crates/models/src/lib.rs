#![doc = include_str!("../README.md")]

mod activation;
mod arch;
mod checkpoint;
mod engine;
mod error;
mod exponential;
mod forward;
mod graph;
mod init;
mod layout;
mod loss;
mod module_objective;
mod modules;
mod neuron;
mod objective;
mod planted;
mod real;
mod regularizer;
mod slopes;
mod span;
mod symmetry;

pub use self::{
    activation::Activation,
    arch::{Arch, ArchSpec, Head},
    checkpoint::{
        Checkpoint, Names, PathFile, PathKind, Provenance, ReadOptions, SavedState, TEMPORARY, atomically,
        file_hash,
    },
    engine::{Criterion, CurvatureForm, CurvaturePoint, DenseCurvature, DenseObjective},
    error::{Error, Result},
    forward::{affine_layers, pre_activations},
    graph::risk_node,
    init::Init,
    layout::{Entry, Layout},
    loss::Loss,
    module_objective::ModuleObjective,
    modules::{DeepLinear, Example120, Mlp, ReluNet, TwoLayer},
    neuron::LogisticNeuron,
    objective::{Evaluation, Objective, Rows},
    planted::{Planted, PlantedDescent, PlantedRun},
    real::{Real, with_slice, with_slice_mut},
    regularizer::Regularizer,
    span::Span,
    symmetry::{OutputDifference, Symmetry},
};
