//! Convolutions of 3 × 3 taps by minimal filtering $F(2\times2,3\times3)$ (Lavin & Gray 2016, arXiv:1509.09308): with
//!
//! $$
//! y=A^\top\big[(GgG^\top)\odot(B^\top dB)\big]A,\quad
//! B^\top=\begin{pmatrix}1&0&-1&0\\\\0&1&1&0\\\\0&-1&1&0\\\\0&1&0&-1\end{pmatrix},\quad
//! G=\begin{pmatrix}1&0&0\\\\\frac12&\frac12&\frac12\\\\\frac12&-\frac12&\frac12\\\\0&0&1\end{pmatrix},\quad
//! A^\top=\begin{pmatrix}1&1&1&0\\\\0&1&-1&-1\end{pmatrix}
//! $$
//!
//! a patch of 2 × 2 results takes 16 products for each pair of channels instead of 36. The sums over channels at each of the
//! 16 places are rows of results of a convolution with one tap.

use pulp::{Arch, Simd, WithSimd};

use super::{
    super::chain::{Buffer, Pool},
    convolution::Convolution,
    image::Image,
    lanes::{Number, part},
    patches::{Lines, PLACES, give},
    rows::{Row, TAPS},
};

/// The bytes of the L2 cache that the transforms of a block of patches may fill.
const CACHE: usize = 256 << 10;

/// The least number of patches in a block, where weights fill more than the cache.
const LEAST: usize = 4;

/// A convolution with transformed weights.
pub(super) struct Winograd<'a, T> {
    pool: &'a Pool<T>,
    /// The weights `[place][output][input of the group]`.
    weights: Buffer<'a, T>,
    /// Numbers of input and output channels of a group.
    inputs: usize,
    outputs: usize,
    groups: usize,
    /// Distance between the weights of two places; an odd number of cache lines.
    place: usize,
    /// How many rows and columns of zeros are before the first.
    padding: [usize; 2],
}

/// How patches of results are taken together.
#[derive(Clone, Copy)]
struct Block {
    /// Numbers of rows and columns of patches.
    rows: usize,
    columns: usize,
    /// Distance between two channels of a transform, and between two of its places, in numbers. They are odd numbers of
    /// cache lines, so that what is written at once has places in the cache.
    channel: usize,
    inputs: usize,
    outputs: usize,
}

impl Block {
    fn new<T: Number>(inputs: usize, outputs: usize, to: &Image) -> Self {
        let [rows, columns] = to.size().map(|n| n.div_ceil(2));
        let bytes = PLACES * (inputs + outputs) * T::LANES * size_of::<T>();
        let most = (CACHE / bytes).max(LEAST);
        let columns = part(columns, most);
        let rows = part(rows, (most / columns).max(1));
        let channel = odd_lines::<T>(rows * columns);
        let [inputs, outputs] = [inputs, outputs].map(|n| odd_lines::<T>(n * channel / T::LANES));
        Self { rows, columns, channel, inputs, outputs }
    }

    /// The number of numbers of a row of zeros.
    fn zeros<T: Number>(&self) -> usize {
        (2 * self.columns + 2) * T::LANES
    }
}

impl<'a, T: Number> Winograd<'a, T> {
    /// Prepares the convolution `map` with `weight` `[outputs][inputs / groups][3][3]`.
    pub(super) fn forward(map: &Convolution, weight: &[T], pool: &'a Pool<T>) -> Self {
        let (inputs, outputs) = (map.inputs / map.groups, map.outputs / map.groups);
        let filter = |o: usize, c: usize| {
            let from = &weight[(o * inputs + c) * 9..][..9];
            std::array::from_fn(|tap| from[tap])
        };
        Self::new((inputs, outputs, map.groups), map.padding, filter, pool)
    }

    /// Prepares the derivative of the convolution `map` with respect to images: the convolution with turned weights.
    pub(super) fn reverse(map: &Convolution, weight: &[T], pool: &'a Pool<T>) -> Self {
        let (inputs, outputs) = (map.inputs / map.groups, map.outputs / map.groups);
        let filter = |c: usize, o: usize| {
            let output = c / inputs * outputs + o;
            let from = &weight[(output * inputs + c % inputs) * 9..][..9];
            std::array::from_fn(|tap| from[8 - tap])
        };
        Self::new((outputs, inputs, map.groups), map.padding.map(|p| 2 - p), filter, pool)
    }

    fn new(
        (inputs, outputs, groups): (usize, usize, usize),
        padding: [usize; 2],
        filter: impl Fn(usize, usize) -> [T; 9],
        pool: &'a Pool<T>,
    ) -> Self {
        let distance = odd_lines::<T>((outputs * groups * inputs).div_ceil(T::LANES));
        let mut weights = pool.take(PLACES * distance);
        for o in 0..outputs * groups {
            for c in 0..inputs {
                let u = filter_transform(&filter(o, c));
                for (place, u) in u.into_iter().enumerate() {
                    weights[place * distance + o * inputs + c] = u;
                }
            }
        }
        Self { pool, weights, inputs, outputs, groups, place: distance, padding }
    }

