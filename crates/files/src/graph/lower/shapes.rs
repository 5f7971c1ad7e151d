//! Operations on axes: the numbers stay what they are.

use collado_models::{Pad, Slice};

use super::{
    Lower, Reason, Result,
    axes::{Axis, Baked, Dim, product, regroup},
    call::Call,
    value::{Value, across, check_size, index},
};
use crate::graph::schema::{Argument, Size};

type Values = Result<Vec<Value>>;

impl From<Baked> for Reason {
    fn from(_: Baked) -> Self {
        Self::Baked
    }
}

impl Lower<'_> {
    /// The axes in another order.
    fn permuted(&mut self, x: &Value, order: &[usize]) -> Result<Value> {
        let axes: Vec<Axis> = order.iter().map(|&dim| x.axes[dim]).collect();
        let moved = |dim: &usize| x.axes[*dim].size != 1;
        if order.iter().filter(|dim| moved(dim)).is_sorted() {
            return Ok(x.with_axes(axes));
        }
        let kept = |dim: &&usize| !x.axes[**dim].is_batch();
        let place = |dim: usize| x.axes[..dim].iter().filter(|axis| !axis.is_batch()).count();
        let own: Vec<usize> = order.iter().filter(kept).map(|&dim| place(dim)).collect();
        if let Some(numbers) = x.constant() {
            return Ok(Value { axes, numbers: turned(numbers, &x.shape(), &own) });
        }
        let node = self.own_shape(x)?;
        Ok(Value::node(self.net.permute(node, &own), axes))
    }

    /// Two axes exchanged.
    pub(super) fn transposed(&mut self, x: &Value, a: usize, b: usize) -> Result<Value> {
        let mut order: Vec<usize> = (0..x.axes.len()).collect();
        order.swap(a, b);
        self.permuted(x, &order)
    }

    /// Some of the positions of an axis.
    fn part(&mut self, x: &Value, dim: usize, start: usize, stop: usize, step: usize) -> Result<Value> {
        let own = x.own(dim)?;
        let mut axes = x.axes.clone();
        let positions = (start..stop).step_by(step.max(1));
        axes[dim] = Axis::plain(positions.len());
        if let Some(numbers) = x.constant() {
            let inner: usize = x.axes[dim + 1..].iter().map(|axis| axis.size).product();
            let rows = numbers.chunks_exact((inner * x.axes[dim].size).max(1));
            let numbers: Vec<f64> = rows
                .flat_map(|row| {
                    positions.clone().flat_map(move |i| row[i * inner..(i + 1) * inner].iter().copied())
                })
                .collect();
            return Ok(Value { axes, ..x.with_numbers(numbers) });
        }
        let node = self.own_shape(x)?;
        Ok(Value::node(self.net.slice(node, Slice { axis: own, start, stop, step }), axes))
    }

    /// The sizes of a view of `x`. One of them may follow from the others.
    fn view_dims(&self, call: &Call<'_>, x: &Value) -> Result<Vec<Dim>> {
        let meta = match call.node.outputs.first() {
            Some(Argument::Tensor(name)) => self.metas.get(name),
            _ => None,
        };
        let Some(open) = meta.and_then(|meta| meta.sizes.iter().position(|size| size.follows())) else {
            return self.result_dims(call);
        };
        let sizes = meta.map(|meta| meta.sizes.as_slice()).unwrap_or_default();
        let dim = |size: &Size| size.at_export().map(|(size, dynamic)| Dim { size, dynamic });
        let rest = sizes.iter().enumerate().filter(|(i, _)| *i != open).map(|(_, size)| dim(size));
        let mut dims = rest.collect::<Option<Vec<Dim>>>().ok_or("its shape has several open sizes")?;
        let batch = x.batch().is_some();
        let total = product([x.len(), if batch { self.batch.size } else { 1 }].into_iter());
        let known = product(dims.iter().map(|dim| dim.size)).filter(|&known| known > 0);
        let (Some(total), Some(known)) = (total, known) else { return Err("its shape is too large".into()) };
        // What does not divide is refused where the numbers are put into these axes.
        let dynamic = batch && self.batch.dynamic && dims.iter().all(|dim| !dim.dynamic);
        dims.insert(open, Dim { size: total / known, dynamic });
        Ok(dims)
    }

    /// One position of an axis, which the result does not have.
    fn pick(&mut self, x: &Value, dim: usize, at: usize) -> Result<Value> {
        let part = self.part(x, dim, at, at + 1, 1)?;
        let mut axes = part.axes.clone();
        axes.remove(dim);
        Ok(part.with_axes(axes))
    }
}

