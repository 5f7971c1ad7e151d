//! The kernels for GPUs against the engine for the CPU in f64: emulated on the CPU, or with the feature `cuda` on a GPU.
#![allow(clippy::unwrap_used)]

mod norm;
#[cfg(not(feature = "cuda"))]
mod races;

use std::sync::{Arc, Mutex};

use candle_core::{DType, Device, Tensor};
use collado_cuda::{Info, Launch, Machine, Recorded};
use collado_models::{Activation, Arch};
use collado_risk::{
    Batches, Criterion, Descent, EmpiricalRisk, Examples, Loss, NO_EXAMPLE, Objective, Path, Precision,
    Regularizer, Rows, Span, StepRule,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn random(shape: (usize, usize), scale: f64, seed: u64) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let data: Vec<f32> =
        (0..shape.0 * shape.1).map(|_| (scale * rng.random_range(-1.0..1.0)) as f32).collect();
    Tensor::from_vec(data, shape, &Device::Cpu).unwrap()
}

#[cfg(not(feature = "cuda"))]
fn machine(order: usize) -> Arc<dyn Machine> {
    Arc::new(collado_cuda::Emulated::in_order(order as i32))
}

/// One for all tests: to load the kernels takes longer than what they do here.
#[cfg(feature = "cuda")]
fn machine(_: usize) -> Arc<dyn Machine> {
    static CARD: std::sync::OnceLock<Arc<collado_cuda::Card>> = std::sync::OnceLock::new();
    let card = CARD.get_or_init(|| {
        let device = collado_risk::gpu(0).unwrap();
        Arc::new(collado_cuda::Card::new(device.as_cuda_device().unwrap()).unwrap())
    });
    Arc::clone(card) as _
}

/// A machine that notes which kernels run, and says that it has so many multiprocessors: that decides which kernels it
/// is given.
struct Watched {
    machine: Arc<dyn Machine>,
    processors: usize,
    memory: usize,
    /// Kernels with this ending are not there.
    hidden: Option<&'static str>,
    launched: Mutex<Vec<String>>,
}

impl Watched {
    /// Emulated threads run forwards (order 0), backwards (1) or shuffled (2).
    fn new(order: usize, processors: usize) -> Arc<Self> {
        Self::without(None, order, processors)
    }

    fn without(hidden: Option<&'static str>, order: usize, processors: usize) -> Arc<Self> {
        Self::of(machine(order), hidden, processors)
    }

    fn of(machine: Arc<dyn Machine>, hidden: Option<&'static str>, processors: usize) -> Arc<Self> {
        Arc::new(Self { machine, processors, memory: usize::MAX, hidden, launched: Mutex::default() })
    }

    /// The kernels that ran, each once.
    fn launched(&self) -> Vec<String> {
        std::mem::take(&mut *self.launched.lock().unwrap())
    }
}

impl Machine for Watched {
    fn allocate(&self, bytes: usize) -> collado_cuda::Result<u64> {
        self.machine.allocate(bytes)
    }

    unsafe fn free(&self, address: u64) {
        // SAFETY: the caller's promise.
        unsafe { self.machine.free(address) }
    }

    unsafe fn upload(&self, to: u64, from: &[u8]) -> collado_cuda::Result<()> {
        // SAFETY: the caller's promise.
        unsafe { self.machine.upload(to, from) }
    }

    unsafe fn fill_beside(
        &self,
        slot: usize,
        to: u64,
        bytes: usize,
        fill: &mut dyn FnMut(&mut [u8]),
    ) -> collado_cuda::Result<()> {
        // SAFETY: the caller's promise.
        unsafe { self.machine.fill_beside(slot, to, bytes, fill) }
    }

    fn used_beside(&self, slot: usize) -> collado_cuda::Result<()> {
        self.machine.used_beside(slot)
    }

    unsafe fn download(&self, from: u64, to: &mut [u8]) -> collado_cuda::Result<()> {
        // SAFETY: the caller's promise.
        unsafe { self.machine.download(from, to) }
    }

    unsafe fn clear(&self, address: u64, bytes: usize) -> collado_cuda::Result<()> {
        // SAFETY: the caller's promise.
        unsafe { self.machine.clear(address, bytes) }
    }

