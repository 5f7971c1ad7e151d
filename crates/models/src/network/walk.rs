//! The forward pass and the reverse pass through the list of operations, in any arithmetic.

use super::{Affine, Algebra, Network, NodeId, Op, Reverse};
use crate::Activation;

/// One step of the forward pass: a single operation, or an affine map together with the activation that follows it.
enum Step<'a> {
    Affine(&'a Affine),
    Activation(Activation),
    Layer(&'a Affine, Activation),
}

impl Network {
    /// Computes the network's output for the input `x`, in the arithmetic of `algebra`.
    ///
    /// # Errors
    /// The errors of the arithmetic; an operation for which it has no rule is refused by name.
    pub fn run<A: Algebra>(&self, algebra: &mut A, x: A::Value) -> Result<A::Value, A::Error> {
        let mut values: Vec<Option<A::Value>> = vec![None; self.nodes.len()];
        values[0] = Some(x);
        let mut id = 1;
        while id < self.nodes.len() {
            let (step, last) = self.step(id);
            let read = self.nodes[id].inputs[0];
            let x = if self.last[read] <= last { values[read].take() } else { values[read].clone() };
            let x = x.expect("operations come after those they read");
            values[last] = Some(match step {
                Step::Affine(op) => algebra.affine(op, &x)?,
                Step::Activation(rho) => algebra.activation(rho, x)?,
                Step::Layer(op, rho) => algebra.layer(op, rho, &x)?,
            });
            id = last + 1;
        }
        Ok(values.pop().flatten().expect("a network has an output"))
    }

    /// Propagates the derivative with respect to the output, which `reverse` holds, back through all operations.
    ///
    /// # Errors
    /// The errors of the arithmetic; an operation for which it has no rule is refused by name.
    pub fn run_back<R: Reverse>(&self, reverse: &mut R) -> Result<(), R::Error> {
        let mut id = self.nodes.len();
        while id > 1 {
            id -= 1;
            let x = &self.nodes[self.nodes[id].inputs[0]];
            match (&self.nodes[id].op, &x.op) {
                (Op::Input, _) => unreachable!("only the first operation is the input"),
                (Op::Activation(rho), _) => reverse.activation(*rho, x.units.clone())?,
                (Op::Affine(op), Op::Activation(rho))
                    if self.nodes[id].inputs[0] + 1 == id && self.last[id - 1] == id =>
                {
                    reverse.layer(op, *rho, x.units.clone())?;
                    id -= 1;
                }
                (Op::Affine(op), _) => reverse.affine(op, x.units.clone())?,
            }
        }
        Ok(())
    }

    /// The step that begins at operation `id`, and the last operation that belongs to it.
    fn step(&self, id: NodeId) -> (Step<'_>, NodeId) {
        let next = self.nodes.get(id + 1).filter(|next| next.inputs == [id] && self.last[id] == id + 1);
        match (&self.nodes[id].op, next.map(|next| &next.op)) {
            (Op::Affine(op), Some(Op::Activation(rho))) => (Step::Layer(op, *rho), id + 1),
            (Op::Affine(op), _) => (Step::Affine(op), id),
            (Op::Activation(rho), _) => (Step::Activation(*rho), id),
            (Op::Input, _) => unreachable!("the input is the first operation, and only that"),
        }
    }
}