/// Fixed numbers with their axes in another order.
fn turned(numbers: &[f64], shape: &[usize], order: &[usize]) -> super::value::Numbers {
    let step = |axis: usize| shape[axis + 1..].iter().product::<usize>();
    let axes: Vec<(usize, usize)> = order.iter().map(|&axis| (shape[axis], step(axis))).collect();
    let place =
        |mut k: usize| axes.iter().rev().map(|&(size, step)| (k % size * step, k /= size).0).sum::<usize>();
    let turned: Vec<f64> = (0..numbers.len()).map(|k| numbers[place(k)]).collect();
    super::value::Numbers::Fixed(turned.into(), None)
}

/// `view(self, size)` and `reshape(self, shape)`
pub(super) fn view(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let x = lower.input(call, "self")?;
    let name = if call.get("size").is_some() { "size" } else { "shape" };
    let sizes = call.sizes(name)?;
    let dims = lower.view_dims(call, &x)?;
    let agree = sizes.len() == dims.len()
        && sizes.iter().zip(&dims).all(|(size, dim)| match size {
            Some(-1) => true,
            Some(n) => usize::try_from(*n) == Ok(dim.size),
            None => dim.dynamic,
        });
    if !agree {
        return Err(format!("its argument '{name}' does not go with its result").into());
    }
    let axes = regroup(&x.axes, &dims, lower.batch)?;
    Ok(vec![x.with_axes(axes)])
}

/// `flatten(self, start_dim=0, end_dim=-1)`
pub(super) fn flatten(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let x = lower.input(call, "self")?;
    let (start, end) = (x.dim(call.int("start_dim", 0)?)?, x.dim(call.int("end_dim", -1)?)?);
    let group = x.axes.get(start..=end).ok_or("its first axis comes after its last")?;
    let batch = group.iter().position(|axis| axis.batch.is_some());
    let size = group.iter().map(|axis| axis.size).product();
    let after = |at: usize| {
        group[at].batch.unwrap_or(1) * group[at + 1..].iter().map(|axis| axis.size).product::<usize>()
    };
    let axis = Axis { size, batch: batch.map(after) };
    let axes = [&x.axes[..start], &[axis], &x.axes[end + 1..]].concat();
    Ok(vec![x.with_axes(axes)])
}

/// `unflatten(self, dim, sizes)`
pub(super) fn unflatten(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let x = lower.input(call, "self")?;
    call.ignore(&["dim", "sizes"]);
    let axes = regroup(&x.axes, &lower.result_dims(call)?, lower.batch)?;
    Ok(vec![x.with_axes(axes)])
}

/// `squeeze(self)`, `squeeze(self, dim)`
pub(super) fn squeeze(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let x = lower.input(call, "self")?;
    let named = call.ints("dim")?;
    let all = || (0..x.axes.len()).collect();
    let dims: Vec<usize> = match &named {
        Some(dims) => dims.iter().map(|&dim| x.dim(dim)).collect::<Result<_>>()?,
        None => all(),
    };
    // A batch of one would be lost, but other batches would not.
    if lower.batch.size == 1 && dims.iter().any(|&dim| x.axes[dim].is_batch()) {
        return Err(Reason::Baked);
    }
    let gone = |i: usize| dims.contains(&i) && x.axes[i] == Axis::plain(1);
    let axes = x.axes.iter().enumerate().filter(|(i, _)| !gone(*i)).map(|(_, &axis)| axis).collect();
    Ok(vec![x.with_axes(axes)])
}

