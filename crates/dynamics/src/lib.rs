#![doc = include_str!("../README.md")]

mod align;
mod connect;
mod dense;
mod error;
mod levelset;
mod optimizer;
mod path;
mod profile;
mod sampler;
mod schedule;
mod train;

pub use self::{
    align::{Align, Aligned, Matching, Repair},
    connect::{
        About, Connect, Constructive, ConstructiveSettings, Curve, CurveKind, DeepLinear, Dss, Found, Level,
        Linear, LinearOptimum, Neb, Problem, RidgePath, StringReport, linear_optimum,
    },
    error::{Error, Result},
    levelset::{
        Edge, Edges, Enclosure, Known, MergeTree, Node, SampledEdges, Way, distinct, pairs, spanning_tree,
    },
    optimizer::{AdaptiveRule, Optimizer, Rule},
    path::Path,
    profile::{Barrier, Profile, profile},
    sampler::Sampler,
    schedule::{Decay, Schedule},
    train::{Epoch, Observe, Stop, TrainSettings, TrainState, Trained, Training, Wish, resume, train},
};