    fn info(&self, kernel: &str) -> collado_cuda::Result<Option<Info>> {
        let hidden = self.hidden.is_some_and(|ending| kernel.ends_with(ending));
        if hidden { Ok(None) } else { self.machine.info(kernel) }
    }

    fn processors(&self) -> usize {
        self.processors
    }

    fn memory(&self) -> usize {
        self.memory
    }

    unsafe fn launch_bytes(&self, launch: &Launch<'_>, argument: &[u8]) -> collado_cuda::Result<()> {
        let mut launched = self.launched.lock().unwrap();
        if !launched.iter().any(|kernel| kernel == launch.kernel) {
            launched.push(launch.kernel.into());
        }
        // SAFETY: the caller's promise.
        unsafe { self.machine.launch_bytes(launch, argument) }
    }

    fn record(
        &self,
        work: &mut dyn FnMut() -> collado_cuda::Result<()>,
    ) -> collado_cuda::Result<Option<Box<dyn Recorded>>> {
        self.machine.record(work)
    }
}

/// A risk with `n` examples, and points for it with weights like those of a new network.
struct Case {
    name: String,
    risk: EmpiricalRisk,
}

impl Case {
    fn new(arch: Arch, n: usize, criterion: Criterion) -> Self {
        let (inputs, outputs) = (arch.inputs(), arch.outputs());
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let classes = if outputs == 1 { 2 } else { outputs as u32 };
        let labels: Vec<u32> = (0..n).map(|_| rng.random_range(0..classes)).collect();
        let labels = Tensor::from_vec(labels, n, &Device::Cpu).unwrap();
        let values = random((n, outputs), 0.5, 9).affine(1., 0.5).unwrap();
        let targets = if criterion.loss == Loss::Squared && outputs > 1 { values } else { labels };
        let examples = Examples::new(&random((n, inputs), 1., 1), &targets).unwrap();
        let name = format!("{arch} {criterion:?} n={n}");
        Self { name, risk: EmpiricalRisk::new(&arch, examples, criterion).unwrap().with_memory(1 << 20) }
    }

    fn points(&self, count: usize, seed: u64) -> Tensor {
        let chain = self.risk.network().chain().unwrap().clone();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let size = self.risk.network().size();
        let mut data = vec![0_f32; count * size];
        for point in data.chunks_exact_mut(size) {
            for layer in chain.layers() {
                let bound = 1.5 / (layer.inputs() as f64).sqrt();
                for range in [Some(&layer.weight), layer.bias.as_ref()].into_iter().flatten() {
                    point[range.clone()].fill_with(|| rng.random_range(-bound..bound) as f32);
                }
            }
        }
        Tensor::from_vec(data, (count, size), &Device::Cpu).unwrap()
    }

    fn on(&self, machine: &Arc<Watched>, precision: Precision) -> impl Objective + use<> {
        self.risk.on_machine(Arc::clone(machine) as _, precision).unwrap()
    }

    /// Values, and gradients if wanted, of both engines.
    fn compare(&self, kernels: &dyn Objective, span: &Span, rows: Rows<'_>) {
        let wide = widened(span);
        let mut grad = span.vertices().narrow(0, 0, span.free().len()).unwrap().zeros_like().unwrap();
        let mut truth = grad.to_dtype(DType::F64).unwrap();
        let expected = self.risk.evaluate(&wide, rows, Some(&mut truth)).unwrap();
        let values = kernels.evaluate(span, rows, None).unwrap();
        let with_gradient = kernels.evaluate(span, rows, Some(&mut grad)).unwrap();
        for found in [values, with_gradient] {
            for (e, f) in expected.iter().zip(&found) {
                let name = &self.name;
                assert!((e.risk - f.risk).abs() <= 3e-6 * (1. + e.risk.abs()), "{name}: {e:?} {f:?}");
                assert!((e.loss - f.loss).abs() <= 3e-6 * (1. + e.loss.abs()), "{name}: {e:?} {f:?}");
                assert!(
                    e.error.is_nan() == f.error.is_nan()
                        && (e.error.is_nan() || (e.error - f.error).abs() <= 0.05),
                    "{name}: {e:?} {f:?}"
                );
            }
        }
        close(&self.name, &grad, &truth);
    }
}

fn widened(span: &Span) -> Span {
    let vertices = span.vertices().to_dtype(DType::F64).unwrap();
    let wide = match span.coefficients() {
        None => Span::stack(&vertices).unwrap(),
        Some(c) => Span::new(&vertices, c.to_vec()).unwrap(),
    };
    wide.with_free(span.free())
}

