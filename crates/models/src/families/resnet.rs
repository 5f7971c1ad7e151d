//! Residual networks.

use super::{Plan, norm, options::Shortcut};
use crate::{ConvSettings, NetworkBuilder, NodeId, Pad, PoolKind};

/// ResNet for small images with three stages of `blocks` blocks.
pub(super) fn small(net: &mut NetworkBuilder, plan: &Plan, blocks: usize) -> NodeId {
    let mut x = convolution(net, plan, 0, "conv1", 16, (3, 1));
    x = norm(net, x, "bn1", plan.norm);
    x = net.activation(x, plan.activation);
    for (stage, channels) in [16, 32, 64].into_iter().enumerate() {
        x = layer(net, plan, x, stage, blocks, channels);
    }
    head(net, plan, x)
}

/// ResNet-18 or 34, whose four stages have that many `blocks`.
pub(super) fn large(net: &mut NetworkBuilder, plan: &Plan, blocks: [usize; 4]) -> NodeId {
    let stem = if plan.large_stem { (7, 2) } else { (3, 1) };
    let mut x = convolution(net, plan, 0, "conv1", 64, stem);
    x = norm(net, x, "bn1", plan.norm);
    x = net.activation(x, plan.activation);
    if plan.large_stem {
        x = net.pool(x, PoolKind::Max, 3, 2, 1);
    }
    for (stage, channels) in [64, 128, 256, 512].into_iter().enumerate() {
        x = layer(net, plan, x, stage, blocks[stage], channels);
    }
    head(net, plan, x)
}

/// WideResNet: normalisation and activation come before each convolution.
pub(super) fn wide(net: &mut NetworkBuilder, plan: &Plan, blocks: usize, widening: usize) -> NodeId {
    let mut x = convolution(net, plan, 0, "conv1", 16, (3, 1));
    for (stage, channels) in [16, 32, 64].into_iter().enumerate() {
        for k in 0..blocks {
            let stride = if stage > 0 && k == 0 { 2 } else { 1 };
            let name = format!("layer{}.{k}", stage + 1);
            x = wide_block(net, plan, x, &name, channels * widening, stride);
        }
    }
    x = norm(net, x, "bn1", plan.norm);
    x = net.activation(x, plan.activation);
    head(net, plan, x)
}

/// A stage of blocks; the first block of all but the first stage halves height and width.
fn layer(
    net: &mut NetworkBuilder,
    plan: &Plan,
    mut x: NodeId,
    stage: usize,
    blocks: usize,
    channels: usize,
) -> NodeId {
    for k in 0..blocks {
        let stride = if stage > 0 && k == 0 { 2 } else { 1 };
        x = block(net, plan, x, &format!("layer{}.{k}", stage + 1), channels, stride);
    }
    x
}

fn block(
    net: &mut NetworkBuilder,
    plan: &Plan,
    input: NodeId,
    name: &str,
    channels: usize,
    stride: usize,
) -> NodeId {
    let mut x = convolution(net, plan, input, &format!("{name}.conv1"), channels, (3, stride));
    x = norm(net, x, &format!("{name}.bn1"), plan.norm);
    x = net.activation(x, plan.activation);
    x = convolution(net, plan, x, &format!("{name}.conv2"), channels, (3, 1));
    x = norm(net, x, &format!("{name}.bn2"), plan.norm);
    let around = match stride != 1 || net.shape(input)[0] != net.shape(x)[0] {
        true => {
            let around = shortcut(net, plan, input, name, channels, stride);
            match plan.shortcut {
                Shortcut::Pad => around,
                _ => norm(net, around, &format!("{name}.shortcut.1"), plan.norm),
            }
        }
        false => input,
    };
    let sum = net.add(x, around);
    net.activation(sum, plan.activation)
}

fn wide_block(
    net: &mut NetworkBuilder,
    plan: &Plan,
    input: NodeId,
    name: &str,
    channels: usize,
    stride: usize,
) -> NodeId {
    let mut x = norm(net, input, &format!("{name}.bn1"), plan.norm);
    x = net.activation(x, plan.activation);
    let around = match net.shape(input)[0] == plan.width.of(channels) && stride == 1 {
        true => input,
        false => x,
    };
    x = convolution(net, plan, x, &format!("{name}.conv1"), channels, (3, stride));
    x = norm(net, x, &format!("{name}.bn2"), plan.norm);
    x = net.activation(x, plan.activation);
    x = convolution(net, plan, x, &format!("{name}.conv2"), channels, (3, 1));
    let around = match around == input {
        true => input,
        false => shortcut(net, plan, around, name, channels, stride),
    };
    net.add(x, around)
}

/// The way around a block that changes the number of channels, without its normalisation.
fn shortcut(
    net: &mut NetworkBuilder,
    plan: &Plan,
    x: NodeId,
    name: &str,
    channels: usize,
    stride: usize,
) -> NodeId {
    let name = format!("{name}.shortcut.0");
    match plan.shortcut {
        Shortcut::Conv1 => convolution(net, plan, x, &name, channels, (1, stride)),
        Shortcut::Conv3 => convolution(net, plan, x, &name, channels, (3, stride)),
        Shortcut::Pad => {
            let every = if stride == 1 { x } else { net.pool(x, PoolKind::Average, 1, stride, 0) };
            let zeros = plan.width.of(channels).saturating_sub(net.shape(x)[0]);
            net.pad(every, Pad { before: zeros / 2, after: zeros - zeros / 2 })
        }
    }
}

fn convolution(
    net: &mut NetworkBuilder,
    plan: &Plan,
    x: NodeId,
    name: &str,
    channels: usize,
    (kernel, stride): (usize, usize),
) -> NodeId {
    let same = ConvSettings::same(plan.width.of(channels), kernel);
    net.conv(x, name, ConvSettings { stride, bias: plan.bias, ..same })
}

fn head(net: &mut NetworkBuilder, plan: &Plan, x: NodeId) -> NodeId {
    let features = net.global_average(x);
    net.dense(features, "fc", plan.classes, true)
}
