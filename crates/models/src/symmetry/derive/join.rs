//! Indices through operations of two values, and over axes.

use std::rc::Rc;

use super::{Channel, Derivation, Field, Position, Value};
use crate::symmetry::groups::Inner;

impl Derivation {
    /// A sum or a product of two values of the same shape: what stands at the same place carries the same index.
    pub(super) fn joined(&mut self, x: Value, y: Value, is_product: bool) -> Value {
        let mut result = Value::plain(&x.shape);
        for axis in 0..x.shape.len() {
            result.set_same(axis, x.is_same(axis) && y.is_same(axis));
        }
        let meets = |f: &Field, g: &Field| f.axes.iter().any(|axis| g.axes.contains(axis));
        let mut taken = vec![false; y.fields.len()];
        for f in &x.fields {
            let others: Vec<usize> = (0..y.fields.len()).filter(|&j| meets(f, &y.fields[j])).collect();
            others.iter().for_each(|&j| taken[j] = true);
            match others[..] {
                [] => {
                    self.alone(&x, f, &y);
                    result.fields.push(f.clone());
                }
                [j] if y.fields[j].axes == f.axes => {
                    let channels = self.tied(&f.channels, &y.fields[j].channels, is_product);
                    result.fields.push(Field::new(f.axes.clone(), channels));
                }
                [j] if contains(f, &y.fields[j]) => {
                    self.belong(&x, f, &y.fields[j]);
                    result.fields.push(f.clone());
                }
                [j] if contains(&y.fields[j], f)
                    && x.fields.iter().filter(|f| meets(f, &y.fields[j])).count() == 1 =>
                {
                    self.belong(&y, &y.fields[j], f);
                    result.fields.push(y.fields[j].clone());
                }
                _ => {
                    // Indices over other axes: nothing is permuted.
                    self.fix(&*f.channels);
                    others.iter().for_each(|&j| self.fix(&*y.fields[j].channels));
                    self.frozen
                        .push(format!("{} of two indices", if is_product { "a product" } else { "a sum" }));
                }
            }
        }
        for (g, _) in y.fields.iter().zip(taken).filter(|(_, taken)| !taken) {
            self.alone(&y, g, &x);
            result.fields.push(g.clone());
        }
        // Where indices over other axes met, one of them may be left.
        let mut seen = vec![false; x.shape.len()];
        result.fields.retain(|field| {
            let free = field.axes.iter().all(|&axis| !seen[axis]);
            field.axes.iter().for_each(|&axis| seen[axis] = true);
            free
        });
        result
    }

    /// The field `f` of `x` where `y` has no index: fixed positions of `y` fix it, equal numbers do not.
    fn alone(&mut self, x: &Value, f: &Field, y: &Value) {
        self.bind(&*f.channels);
        let fixed: Vec<usize> = f.axes.iter().copied().filter(|&axis| y.is_fixed(axis)).collect();
        if !fixed.is_empty() {
            _ = self.whole(x, f, &fixed);
        }
    }

    /// The channels of two fields over the same axes, at the same places.
    fn tied(&mut self, x: &[Channel], y: &[Channel], is_product: bool) -> Vec<Channel> {
        let blocks = 2 + x.iter().chain(y).map(|c| c.block).max().unwrap_or(0);
        let both = x.iter().zip(y).map(|(x, y)| {
            if let (Some(a), Some(b)) = (x.unit, y.unit) {
                self.units.tie(a, b);
                self.scales.tie(x.scale, y.scale);
            }
            let block = |c: &Channel| if c.unit.is_some() { c.block + 1 } else { 0 };
            let scale = if x.unit.is_some() { x.scale } else { y.scale };
            let unit = if is_product { x.unit.filter(|_| y.unit.is_some()) } else { x.unit.or(y.unit) };
            Channel { unit, scale, block: block(x) * blocks + block(y) }
        });
        both.collect()
    }