/// Compares rows by the norm of their difference.
fn close(name: &str, found: &Tensor, expected: &Tensor) {
    let found = found.to_dtype(DType::F64).unwrap().to_vec2::<f64>().unwrap();
    for (f, e) in found.iter().zip(expected.to_vec2::<f64>().unwrap()) {
        let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
        let gap = norm(&mut f.iter().zip(&e).map(|(f, e)| f - e));
        assert!(
            gap <= 5e-6 * (1e-3 + norm(&mut e.iter().copied())),
            "{name}: {gap} of {}",
            norm(&mut e.iter().copied())
        );
    }
}

fn rows(count: usize, below: usize, seed: u64) -> Vec<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| rng.random_range(0..below as u32)).collect()
}

fn criterion(loss: Loss) -> Criterion {
    Criterion { loss, ..Criterion::default() }
}

/// Every activation, loss and regulariser; one layer to four; odd sizes; more outputs than are read out at once.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut next = (0..).map(|i| (Loss::ALL[i % 3], Regularizer::ALL[i % 2]));
    let archs = Activation::ALL.into_iter().map(|a| Arch::dense(a, &[5, 37, 22, 3], true).unwrap()).chain([
        Arch::dense(Activation::Linear, &[5, 3], false).unwrap(),
        Arch::dense(Activation::Relu, &[9, 18], true).unwrap(),
        Arch::dense(Activation::Relu, &[5, 140, 10], true).unwrap(),
        Arch::dense(Activation::Tanh, &[6, 40, 21], true).unwrap(),
        Arch::dense(Activation::Gelu, &[7, 9, 10, 11, 4], false).unwrap(),
        Arch::two_layer(5, 9, 3).unwrap(),
    ]);
    for arch in archs {
        let (loss, regularizer) = next.next().unwrap();
        cases.push(Case::new(arch, 45, Criterion { loss, kappa: 0.01, regularizer }));
    }
    cases.push(Case::new(
        Arch::dense(Activation::Tanh, &[5, 4, 1], true).unwrap(),
        33,
        criterion(Loss::Squared),
    ));
    cases.push(Case::new(
        Arch::dense(Activation::Relu, &[5, 4, 1], true).unwrap(),
        33,
        criterion(Loss::Logistic),
    ));
    cases
}

#[test]
fn stacks_have_the_values_and_gradients_of_the_other_engine() {
    for (i, case) in cases().into_iter().enumerate() {
        // Different machines are given different tiles.
        let machine = Watched::new(i % 3, [1, 4, 12, 1000][i % 4]);
        let precision = if i % 3 == 2 { Precision::F32 } else { Precision::Tf32x3 };
        let kernels = case.on(&machine, precision);
        let n = kernels.examples();
        let span = Span::stack(&case.points(3, 7)).unwrap();
        case.compare(&kernels, &span, Rows::All);
        case.compare(&kernels, &span, Rows::Shared(&rows(19, n, 1)));
        let each = rows(3 * 17, n, 2);
        case.compare(&kernels, &span, Rows::Each { rows: &each, batch: 17 });
        case.compare(&kernels, &span.with_free(1..2), Rows::Shared(&rows(5, n, 3)));
    }
}

#[test]
fn a_machine_without_the_kernels_is_an_error() {
    let arch = Arch::dense(Activation::Relu, &[5, 22, 10], true).unwrap();
    let case = Case::new(arch, 33, criterion(Loss::CrossEntropy));
    let kernels = case.on(&Watched::without(Some(""), 0, 4), Precision::Tf32x3);
    let ends = case.points(2, 7);
    let line = Path::polychain(ends.clone()).unwrap().span(&[0., 0.5, 1.]).unwrap();
    for span in [Span::stack(&ends).unwrap(), line] {
        let error = kernels.evaluate(&span, Rows::All, None).unwrap_err().to_string();
        assert!(error.ends_with("this machine does not have it"), "{error}");
    }
}

