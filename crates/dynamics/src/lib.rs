#![doc = include_str!("../README.md")]

mod align;
mod connect;
mod dense;
mod error;
mod finish;
mod levelset;
mod optimizer;
mod sampler;
mod schedule;
mod star;
mod train;

pub use self::{
    align::{Align, Aligned, Matching, Merge, Repair, learned_shares},
    connect::{
        Connect, Connection, Constructive, ConstructiveSettings, Curve, CurveKind, DeepLinear, Dss,
        Guarantee, Level, Linear, LinearOptimum, Neb, RidgePath, Search, StringReport, linear_optimum,
    },
    error::{Error, Result},
    finish::{
        FinishSettings, FinishState, FinishStep, FinishStop, Finished, ObserveFinish, finish, gradient_norm,
    },
    levelset::{
        Edge, EdgeKind, EdgeValues, Edges, Enclosure, MergeTree, Node, SampledEdges, distinct, line_maxima,
        maxima, next_round, pairs, spanning_tree,
    },
    optimizer::{AdaptiveRule, Optimizer, Rule},
    sampler::Sampler,
    schedule::{Decay, Schedule},
    star::{LearnedStar, LinearCentre, LinearGoal, LinearStar},
    train::{Epoch, Observe, Stop, TrainSettings, TrainState, Trained, Trainer, Training, resume, train},
};
