//! The forward pass of one example in first-order forms.

use collado_models::{Activation, Affine, Algebra, Map, Pool, PoolKind};

use crate::{
    Error,
    activation::activated,
    form::{Form, collapsed},
    interval::{Interval, product_up, sum_up},
    leg::Local,
};

/// The rules for the operations of a network, for one example.
pub(crate) struct Pass<'a> {
    pub(crate) local: &'a Local,
    /// The last operation, where it is to put out the margins $z_j-z_y$ for j ≠ y instead of the outputs.
    pub(crate) margins: Option<(&'a Affine, usize)>,
}

impl Pass<'_> {
    /// The form of one output of an affine map: `terms` calls its argument with the place of each weight and that of the
    /// input it multiplies. With `minus`, a second output is taken off, term by term.
    fn output(&self, op: &Affine, x: &[Form], o: usize, minus: Option<usize>) -> Form {
        let Local { terms, size, powers } = self.local;
        let mut sums = vec![Interval::ZERO; terms.len() + 1];
        let mut r = 0.;
        let weight = |k: usize, w: usize, other: Option<usize>| {
            let at = |w: usize| terms[k][op.weight.start + w];
            other.map_or_else(|| at(w), |other| at(w) - at(other))
        };
        each(op, o, |w, i| {
            let form = x[i];
            if form == Form::ZERO {
                return;
            }
            // The maps with margins are dense and read one vector: the weight of the other output for the same input.
            let other = minus.map(|y| w - o * op.fan_in() + y * op.fan_in());
            for k in 0..terms.len() {
                let weight = weight(k, w, other);
                sums[k] = sums[k] + weight * form.c;
                if form.l != 0. {
                    sums[k + 1] = sums[k + 1] + weight * form.l;
                }
            }
            if form.r > 0. {
                let size = match other {
                    None => size[op.weight.start + w],
                    // The difference itself may be much smaller than both.
                    Some(_) => (0..terms.len())
                        .fold(0., |sum, k| sum_up(sum, (powers[k] * weight(k, w, other).size()).hi)),
                };
                r = sum_up(r, product_up(size, form.r));
            }
        });
        if let Some(bias) = &op.bias {
            let channel = channel(op, o);
            for (k, sum) in sums.iter_mut().take(terms.len()).enumerate() {
                *sum = *sum + terms[k][bias.start + channel];
                if let Some(y) = minus {
                    *sum = *sum - terms[k][bias.start + y];
                }
            }
        }
        collapsed(&sums, r, powers)
    }
}

/// The feature or channel of the output `o` of a map.
fn channel(op: &Affine, o: usize) -> usize {
    match op.map {
        Map::Dense { outputs, .. } => o % outputs,
        Map::Conv2d(conv) => o / conv.output_size().iter().product::<usize>(),
    }
}

/// Calls `f` with the place of each weight of the output `o`, and that of the input that it multiplies.
fn each(op: &Affine, o: usize, mut f: impl FnMut(usize, usize)) {
    match op.map {
        Map::Dense { inputs, outputs } => {
            let (place, row) = (o / outputs, o % outputs);
            (0..inputs).for_each(|i| f(row * inputs + i, place * inputs + i));
        }
        Map::Conv2d(conv) => {
            let [height, width] = conv.output_size();
            let (channel, at) = (channel(op, o), [o / width % height, o % width]);
            let (depth, group) = (conv.inputs / conv.groups, channel / (conv.outputs / conv.groups));
            let inside = |axis: usize, step: usize| {
                let place = at[axis] * conv.stride[axis] + step * conv.dilation[axis];
                place.checked_sub(conv.padding[axis]).filter(|&place| place < conv.size[axis])
            };
            let [rows, columns] = conv.kernel;
            for (input, y, x) in
                (0..depth).flat_map(|i| (0..rows * columns).map(move |k| (i, k / columns, k % columns)))
            {
                if let (Some(i), Some(j)) = (inside(0, y), inside(1, x)) {
                    let weight = ((channel * depth + input) * rows + y) * columns + x;
                    f(weight, ((group * depth + input) * conv.size[0] + i) * conv.size[1] + j);
                }
            }
        }
    }
}

impl Algebra for Pass<'_> {
    type Value = Vec<Form>;
    type Error = Error;
    const NAME: &'static str = "the check of a proof";

    fn affine(&mut self, op: &Affine, x: &Vec<Form>) -> Result<Vec<Form>, Error> {
        match self.margins {
            Some((last, y)) if std::ptr::eq(last, op) => {
                let others = (0..op.outputs()).filter(|&j| j != y);
                Ok(others.map(|j| self.output(op, x, j, Some(y))).collect())
            }
            _ => Ok((0..op.units.len()).map(|o| self.output(op, x, o, None)).collect()),
        }
    }

    fn activation(&mut self, rho: Activation, x: Vec<Form>) -> Result<Vec<Form>, Error> {
        let delta = self.local.delta();
        x.into_iter().map(|form| activated(rho, form, delta)).collect()
    }

    fn pool(&mut self, op: &Pool, x: &Vec<Form>) -> Result<Vec<Form>, Error> {
        let delta = self.local.delta();
        let [height, width] = op.output_size();
        let mut out = Vec::with_capacity(op.channels * height * width);
        for channel in x.chunks_exact(op.size[0] * op.size[1]) {
            for (i, j) in (0..height).flat_map(|i| (0..width).map(move |j| (i, j))) {
                let [rows, columns] = op.window([i, j]);
                let place = |y: usize| columns.clone().map(move |x| y * op.size[1] + x);
                let window: Vec<Form> = rows.clone().flat_map(place).map(|pixel| channel[pixel]).collect();
                out.push(match op.kind {
                    PoolKind::Max => maximum(&window, delta)?,
                    PoolKind::Average => {
                        let count = Interval::point(op.divisor([i, j]) as f64);
                        let sum = window.iter().fold(Form::ZERO, |sum, &form| sum.plus(form, delta));
                        sum.times(Interval::point(1.).over(count), delta)
                    }
                });
            }
        }
        Ok(out)
    }

    fn add(&mut self, x: Vec<Form>, y: &Vec<Form>) -> Result<Vec<Form>, Error> {
        let delta = self.local.delta();
        Ok(x.into_iter().zip(y).map(|(x, &y)| x.plus(y, delta)).collect())
    }

    fn concat(&mut self, axis: usize, parts: &[Vec<Form>]) -> Result<Vec<Form>, Error> {
        match axis {
            0 => Ok(parts.concat()),
            axis => {
                let operation = collado_models::Op::Concat(axis).to_string();
                Err(collado_models::Error::NoRule { analysis: Self::NAME, operation }.into())
            }
        }
    }

    fn reshape(&mut self, _: &[usize], x: Vec<Form>) -> Result<Vec<Form>, Error> {
        Ok(x)
    }
}

/// The largest of some numbers: the one that is largest everywhere, if there is one, else max(a, b) = b + ρ(a − b)
/// again and again.
fn maximum(window: &[Form], delta: f64) -> Result<Form, Error> {
    let ranges: Vec<Interval> = window.iter().map(|form| form.range(delta)).collect();
    let above = |i: usize| ranges.iter().enumerate().all(|(j, range)| i == j || ranges[i].lo >= range.hi);
    if let Some(i) = (0..window.len()).find(|&i| above(i)) {
        return Ok(window[i]);
    }
    let mut largest = window[0];
    for &form in &window[1..] {
        let over = activated(Activation::Relu, form.minus(largest, delta), delta)?;
        largest = largest.plus(over, delta);
    }
    Ok(largest)
}
