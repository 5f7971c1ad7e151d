//! VGG as it is used for CIFAR: 3×3 convolutions, five poolings, one dense layer.

use super::{Plan, norm};
use crate::{ConvSettings, NetworkBuilder, NodeId, PoolKind};

/// The network with that many `layers`. A pooling that would leave no pixel of a small image is left out, but counted in
/// the names of the layers after it.
pub(super) fn build(net: &mut NetworkBuilder, plan: &Plan, layers: usize) -> NodeId {
    let stages: [usize; 5] = match layers {
        11 => [1, 1, 2, 2, 2],
        13 => [2, 2, 2, 2, 2],
        16 => [2, 2, 3, 3, 3],
        _ => [2, 2, 4, 4, 4],
    };
    let (mut x, mut number) = (0, 0);
    for (depth, channels) in stages.into_iter().zip([64, 128, 256, 512, 512]) {
        for _ in 0..depth {
            let settings = ConvSettings { bias: plan.bias, ..ConvSettings::same(plan.width.of(channels), 3) };
            x = net.conv(x, format!("features.{number}"), settings);
            x = norm(net, x, &format!("features.{}", number + 1), plan.norm);
            x = net.activation(x, plan.activation);
            number += if plan.norm.is_some() { 3 } else { 2 };
        }
        if net.shape(x)[1..].iter().all(|&pixels| pixels >= 2) {
            x = net.pool(x, PoolKind::Max, 2, 2, 0);
        }
        number += 1;
    }
    x = net.flatten(x);
    net.dense(x, "classifier", plan.classes, plan.bias)
}