#[test]
fn all_tiles_compute_the_same() {
    let case = Case::new(
        Arch::dense(Activation::Relu, &[70, 150, 133, 3], true).unwrap(),
        150,
        criterion(Loss::CrossEntropy),
    );
    let span = Span::stack(&case.points(1, 7)).unwrap();
    for (i, processors) in [1, 4, 8, 20, 1000].into_iter().enumerate() {
        for precision in [Precision::F32, Precision::Tf32x3] {
            let machine = Watched::new(i % 3, processors);
            let kernels = case.on(&machine, precision);
            case.compare(&kernels, &span, Rows::All);
        }
    }
}

#[test]
fn spans_have_the_values_and_gradients_of_the_other_engine() {
    for (i, case) in cases().into_iter().enumerate() {
        let machine = Watched::new(i % 3, [1, 4, 1000][i % 3]);
        let kernels = case.on(&machine, if i % 3 == 2 { Precision::F32 } else { Precision::Tf32x3 });
        let ts = [0., 0.3, 0.55, 1., 0.2];
        let vertices = case.points(3, 11);
        let line = Path::polychain(vertices.narrow(0, 0, 2).unwrap()).unwrap().span(&ts).unwrap();
        let curve = Path::bezier(vertices.clone()).unwrap().span(&ts).unwrap();
        // A plane whose first vertex has weight 1, and combinations without a rule.
        let plane = Span::new(&vertices, vec![1., 0.2, 0.1, 1., 0., 0., 1., -0.3, 0.4, 1., 1., 0.]).unwrap();
        let any = Span::new(&vertices, vec![0.5, 0.2, 0.1, 0.3, 0., 0.2, 1., -0.3, 0.4, 0., 1., 0.]).unwrap();
        for span in [line, curve, plane, any] {
            case.compare(&kernels, &span, Rows::All);
        }
        let few = Path::bezier(vertices).unwrap().span(&[0.25, 0.5]).unwrap().with_free(1..2);
        case.compare(&kernels, &few, Rows::Shared(&rows(13, kernels.examples(), 1)));
    }
}

/// One hidden layer of rectifiers and two have kernels of their own on lines and planes.
#[test]
fn lines_and_planes_have_fast_kernels() {
    for (arch, loss, wanted) in [
        (vec![20, 70, 10], Loss::CrossEntropy, "tail"),
        (vec![20, 70, 7], Loss::Squared, "tail"),
        (vec![20, 64, 150, 10], Loss::CrossEntropy, "blended"),
        (vec![20, 70, 30, 15], Loss::CrossEntropy, "blended"),
        (vec![20, 70, 30, 9, 10], Loss::Squared, "blended"),
    ] {
        let case = Case::new(Arch::dense(Activation::Relu, &arch, true).unwrap(), 300, criterion(loss));
        let vertices = case.points(3, 11);
        for precision in [Precision::F32, Precision::Tf32x3] {
            for v in [2, 3] {
                let path = Path::bezier(vertices.narrow(0, 0, v).unwrap()).unwrap();
                let ts: Vec<f64> = (0..5).map(|i| f64::from(i) / 4.).collect();
                let machine = Watched::new(v - 1, 2);
                let kernels = case.on(&machine, precision);
                let span = path.span(&ts).unwrap();
                let expected = case.risk.evaluate(&widened(&span), Rows::All, None).unwrap();
                let found = kernels.evaluate(&span, Rows::All, None).unwrap();
                for (e, f) in expected.iter().zip(&found) {
                    assert!(
                        (e.risk - f.risk).abs() <= 3e-6 * (1. + e.risk.abs()),
                        "{}: {e:?} {f:?}",
                        case.name
                    );
                    assert!(
                        (e.error.is_nan() && f.error.is_nan()) || (e.error - f.error).abs() <= 0.01,
                        "{e:?} {f:?}"
                    );
                }
                let launched = machine.launched();
                assert!(launched.iter().any(|k| k.starts_with(wanted)), "{arch:?}: {launched:?}");
            }
        }
    }
}

