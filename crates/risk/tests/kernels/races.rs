//! Every kernel once, with a machine that finds accesses of memory which no barrier orders.

use std::collections::BTreeSet;

use collado_cuda::{Buffer, Emulated, Windows};

use super::*;

/// Kernels by the names of their launches.
#[derive(Default)]
struct Seen(BTreeSet<String>);

impl Seen {
    /// Lets `work` use the engine of a machine that says it has so many multiprocessors, and lacks kernels of this ending.
    fn run(
        &mut self,
        case: &Case,
        (processors, hidden): (usize, Option<&'static str>),
        precision: Precision,
        work: impl FnOnce(&dyn Objective),
    ) {
        let order = self.0.len() % 3;
        let machine = Watched::of(Arc::new(Emulated::watched(order as i32)), hidden, processors);
        work(&case.on(&machine, precision));
        self.0.extend(machine.launched());
    }
}

fn case(activation: Activation, widths: &[usize], n: usize, loss: Loss) -> Case {
    let criterion = Criterion { loss, kappa: 0.01, ..Criterion::default() };
    Case::new(Arch::dense(activation, widths, true).unwrap(), n, criterion)
}

/// Steps of a rule with minibatches for each point, or of a curve with `bends` vertices that move.
fn steps(kernels: &dyn Objective, points: &Tensor, rule: StepRule, batch: usize, bends: usize) {
    let span = Span::stack(&points.copy().unwrap()).unwrap();
    let (count, steps) = (span.points(), 2);
    let span = if bends > 0 { span.with_free(1..1 + bends) } else { span };
    let state = span.vertices().narrow(0, 0, span.free().len()).unwrap();
    let memory = [state.zeros_like().unwrap(), state.zeros_like().unwrap()];
    let memory = &memory[..if matches!(rule, StepRule::Sgd { .. }) { 1 } else { 2 }];
    let rows = table(steps, if bends > 0 { 1 } else { count }, batch, kernels.examples());
    let path = (bends > 0).then(|| Path::bezier(points.clone()).unwrap());
    let at = |path: &Path| (0..2 * steps).flat_map(|k| path.coefficients(k as f64 / 5.)).collect::<Vec<_>>();
    let c = path.as_ref().map(at);
    let batches = match bends {
        0 => Batches::Each { rows: &rows, batch },
        _ => Batches::Shared { rows: &rows, batch },
    };
    let coefficients = c.as_deref();
    let descent = Descent { rule, sizes: &[1e-3; 2], done: 0, batches, coefficients };
    kernels.descend(&span, &descent, memory).unwrap();
}

fn products(seen: &mut Seen) {
    let case_of = || case(Activation::Relu, &[70, 150, 133, 3], 150, Loss::CrossEntropy);
    for processors in [1, 9, 16, 1000] {
        for (precision, hidden) in
            [(Precision::Tf32x3, None), (Precision::Tf32x3, Some("wg3")), (Precision::F32, None)]
        {
            if hidden.is_some() && processors > 9 {
                continue;
            }
            let case = case_of();
            let points = case.points(1, 7);
            seen.run(&case, (processors, hidden), precision, |kernels| {
                let mut gradient = points.zeros_like().unwrap();
                kernels.at(&points, Rows::All, Some(&mut gradient)).unwrap();
            });
        }
    }
    for loss in [Loss::Squared, Loss::CrossEntropy] {
        let wide = case(Activation::Gelu, &[6, 20, 21], 40, loss);
        let points = wide.points(2, 7);
        seen.run(&wide, (4, None), Precision::Tf32x3, |kernels| {
            let mut gradient = points.zeros_like().unwrap();
            kernels.at(&points, Rows::All, Some(&mut gradient)).unwrap();
            for rule in RULES {
                steps(kernels, &points, rule, 13, 0);
            }
        });
    }
}

/// Launches that begin before the one before has ended.
fn descents(seen: &mut Seen) {
    let mut deep = case(Activation::Relu, &[20, 37, 22, 9, 3], 60, Loss::CrossEntropy);
    let criterion = Criterion { kappa: 0., ..deep.risk.criterion() };
    deep.risk = EmpiricalRisk::new(deep.risk.arch(), Arc::clone(deep.risk.data()), criterion).unwrap();
    let vertices = deep.points(4, 7);
    for processors in [2, 1000] {
        seen.run(&deep, (processors, None), Precision::F32, |kernels| {
            for (rule, bends) in [(RULES[1], 0), (RULES[2], 0), (RULES[2], 1), (RULES[2], 2), (RULES[0], 2)] {
                let points = vertices.narrow(0, 0, if bends > 0 { bends + 2 } else { 2 }).unwrap();
                steps(kernels, &points, rule, 13, bends);
            }
        });
    }
}

fn spans(seen: &mut Seen) {
    for (activation, widths) in [
        (Activation::Relu, &[20, 70, 10][..]),
        (Activation::Relu, &[20, 70, 7]),
        (Activation::Relu, &[20, 64, 150, 10]),
        (Activation::Tanh, &[20, 17, 9]),
    ] {
        let case = case(activation, widths, 150, Loss::CrossEntropy);
        let vertices = case.points(3, 11);
        for (precision, hidden) in
            [(Precision::Tf32x3, None), (Precision::Tf32x3, Some("wg3")), (Precision::F32, None)]
        {
            for v in [2, 3] {
                let path = Path::bezier(vertices.narrow(0, 0, v).unwrap()).unwrap();
                let span = path.span(&[0., 0.3, 0.6, 1.]).unwrap();
                seen.run(&case, (2, hidden), precision, |kernels| {
                    kernels.evaluate(&span, Rows::All, None).unwrap();
                });
            }
        }
    }
}

fn small_networks(seen: &mut Seen) {
    for (activation, hidden_layers, loss) in [
        (Activation::Relu, 1, Loss::CrossEntropy),
        (Activation::Relu, 2, Loss::CrossEntropy),
        (Activation::Relu, 3, Loss::CrossEntropy),
        (Activation::Tanh, 1, Loss::Squared),
        (Activation::Tanh, 2, Loss::Logistic),
    ] {
        let mut widths = vec![30; hidden_layers + 1];
        widths.push(7);
        let case = case(activation, &widths, 90, loss);
        let points = case.points(1, 7);
        for processors in [1, 4, 8] {
            seen.run(&case, (processors, None), Precision::Tf32x3, |kernels| {
                for rule in [RULES[1], RULES[2]] {
                    steps(kernels, &points, rule, 50, 0);
                }
            });
        }
    }
}

fn norms(seen: &mut Seen) {
    for order in 0..3 {
        let machine = Watched::of(Arc::new(Emulated::watched(order)), None, 4);
        norm::every_kernel(&machine);
        pooling(&machine);
        seen.0.extend(machine.launched());
    }
}

fn pooling(machine: &Arc<Watched>) {
    let (maps, size, windows) = (3, [7, 5], [4, 2]);
    let pooling = Windows { size, windows, kernel: [3, 2], stride: [2, 3], padding: [1, 0] };
    let machine: Arc<dyn Machine> = Arc::clone(machine) as _;
    let x = Buffer::from_slice(&machine, &[1_f32; 3 * 35]).unwrap();
    let pixels = Buffer::<u32>::new(&machine, 3 * 8).unwrap();
    // SAFETY: memory for the maps and a number for each window.
    unsafe { pooling.largest(&*machine, x.at(0), pixels.at(0), maps) }.unwrap();
    assert_eq!(pixels.read(8).unwrap(), [0, 3, 5, 8, 15, 18, 25, 28]);
}

#[test]
fn no_kernel_has_a_race() {
    let mut seen = Seen::default();
    products(&mut seen);
    descents(&mut seen);
    spans(&mut seen);
    small_networks(&mut seen);
    norms(&mut seen);
    let all = Emulated::kernels();
    let missing: Vec<_> = all.iter().filter(|k| !k.starts_with("mistake") && !seen.0.contains(*k)).collect();
    assert!(missing.is_empty(), "kernels that did not run: {missing:?}");
}
