//! Batch normalisation and rectifiers against their formulas in f64.

use collado_cuda::{Buffer, ChannelNorm, NormBackward, NormForward, rectify, rectify_back};

use super::*;

/// How the numbers of a channel lie.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Usual,
    /// Around 1000 with deviation 1.
    Far,
    Constant,
    /// Each example around a mean of its own.
    Drifting,
}

/// A layer with what it is given.
struct Layer {
    norm: ChannelNorm,
    x: Vec<f32>,
    dy: Vec<f32>,
    weight: Option<Vec<f32>>,
    bias: Option<Vec<f32>>,
}

/// What a layer gives, forwards and backwards.
#[derive(Debug)]
struct Passes<T> {
    y: Vec<T>,
    mean: Vec<T>,
    variance: Vec<T>,
    dx: Vec<T>,
    dweight: Vec<T>,
    dbias: Vec<T>,
}

impl Passes<f32> {
    fn bits(&self) -> Vec<u32> {
        let all = [&self.y, &self.mean, &self.variance, &self.dx, &self.dweight, &self.dbias];
        all.into_iter().flatten().map(|x| x.to_bits()).collect()
    }
}

/// Buffers that begin so many numbers behind a multiple of 256 bytes, and end as many before the end of their memory.
struct Memory {
    machine: Arc<dyn Machine>,
    shift: usize,
}

impl Memory {
    fn of(&self, numbers: &[f32]) -> Buffer<f32> {
        let around = vec![f32::NAN; self.shift];
        Buffer::from_slice(&self.machine, &[&around, numbers, &around].concat()).unwrap()
    }

    fn empty(&self, count: usize) -> Buffer<f32> {
        self.of(&vec![f32::NAN; count])
    }

    fn maybe(&self, numbers: Option<&[f32]>) -> (Option<Buffer<f32>>, u64) {
        let buffer = numbers.map(|numbers| self.of(numbers));
        let address = buffer.as_ref().map_or(0, |buffer| self.at(buffer));
        (buffer, address)
    }

    fn at(&self, buffer: &Buffer<f32>) -> u64 {
        buffer.at(self.shift)
    }

    /// The numbers of a buffer, with nothing written around them.
    fn read(&self, buffer: &Buffer<f32>) -> Vec<f32> {
        let all = buffer.read(buffer.len()).unwrap();
        let end = all.len() - self.shift;
        assert!(all[..self.shift].iter().chain(&all[end..]).all(|x| x.is_nan()), "numbers beyond the end");
        all[self.shift..end].to_vec()
    }
}

