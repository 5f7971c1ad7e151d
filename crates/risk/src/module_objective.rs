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

use crate::{Criterion, Error, Evaluation, Examples, Objective, Regularizer, Result, Rows};
use collado_models::Layout;

type Forward = dyn Fn(VarBuilder<'_>, &Tensor) -> candle_core::Result<Tensor> + Send + Sync;

/// The risk of a candle module: [`Objective`] on stacks `[P, S]`.
///
/// Every tensor that the module asks its `VarBuilder` for is a parameter, in the order of asking. Examples pass through
/// in [tiles](Self::with_tile), so a module must treat each by itself: statistics over a batch would be those of a
/// tile. Gradients are candle's: its fused operations without a backward pass, as in `candle_nn::LayerNorm`, silently
/// stop them.
pub struct ModuleObjective {
    forward: Box<Forward>,
    layout: Layout,
    hints: Vec<Init>,
    /// The inputs `[N, ..]`.
    inputs: Tensor,
    /// The targets: class labels `u32` `[N]`, or values `f64` `[N, q]`.
    targets: Tensor,
    criterion: Criterion,
    tile: usize,
}

/// The default number of examples that pass through a module at a time.
const TILE: usize = 1024;

impl ModuleObjective {
    /// The risk of the module that `build` makes on `examples`. Outputs must be `[B, q]` for B examples. Parameters
    /// have the type in which the inputs were given, and lie on the CPU.
    ///
    /// # Errors
    /// When the module fails, when shapes or labels do not fit, or when the regulariser is not ‖θ‖².
    pub fn new<M: Module>(
        build: impl Fn(VarBuilder<'_>) -> candle_core::Result<M> + Send + Sync + 'static,
        examples: &Examples,
        criterion: Criterion,
    ) -> Result<Self> {
        check_criterion(criterion)?;
        let inputs = examples.given().clone();
        let forward: Box<Forward> = Box::new(move |vb, x| build(vb)?.forward(x));
        let requests = RecordingBackend::default();
        let vb = VarBuilderArgs::new_with_args(
            Box::new(requests.clone()) as Box<dyn SimpleBackend>,
            inputs.dtype(),
            inputs.device(),
        );
        let outputs = outputs_of(&forward(vb, &inputs.narrow(0, 0, 1)?)?, 1)?;
        let (tensors, hints): (Vec<_>, _) = requests.take().into_iter().map(|(n, s, h)| ((n, s), h)).unzip();
        if examples.targets().positions() > 1 {
            let found = "a class for each position".into();
            return Err(Error::Unsupported { what: "the risk of a module", found });
        }
        examples.targets().check(outputs, criterion.loss)?;
        let targets = examples.targets().tensor(inputs.device())?;
        Ok(Self { forward, layout: Layout::new(tensors), hints, inputs, targets, criterion, tile: TILE })
    }

    /// The same risk with `tile` examples passing through the module at a time (default: 1024, at least 1). The
    /// activations of that many examples are held in memory.
    #[must_use]
    pub fn with_tile(self, tile: usize) -> Self {
        Self { tile: tile.max(1), ..self }
    }

    /// Names and shapes of the parameters, in the order in which the module asks for them.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Draws one point `[S]` as the module's own initialisation hints say.
    ///
    /// # Errors
    /// An error of a candle operation.
    pub fn init(&self, rng: &mut impl Rng) -> Result<Tensor> {
        let mut theta = Vec::with_capacity(self.layout.len());
        for (entry, hint) in self.layout.entries().iter().zip(&self.hints) {
            let shape = Shape::from(entry.shape.as_slice());
            theta.extend((0..entry.len()).map(|_| draw(hint, &shape, rng)));
        }
        let theta = Tensor::from_vec(theta, self.layout.len(), &Device::Cpu)?;
        Ok(theta.to_dtype(self.inputs.dtype())?.to_device(self.inputs.device())?)
    }

    /// Computes the value at `theta` `[S]`, and the gradient where it is wanted.
    fn point(
        &self,
        theta: &Tensor,
        batch: Option<&[u32]>,
        gradient: bool,
    ) -> Result<(Evaluation, Option<Tensor>)> {
        let theta = Var::from_tensor(&theta.contiguous()?)?;
        let mut slope: Option<Tensor> = None;
        let mut add = |risk: &Tensor| -> Result<f64> {
            if gradient {
                let part = risk.backward()?.remove(&theta).map_or_else(|| theta.zeros_like(), Ok)?.detach();
                slope = Some(match slope.take() {
                    Some(sum) => (sum + part)?,
                    None => part,
                });
            }
            number(risk)
        };
        let count = batch.map_or(self.inputs.dims()[0], <[u32]>::len);
        let (mut loss, mut wrong) = (0., 0.);
        for from in (0..count).step_by(self.tile) {
            let (x, y) = self.examples_of(batch, from, self.tile.min(count - from))?;
            let vb = VarBuilder::from_tensors(self.layout.split(&theta)?, theta.dtype(), theta.device());
            let z = (self.forward)(vb, &x)?;
            outputs_of(&z, x.dims()[0])?;
            let classes = y.dtype() == DType::U32;
            let (sum, errors) = self.criterion.loss.sums(&z.unsqueeze(0)?, &y, classes)?;
            loss += add(&(sum.squeeze(0)? / count as f64)?)?;
            wrong += errors.map_or(Ok(f64::NAN), |errors| number(&errors.squeeze(0)?))?;
        }
        let mut value = Evaluation { risk: loss, loss, error: wrong / count as f64 };
        if self.criterion.kappa != 0. {
            value.risk += add(&(theta.sqr()?.sum_all()? * self.criterion.kappa)?)?;
        }
        Ok((value, slope))
    }

    /// The inputs and targets of the examples `from..from + count` of a minibatch, or of all examples.
    fn examples_of(&self, batch: Option<&[u32]>, from: usize, count: usize) -> Result<(Tensor, Tensor)> {
        let Some(batch) = batch else {
            return Ok((self.inputs.narrow(0, from, count)?, self.targets.narrow(0, from, count)?));
        };
        let index = Tensor::from_slice(&batch[from..from + count], count, self.inputs.device())?;
        Ok((self.inputs.index_select(&index, 0)?, self.targets.index_select(&index, 0)?))
    }
}

fn number(scalar: &Tensor) -> Result<f64> {
    Ok(scalar.detach().to_dtype(DType::F64)?.to_scalar()?)
}

impl Objective for ModuleObjective {
    fn at(&self, theta: &Tensor, rows: Rows<'_>, gradient: Option<&mut Tensor>) -> Result<Vec<Evaluation>> {
        let (points, size) = theta.dims2()?;
        if size != self.layout.len() {
            return Err(Error::mismatch("parameters of a point", self.layout.len(), size));
        }
        rows.check(points, self.examples())?;
        let stack = theta.detach();
        let each = (0..points).map(|i| self.point(&stack.get(i)?, rows.of(i), gradient.is_some()));
        let (values, slopes): (Vec<_>, Vec<_>) = each.collect::<Result<Vec<_>>>()?.into_iter().unzip();
        if let Some(gradient) = gradient {
            let slopes = slopes.into_iter().map(|slope| slope.expect("asked for with the gradient"));
            *gradient = Tensor::stack(&slopes.collect::<Vec<_>>(), 0)?;
        }
        Ok(values)
    }

    fn examples(&self) -> usize {
        self.inputs.dims()[0]
    }
}

fn check_criterion(criterion: Criterion) -> Result<()> {
    if criterion.kappa != 0. && criterion.regularizer != Regularizer::L2 {
        let found = format!("the regulariser {}", criterion.regularizer);
        return Err(Error::Unsupported { what: "the risk of a module", found });
    }
    criterion.check()
}

/// The number q of outputs `[B, q]`.
fn outputs_of(z: &Tensor, batch: usize) -> Result<usize> {
    match *z.dims() {
        [b, q] if b == batch => Ok(q),
        _ => {
            Err(Error::mismatch("outputs of the module", format!("[{batch}, q]"), format!("{:?}", z.dims())))
        }
    }
}

/// Draws one element of a tensor of this shape.
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

/// A `VarBuilder` backend that hands out zeros and records the tensors that it was asked for.
#[derive(Clone, Default)]
struct RecordingBackend(Arc<Mutex<Requests>>);

/// Names, shapes and hints in the order of asking, and the place of each name.
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