/// Steps of the reference: the rules in f64, with gradients of the engine for the CPU.
fn reference(case: &Case, span: &Span, descent: &Descent<'_>, memory: &mut [Vec<Vec<f64>>]) -> Tensor {
    let mut vertices = span.vertices().to_dtype(DType::F64).unwrap();
    let (v, s) = vertices.dims2().unwrap();
    let n = descent.sizes.len();
    for (i, &size) in descent.sizes.iter().enumerate() {
        let all = match descent.coefficients {
            None => Span::stack(&vertices).unwrap(),
            Some(c) => Span::new(&vertices, c[i * c.len() / n..(i + 1) * c.len() / n].to_vec()).unwrap(),
        };
        let all = all.with_free(span.free());
        // Minibatches without the places where there is no example.
        let some = |rows: &[u32], batch: usize, points: usize| -> (Vec<u32>, usize) {
            let mine = &rows[i * batch * points..(i + 1) * batch * points];
            let there: Vec<u32> = mine.iter().copied().filter(|&row| row != NO_EXAMPLE).collect();
            let batch = there.len() / points;
            (there, batch)
        };
        let held;
        let rows = match descent.batches {
            Batches::All => Rows::All,
            Batches::Shared { rows, batch } => {
                held = some(rows, batch, 1);
                Rows::Shared(&held.0)
            }
            Batches::Each { rows, batch } => {
                held = some(rows, batch, v);
                Rows::Each { rows: &held.0, batch: held.1 }
            }
            Batches::Drawn { .. } => unreachable!("the tables of these tests are known"),
        };
        let mut grad = Tensor::zeros((span.free().len(), s), DType::F64, &Device::Cpu).unwrap();
        case.risk.evaluate(&all, rows, Some(&mut grad)).unwrap();
        let (mut x, g) = (vertices.to_vec2::<f64>().unwrap(), grad.to_vec2::<f64>().unwrap());
        for (f, g) in g.iter().enumerate() {
            for (k, &g) in g.iter().enumerate() {
                let x = &mut x[span.free().start + f][k];
                match descent.rule {
                    StepRule::Sgd { momentum, nesterov, weight_decay } => {
                        let g = g + weight_decay * *x;
                        let m = &mut memory[0][f][k];
                        *m = momentum * *m + g;
                        *x -= size * if nesterov { g + momentum * *m } else { *m };
                    }
                    StepRule::Adam { weight_decay, decoupled } => {
                        let t = (descent.done + i as u64 + 1) as i32;
                        let g = if decoupled { g } else { g + weight_decay * *x };
                        let keep = if decoupled { 1. - size * weight_decay } else { 1. };
                        memory[0][f][k] = 0.9 * memory[0][f][k] + 0.1 * g;
                        memory[1][f][k] = 0.999 * memory[1][f][k] + 0.001 * g * g;
                        let m = memory[0][f][k] / (1. - 0.9_f64.powi(t));
                        let u = memory[1][f][k] / (1. - 0.999_f64.powi(t));
                        *x = keep * *x - size * m / (u.sqrt() + 1e-8);
                    }
                }
            }
        }
        vertices = Tensor::new(x, &Device::Cpu).unwrap();
    }
    vertices
}

/// Number of tensors that a rule remembers.
fn remembered(rule: StepRule) -> usize {
    match rule {
        StepRule::Sgd { momentum: 0., .. } => 0,
        StepRule::Sgd { .. } => 1,
        StepRule::Adam { .. } => 2,
    }
}

/// Takes the steps on both and compares; returns the kernels that ran.
fn descend(
    case: &Case,
    machine: &Arc<Watched>,
    precision: Precision,
    span: &Span,
    descent: &Descent<'_>,
) -> Vec<String> {
    let kernels = case.on(machine, precision);
    let span = Span::stack(&span.vertices().copy().unwrap()).unwrap().with_free(span.free());
    let (f, s) = (span.free().len(), span.size());
    let memory: Vec<Tensor> =
        (0..remembered(descent.rule)).map(|i| random((f, s), 0.01, 20 + i as u64).abs().unwrap()).collect();
    let mut known: Vec<Vec<Vec<f64>>> =
        memory.iter().map(|m| m.to_dtype(DType::F64).unwrap().to_vec2().unwrap()).collect();
    known.resize(2, vec![vec![0.; s]; f]);
    let expected = reference(case, &span, descent, &mut known);
    assert!(kernels.stride(&span, descent).is_some());
    kernels.descend(&span, descent, &memory).unwrap();
    kernels.settle().unwrap();
    let name = format!("{} {descent:?}", case.name);
    close(&name, span.vertices(), &expected);
    for (found, expected) in memory.iter().zip(known) {
        close(&name, found, &Tensor::new(expected, &Device::Cpu).unwrap());
    }
    machine.launched()
}