impl Layer {
    fn new([examples, channels, pixels]: [usize; 3], kind: Kind, affine: bool) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut some =
            |count: usize| -> Vec<f32> { (0..count).map(|_| rng.random_range(-1.0..1.0)).collect() };
        let count = examples * channels * pixels;
        let (mut x, dy) = (some(count), some(count));
        for (i, x) in x.iter_mut().enumerate() {
            let (example, channel) = (i / (channels * pixels), i / pixels % channels);
            *x = match kind {
                Kind::Usual => 0.3 + 2. * *x,
                Kind::Far => 1000. + *x * 3_f32.sqrt(),
                Kind::Constant => 3.7 + 100. * channel as f32,
                Kind::Drifting => *x + 100. * (example as f32 - 2.),
            };
        }
        let norm = ChannelNorm { examples, channels, pixels, epsilon: 1e-5 };
        let (weight, bias) = (affine.then(|| some(channels)), affine.then(|| some(channels)));
        Self { norm, x, dy, weight, bias }
    }

    /// The channels multiplied by the factors, with the summands added.
    fn shifted(&self, machine: &Arc<Watched>, shift: usize, over: bool) -> Vec<f32> {
        let memory = Memory { machine: Arc::clone(machine) as _, shift };
        let (x, y) = (memory.of(&self.x), memory.empty(self.x.len()));
        let (_weight, weight) = memory.maybe(self.weight.as_deref());
        let (_bias, bias) = memory.maybe(self.bias.as_deref());
        let y = if over { &x } else { &y };
        let at = NormForward { x: memory.at(&x), weight, bias, y: memory.at(y), ..NormForward::default() };
        // SAFETY: the buffers have the sizes of the layer.
        unsafe { self.norm.affine(&**machine, &at) }.unwrap();
        memory.read(y)
    }

    /// Both passes; buffers begin so many numbers behind a multiple of 256 bytes. `over`: with results in place of what is
    /// not needed any more.
    fn run(&self, machine: &Arc<Watched>, shift: usize, over: bool) -> Passes<f32> {
        let memory = Memory { machine: Arc::clone(machine) as _, shift };
        let (c, count) = (self.norm.channels, self.x.len());
        let [mean, variance, dweight, dbias] = [(); 4].map(|()| memory.empty(c));
        let (x, dy) = (memory.of(&self.x), memory.of(&self.dy));
        let [y, dx] = [(); 2].map(|()| memory.empty(count));
        let sums = memory.empty(self.norm.scratch(&**machine));
        let (_weight, w) = memory.maybe(self.weight.as_deref());
        let (_bias, b) = memory.maybe(self.bias.as_deref());
        let again = memory.of(&self.x);
        let (y, dx) = if over { (&again, &dy) } else { (&y, &dx) };
        let at = |buffer: &Buffer<f32>| memory.at(buffer);
        let forward = NormForward {
            x: at(if over { &again } else { &x }),
            weight: w,
            bias: b,
            y: at(y),
            mean: at(&mean),
            variance: at(&variance),
            scratch: at(&sums),
        };
        let backward = NormBackward {
            x: at(&x),
            dy: at(&dy),
            weight: w,
            mean: at(&mean),
            variance: at(&variance),
            dx: at(dx),
            dweight: at(&dweight),
            dbias: at(&dbias),
            scratch: at(&sums),
        };
        // SAFETY: the buffers have the sizes of the layer.
        unsafe {
            self.norm.forward(&**machine, &forward).unwrap();
            self.norm.backward(&**machine, &backward).unwrap();
        }
        let [y, mean, variance, dx, dweight, dbias] =
            [y, &mean, &variance, dx, &dweight, &dbias].map(|buffer| memory.read(buffer));
        Passes { y, mean, variance, dx, dweight, dbias }
    }

    /// The places of a channel.
    fn places(&self, channel: usize) -> impl Iterator<Item = usize> + use<> {
        let ChannelNorm { examples, channels, pixels, .. } = self.norm;
        (0..examples).flat_map(move |e| (0..pixels).map(move |s| (e * channels + channel) * pixels + s))
    }

    fn affine(&self, channel: usize) -> (f64, f64) {
        let of = |numbers: &Option<Vec<f32>>, none| numbers.as_ref().map_or(none, |n| f64::from(n[channel]));
        (of(&self.weight, 1.), of(&self.bias, 0.))
    }

    /// Mean and variance of a channel of `x`.
    fn moments(&self, x: &[f64], channel: usize) -> (f64, f64) {
        let count = (self.norm.examples * self.norm.pixels) as f64;
        let mean = self.places(channel).map(|i| x[i]).sum::<f64>() / count;
        (mean, self.places(channel).map(|i| (x[i] - mean).powi(2)).sum::<f64>() / count)
    }

    fn outputs(&self, x: &[f64]) -> Vec<f64> {
        let mut y = vec![0.; x.len()];
        for channel in 0..self.norm.channels {
            let ((w, b), (mean, variance)) = (self.affine(channel), self.moments(x, channel));
            let deviation = (variance + f64::from(self.norm.epsilon)).sqrt();
            for i in self.places(channel) {
                y[i] = (x[i] - mean) / deviation * w + b;
            }
        }
        y
    }

    fn truth(&self) -> Passes<f64> {
        let [x, dy] = [&self.x, &self.dy].map(|x| x.iter().map(|&x| f64::from(x)).collect::<Vec<_>>());
        let mut dx = vec![0.; x.len()];
        let (mut means, mut variances, mut dweight, mut dbias) = (vec![], vec![], vec![], vec![]);
        for channel in 0..self.norm.channels {
            let (mean, variance) = self.moments(&x, channel);
            let (deviation, (w, _)) =
                ((variance + f64::from(self.norm.epsilon)).sqrt(), self.affine(channel));
            let normed = |i: usize| (x[i] - mean) / deviation;
            let db = self.places(channel).map(|i| dy[i]).sum::<f64>();
            let dw = self.places(channel).map(|i| dy[i] * normed(i)).sum::<f64>();
            let count = (self.norm.examples * self.norm.pixels) as f64;
            for i in self.places(channel) {
                dx[i] = w / deviation * (dy[i] - db / count - normed(i) * dw / count);
            }
            means.push(mean);
            variances.push(variance);
            dweight.push(dw);
            dbias.push(db);
        }
        Passes { y: self.outputs(&x), mean: means, variance: variances, dx, dweight, dbias }
    }

    /// Compares what was found with the truth, of channels that have no NaN.
    fn check(&self, name: &str, found: &Passes<f32>, channels: impl Iterator<Item = usize>) {
        let truth = self.truth();
        let near = |what: &str, found: f32, truth: f64, unit: f64| {
            let gap = (f64::from(found) - truth).abs();
            assert!(gap <= 1e-6 * unit, "{name}, {:?}: {what} {found} is not {truth}", self.norm);
        };
        for c in channels {
            let deviation = (truth.variance[c] + f64::from(self.norm.epsilon)).sqrt();
            let (w, b) = self.affine(c);
            near("mean", found.mean[c], truth.mean[c], 0.1 * truth.mean[c].abs() + deviation);
            near("variance", found.variance[c], truth.variance[c], truth.variance[c] + 1e-6);
            let count = (self.norm.examples * self.norm.pixels) as f64;
            near("dbias", found.dbias[c], truth.dbias[c], count.sqrt());
            near("dweight", found.dweight[c], truth.dweight[c], count.sqrt());
            for i in self.places(c) {
                near("y", found.y[i], truth.y[i], truth.y[i].abs() + w.abs() + b.abs());
                near("dx", found.dx[i], truth.dx[i], 2. * w.abs() / deviation);
            }
        }
    }
}