/// `unsqueeze(self, dim)`
pub(super) fn unsqueeze(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let x = lower.input(call, "self")?;
    let dim = call.int("dim", None)?;
    let at = index(dim, x.axes.len() + 1).ok_or_else(|| format!("its axis {dim} is too large"))?;
    let mut axes = x.axes.clone();
    axes.insert(at, Axis::plain(1));
    Ok(vec![x.with_axes(axes)])
}

/// `transpose(self, dim0, dim1)`
pub(super) fn transpose(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let x = lower.input(call, "self")?;
    let (a, b) = (x.dim(call.int("dim0", None)?)?, x.dim(call.int("dim1", None)?)?);
    Ok(vec![lower.transposed(&x, a, b)?])
}

/// `t(self)`
pub(super) fn turn(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let x = lower.input(call, "self")?;
    match x.axes.len() {
        2 => Ok(vec![lower.transposed(&x, 0, 1)?]),
        _ => Ok(vec![x]),
    }
}

/// `permute(self, dims)`
pub(super) fn permute(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let x = lower.input(call, "self")?;
    let dims = call.ints("dims")?.ok_or("it has no argument 'dims'")?;
    let order = dims.iter().map(|&dim| x.dim(dim)).collect::<Result<Vec<usize>>>()?;
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if !sorted.into_iter().eq(0..x.axes.len()) {
        return Err(format!("its axes {dims:?} are not each of its input's once").into());
    }
    Ok(vec![lower.permuted(&x, &order)?])
}

/// `expand(self, size)`; without the batch a value goes with each example, so that nothing is repeated along it
pub(super) fn expand(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    call.ignore(&["size", "implicit"]);
    let x = lower.input(call, "self")?;
    let dims = lower.result_dims(call)?;
    let lacking = dims.len().checked_sub(x.axes.len()).ok_or("it has fewer axes than its input")?;
    let has_batch = x.batch().is_some();
    let mut axes = Vec::with_capacity(dims.len());
    for (i, dim) in dims.iter().enumerate() {
        let own = if i < lacking { Axis::plain(1) } else { x.axes[i - lacking] };
        // Where the size of the batch is written into the graph, it is the first axis.
        let over_batch = match lower.batch.dynamic {
            true => dim.dynamic,
            false => i == 0 && dim.size == lower.batch.size && own == Axis::plain(1),
        };
        axes.push(match own {
            own if lower.batch.agrees(own, *dim) => own,
            own if own == Axis::plain(1) && over_batch && !has_batch => Axis::BATCH,
            own if own == Axis::plain(1) && !dim.dynamic => Axis::plain(dim.size),
            _ => return Err(across()),
        });
    }
    let sizes: Vec<usize> = axes.iter().map(|axis| axis.size).collect();
    check_size(sizes.iter().copied())?;
    if x.constant().is_some() {
        lower.spend(sizes.iter().product())?;
        let numbers = x.repeated(&sizes).ok_or("its axes do not go together")?;
        return Ok(vec![Value { axes, ..x.with_numbers(numbers.to_vec()) }]);
    }
    let own = |i: usize| if i < lacking { 1 } else { x.axes[i - lacking].size };
    let kept: Vec<usize> = (0..axes.len()).filter(|&i| !axes[i].is_batch()).collect();
    let node = lower.shaped(&x, &kept.iter().map(|&i| own(i)).collect::<Vec<_>>())?;
    let node = lower.net.expand(node, &kept.iter().map(|&i| axes[i].size).collect::<Vec<_>>());
    Ok(vec![Value::node(node, axes)])
}

/// `slice(self, dim=0, start=None, end=None, step=1)`
pub(super) fn slice(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let x = lower.input(call, "self")?;
    let dim = x.dim(call.int("dim", 0)?)?;
    let step = call.count("step", 1)?.max(1);
    let length = x.axes[dim].size;
    let clamp =
        |n: i64| if n < 0 { (n + length as i64).max(0) as usize } else { n.min(length as i64) as usize };
    if x.axes[dim].batch.is_some() {
        let whole = call.int("start", 0)? == 0 && call.int("end", i64::MAX)? == i64::MAX && step == 1;
        return if whole { Ok(vec![x]) } else { Err(across()) };
    }
    let (start, stop) = (clamp(call.int("start", 0)?), clamp(call.int("end", i64::MAX)?));
    if start >= stop {
        return Err("it has no positions".into());
    }
    Ok(vec![lower.part(&x, dim, start, stop, step)?])
}

