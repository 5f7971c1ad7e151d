//! One step on one tile.

use collado_models::Activation;
use pulp::Arch;

use super::{
    alone,
    image::Image,
    lanes::Number,
    lines, numbers,
    plan::{Kind, Step},
    point::{self, Scales},
    windows,
    winograd::Winograd,
};

/// The parameters of a network, with the transformed weights of a step that is computed with them.
pub(super) type Parameters<'a, T> = (&'a [T], Option<&'a Winograd<'a, T>>);

/// A tile with its layout.
pub(super) type View<'a, T> = (&'a [T], &'a Image);

/// How the results of a step are finished: $\rho(sx+t+y)$.
#[derive(Clone, Copy)]
pub(super) struct Finish<'a, T> {
    pub(super) scales: &'a Scales<T>,
    pub(super) other: Option<View<'a, T>>,
    pub(super) rho: Activation,
}

impl<T: Number> Finish<'_, T> {
    /// Finishes row `row` of all channels.
    #[inline(always)]
    pub(super) fn row(&self, y: &mut [T], to: &Image, row: usize) {
        for channel in 0..to.channels {
            let other = self.other.map(|(other, of)| &other[of.line::<T>(channel, row)]);
            lines::finish(&mut y[to.line::<T>(channel, row)], self.scales.channel(channel), other, self.rho);
        }
    }

    /// Finishes row `row` of all channels unless that changes nothing, and adds up moments where they are wanted.
    #[inline(always)]
    fn finished_row(
        &self,
        y: &mut [T],
        to: &Image,
        row: usize,
        is_plain: bool,
        moments: &mut Option<(usize, &mut [[f64; 2]])>,
    ) {
        if !is_plain {
            self.row(y, to, row);
        }
        if let Some((examples, sums)) = moments {
            for (channel, sum) in sums.iter_mut().enumerate() {
                let [a, b] = lines::moments(&y[to.line::<T>(channel, row)], *examples);
                *sum = [sum[0] + a, sum[1] + b];
            }
        }
    }

    /// Finishes a whole tile `y`, or `from` into it where that is given.
    pub(super) fn tile(&self, from: Option<&[T]>, y: &mut [T], to: &Image) {
        Arch::new().dispatch(
            #[inline(always)]
            || {
                for row in 0..to.height {
                    if let Some(from) = from {
                        for channel in 0..to.channels {
                            let line = to.line::<T>(channel, row);
                            y[line.clone()].copy_from_slice(&from[line]);
                        }
                    }
                    self.row(y, to, row);
                }
            },
        );
    }
}

/// Computes a step on a tile, and finishes the results. `moments` are the number of examples and the sums of each
/// channel, to which those of the results are added.
pub(super) fn finished<T: Number>(
    step: &Step,
    parameters: Parameters<'_, T>,
    inputs: &[View<'_, T>],
    (y, to): (&mut [T], &Image),
    finish: Finish<'_, T>,
    mut moments: Option<(usize, &mut [[f64; 2]])>,
) {
    let is_plain = finish.other.is_none() && finish.rho == Activation::Linear && finish.scales.is_unit();
    match step.kind {
        Kind::Map(_) => compute(
            step,
            parameters,
            inputs,
            (y, to),
            #[inline(always)]
            |y, row| finish.finished_row(y, to, row, is_plain, &mut moments),
        ),
        _ => {
            compute(step, parameters, inputs, (y, to), |_, _| {});
            Arch::new().dispatch(
                #[inline(always)]
                || (0..to.height).for_each(|row| finish.finished_row(y, to, row, is_plain, &mut moments)),
            );
        }
    }
}

/// Computes f of a step on the tiles `inputs`; `row` is called after each row of a map's results.
fn compute<T: Number>(
    step: &Step,
    (theta, winograd): Parameters<'_, T>,
    inputs: &[View<'_, T>],
    (y, to): (&mut [T], &Image),
    row: impl FnMut(&mut [T], usize),
) {
    let (x, of) = inputs[0];
    match &step.kind {
        Kind::Map(map) => match winograd {
            Some(winograd) => winograd.run((x, of), (y, to), false, row),
            None => map.convolution.forward(&theta[map.weight.clone()], (x, of), (y, to), row),
        },
        Kind::Copy => copy((x, of), (y, to), 0),
        Kind::Flatten => flatten((x, of), y),
        Kind::Function(f) => numbers::apply(*f, (x, of), (y, to)),
        Kind::Product => numbers::product((x, of), inputs[1], (y, to)),
        Kind::Spread => numbers::spread((x, of), (y, to)),
        Kind::Pool(op) => windows::forward(op, (x, of), (y, to)),
        Kind::Concat => {
            let mut channel = 0;
            for &(x, of) in inputs {
                copy((x, of), (y, to), channel);
                channel += of.channels;
            }
        }
        Kind::Pad(before) => {
            y.fill(T::zero());
            copy((x, of), (y, to), *before);
        }
        Kind::Alone(norm) => {
            let (scale, shift) = point::alone(norm, theta);
            alone::forward(norm, (&scale, &shift), (x, of), (y, to));
        }
    }
}

/// Copies the channels of `x` over those of `y` from channel `first` on.
pub(super) fn copy<T: Number>((x, of): View<'_, T>, (y, to): (&mut [T], &Image), first: usize) {
    for (channel, row) in (0..of.channels).flat_map(|c| (0..of.height).map(move |row| (c, row))) {
        y[to.line::<T>(first + channel, row)].copy_from_slice(&x[of.line::<T>(channel, row)]);
    }
}

/// Copies all pixels, without borders, one after another.
pub(super) fn flatten<T: Number>((x, of): View<'_, T>, y: &mut [T]) {
    let lines = (0..of.channels).flat_map(|c| (0..of.height).map(move |row| (c, row)));
    for (y, (channel, row)) in y.chunks_exact_mut(of.width * T::LANES).zip(lines) {
        y.copy_from_slice(&x[of.line::<T>(channel, row)]);
    }
}

/// Writes a tile of examples; the missing ones of the last tile are zeros. `row` gives the places of the examples.
pub(super) fn gather<T: Number>(
    inputs: &[T],
    (first, count): (usize, usize),
    row: impl Fn(usize) -> usize,
    (x, of): (&mut [T], &Image),
) {
    let units = of.units();
    let mut sources: [&[T]; 16] = [&[]; 16];
    for (lane, source) in sources.iter_mut().enumerate().take(count) {
        *source = &inputs[row(first + lane) * units..][..units];
    }
    let lines = (0..of.channels).flat_map(|c| (0..of.height).map(move |row| (c, row)));
    for (n, (channel, row)) in lines.enumerate() {
        let line = &mut x[of.line::<T>(channel, row)];
        if count < T::LANES {
            line.fill(T::zero());
        }
        for (lane, source) in sources[..count].iter().enumerate() {
            let pixels = line[lane..].iter_mut().step_by(T::LANES);
            pixels.zip(&source[n * of.width..][..of.width]).for_each(|(x, &pixel)| *x = pixel);
        }
    }
}