/// Few numbers and many, one part and several, of equal sizes and not, in fours and one by one.
fn layers() -> Vec<([usize; 3], Kind, bool)> {
    let mut layers = Vec::new();
    for (k, pixels) in [1, 3, 16, 49, 1024].into_iter().enumerate() {
        for examples in 1..=7 {
            let kinds = [Kind::Usual, Kind::Far, Kind::Drifting];
            layers.push((
                [examples, 1 + (examples + k) % 5, pixels],
                kinds[(examples + k) % 3],
                examples % 2 == 0,
            ));
        }
        layers.push(([5, 2, pixels], Kind::Constant, k % 2 == 0));
    }
    for (i, sizes) in [[3001, 2, 1], [97, 3, 49], [333, 1, 16], [41, 1, 1024]].into_iter().enumerate() {
        layers.extend([Kind::Usual, Kind::Far, Kind::Drifting].map(|kind| (sizes, kind, i % 2 == 0)));
        layers.push((sizes, Kind::Constant, true));
    }
    layers
}

#[test]
fn normalised_channels_and_their_gradients_are_those_in_f64() {
    let mut parts = Vec::new();
    for (i, (sizes, kind, affine)) in layers().into_iter().enumerate() {
        let machine = Watched::new(i % 3, [1, 4, 1000][i % 3]);
        let layer = Layer::new(sizes, kind, affine);
        parts.push(layer.norm.parts(&*machine));
        let found = layer.run(&machine, 0, false);
        layer.check(&format!("{kind:?}"), &found, 0..layer.norm.channels);
    }
    assert!(parts.contains(&1) && parts.iter().any(|&p| p > 32), "{parts:?}");
}

#[test]
fn channels_are_multiplied_and_shifted() {
    for (i, sizes) in [[1, 1, 1], [7, 3, 1024], [97, 3, 49], [5, 2, 16]].into_iter().enumerate() {
        let layer = Layer::new(sizes, Kind::Usual, true);
        let found = layer.shifted(&Watched::new(i % 3, [1, 40][i % 2]), i % 2, i > 1);
        let [_, channels, pixels] = sizes;
        for (k, y) in found.into_iter().enumerate() {
            let c = k / pixels % channels;
            let (w, b) = (layer.weight.as_ref().unwrap()[c], layer.bias.as_ref().unwrap()[c]);
            let expected = f64::from(w) * f64::from(layer.x[k]) + f64::from(b);
            assert_eq!(y, expected as f32, "{sizes:?}: number {k}");
        }
    }
}

#[test]
fn channels_are_normalised_to_the_same_bits() {
    for sizes in [[7, 3, 1024], [97, 3, 49], [3, 2, 1]] {
        let layer = Layer::new(sizes, Kind::Usual, true);
        let bits = layer.run(&Watched::new(0, 4), 0, false).bits();
        for order in 0..3 {
            assert_eq!(
                bits,
                layer.run(&Watched::new(order, 4), 0, false).bits(),
                "{sizes:?} in order {order}"
            );
            assert_eq!(bits, layer.run(&Watched::new(order, 4), 0, true).bits(), "{sizes:?} over the inputs");
        }
        // Numbers at other addresses are taken one by one.
        let shifted = layer.run(&Watched::new(1, 4), 1, false);
        layer.check("shifted", &shifted, 0..layer.norm.channels);
    }
}

