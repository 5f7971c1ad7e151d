//! The legs of a constructive path: how an end moves to the reference network, and how both sides meet.

use super::{HiddenLayer, readout::Output, reference::Reference};
use crate::dense::{Chain, Dense};

/// One end on its way to the reference: its current point, the neurons that it dropped, and the vertices so far.
pub(super) struct Descent {
    point: Dense,
    /// The slots of the reference's neurons: reference neuron a is placed in slot `slots[a]`.
    slots: Vec<usize>,
    chain: Chain,
}

impl Descent {
    /// Starts at an end.
    pub(super) fn new(end: Dense) -> Self {
        let mut chain = Chain::default();
        chain.push(end.row());
        Self { point: end, slots: Vec::new(), chain }
    }

    /// The current point.
    pub(super) fn row(&self) -> Vec<f64> {
        self.point.row()
    }

    /// Moves the output weights to `output`.
    pub(super) fn output(&mut self, output: &Output) {
        self.point.weights[1].clone_from(&output.weight);
        self.point.biases[1].clone_from(&output.bias);
        self.chain.push(self.point.row());
    }

    /// Puts the reference's neurons into `slots`, which carry no output weight, then moves the output weights there.
    pub(super) fn reference(&mut self, reference: &Reference, slots: Vec<usize>) {
        self.slots = slots;
        let slots = self.slots.clone();
        self.rows(|row| slots.iter().position(|&s| s == row).map(|a| reference.hidden.row(a)));
        self.carry(reference, &slots);
    }

    /// Moves the output weights to the reference's, in `slots`.
    fn carry(&mut self, reference: &Reference, slots: &[usize]) {
        let mut output =
            Output { weight: self.point.weights[1].clone(), bias: reference.output.bias.clone() };
        output.weight.fill(0.);
        for (a, &slot) in slots.iter().enumerate() {
            output.weight.col_mut(slot).copy_from(reference.output.weight.col(a));
        }
        self.output(&output);
    }

    /// Moves the rows of the hidden layer for which `new` gives another one.
    fn rows(&mut self, new: impl Fn(usize) -> Option<(Vec<f64>, Option<f64>)>) {
        for i in 0..self.point.weights[0].nrows() {
            if let Some((row, bias)) = new(i) {
                self.point.weights[0].row_mut(i).iter_mut().zip(row).for_each(|(x, y)| *x = y);
                if let (Some(x), Some(y)) = (self.point.biases[0].get_mut(i), bias) {
                    *x = y;
                }
            }
        }
        self.chain.push(self.point.row());
    }

    /// Joins the two sides once both carry the reference, and goes back along the chain of `other` to its end. The
    /// neurons that have other slots in `other` are copied there and all unused rows go to 0; then the output weights
    /// move over; then the unused rows become those of `other`.
    pub(super) fn meet(mut self, other: Self, reference: &Reference) -> Chain {
        let zero = (vec![0.; reference.hidden.weight.ncols()], Some(0.));
        let (here, there) = (self.slots.clone(), other.slots.clone());
        self.rows(|row| match there.iter().position(|&s| s == row) {
            _ if here.contains(&row) => None,
            Some(a) => Some(reference.hidden.row(a)),
            None => Some(zero.clone()),
        });
        self.carry(reference, &there);
        self.chain.back_along(other.chain);
        self.chain
    }
}

impl HiddenLayer {
    /// Incoming weights and bias of one neuron.
    fn row(&self, i: usize) -> (Vec<f64>, Option<f64>) {
        (self.weight.row(i).iter().copied().collect(), self.bias.get(i).copied())
    }
}

/// The slots for the reference's neurons at two ends that dropped `a` and `b` (equally many). Slots that both dropped
/// come first and get the same neurons, so that these need no permutation where the sides meet.
pub(super) fn slots(a: &[usize], b: &[usize]) -> [Vec<usize>; 2] {
    let arrange = |own: &[usize], other: &[usize]| {
        let (mut common, mut rest): (Vec<usize>, Vec<usize>) = own.iter().partition(|i| other.contains(i));
        common.sort_unstable();
        rest.sort_unstable();
        common.extend(rest);
        common
    };
    [arrange(a, b), arrange(b, a)]
}
