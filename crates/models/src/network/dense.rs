//! The lists of operations of described networks.

use std::sync::Arc;

use super::{Network, NetworkBuilder};
use crate::{Arch, Layout};

impl Arch {
    /// The network with its list of operations.
    pub fn network(&self) -> Network {
        match (self.spec().image(), self.spec().listed()) {
            (Some(image), _) => image.build(self).expect("the options were checked when they were read"),
            (None, Some(list)) => Network { arch: self.clone(), list: Arc::clone(list) },
            (None, None) => self.dense_network(),
        }
    }

    fn dense_network(&self) -> Network {
        let mut net = NetworkBuilder::new(&[self.inputs()]);
        let mut x = 0;
        for k in 0..self.depth() {
            x = net.dense(x, self.layer_name(k), self.widths()[k + 1], self.has_bias(k));
            if k + 1 < self.depth() {
                x = net.activation(x, self.activation());
            }
        }
        net.finish_as(self.clone()).expect("the widths of a chain fit together")
    }

    /// Names and shapes of the parameters, in the order of a stack's columns.
    pub fn layout(&self) -> Layout {
        self.network().layout().clone()
    }
}

impl From<Arch> for Network {
    fn from(arch: Arch) -> Self {
        arch.network()
    }
}

impl From<&Arch> for Network {
    fn from(arch: &Arch) -> Self {
        arch.network()
    }
}