/// `narrow(self, dim, start, length)`
pub(super) fn narrow(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let x = lower.input(call, "self")?;
    let dim = x.dim(call.int("dim", None)?)?;
    let (start, length) = (call.count("start", None)?, call.count("length", None)?);
    if length == 0 || start + length > x.axes[dim].size {
        return Err("its positions are none of its axis".into());
    }
    Ok(vec![lower.part(&x, dim, start, start + length, 1)?])
}

/// `select(self, dim, index)`
pub(super) fn select(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let x = lower.input(call, "self")?;
    let dim = x.dim(call.int("dim", None)?)?;
    let place = call.int("index", None)?;
    x.own(dim)?;
    let at = index(place, x.axes[dim].size).ok_or_else(|| format!("its axis has no position {place}"))?;
    Ok(vec![lower.pick(&x, dim, at)?])
}

/// `split(self, split_size, dim=0)` and `split_with_sizes(self, split_sizes, dim=0)`
pub(super) fn split(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let x = lower.input(call, "self")?;
    let dim = x.dim(call.int("dim", 0)?)?;
    let length = x.axes[dim].size;
    let size = |n: i64| usize::try_from(n).ok().filter(|n| (1..=length).contains(n));
    let sizes = match call.ints("split_sizes")? {
        Some(list) => list.into_iter().map(size).collect::<Option<Vec<usize>>>(),
        None => size(call.int("split_size", None)?.min(length as i64)).map(|n| pieces(length, n)),
    };
    let sizes = sizes.filter(|sizes| sizes.iter().sum::<usize>() == length);
    parts(lower, &x, dim, &sizes.ok_or("its parts do not make up its axis")?)
}

/// `chunk(self, chunks, dim=0)`
pub(super) fn chunk(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let x = lower.input(call, "self")?;
    let dim = x.dim(call.int("dim", 0)?)?;
    let (length, chunks) = (x.axes[dim].size, call.count("chunks", None)?);
    if chunks == 0 || length == 0 {
        return Err("it has no parts".into());
    }
    parts(lower, &x, dim, &pieces(length, length.div_ceil(chunks)))
}

/// The lengths of the pieces of `size` that make up `length`; the last may be shorter.
fn pieces(length: usize, size: usize) -> Vec<usize> {
    (0..length).step_by(size).map(|start| size.min(length - start)).collect()
}

fn parts(lower: &mut Lower<'_>, x: &Value, dim: usize, sizes: &[usize]) -> Values {
    let mut start = 0;
    let mut part = |&size: &usize| {
        start += size;
        lower.part(x, dim, start - size, start, 1)
    };
    sizes.iter().map(&mut part).collect()
}

/// `unbind(self, dim=0)`
pub(super) fn unbind(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let x = lower.input(call, "self")?;
    let dim = x.dim(call.int("dim", 0)?)?;
    x.own(dim)?;
    (0..x.axes[dim].size).map(|at| lower.pick(&x, dim, at)).collect()
}

/// `cat(tensors, dim=0)`
pub(super) fn cat(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let values = values(lower, call)?;
    let dim = values[0].dim(call.int("dim", 0)?)?;
    Ok(vec![joined(lower, &values, dim)?])
}

/// `stack(tensors, dim=0)`
pub(super) fn stack(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let mut values = values(lower, call)?;
    let dim = call.int("dim", 0)?;
    let at = index(dim, values[0].axes.len() + 1).ok_or_else(|| format!("its axis {dim} is too large"))?;
    for value in &mut values {
        if at > value.axes.len() {
            return Err("its parts have different axes".into());
        }
        let mut axes = value.axes.clone();
        axes.insert(at, Axis::plain(1));
        *value = value.with_axes(axes);
    }
    Ok(vec![joined(lower, &values, at)?])
}

fn values(lower: &Lower<'_>, call: &Call<'_>) -> Values {
    let values = call.tensors("tensors")?.iter().map(|name| lower.value(name)).collect::<Result<Vec<_>>>()?;
    if values.is_empty() { Err("it has no parts".into()) } else { Ok(values) }
}

