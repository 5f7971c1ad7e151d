#![doc = include_str!("../README.md")]

mod align;
mod connect;
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
    connect::{Connect, Curve, CurveKind, Linear, Problem},
    error::{Error, Result},
    levelset::{Edge, Edges, Known, MergeTree, Node, SampledEdges, distinct, pairs, spanning_tree},
    optimizer::{Optimizer, Rule},
    path::Path,
    profile::{Barrier, Profile, profile},
    sampler::Sampler,
    schedule::{Decay, Schedule},
    train::{Epoch, Observe, Stop, TrainSettings, Trained, Training, train},
};