/// Minibatches `[steps][points][batch]`, the last of them short.
fn table(steps: usize, points: usize, batch: usize, examples: usize) -> Vec<u32> {
    let mut rows = rows(steps * points * batch, examples, 8);
    for short in rows.chunks_exact_mut(batch).skip((steps - 1) * points) {
        short[batch * 2 / 3..].fill(NO_EXAMPLE);
    }
    rows
}

const RULES: [StepRule; 4] = [
    StepRule::Sgd { momentum: 0.9, nesterov: false, weight_decay: 0. },
    StepRule::Sgd { momentum: 0.8, nesterov: true, weight_decay: 0.1 },
    StepRule::Adam { weight_decay: 0.1, decoupled: true },
    StepRule::Adam { weight_decay: 0.1, decoupled: false },
];

fn bits(tensor: &Tensor) -> Vec<u32> {
    tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap().into_iter().map(f32::to_bits).collect()
}

/// The same work gives the same bits again: emulated threads run in another order, and on a GPU in whatever order they like.
#[test]
fn repetition_gives_the_same_bits() {
    let relu = |widths: &[usize]| Arch::dense(Activation::Relu, widths, true).unwrap();
    for (i, widths) in [&[64, 64, 64, 10][..], &[70, 150, 133, 3], &[20, 70, 10]].into_iter().enumerate() {
        let case = Case::new(relu(widths), 150, criterion(Loss::CrossEntropy));
        let (points, steps) = (case.points(3, 7), 6);
        let (each, shared) = (table(steps, 3, 64, 150), table(steps, 1, 50, 150));
        let path = Path::bezier(points.clone()).unwrap();
        let c: Vec<f64> = (0..steps).flat_map(|k| path.coefficients(k as f64 / 7.)).collect();
        let run = |order: usize, rule: StepRule, bends: bool| {
            let machine = Watched::new(order, [2, 4, 100][i]);
            let kernels = case.on(&machine, Precision::Tf32x3);
            let span = Span::stack(&points.copy().unwrap()).unwrap();
            let span = if bends { span.with_free(1..2) } else { span };
            let state = span.vertices().narrow(0, 0, span.free().len()).unwrap();
            let memory = [state.zeros_like().unwrap(), state.zeros_like().unwrap()];
            let memory = &memory[..remembered(rule)];
            let batches = match bends {
                true => Batches::Shared { rows: &shared, batch: 50 },
                false => Batches::Each { rows: &each, batch: 64 },
            };
            let coefficients = bends.then_some(&c[..]);
            let descent = Descent { rule, sizes: &[1e-3; 6], done: 0, batches, coefficients };
            kernels.descend(&span, &descent, memory).unwrap();
            kernels.settle().unwrap();
            let values = kernels.evaluate(&path.span(&[0.1, 0.6]).unwrap(), Rows::All, None).unwrap();
            let values: Vec<u64> = values.iter().map(|v| v.risk.to_bits()).collect();
            (bits(span.vertices()), memory.iter().map(bits).collect::<Vec<_>>(), values)
        };
        for (k, rule) in RULES.into_iter().enumerate() {
            let bends = (i + k) % 2 == 1;
            let (first, again) = (run(0, rule, bends), run(2, rule, bends));
            assert!(first == again, "{widths:?} {rule:?} {bends}");
        }
    }
}

#[test]
fn stacks_descend_as_in_f64() {
    for (i, case) in cases().into_iter().enumerate() {
        let machine = Watched::new(i % 3, [1, 6, 1000][i % 3]);
        let n = case.risk.examples();
        let (points, batch) = (2, 13);
        let table = table(3, points, batch, n);
        let batches = match i % 3 {
            0 => Batches::All,
            _ => Batches::Each { rows: &table, batch },
        };
        let descent =
            Descent { rule: RULES[i % 4], sizes: &[0.02, 0.03, 0.01], done: 2, batches, coefficients: None };
        let span = Span::stack(&case.points(points, 7)).unwrap();
        descend(
            &case,
            &machine,
            if i % 3 == 2 { Precision::F32 } else { Precision::Tf32x3 },
            &span,
            &descent,
        );
    }
}