#[test]
fn nan_stays_in_its_channel() {
    let mut layer = Layer::new([97, 3, 49], Kind::Usual, true);
    let whole = layer.run(&Watched::new(2, 4), 0, false);
    layer.x[5 * 3 * 49 + 50] = f32::NAN;
    let found = layer.run(&Watched::new(2, 4), 0, false);
    let nan = [&found.mean, &found.variance, &found.dweight].map(|all| all[1].is_nan());
    assert_eq!(nan, [true; 3]);
    assert!(layer.places(1).all(|i| found.y[i].is_nan() && found.dx[i].is_nan()));
    for channel in [0, 2] {
        assert!(layer.places(channel).all(|i| (found.y[i], found.dx[i]) == (whole.y[i], whole.dx[i])));
    }
}

#[test]
fn gradients_of_normalised_channels_are_quotients_of_differences() {
    let layer = Layer::new([5, 2, 9], Kind::Usual, true);
    let found = layer.run(&Watched::new(0, 4), 0, false);
    let x: Vec<f64> = layer.x.iter().map(|&x| f64::from(x)).collect();
    let value =
        |x: &[f64]| -> f64 { layer.outputs(x).iter().zip(&layer.dy).map(|(y, &dy)| y * f64::from(dy)).sum() };
    for (i, &dx) in found.dx.iter().enumerate() {
        let at = |step: f64| {
            let mut x = x.clone();
            x[i] += step;
            value(&x)
        };
        let quotient = (at(1e-4) - at(-1e-4)) / 2e-4;
        assert!((quotient - f64::from(dx)).abs() < 1e-6, "{i}: {quotient} {dx}");
    }
}

/// Rectifies `x` and goes back with `dy`, with results in new memory or over what they are made of.
fn rectified(machine: &Arc<Watched>, x: &[f32], dy: &[f32], shift: usize, over: bool) -> [Vec<f32>; 2] {
    let memory = Memory { machine: Arc::clone(machine) as _, shift };
    let (x, dy) = (memory.of(x), memory.of(dy));
    let count = x.len() - 2 * shift;
    let [y, dx] = [(); 2].map(|()| memory.empty(count));
    let (y, dx) = if over { (&x, &dy) } else { (&y, &dx) };
    // SAFETY: buffers of so many numbers.
    unsafe {
        rectify(&**machine, memory.at(&x), memory.at(y), count).unwrap();
        rectify_back(&**machine, memory.at(y), memory.at(&dy), memory.at(dx), count).unwrap();
    }
    [y, dx].map(|buffer| memory.read(buffer))
}

#[test]
fn rectifiers_keep_what_is_positive() {
    for (i, count) in [0, 1, 3, 4, 1023, 4096, 4099, 9000].into_iter().enumerate() {
        let mut rng = ChaCha8Rng::seed_from_u64(count as u64);
        let mut some = || -> Vec<f32> { (0..count).map(|_| rng.random_range(-1.0..1.0)).collect() };
        let (mut x, dy) = (some(), some());
        for (k, special) in [0., f32::INFINITY, -f32::INFINITY, f32::NAN].into_iter().enumerate() {
            if count > 4 {
                x[k * 7 % count] = special;
            }
        }
        for (shift, over) in [(0, false), (0, true), (1, false), (3, true)] {
            let [y, dx] = rectified(&Watched::new(i % 3, 4), &x, &dy, shift, over);
            for (k, (&x, &dy)) in x.iter().zip(&dy).enumerate() {
                let (up, back) = if x > 0. { (x, dy) } else { (0., 0.) };
                assert!(
                    if x.is_nan() { y[k].is_nan() } else { y[k] == up },
                    "{count}, {shift}: {x} {}",
                    y[k]
                );
                assert!(dx[k] == back, "{count}, {shift}: {x} {dy} {}", dx[k]);
            }
        }
    }
}

/// All kernels of this file, in parts, in fours and one by one.
#[cfg(not(feature = "cuda"))]
pub fn every_kernel(machine: &Arc<Watched>) {
    for (sizes, over) in [([6, 2, 512], false), ([23, 1, 49], true)] {
        let layer = Layer::new(sizes, Kind::Usual, true);
        layer.run(machine, 0, over);
        layer.shifted(machine, 0, over);
    }
    for shift in [0, 1] {
        rectified(machine, &[1.; 4099], &[2.; 4099], shift, shift == 1);
    }
}
