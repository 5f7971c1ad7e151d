//! The forward pass and the reverse pass through the list of operations, in any arithmetic.

use super::{Affine, Algebra, Network, NodeId, Op, Place, Reverse};
use crate::Activation;

impl Network {
    /// Computes the network's output for the input `x`, in the arithmetic of `algebra`.
    ///
    /// # Errors
    /// The errors of the arithmetic; an operation for which it has no rule is refused by name.
    pub fn run<A: Algebra>(&self, algebra: &mut A, x: A::Value) -> Result<A::Value, A::Error> {
        let mut values: Vec<Option<A::Value>> = vec![None; self.list.nodes.len()];
        values[0] = Some(x);
        let mut id = 1;
        while id < self.list.nodes.len() {
            let last = self.layer_at(id).map_or(id, |_| id + 1);
            let inputs = &self.list.nodes[id].inputs;
            let mut read = |i: usize| {
                let (read, again) = (inputs[i], inputs[i + 1..].contains(&inputs[i]));
                let keep = again || self.list.last[read] > last;
                let value = if keep { values[read].clone() } else { values[read].take() };
                value.expect("operations come after those they read")
            };
            let value = match (self.layer_at(id), &self.list.nodes[id].op) {
                (Some((op, rho)), _) => algebra.layer(op, rho, &read(0))?,
                (None, Op::Affine(op)) => algebra.affine(op, &read(0))?,
                (None, Op::Norm(op)) => algebra.norm(op, read(0))?,
                (None, Op::Activation(rho)) => algebra.activation(*rho, read(0))?,
                (None, Op::Pool(op)) => algebra.pool(op, &read(0))?,
                (None, Op::Add) => {
                    let x = read(0);
                    algebra.add(x, &read(1))?
                }
                (None, Op::Concat(axis)) => {
                    algebra.concat(*axis, &(0..inputs.len()).map(read).collect::<Vec<_>>())?
                }
                (None, Op::Pad(op)) => algebra.pad(op, &read(0))?,
                (None, Op::Reshape) => algebra.reshape(&self.list.nodes[id].shape, read(0))?,
                (None, Op::Source(op)) => algebra.source(op)?,
                (None, Op::Function(f)) => algebra.function(*f, read(0))?,
                (None, Op::Multiply) => {
                    let x = read(0);
                    algebra.multiply(x, &read(1))?
                }
                (None, Op::MatMul) => {
                    let x = read(0);
                    algebra.matmul(&x, &read(1))?
                }
                (None, Op::Rearrange(op)) => algebra.rearrange(op, read(0))?,
                (None, Op::Reduce(op)) => algebra.reduce(op, read(0))?,
                (None, Op::Softmax(op)) => algebra.softmax(op, read(0))?,
                (None, Op::Embedding(op)) => algebra.embedding(op, &read(0))?,
                (None, Op::Input) => unreachable!("the input is the first operation, and only that"),
            };
            values[last] = Some(value);
            id = last + 1;
        }
        Ok(values.pop().flatten().expect("a network has an output"))
    }

    /// The affine map at operation `id` with the activation at the next one, if that alone reads it.
    fn layer_at(&self, id: NodeId) -> Option<(&Affine, Activation)> {
        let next =
            self.list.nodes.get(id + 1).filter(|next| next.inputs == [id] && self.list.last[id] == id + 1)?;
        match (&self.list.nodes[id].op, &next.op) {
            (Op::Affine(op), Op::Activation(rho)) => Some((op, *rho)),
            _ => None,
        }
    }

    /// Propagates the derivative with respect to the output, which `reverse` holds, back through all operations.
    ///
    /// # Errors
    /// The errors of the arithmetic; an operation for which it has no rule is refused by name.
    pub fn run_back<R: Reverse>(&self, reverse: &mut R) -> Result<(), R::Error> {
        // Whether a part of the derivative lies at an operation's units already. Operations with the same units share
        // it by the first of them.
        let mut begun = vec![false; self.list.nodes.len()];
        let mut id = self.list.nodes.len();
        while id > 1 {
            id -= 1;
            let node = &self.list.nodes[id];
            let mut place = |read: NodeId| {
                let units = self.list.nodes[read].units.clone();
                let add = std::mem::replace(&mut begun[self.list.owner[read]], true) && !units.is_empty();
                Place { units, add }
            };
            let y = node.units.clone();
            match &node.op {
                Op::Input => unreachable!("only the first operation is the input"),
                Op::Affine(op) => match self.activated_input(id) {
                    Some(rho) => {
                        place(node.inputs[0]);
                        reverse.layer(op, rho, self.list.nodes[node.inputs[0]].units.clone())?;
                        id -= 1;
                    }
                    None => reverse.affine(op, place(node.inputs[0]))?,
                },
                Op::Norm(op) => reverse.norm(op, place(node.inputs[0]))?,
                Op::Activation(rho) if self.list.owner[id] == self.list.owner[node.inputs[0]] => {
                    reverse.activation(*rho, y.clone(), Place { units: y, add: false })?;
                }
                Op::Activation(rho) => reverse.activation(*rho, y, place(node.inputs[0]))?,
                Op::Pool(op) => reverse.pool(op, y, place(node.inputs[0]))?,
                Op::Add => {
                    for &read in &node.inputs {
                        reverse.add(y.clone(), place(read))?;
                    }
                }
                Op::Concat(0) => {
                    let mut start = y.start;
                    for &read in &node.inputs {
                        let end = start + self.list.nodes[read].shape.iter().product::<usize>();
                        reverse.concat(start..end, place(read))?;
                        start = end;
                    }
                }
                Op::Pad(op) => {
                    let pixels: usize = node.shape[1..].iter().product();
                    let inside = y.start + op.before * pixels..y.end - op.after * pixels;
                    reverse.pad(op, inside, place(node.inputs[0]))?;
                }
                Op::Reshape => {}
                Op::Source(_)
                | Op::Function(_)
                | Op::Multiply
                | Op::MatMul
                | Op::Concat(_)
                | Op::Rearrange(_)
                | Op::Reduce(_)
                | Op::Softmax(_)
                | Op::Embedding(_) => {
                    let places: Vec<Place> = node.inputs.iter().map(|&read| place(read)).collect();
                    reverse.other(&node.op, y, &places)?;
                }
            }
        }
        Ok(())
    }

    /// The activation that comes just before the affine map `id` and works in place, if that map alone reads it.
    fn activated_input(&self, id: NodeId) -> Option<Activation> {
        let read = self.list.nodes[id].inputs[0];
        match self.list.nodes[read].op {
            Op::Activation(rho)
                if read + 1 == id
                    && self.list.last[read] == id
                    && self.list.owner[read] == self.list.owner[self.list.nodes[read].inputs[0]] =>
            {
                Some(rho)
            }
            _ => None,
        }
    }
}