#[test]
fn bends_descend_as_in_f64() {
    for (i, mut case) in cases().into_iter().enumerate() {
        if i % 2 == 0 {
            let criterion = Criterion { kappa: 0., ..case.risk.criterion() };
            case.risk =
                EmpiricalRisk::new(case.risk.arch(), Arc::clone(case.risk.data()), criterion).unwrap();
        }
        let machine = Watched::new(i % 3, [1, 6, 1000][i % 3]);
        let n = case.risk.examples();
        let (steps, batch) = (3, 11);
        let table = table(steps, 1, batch, n);
        let batches = if i % 5 == 4 { Batches::All } else { Batches::Shared { rows: &table, batch } };
        // One bend between fixed ends, or two.
        let v = 3 + i % 2;
        let span = Span::stack(&case.points(v, 7)).unwrap().with_free(1..v - 1);
        let path = Path::bezier(span.vertices().clone()).unwrap();
        let samples = 1 + i % 3;
        let c: Vec<f64> =
            (0..steps * samples).flat_map(|k| path.coefficients((k as f64 * 0.37 + 0.1) % 1.)).collect();
        let rule = if i % 4 == 0 { RULES[1] } else { RULES[2 + i % 2] };
        let descent =
            Descent { rule, sizes: &[0.002, 0.003, 0.001], done: 0, batches, coefficients: Some(&c) };
        descend(&case, &machine, Precision::Tf32x3, &span, &descent);
    }
}

/// Whole batches whose activations do not fit into the machine are taken step by step.
#[test]
fn steps_that_do_not_fit_are_not_taken_together() {
    let arch = Arch::dense(Activation::Relu, &[20, 70, 10], true).unwrap();
    let case = Case::new(arch, 300, criterion(Loss::CrossEntropy));
    let span = Span::stack(&case.points(2, 7)).unwrap();
    let stride = |memory: usize, batches: Batches<'_>| {
        let mut machine = Arc::try_unwrap(Watched::new(0, 4)).ok().unwrap();
        machine.memory = memory;
        let kernels = case.on(&Arc::new(machine), Precision::F32);
        let descent = Descent { rule: RULES[0], sizes: &[0.1], done: 0, batches, coefficients: None };
        kernels.stride(&span, &descent)
    };
    let few = Batches::Each { rows: &[], batch: 3 };
    // At least 70 activations and as many errors of 300 examples at two points.
    let most = 2 * 300 * 140 * 4;
    assert_eq!(stride(most, Batches::All), None);
    assert!(stride(most, few).is_some() && stride(10 * most, Batches::All).is_some());
}

/// Small networks in one launch, with every number of blocks.
#[test]
fn small_networks_descend_as_in_f64() {
    for (i, (activation, widths, loss)) in [
        (Activation::Relu, vec![64, 64, 64, 10], Loss::CrossEntropy),
        (Activation::Relu, vec![7, 64, 10], Loss::CrossEntropy),
        (Activation::Relu, vec![30, 17, 33, 64, 5], Loss::CrossEntropy),
        (Activation::Tanh, vec![21, 50, 64, 10], Loss::Squared),
        (Activation::Softplus, vec![5, 20, 3], Loss::Logistic),
        (Activation::Relu, vec![5, 20, 6, 1], Loss::Squared),
        (Activation::Linear, vec![9, 20, 1], Loss::Logistic),
    ]
    .into_iter()
    .enumerate()
    {
        let mut criterion = criterion(loss);
        criterion.kappa = if i % 2 == 1 { 0.01 } else { 0. };
        let case = Case::new(Arch::dense(activation, &widths, i != 3).unwrap(), 90, criterion);
        // One block for each network, four blocks, or eight. The first rules are those of SGD.
        let blocks = [(2, i % 2), (2, 2 + i % 2), (9, i % 2), (16, i % 4)];
        for (processors, rule) in blocks {
            let machine = Watched::new(i % 3, processors);
            let batch = if i % 2 == 0 { 64 } else { 37 };
            let table = table(4, 2, batch, 90);
            let descent = Descent {
                rule: RULES[rule],
                sizes: &[0.02, 0.03, 0.01, 0.02],
                done: 0,
                batches: Batches::Each { rows: &table, batch },
                coefficients: None,
            };
            let span = Span::stack(&case.points(2, 7)).unwrap();
            let launched = descend(&case, &machine, Precision::Tf32x3, &span, &descent);
            let small = launched.iter().any(|k| k.starts_with("small"));
            let layers = widths.len() - 2;
            assert!(small || layers == 3, "{widths:?}: {launched:?}");
        }
    }
}

