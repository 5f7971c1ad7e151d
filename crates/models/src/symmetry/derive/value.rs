//! Values of the derivation: which index the numbers along each axis carry.

use std::rc::Rc;

/// What one position along some axes of a value carries.
#[derive(Debug, Clone, Copy)]
pub(in crate::symmetry) struct Channel {
    /// The unit of the index; none for a channel of zeros.
    pub(super) unit: Option<usize>,
    /// The factor that the channel may be multiplied by.
    pub(super) scale: usize,
    /// Channels of different blocks are told apart by the operations before.
    pub(super) block: usize,
}

/// Axes that carry an index together.
#[derive(Debug, Clone)]
pub(super) struct Field {
    /// The axes, ascending.
    pub(super) axes: Vec<usize>,
    /// The channels at all positions along them, the last axis fastest.
    pub(super) channels: Rc<Vec<Channel>>,
}

/// A value of the derivation. The positions along an axis without a field are fixed, unless the numbers are the same at
/// all of them.
#[derive(Debug, Clone)]
pub(in crate::symmetry) struct Value {
    pub(super) shape: Vec<usize>,
    /// The axes along which all numbers are the same.
    same: Vec<bool>,
    pub(super) fields: Vec<Field>,
}

impl Field {
    pub(super) fn new(axes: Vec<usize>, channels: Vec<Channel>) -> Self {
        Self { axes, channels: Rc::new(channels) }
    }
}

impl Value {
    /// A value without an index.
    pub(super) fn plain(shape: &[usize]) -> Self {
        Self { same: vec![false; shape.len()], shape: shape.to_vec(), fields: Vec::new() }
    }

    /// The value with one more field.
    pub(super) fn with(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }

    /// The index along `axis`, alone or with other axes, if there is one.
    pub(super) fn field_of(&self, axis: usize) -> Option<&Field> {
        self.fields.iter().find(|field| field.axes.contains(&axis))
    }

    /// The channels along `axis`, where it has an index of its own.
    pub(super) fn along(&self, axis: usize) -> Option<&Rc<Vec<Channel>>> {
        self.fields.iter().find(|field| field.axes == [axis]).map(|field| &field.channels)
    }

    /// The value without the fields that have `axis`.
    pub(super) fn without(mut self, axis: usize) -> Self {
        self.fields.retain(|field| !field.axes.contains(&axis));
        self
    }

    /// The value with another index along `axis`.
    pub(super) fn replaced(self, axis: usize, channels: Vec<Channel>) -> Self {
        self.without(axis).with(Field::new(vec![axis], channels))
    }

    /// All channels of all fields.
    pub(super) fn channels(&self) -> impl Iterator<Item = &Channel> {
        self.fields.iter().flat_map(|field| field.channels.iter())
    }

    /// Whether all numbers along `axis` are the same.
    pub(super) fn is_same(&self, axis: usize) -> bool {
        self.same[axis] || self.shape[axis] == 1
    }

    /// Notes that the numbers along `axis` are all the same.
    pub(super) fn set_same(&mut self, axis: usize, same: bool) {
        self.same[axis] = same;
    }

    /// Whether the positions along `axis` are fixed.
    pub(super) fn is_fixed(&self, axis: usize) -> bool {
        !self.is_same(axis) && self.field_of(axis).is_none()
    }

    /// The value with its axes in another order.
    pub(super) fn permuted(&self, order: &[usize]) -> Self {
        let place =
            |axis: usize| order.iter().position(|&from| from == axis).expect("all axes are in the order");
        let fields = self.fields.iter().map(|field| {
            let from: Vec<(usize, usize)> =
                field.axes.iter().map(|&axis| (place(axis), self.shape[axis])).collect();
            let mut sorted: Vec<usize> = (0..from.len()).collect();
            sorted.sort_by_key(|&i| from[i].0);
            let lengths: Vec<usize> = from.iter().map(|(_, length)| *length).collect();
            let channels = indices(&lengths, &sorted).map(|at| field.channels[at]).collect();
            Field::new(sorted.iter().map(|&i| from[i].0).collect(), channels)
        });
        Self {
            shape: order.iter().map(|&axis| self.shape[axis]).collect(),
            same: order.iter().map(|&axis| self.same[axis]).collect(),
            fields: fields.collect(),
        }
    }

    /// The value with some of the positions along `axis`.
    pub(super) fn picked(&self, axis: usize, positions: &[usize]) -> Self {
        let mut picked = self.clone();
        picked.shape[axis] = positions.len();
        for field in &mut picked.fields {
            let Some(i) = field.axes.iter().position(|&a| a == axis) else { continue };
            let after: usize = field.axes[i + 1..].iter().map(|&a| self.shape[a]).product();
            let rows = field.channels.chunks_exact(after * self.shape[axis]);
            let channels = rows
                .flat_map(|row| positions.iter().flat_map(move |&at| &row[at * after..][..after]))
                .copied()
                .collect();
            field.channels = Rc::new(channels);
        }
        picked
    }

