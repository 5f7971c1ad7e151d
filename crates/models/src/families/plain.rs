//! Small networks with convolutions first and dense layers after them.

use super::{Plan, norm};
use crate::{ConvSettings, NetworkBuilder, NodeId, PoolKind};

/// LeNet-5 with max pooling. Images narrower than 32 pixels get the border of two pixels that LeCun et al. (1998) drew
/// around those of MNIST.
pub(super) fn lenet(net: &mut NetworkBuilder, plan: &Plan) -> NodeId {
    let mut x = 0;
    for (k, channels) in [(1, 6), (2, 16)] {
        let padding = if k == 1 && plan.input[1] < 32 { 2 } else { 0 };
        let settings =
            ConvSettings { padding, bias: plan.bias, ..ConvSettings::same(plan.width.of(channels), 5) };
        x = net.conv(x, format!("conv{k}"), settings);
        x = norm(net, x, &format!("bn{k}"), plan.norm);
        x = net.activation(x, plan.activation);
        x = net.pool(x, PoolKind::Max, 2, 2, 0);
    }
    x = net.flatten(x);
    for (k, features) in [(1, 120), (2, 84)] {
        x = net.dense(x, format!("fc{k}"), plan.width.of(features), plan.bias);
        x = net.activation(x, plan.activation);
    }
    net.dense(x, "fc3", plan.classes, plan.bias)
}

/// The network of Garipov et al. (2018) with overlapping windows of pooling.
pub(super) fn conv_fc(net: &mut NetworkBuilder, plan: &Plan) -> NodeId {
    let (mut x, mut number) = (0, 0);
    for channels in [32, 64, 128] {
        let settings = ConvSettings { bias: plan.bias, ..ConvSettings::same(plan.width.of(channels), 5) };
        x = net.conv(x, format!("conv_part.{number}"), settings);
        x = norm(net, x, &format!("conv_part.{}", number + 1), plan.norm);
        x = net.activation(x, plan.activation);
        x = net.pool(x, PoolKind::Max, 3, 2, 0);
        number += if plan.norm.is_some() { 4 } else { 3 };
    }
    x = net.flatten(x);
    for k in [0, 2] {
        x = net.dense(x, format!("fc_part.{k}"), plan.width.of(1000), plan.bias);
        x = net.activation(x, plan.activation);
    }
    net.dense(x, "fc_part.4", plan.classes, plan.bias)
}