/// SGD without momentum remembers nothing, also not what an earlier descent of the same engine came to.
#[test]
fn what_diverged_leaves_nothing_behind() {
    for widths in [&[9, 20, 10][..], &[70, 150, 133, 3]] {
        let arch = Arch::dense(Activation::Relu, widths, true).unwrap();
        let case = Case::new(arch, 90, criterion(Loss::CrossEntropy));
        let (points, table) = (case.points(2, 7), table(3, 2, 13, 90));
        let batches = Batches::Each { rows: &table, batch: 13 };
        let engine = || case.on(&Watched::new(0, 4), Precision::Tf32x3);
        let rule = StepRule::Sgd { momentum: 0., nesterov: false, weight_decay: 0. };
        let after =
            |kernels: &dyn Objective, sizes: &[f64]| bits(&moved_by(rule, kernels, &points, sizes, batches));
        let kernels = engine();
        assert!(after(&kernels, &[1e30; 3]).iter().any(|&x| f32::from_bits(x).is_nan()));
        let sizes = [0.02, 0.03, 0.01];
        assert_eq!(after(&kernels, &sizes), after(&engine(), &sizes));
    }
}

/// Points after some steps of SGD.
fn moved(kernels: &dyn Objective, points: &Tensor, sizes: &[f64], batches: Batches<'_>) -> Tensor {
    moved_by(RULES[0], kernels, points, sizes, batches)
}

/// Points after some steps of a rule that starts with zeros.
fn moved_by(
    rule: StepRule,
    kernels: &dyn Objective,
    points: &Tensor,
    sizes: &[f64],
    batches: Batches<'_>,
) -> Tensor {
    let points = points.copy().unwrap();
    let memory = [points.zeros_like().unwrap(), points.zeros_like().unwrap()];
    let descent = Descent { rule, sizes, done: 0, batches, coefficients: None };
    kernels.descend(&Span::stack(&points).unwrap(), &descent, &memory[..remembered(rule)]).unwrap();
    kernels.settle().unwrap();
    points
}

fn small_case() -> Case {
    let arch = Arch::dense(Activation::Relu, &[9, 20, 3], true).unwrap();
    Case::new(arch, 90, criterion(Loss::CrossEntropy))
}

#[test]
fn minibatches_of_one_kind_do_not_outlive_it() {
    let (case, each, shared) = (small_case(), table(1, 2, 16, 90), rows(16, 90, 3));
    let points = case.points(2, 7);
    let alone = Batches::Shared { rows: &shared, batch: 16 };
    let kernels = || case.on(&Watched::new(0, 2), Precision::Tf32x3);
    let expected = bits(&moved(&kernels(), &points, &[0.1], alone));
    let kernels = kernels();
    moved(&kernels, &points, &[0.1], Batches::Each { rows: &each, batch: 16 });
    assert_eq!(bits(&moved(&kernels, &points, &[0.1], alone)), expected);
}

#[test]
fn minibatches_may_differ_in_size() {
    let (case, sizes) = (small_case(), [0.02, 0.03]);
    let points = case.points(2, 7);
    for (missing, is_small) in [([0, 0], true), ([5, 5], true), ([0, 5], false)] {
        let mut rows = table(2, 2, 16, 90);
        for (batch, missing) in rows.chunks_exact_mut(16).zip(missing.iter().cycle()) {
            batch[16 - missing..].fill(NO_EXAMPLE);
        }
        let machine = Watched::new(0, 2);
        let kernels = case.on(&machine, Precision::Tf32x3);
        let found = moved(&kernels, &points, &sizes, Batches::Each { rows: &rows, batch: 16 });
        let launched = machine.launched();
        assert_eq!(launched.iter().any(|k| k.starts_with("small")), is_small, "{missing:?}: {launched:?}");
        for i in 0..2 {
            let own: Vec<u32> = rows.chunks_exact(16).skip(i).step_by(2).flatten().copied().collect();
            let point = points.narrow(0, i, 1).unwrap();
            let alone = moved(&kernels, &point, &sizes, Batches::Each { rows: &own, batch: 16 });
            let alone = alone.to_dtype(DType::F64).unwrap();
            close(&format!("{missing:?}"), &found.narrow(0, i, 1).unwrap(), &alone);
        }
    }
}