fn joined(lower: &mut Lower<'_>, values: &[Value], dim: usize) -> Result<Value> {
    let mut axes = values[0].axes.clone();
    let own = values[0].own(dim)?;
    for value in values {
        if value.axes.len() != axes.len() {
            return Err("its parts have different axes".into());
        }
        value.own(dim)?;
        if let Some(i) = (0..axes.len()).find(|&i| i != dim && value.axes[i] != axes[i]) {
            return Err(lower.unlike(value.axes[i], axes[i]));
        }
    }
    axes[dim] = Axis::plain(values.iter().map(|value| value.axes[dim].size).sum());
    check_size(axes.iter().map(|axis| axis.size))?;
    let nodes = values.iter().map(|value| lower.own_shape(value)).collect::<Result<Vec<_>>>()?;
    Ok(Value::node(lower.net.concat_along(own, &nodes), axes))
}

/// `pad(self, pad, mode='constant', value=0)` and `constant_pad_nd(self, pad, value=0)`
pub(super) fn pad(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let mut x = lower.input(call, "self")?;
    let mode = call.text("mode", "constant")?;
    if mode != "constant" {
        return Err(format!("its mode '{mode}' is not covered").into());
    }
    let value = call.float("value", 0.)?;
    let borders = call.ints("pad")?.ok_or("it has no argument 'pad'")?;
    // Pairs from the last axis to the first.
    for (k, pair) in borders.chunks(2).enumerate() {
        let width = |n: i64| usize::try_from(n).ok().filter(|_| n <= 1 << 20);
        let both = pair.first().zip(pair.get(1)).and_then(|(&a, &b)| width(a).zip(width(b)));
        let (before, after) = both.ok_or("its borders are negative, too wide or not in pairs")?;
        if (before, after) == (0, 0) {
            continue;
        }
        let dim = x.axes.len().checked_sub(k + 1).ok_or("it has more borders than its input has axes")?;
        let own = x.own(dim)?;
        let mut axes = x.axes.clone();
        axes[dim] = Axis::plain(axes[dim].size + before + after);
        lower.spend(check_size(axes.iter().map(|axis| axis.size))?.saturating_sub(x.len()))?;
        let node = lower.own_shape(&x)?;
        x = Value::node(lower.net.pad_along(own, node, Pad { before, after }, value), axes);
    }
    Ok(vec![x])
}

/// `clone(self)`, `contiguous(self)`, `alias(self)`, `lift_fresh_copy(self)`
pub(super) fn same(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    call.ignore(&["memory_format"]);
    Ok(vec![lower.input(call, "self")?])
}

/// `detach(self)`, which changes nothing where there is no gradient to stop
pub(super) fn detach(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let x = lower.input(call, "self")?;
    match x.constant() {
        Some(_) => Ok(vec![x]),
        None => Err("it stops the gradient, which is not covered".into()),
    }
}

/// `to(self, …)` and its relatives: another number type, which computing in F32 or F64 decides by itself
pub(super) fn to(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let unimportant = ["device", "layout", "pin_memory", "non_blocking", "copy", "memory_format"];
    call.ignore(&unimportant);
    call.ignore(&["dtype", "other"]);
    let x = lower.input(call, "self")?;
    let floats = |name: &str| lower.metas.get(name).is_some_and(|meta| [6, 7, 8, 13].contains(&meta.dtype));
    let result = call.node.outputs.first().is_some_and(|output| match output {
        Argument::Tensor(name) => floats(name),
        _ => false,
    });
    let from = call.tensor("self")?.is_some_and(floats);
    match x.constant() {
        // Whole numbers stay what they are; a fraction would be cut.
        Some(numbers) if result || numbers.iter().all(|n| n.fract() == 0.) => Ok(vec![x]),
        None if result && from => Ok(vec![x]),
        _ => Err("another type of numbers is not covered".into()),
    }
}

/// `dropout(input, p, train)`, which does nothing in evaluation
pub(super) fn dropout(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    call.ignore(&["p", "train"]);
    Ok(vec![lower.input(call, "input")?])
}
