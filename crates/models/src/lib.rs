#![doc = include_str!("../README.md")]

mod activation;
mod arch;
mod elementary;
mod error;
mod exponential;
mod families;
mod fixed_tensors;
mod init;
mod layout;
mod modules;
mod network;
mod network_module;
mod real;
mod symmetry;
mod tensors;

pub use self::{
    activation::Activation,
    arch::{Arch, ArchSpec, Head},
    error::{Error, Result},
    families::{Family, ImageSpec, NormChoice, Shortcut},
    fixed_tensors::FixedTensors,
    init::Init,
    layout::{Entry, Layout},
    modules::{DeepLinear, Example120, Mlp, ReluNet, TwoLayer},
    network::{
        Affine, Algebra, Chain, Conv2d, ConvSettings, ConvShape, Embedding, Function, Layer, Map, Network,
        NetworkBuilder, Node, NodeId, Norm, NormKind, NormSettings, Op, Pad, Place, Pool, PoolKind,
        Rearrange, Reduce, ReduceKind, Reverse, Running, Slice, Softmax, Source, Weights,
    },
    network_module::NetworkModule,
    real::{Real, check_dtype, with_slice, with_slice_mut},
    symmetry::{Axis, Block, Group, Groups, Inner, OutputDifference, Scale, Site, Symmetry, TensorAxes},
    tensors::{BatchMoments, Leaves, Moments, Noted, PointTensors, Tape, TensorKernels, TensorMoments},
};