    /// The units of `fine` belong to those of `coarse`, whose axes are some of its.
    fn belong(&mut self, x: &Value, fine: &Field, coarse: &Field) {
        let others: Vec<usize> =
            fine.axes.iter().copied().filter(|axis| !coarse.axes.contains(axis)).collect();
        self.bind(&*coarse.channels);
        if let Some(whole) = self.whole(x, fine, &others) {
            for (a, b) in whole.channels.iter().zip(&*coarse.channels) {
                match (a.unit, b.unit) {
                    (Some(a), Some(b)) => self.units.tie(a, b),
                    (a, b) => self.fixed.extend(a.or(b)),
                }
            }
            // What tells the units of `coarse` apart tells these apart.
            self.axis(&coarse.channels, Position::of);
        }
    }

    /// The result tells the blocks of its channels apart, whether or not a tensor follows.
    pub(super) fn told_apart(&mut self, x: &Value) {
        for field in &x.fields {
            self.axis(&field.channels, Position::of);
        }
    }

    /// Products of matrices `[.., m, k]` and `[.., k, n]`: the products of numbers `[.., m, k, n]`, summed over k.
    pub(super) fn matrices(&mut self, x: &Value, y: &Value) -> Value {
        let rank = x.shape.len();
        let (k, n) = (rank - 1, rank);
        let spread = |value: &Value, order: &[usize], shape: &[usize]| {
            let longer = value.reshaped(&[&value.shape[..], &[1]].concat()).0.permuted(order);
            (longer, shape.to_vec())
        };
        let batch: Vec<usize> = (0..rank - 2).map(|i| x.shape[i].max(y.shape[i])).collect();
        let shape = [&batch[..], &[x.shape[rank - 2], x.shape[k], y.shape[rank - 1]]].concat();
        let straight: Vec<usize> = (0..=rank).collect();
        // The rows k of y come before its columns, its axis m is the new one.
        let turned: Vec<usize> = (0..rank - 2).chain([rank, rank - 2, rank - 1]).collect();
        let [a, b] = [spread(x, &straight, &shape), spread(y, &turned, &shape)];
        let (a, b) = (self.expanded(a.0, &a.1), self.expanded(b.0, &b.1));
        self.note_inner(&a, &b, k);
        let product = self.joined(a, b, true);
        self.bind(product.channels());
        self.told_apart(&product);
        debug_assert_eq!(product.shape.len(), n + 1, "products have one axis more");
        self.reduced(&product, &[k])
    }

    /// Notes the layers whose features within a whole are summed over: only their products matter.
    fn note_inner(&mut self, a: &Value, b: &Value, k: usize) {
        let layer = |value: &Value| {
            let field = value.field_of(k)?;
            let unit = field.channels.iter().find_map(|c| c.unit)?;
            (field.axes.len() > 1).then(|| self.layers[unit].clone())
        };
        if let (Some(left), Some(right)) = (layer(a), layer(b)) {
            self.inner.push(Inner { left, right, size: a.shape[k] });
        }
    }

    /// A sum or mean over axes, which the result does not have. Sums do not change where their terms are permuted.
    pub(super) fn reduced(&mut self, x: &Value, axes: &[usize]) -> Value {
        let mut fields = Vec::new();
        for field in &x.fields {
            let over: Vec<usize> = field.axes.iter().copied().filter(|axis| axes.contains(axis)).collect();
            match over.len() {
                0 => fields.push(field.clone()),
                n if n == field.axes.len() => self.bind(&*field.channels),
                _ => fields.extend(self.whole(x, field, &over)),
            }
        }
        let kept: Vec<usize> = (0..x.shape.len()).filter(|axis| !axes.contains(axis)).collect();
        let mut y = Value::plain(&kept.iter().map(|&axis| x.shape[axis]).collect::<Vec<_>>());
        for (new, &old) in kept.iter().enumerate() {
            y.set_same(new, x.is_same(old));
        }
        let place = |old: &usize| kept.iter().position(|axis| axis == old).expect("kept axes stay");
        let moved = |field: Field| Field {
            axes: field.axes.iter().map(place).collect(),
            channels: Rc::clone(&field.channels),
        };
        y.fields = fields.into_iter().map(moved).collect();
        y
    }