    /// Computes the convolution of a tile `x`, or adds it to `y` where `add` is set. The borders of the tiles are not used.
    /// `finish` is called for every row with the results and the number of the row, while the row is in cache.
    pub(super) fn run(
        &self,
        (x, of): (&[T], &Image),
        (y, to): (&mut [T], &Image),
        add: bool,
        finish: impl FnMut(&mut [T], usize),
    ) {
        let [p, q] = self.padding;
        assert!(
            of.channels == self.inputs * self.groups
                && to.channels == self.outputs * self.groups
                && to.size() == [of.height + 2 * p - 2, of.width + 2 * q - 2],
            "{of:?} {to:?}"
        );
        assert!(x.len() >= of.len::<T>() && y.len() >= to.len::<T>(), "images too small");
        match add {
            true => Arch::new().dispatch(Run::<_, _, true> { map: self, x, of, y, to, finish }),
            false => Arch::new().dispatch(Run::<_, _, false> { map: self, x, of, y, to, finish }),
        }
    }
}

/// So many cache lines, or one more where that is no odd number, in numbers.
pub(super) fn odd_lines<T: Number>(lines: usize) -> usize {
    (lines | 1) * T::LANES
}

/// $GgG^\top$.
fn filter_transform<T: Number>(g: &[T; 9]) -> [T; PLACES] {
    let half = T::of(0.5);
    let line = |a: T, b: T, c: T| [a, half * (a + b + c), half * (a - b + c), c];
    let columns = [0, 1, 2].map(|j| line(g[j], g[3 + j], g[6 + j]));
    let rows = [0, 1, 2, 3].map(|i| line(columns[0][i], columns[1][i], columns[2][i]));
    std::array::from_fn(|place| rows[place / 4][place % 4])
}

struct Run<'a, T, F, const ADD: bool> {
    map: &'a Winograd<'a, T>,
    x: &'a [T],
    of: &'a Image,
    y: &'a mut [T],
    to: &'a Image,
    finish: F,
}

impl<T: Number, F: FnMut(&mut [T], usize), const ADD: bool> WithSimd for Run<'_, T, F, ADD> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { map, x, of, y, to, mut finish } = self;
        let (inputs, outputs) = (map.inputs, map.outputs);
        let block = Block::new::<T>(inputs, outputs, to);
        let [rows, columns] = to.size().map(|n| n.div_ceil(2));
        let mut work = map.pool.take(block.zeros::<T>() + PLACES * (block.inputs + block.outputs));
        let (zeros, work) = work.split_at_mut(block.zeros::<T>());
        zeros.fill(T::zero());
        let (v, m) = work.split_at_mut(PLACES * block.inputs);
        let offsets: Vec<usize> = (0..inputs).map(|c| c * block.channel).collect();
        for row in (0..rows).step_by(block.rows) {
            let high = block.rows.min(rows - row);
            for column in (0..columns).step_by(block.columns) {
                let wide = block.columns.min(columns - column);
                for group in 0..map.groups {
                    for c in 0..inputs {
                        for i in 0..high {
                            let first = [2 * (row + i), 2 * column];
                            let first = [0, 1].map(|axis| first[axis] as isize - map.padding[axis] as isize);
                            let v = &mut v[c * block.channel + i * wide * T::LANES..];
                            let lines = Lines::new((x, of), group * inputs + c, first, zeros, wide);
                            lines.transform(simd, v, block.inputs);
                        }
                    }
                    let weights = &map.weights[group * outputs * inputs..];
                    multiply(
                        simd,
                        (weights, map.place),
                        (inputs, outputs),
                        &offsets,
                        (v, m),
                        &block,
                        high * wide,
                    );
                    for o in 0..outputs {
                        for i in 0..high {
                            let m = &m[o * block.channel + i * wide * T::LANES..];
                            let first = [2 * (row + i), 2 * column];
                            give::<S, T, ADD>(
                                simd,
                                (m, block.outputs),
                                (&mut *y, to),
                                group * outputs + o,
                                first,
                                wide,
                            );
                        }
                    }
                }
            }
            (2 * row..(2 * (row + high)).min(to.height)).for_each(|row| finish(y, row));
        }
    }
}

/// Multiplies transforms at each place.
#[inline(always)]
fn multiply<S: Simd, T: Number>(
    simd: S,
    (weights, distance): (&[T], usize),
    (inputs, outputs): (usize, usize),
    offsets: &[usize],
    (v, m): (&[T], &mut [T]),
    block: &Block,
    pixels: usize,
) {
    let taps = part(inputs, TAPS);
    for place in 0..PLACES {
        for from in (0..inputs).step_by(taps) {
            let row = Row {
                weights: &weights[place * distance + from..],
                stride: inputs,
                offsets: &offsets[from..(from + taps).min(inputs)],
                x: &v[place * block.inputs..][..block.inputs],
                x_step: T::LANES,
                out_step: T::LANES,
                out_plane: block.channel,
                pixels,
                outputs,
            };
            let m = &mut m[place * block.outputs..][..block.outputs];
            match from {
                0 => row.run::<S, false>(simd, m),
                _ => row.run::<S, true>(simd, m),
            }
        }
    }
}
