//! The empirical risk $F(\theta)=\frac1N\sum_i\ell(\Phi(x_i;\theta),y_i)+\kappa\|\theta\|^2$ where $\Phi$ is any candle
//! module. Points are taken one by one and differentiated by candle.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use candle_core::{DType, Device, Module, Shape, Tensor, Var};
use candle_nn::{
    Init, VarBuilder,
    init::NormalOrUniform,
    var_builder::{SimpleBackend, VarBuilderArgs},
};
use rand::Rng;
use rand_distr::StandardNormal;

use crate::{Criterion, Error, Evaluation, Loss, Objective, Regularizer, Result, Rows, Span};
use collado_models::Layout;

type Forward = dyn Fn(VarBuilder<'_>, &Tensor) -> candle_core::Result<Tensor> + Send + Sync;

/// The risk of a candle module: [`Objective`] on stacks `[P, S]`.
///
/// Every tensor that the module asks its `VarBuilder` for is a parameter, in the order of asking. The activations of
/// one point over the whole batch are held at once, since a module may mix the examples. Gradients are candle's: its
/// fused operations without a backward pass, as in `candle_nn::LayerNorm`, silently stop them.
pub struct ModuleObjective {
    forward: Box<Forward>,
    layout: Layout,
    hints: Vec<Init>,
    inputs: Tensor,
    targets: Tensor,
    criterion: Criterion,
}

impl ModuleObjective {
    /// The risk of the module that `build` makes, on `inputs` `[N, ..]` and `targets`: class labels `u32` `[N]`, or
    /// values `[N, q]`. Outputs must be `[N, q]`. Parameters have the dtype and device of `inputs`.
    ///
    /// # Errors
    /// When the module fails, when shapes or labels do not fit, or when the regulariser is not ‖θ‖².
    pub fn new<M: Module>(
        build: impl Fn(VarBuilder<'_>) -> candle_core::Result<M> + Send + Sync + 'static,
        inputs: &Tensor,
        targets: &Tensor,
        criterion: Criterion,
    ) -> Result<Self> {
        collado_models::check_dtype(inputs.dtype())?;
        check_risk(criterion)?;
        let n = inputs.dims().first().copied().unwrap_or(0);
        if n == 0 {
            return Err(Error::mismatch("examples", "at least 1", 0));
        }
        let forward: Box<Forward> = Box::new(move |vb, x| build(vb)?.forward(x));
        let notes = RecordingBackend::default();
        let vb = VarBuilderArgs::new_with_args(
            Box::new(notes.clone()) as Box<dyn SimpleBackend>,
            inputs.dtype(),
            inputs.device(),
        );
        let outputs = outputs_of(&forward(vb, &inputs.narrow(0, 0, 1)?)?, 1)?;
        let (tensors, hints): (Vec<_>, _) = notes.take().into_iter().map(|(n, s, h)| ((n, s), h)).unzip();
        let targets = check_targets(targets, n, outputs, criterion.loss)?.to_device(inputs.device())?;
        let inputs = inputs.contiguous()?;
        Ok(Self { forward, layout: Layout::new(tensors), hints, inputs, targets, criterion })
    }

    /// Names and shapes of the parameters, in the order in which the module asks for them.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// One point `[S]`, drawn as the module's own hints say.
    ///
    /// # Errors
    /// Those of candle.
    pub fn init(&self, rng: &mut impl Rng) -> Result<Tensor> {
        let mut theta = Vec::with_capacity(self.layout.len());
        for (entry, hint) in self.layout.entries().iter().zip(&self.hints) {
            let shape = Shape::from(entry.shape.as_slice());
            theta.extend((0..entry.len()).map(|_| draw(hint, &shape, rng)));
        }
        let theta = Tensor::from_vec(theta, self.layout.len(), &Device::Cpu)?;
        Ok(theta.to_dtype(self.inputs.dtype())?.to_device(self.inputs.device())?)
    }

    /// Value at `theta` `[S]`, and the risk as the end of a graph.
    fn point(&self, theta: &Tensor, x: &Tensor, y: &Tensor) -> Result<(Evaluation, Tensor)> {
        let (batch, classes) = (x.dims()[0], y.dtype() == DType::U32);
        let vb = VarBuilder::from_tensors(self.layout.split(theta)?, theta.dtype(), theta.device());
        let z = (self.forward)(vb, x)?;
        outputs_of(&z, batch)?;
        let (sum, wrong) = self.criterion.loss.sums(&z.unsqueeze(0)?, y, classes)?;
        let loss = (sum.squeeze(0)? / batch as f64)?;
        let number = |t: &Tensor| t.detach().to_dtype(DType::F64)?.to_scalar::<f64>();
        let error = match wrong {
            Some(wrong) => number(&wrong.squeeze(0)?)? / batch as f64,
            None => f64::NAN,
        };
        let mut value = Evaluation { risk: number(&loss)?, loss: number(&loss)?, error };
        if self.criterion.kappa == 0. {
            return Ok((value, loss));
        }
        let penalty = (theta.sqr()?.sum_all()? * self.criterion.kappa)?;
        value.risk += number(&penalty)?;
        Ok((value, (loss + penalty)?))
    }

    /// Inputs and targets that point `i` is evaluated on.
    fn batch(&self, rows: Rows<'_>, i: usize) -> Result<(Tensor, Tensor)> {
        match rows {
            Rows::All => Ok((self.inputs.clone(), self.targets.clone())),
            Rows::Shared(rows) => self.pick(rows),
            Rows::Each { rows, batch } => self.pick(&rows[i * batch..(i + 1) * batch]),
        }
    }

    /// Inputs and targets of the examples `rows`.
    fn pick(&self, rows: &[u32]) -> Result<(Tensor, Tensor)> {
        let n = self.examples();
        if let Some(i) = rows.iter().find(|&&i| i as usize >= n) {
            return Err(Error::mismatch("minibatch index", format!("less than {n}"), i));
        }
        if rows.is_empty() {
            return Err(Error::mismatch("minibatch", "at least one example", "none"));
        }
        let index = Tensor::from_slice(rows, rows.len(), self.inputs.device())?;
        Ok((self.inputs.index_select(&index, 0)?, self.targets.index_select(&index, 0)?))
    }
}

impl Objective for ModuleObjective {
    fn evaluate(&self, span: &Span, rows: Rows<'_>, grad: Option<&Tensor>) -> Result<Vec<Evaluation>> {
        let (size, points) = (span.vertices().dims()[1], span.points());
        if size != self.layout.len() {
            return Err(Error::mismatch("parameters of a point", self.layout.len(), size));
        }
        if let Rows::Each { rows, batch } = rows
            && rows.len() != points * batch
        {
            return Err(Error::mismatch("minibatch indices", format!("{points} x {batch}"), rows.len()));
        }
        let stack = span.materialize()?.detach();
        let (mut values, mut slopes) = (Vec::with_capacity(points), Vec::new());
        for i in 0..points {
            let (x, y) = self.batch(rows, i)?;
            let theta = stack.get(i)?;
            if grad.is_none() {
                values.push(self.point(&theta, &x, &y)?.0);
                continue;
            }
            let var = Var::from_tensor(&theta.contiguous()?)?;
            let (value, risk) = self.point(&var, &x, &y)?;
            values.push(value);
            slopes.push(risk.backward()?.remove(&var).map_or_else(|| var.zeros_like(), Ok)?.detach());
        }
        if let Some(grad) = grad {
            span.pull_back(&Tensor::stack(&slopes, 0)?, grad)?;
        }
        Ok(values)
    }

    fn examples(&self) -> usize {
        self.inputs.dims()[0]
    }
}

fn check_risk(criterion: Criterion) -> Result<()> {
    if criterion.kappa != 0. && criterion.regularizer != Regularizer::L2 {
        let found = format!("the regulariser {}", criterion.regularizer);
        return Err(Error::Unsupported { what: "the risk of a module", found });
    }
    criterion.check()
}

/// q of outputs `[B, q]`.
fn outputs_of(z: &Tensor, batch: usize) -> Result<usize> {
    match *z.dims() {
        [b, q] if b == batch => Ok(q),
        _ => {
            Err(Error::mismatch("outputs of the module", format!("[{batch}, q]"), format!("{:?}", z.dims())))
        }
    }
}

/// The targets as `u32` `[N]` or `f64` `[N, q]`.
fn check_targets(targets: &Tensor, n: usize, outputs: usize, loss: Loss) -> Result<Tensor> {
    let classes = targets.dtype() == DType::U32;
    let shape = if classes { vec![n] } else { vec![n, outputs] };
    if targets.dims() != shape {
        return Err(Error::mismatch("targets", format!("{shape:?}"), format!("{:?}", targets.dims())));
    }
    if !classes && loss == Loss::CrossEntropy {
        return Err(Error::mismatch("targets for cross-entropy", "class labels", "real values"));
    }
    // One output can tell two classes apart, except by cross-entropy.
    let limit = match (classes, loss) {
        (true, Loss::CrossEntropy) => outputs as f64 - 1.,
        (true, _) => outputs.max(2) as f64 - 1.,
        (false, Loss::Logistic) => 1.,
        (false, _) => return Ok(targets.to_dtype(DType::F64)?),
    };
    let values = targets.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
    match values.into_iter().find(|y| !(0. ..=limit).contains(y)) {
        Some(y) => Err(Error::mismatch("a target", format!("from 0 to {limit}"), y)),
        None if classes => Ok(targets.clone()),
        None => Ok(targets.to_dtype(DType::F64)?),
    }
}

/// One element of a tensor of this shape.
fn draw(hint: &Init, shape: &Shape, rng: &mut impl Rng) -> f64 {
    let mut uniform = |lo: f64, up: f64| lo + (up - lo) * rng.random::<f64>();
    match *hint {
        Init::Const(value) => value,
        Init::Uniform { lo, up } => uniform(lo, up),
        Init::Randn { mean, stdev } => mean + stdev * rng.sample::<f64, _>(StandardNormal),
        Init::Kaiming { dist, fan, non_linearity } => {
            let sigma = non_linearity.gain() / (fan.for_shape(shape) as f64).sqrt();
            match dist {
                NormalOrUniform::Uniform => uniform(-(3_f64.sqrt() * sigma), 3_f64.sqrt() * sigma),
                NormalOrUniform::Normal => sigma * rng.sample::<f64, _>(StandardNormal),
            }
        }
    }
}

/// A `VarBuilder` backend that hands out zeros and notes what it was asked for.
#[derive(Clone, Default)]
struct RecordingBackend(Arc<Mutex<Requests>>);

/// Names, shapes and hints in order, and where each name lies.
#[derive(Default)]
struct Requests {
    list: Vec<(String, Vec<usize>, Init)>,
    position: HashMap<String, usize>,
}

impl RecordingBackend {
    fn with<R>(&self, f: impl FnOnce(&mut Requests) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn take(&self) -> Vec<(String, Vec<usize>, Init)> {
        self.with(|r| std::mem::take(&mut r.list))
    }

    fn shape_of(&self, name: &str) -> Option<Shape> {
        self.with(|r| r.position.get(name).map(|&i| Shape::from(r.list[i].1.as_slice())))
    }
}

impl SimpleBackend for RecordingBackend {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        hint: Init,
        dtype: DType,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        match self.shape_of(name) {
            Some(first) if first != shape => {
                candle_core::bail!("'{name}' was asked for as {first:?} and as {shape:?}")
            }
            Some(_) => {}
            None => self.with(|r| {
                r.position.insert(name.to_owned(), r.list.len());
                r.list.push((name.to_owned(), shape.dims().to_vec(), hint));
            }),
        }
        Tensor::zeros(shape, dtype, device)
    }

    fn get_unchecked(&self, name: &str, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
        match self.shape_of(name) {
            Some(shape) => Tensor::zeros(shape, dtype, device),
            None => candle_core::bail!("'{name}': a module must ask for its parameters by shape"),
        }
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.shape_of(name).is_some()
    }
}