    /// A value repeated along axes of one position.
    pub(super) fn expanded(&mut self, x: Value, shape: &[usize]) -> Value {
        let grown: Vec<usize> = (0..shape.len()).filter(|&axis| x.shape[axis] != shape[axis]).collect();
        let mut y = Value::plain(shape);
        for axis in 0..shape.len() {
            y.set_same(axis, x.is_same(axis));
        }
        for field in x.fields {
            let axes: Vec<usize> = field.axes.iter().copied().filter(|axis| !grown.contains(axis)).collect();
            match axes.is_empty() {
                // A single channel.
                true => self.bind(&*field.channels),
                false => y.fields.push(Field { axes, channels: field.channels }),
            }
        }
        y
    }

    /// Several values one after the other along an axis.
    pub(super) fn strung(&mut self, axis: usize, inputs: &[Value]) -> Value {
        let length = inputs.iter().map(|x| x.shape[axis]).sum();
        let mut parts: Vec<Option<Field>> = inputs.iter().map(|x| x.field_of(axis).cloned()).collect();
        let indexed = parts.iter().flatten().next().map(|field| field.axes.clone());
        if let Some(axes) = &indexed {
            for (part, x) in parts.iter_mut().zip(inputs) {
                let fits = part.as_ref().is_some_and(|field| field.axes == *axes);
                if !fits && (axes.len() > 1 || part.as_ref().is_some_and(|field| field.axes.len() > 1)) {
                    // Another index, or none: nothing is permuted.
                    part.iter().for_each(|field| self.fix(&*field.channels));
                    *part = None;
                }
                if part.is_none() && axes.len() == 1 {
                    let channels = self.fresh(x.shape[axis], "a part", |_| 0);
                    self.fix(&channels);
                    *part = Some(Field::new(axes.clone(), channels));
                }
            }
        }
        // The other axes carry the same index in all parts.
        let rest = |x: &Value| {
            let mut rest = x.clone().without(axis);
            rest.shape[axis] = length;
            rest.set_same(axis, true);
            rest
        };
        let mut result = rest(&inputs[0]);
        for x in &inputs[1..] {
            result = self.joined(result, rest(x), false);
        }
        result.set_same(axis, false);
        let Some(axes) = indexed else { return result };
        let parts: Option<Vec<Field>> = parts.iter().cloned().collect();
        match parts {
            Some(parts) if axes.len() == 1 || inputs.len() == 1 => {
                result.with(end_to_end(&parts, axes, axis, inputs))
            }
            Some(parts) => {
                // What belongs to one position of the other axes belongs together in all parts.
                let wholes: Vec<Field> =
                    parts.iter().zip(inputs).filter_map(|(part, x)| self.whole(x, part, &[axis])).collect();
                for pair in wholes.windows(2) {
                    for (a, b) in pair[0].channels.iter().zip(&*pair[1].channels) {
                        if let (Some(a), Some(b)) = (a.unit, b.unit) {
                            self.units.tie(a, b);
                        }
                    }
                }
                result.with(end_to_end(&parts, axes, axis, inputs))
            }
            None => {
                self.frozen.push("a concatenation of several indices".to_owned());
                inputs.iter().filter_map(|x| x.field_of(axis)).for_each(|field| self.fix(&*field.channels));
                result
            }
        }
    }
}

/// Whether the axes of `fine` are those of `coarse` and others.
fn contains(fine: &Field, coarse: &Field) -> bool {
    coarse.axes.iter().all(|axis| fine.axes.contains(axis))
}

/// Fields over the same axes, one after the other along one of them.
fn end_to_end(parts: &[Field], axes: Vec<usize>, axis: usize, inputs: &[Value]) -> Field {
    let blocks = 1 + parts.iter().flat_map(|part| part.channels.iter()).map(|c| c.block).max().unwrap_or(0);
    let at = axes.iter().position(|&a| a == axis).expect("the parts have an index along the axis");
    let length = |x: &Value| axes[at..].iter().map(|&a| x.shape[a]).product::<usize>();
    let rows: usize = axes[..at].iter().map(|&a| inputs[0].shape[a]).product();
    let mut channels = Vec::new();
    for row in 0..rows {
        for (i, (part, x)) in parts.iter().zip(inputs).enumerate() {
            let here = &part.channels[row * length(x)..][..length(x)];
            channels.extend(here.iter().map(|c| Channel { block: i * blocks + c.block, ..*c }));
        }
    }
    Field::new(axes, channels)
}