    /// The value in another shape with the same numbers in the same order, and the fields that are lost in it: two
    /// indices on axes that become one.
    pub(super) fn reshaped(&self, shape: &[usize]) -> (Self, Vec<Field>) {
        let mut old = self.clone();
        let mut lost = Vec::new();
        let mut new = Self::plain(shape);
        // For each axis the axes that it becomes.
        let mut becomes: Vec<Vec<usize>> = vec![Vec::new(); self.shape.len()];
        for (from, to) in matching(&self.shape, shape) {
            let here = |field: &Field| field.axes.iter().any(|axis| from.contains(axis));
            if old.fields.iter().filter(|field| here(field)).count() > 1 {
                // A single channel does not keep others from their index.
                let single = |field: &Field| here(field) && field.channels.len() == 1;
                lost.extend(old.fields.iter().filter(|field| single(field)).cloned());
                old.fields.retain(|field| !single(field));
            }
            match old.fields.iter().filter(|field| here(field)).count() {
                0 => {
                    let same = from.clone().all(|axis| old.is_same(axis));
                    to.clone().for_each(|axis| new.same[axis] = same);
                }
                1 => {
                    let long = |&axis: &usize| old.shape[axis] > 1;
                    let renamed = from.clone().filter(long).count() == 1
                        && to.clone().filter(|&axis| shape[axis] > 1).count() == 1
                        && old
                            .fields
                            .iter()
                            .any(|field| field.axes.iter().any(|a| from.contains(a) && long(a)));
                    let i = old.fields.iter().position(here).expect("one field is here");
                    if !renamed {
                        old.fields[i] = old.inflated(&old.fields[i], &from);
                    }
                    let mut axes: Vec<usize> = to.clone().filter(|&axis| shape[axis] > 1).collect();
                    if axes.is_empty() {
                        axes.extend(to.clone().next());
                    }
                    if let Some(first) = old.fields[i].axes.iter().find(|axis| from.contains(axis)) {
                        becomes[*first] = axes;
                    }
                }
                _ => {
                    lost.extend(old.fields.iter().filter(|field| here(field)).cloned());
                    old.fields.retain(|field| !here(field));
                }
            }
        }
        for field in old.fields {
            let axes: Vec<usize> =
                field.axes.iter().flat_map(|&axis| becomes[axis].iter().copied()).collect();
            match axes.is_empty() {
                // A single channel, whose axis is gone.
                true => lost.push(field),
                false => new.fields.push(Field { axes, channels: field.channels }),
            }
        }
        (new, lost)
    }

    /// The field with all `axes`: along those that are new to it, the same units come once for each position.
    fn inflated(&self, field: &Field, axes: &std::ops::Range<usize>) -> Field {
        let mut all: Vec<usize> = field.axes.iter().copied().chain(axes.clone()).collect();
        all.sort_unstable();
        all.dedup();
        let lengths: Vec<usize> = all.iter().map(|&axis| self.shape[axis]).collect();
        let count: usize = lengths.iter().product();
        let positions: usize =
            all.iter().filter(|axis| !field.axes.contains(axis)).map(|&axis| self.shape[axis]).product();
        let mut channels = Vec::with_capacity(count);
        for at in 0..count {
            let (mut rest, mut within, mut position) = (at, (0, 1), (0, 1));
            for (&axis, &length) in all.iter().zip(&lengths).rev() {
                let (index, of) =
                    (rest % length, if field.axes.contains(&axis) { &mut within } else { &mut position });
                *of = (of.0 + index * of.1, of.1 * length);
                rest /= length;
            }
            let channel = field.channels[within.0];
            channels.push(Channel { block: channel.block * positions + position.0, ..channel });
        }
        Field::new(all, channels)
    }
}

/// The places of an array's elements in the order of its axes `order`.
fn indices(lengths: &[usize], order: &[usize]) -> impl Iterator<Item = usize> + use<> {
    let mut strides = vec![1; lengths.len()];
    for i in (1..lengths.len()).rev() {
        strides[i - 1] = strides[i] * lengths[i];
    }
    let axes: Vec<(usize, usize)> = order.iter().map(|&i| (lengths[i], strides[i])).collect();
    (0..lengths.iter().product()).map(move |at: usize| {
        let (mut rest, mut from) = (at, 0);
        for &(length, stride) in axes.iter().rev() {
            from += rest % length * stride;
            rest /= length;
        }
        from
    })
}

/// The finest groups of neighbouring axes of two shapes that have the same numbers of positions.
fn matching(from: &[usize], to: &[usize]) -> Vec<(std::ops::Range<usize>, std::ops::Range<usize>)> {
    let (mut i, mut j, mut groups) = (0, 0, Vec::new());
    while i < from.len() || j < to.len() {
        let (a, b) = (i, j);
        let take = |of: &[usize], at: &mut usize| {
            let length = of.get(*at).copied().unwrap_or(1);
            *at = (*at + 1).min(of.len());
            length
        };
        let (mut p, mut q) = (take(from, &mut i), take(to, &mut j));
        while p != q {
            if p < q {
                p *= take(from, &mut i);
            } else {
                q *= take(to, &mut j);
            }
        }
        groups.push((a..i, b..j));
    }
    groups
}
