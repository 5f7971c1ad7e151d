//! Families of networks for images, as `--arch` names them: `lenet`, `resnet20:width=2,norm=bn`, `wrn-16-4`, …
//!
//! The tensors have the names of the usual PyTorch sources. Where a family has variants under one name, as ResNet-20
//! has three kinds of shortcut, an option says which, and the whole list of options is printed and stored.

mod options;
mod plain;
mod resnet;
mod vgg;
mod width;

use self::options::Plan;
pub use self::options::{Family, ImageSpec, NormChoice, Shortcut};
pub(crate) use self::{options::NAMES, width::Width};
use crate::{Arch, Network, NetworkBuilder, NodeId, NormKind, Result};

impl ImageSpec {
    /// The network that `arch` describes by this list of options, which must be [complete](Self::complete).
    ///
    /// # Errors
    /// When the options do not fit together.
    pub(crate) fn build(&self, arch: &Arch) -> Result<Network> {
        let plan = self.plan();
        let mut net = NetworkBuilder::new(&plan.input);
        match self.family() {
            Family::LeNet => plain::lenet(&mut net, &plan),
            Family::ConvFc => plain::conv_fc(&mut net, &plan),
            Family::Vgg(layers) => vgg::build(&mut net, &plan, layers),
            Family::ResNet(depth) => resnet::small(&mut net, &plan, (depth - 2) / 6),
            Family::ResNet18 => resnet::large(&mut net, &plan, [2, 2, 2, 2]),
            Family::ResNet34 => resnet::large(&mut net, &plan, [3, 4, 6, 3]),
            Family::Wrn { depth, widening } => resnet::wide(&mut net, &plan, (depth - 4) / 6, widening),
        };
        net.finish_as(arch.clone())
    }
}

/// A normalisation, where the network has them.
fn norm(net: &mut NetworkBuilder, x: NodeId, name: &str, kind: Option<NormKind>) -> NodeId {
    kind.map_or(x, |kind| net.norm(x, name, kind))
}
