//! Operations without a layer: arithmetic of results, and their axes.

use std::sync::Arc;

use super::{NetworkBuilder, shown};
use crate::{Activation, Function, NodeId, Op, Pad, Rearrange, Reduce, ReduceKind, Slice, Softmax, Source};

impl NetworkBuilder {
    /// The parameter `name` as a value.
    pub fn parameter(&mut self, name: impl Into<String>, shape: &[usize]) -> NodeId {
        let (name, shape) = (name.into(), shape.to_vec());
        let columns = self.parameter_at(&name, shape.clone());
        self.push(Op::Source(Source::Parameter { name, columns, shape: shape.clone() }), Vec::new(), shape)
    }

    /// Fixed numbers, last index fastest; `name` stands for them in messages.
    pub fn constant(&mut self, name: impl Into<String>, values: Vec<f64>, shape: &[usize]) -> NodeId {
        let (name, shape) = (name.into(), shape.to_vec());
        let fits = shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n)) == Some(values.len());
        self.expect(fits, format!("constant '{name}': numbers"), shown(&shape), values.len());
        let values: Arc<[f64]> = values.into();
        self.push(Op::Source(Source::Constant { name, values, shape: shape.clone() }), Vec::new(), shape)
    }

    /// An activation function.
    pub fn activation(&mut self, x: NodeId, rho: Activation) -> NodeId {
        let shape = self.nodes[x].shape.clone();
        self.push(Op::Activation(rho), vec![x], shape)
    }

    /// Another function of each number by itself.
    pub fn function(&mut self, x: NodeId, f: Function) -> NodeId {
        let shape = self.nodes[x].shape.clone();
        self.push(Op::Function(f), vec![x], shape)
    }

    /// `by` times the result of `x`, plus `shift`.
    pub fn scale(&mut self, x: NodeId, by: f64, shift: f64) -> NodeId {
        match (by, shift) {
            (1., 0.) => x,
            _ => self.function(x, Function::Scale { by, shift }),
        }
    }

    /// The sum of two results. Axes of one position are repeated to match, as in PyTorch.
    pub fn add(&mut self, x: NodeId, y: NodeId) -> NodeId {
        let [x, y] = self.alike("terms of a sum", x, y);
        self.push(Op::Add, vec![x, y], self.nodes[x].shape.clone())
    }

    /// The product of two results, number by number. Axes of one position are repeated to match, as in PyTorch.
    pub fn multiply(&mut self, x: NodeId, y: NodeId) -> NodeId {
        let [x, y] = self.alike("factors of a product", x, y);
        self.push(Op::Multiply, vec![x, y], self.nodes[x].shape.clone())
    }

    /// The products of matrices on the last two axes, `[.., m, k]` and `[.., k, n]`. A matrix goes with all others along
    /// leading axes of one position, as in PyTorch.
    pub fn matmul(&mut self, x: NodeId, y: NodeId) -> NodeId {
        let [a, b] = [x, y].map(|id| self.nodes[id].shape.clone());
        let (Some(&[m, k]), Some(&[l, n])) = (a.last_chunk(), b.last_chunk()) else {
            let found = format!("{} and {}", shown(&a), shown(&b));
            self.expect(false, "product of matrices".into(), "two axes at least".into(), found);
            return x;
        };
        let what = "inner axes of a product of matrices";
        self.expect(k == l, what.into(), k.to_string(), l);
        let Some(batch) = self.common(&a[..a.len() - 2], &b[..b.len() - 2], "matrices of a product") else {
            return x;
        };
        // Matrices that go with several others are not repeated.
        let [x, y] = [(x, a), (y, b)].map(|(id, shape)| {
            let lacking = (batch.len() + 2).saturating_sub(shape.len());
            self.reshape(id, &[&vec![1; lacking][..], &shape].concat())
        });
        self.push(Op::MatMul, vec![x, y], [&batch[..], &[m, n]].concat())
    }

    /// Channels of several results, one result after the other.
    pub fn concat(&mut self, inputs: &[NodeId]) -> NodeId {
        self.concat_along(0, inputs)
    }

    /// Several results, one after the other along `axis`.
    pub fn concat_along(&mut self, axis: usize, inputs: &[NodeId]) -> NodeId {
        let mut shape = inputs.first().map_or(Vec::new(), |&x| self.nodes[x].shape.clone());
        for (i, &x) in inputs.iter().enumerate() {
            let other = self.nodes[x].shape.clone();
            let rest = |s: &[usize]| Some((s.get(..axis)?.to_vec(), s.get(axis + 1..)?.to_vec()));
            let fits = rest(&other).is_some() && rest(&other) == rest(&shape);
            self.expect(fits, "parts of a concatenation".into(), shown(&shape), shown(&other));
            if fits && i > 0 {
                shape[axis] += other[axis];
            }
        }
        self.expect(!inputs.is_empty(), "parts of a concatenation".into(), "at least one".into(), "none");
        self.push(Op::Concat(axis), inputs.to_vec(), shape)
    }

    /// Channels of zeros before and after those of `x`.
    pub fn pad(&mut self, x: NodeId, pad: Pad) -> NodeId {
        let mut shape = self.nodes[x].shape.clone();
        if let Some(channels) = shape.first_mut() {
            *channels += pad.before + pad.after;
        }
        self.push(Op::Pad(pad), vec![x], shape)
    }

    /// Positions with the number `value` before and after those of any `axis`.
    pub fn pad_along(&mut self, axis: usize, x: NodeId, pad: Pad, value: f64) -> NodeId {
        let shape = self.nodes[x].shape.clone();
        if axis == 0 && value == 0. {
            return self.pad(x, pad);
        }
        let mut parts = vec![x];
        for (count, at) in [(pad.before, 0), (pad.after, 2)] {
            if count > 0 && axis < shape.len() {
                let mut border = shape.clone();
                border[axis] = count;
                let numbers = vec![value; border.iter().product()];
                let border = self.constant("a border", numbers, &border);
                parts.insert(at.min(parts.len()), border);
            }
        }
        self.concat_along(axis, &parts)
    }

    /// All numbers as features: channel by channel, row by row.
    pub fn flatten(&mut self, x: NodeId) -> NodeId {
        self.reshape(x, &[self.nodes[x].shape.iter().product()])
    }

    /// The same numbers in the same order, in another shape.
    pub fn reshape(&mut self, x: NodeId, shape: &[usize]) -> NodeId {
        let from = self.nodes[x].shape.clone();
        let length = |shape: &[usize]| shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
        self.expect(length(shape) == length(&from), "reshape: numbers".into(), shown(&from), shown(shape));
        if from == shape { x } else { self.push(Op::Reshape, vec![x], shape.to_vec()) }
    }

    /// The axes in another order: axis i of the result is axis `axes[i]` of `x`.
    pub fn permute(&mut self, x: NodeId, axes: &[usize]) -> NodeId {
        match axes.iter().copied().eq(0..self.nodes[x].shape.len()) {
            true => x,
            false => self.rearrange(x, Rearrange::Permute { axes: axes.to_vec() }, "each of its axes once"),
        }
    }

    /// Every `step`-th of the positions `start..stop` of an axis.
    pub fn slice(&mut self, x: NodeId, slice: Slice) -> NodeId {
        let whole = Slice { axis: slice.axis, start: 0, stop: slice.stop, step: 1 };
        match self.nodes[x].shape.get(slice.axis) == Some(&slice.stop) && slice == whole {
            true => x,
            false => self.rearrange(x, Rearrange::Slice(slice), "an axis with these positions"),
        }
    }

    /// One position of an axis, which the result does not have.
    pub fn select(&mut self, x: NodeId, axis: usize, index: usize) -> NodeId {
        let y = self.slice(x, Slice { axis, start: index, stop: index.saturating_add(1), step: 1 });
        let mut shape = self.nodes[y].shape.clone();
        if axis < shape.len() {
            shape.remove(axis);
        }
        self.reshape(y, &shape)
    }

    /// The result of `x` once for each position of axes on which it has one position, and of new leading axes.
    pub fn expand(&mut self, x: NodeId, shape: &[usize]) -> NodeId {
        let from = self.nodes[x].shape.clone();
        let lacking = shape.len().saturating_sub(from.len());
        let y = self.reshape(x, &[&vec![1; lacking][..], &from].concat());
        match self.nodes[y].shape == shape {
            true => y,
            false => self.rearrange(y, Rearrange::Expand { shape: shape.to_vec() }, "axes of one position"),
        }
    }

    /// The sum over axes, which the result does not have.
    pub fn sum(&mut self, x: NodeId, axes: &[usize]) -> NodeId {
        self.reduce(x, ReduceKind::Sum, axes)
    }

    /// The mean over axes, which the result does not have. Over the rows and columns of images it is a pooling.
    pub fn mean(&mut self, x: NodeId, axes: &[usize]) -> NodeId {
        let mut sorted = axes.to_vec();
        sorted.sort_unstable();
        if self.nodes[x].shape.len() == 3 && sorted == [1, 2] {
            return self.global_average(x);
        }
        self.reduce(x, ReduceKind::Mean, axes)
    }

    /// Numbers that are positive and sum to 1 along an axis.
    pub fn softmax(&mut self, x: NodeId, axis: usize) -> NodeId {
        self.softmax_of(x, Softmax { axis, log: false })
    }

    /// The softmax `op`.
    pub fn softmax_of(&mut self, x: NodeId, op: Softmax) -> NodeId {
        let shape = self.nodes[x].shape.clone();
        let shape = (op.axis < shape.len()).then_some(shape);
        self.push_fitting(Op::Softmax(op), x, shape, "a value with that axis")
    }

    fn reduce(&mut self, x: NodeId, kind: ReduceKind, axes: &[usize]) -> NodeId {
        let mut axes = axes.to_vec();
        axes.sort_unstable();
        if axes.is_empty() {
            return x;
        }
        let op = Reduce { kind, axes };
        let shape = op.output_shape(&self.nodes[x].shape);
        self.push_fitting(Op::Reduce(op), x, shape, "a value with these axes")
    }

    fn rearrange(&mut self, x: NodeId, op: Rearrange, expected: &str) -> NodeId {
        let shape = op.output_shape(&self.nodes[x].shape);
        self.push_fitting(Op::Rearrange(op), x, shape, expected)
    }

    /// Two results with the same shape, where axes of one position are repeated.
    fn alike(&mut self, what: &str, x: NodeId, y: NodeId) -> [NodeId; 2] {
        let [a, b] = [x, y].map(|id| self.nodes[id].shape.clone());
        match self.common(&a, &b, what) {
            Some(shape) => [self.expand(x, &shape), self.expand(y, &shape)],
            None => [x, x],
        }
    }

    /// The shape that both shapes can be repeated to, as PyTorch broadcasts them.
    fn common(&mut self, a: &[usize], b: &[usize], what: &str) -> Option<Vec<usize>> {
        let rank = a.len().max(b.len());
        let at = |shape: &[usize], i: usize| match (i + shape.len()).checked_sub(rank) {
            Some(i) => shape[i],
            None => 1,
        };
        let both = (0..rank).map(|i| (at(a, i), at(b, i)));
        let shape: Option<Vec<usize>> = both
            .map(|pair| match pair {
                (a, b) if a == b => Some(a),
                (1, n) | (n, 1) => Some(n),
                _ => None,
            })
            .collect();
        self.expect(shape.is_some(), what.into(), shown(a), shown(b));
        shape
    }
}
