//! The forward pass of some blocks of examples in first-order forms.

use collado_models::{Activation, Affine, Algebra, Norm, NormKind, Pad, Pool, PoolKind};
use rayon::prelude::*;

use crate::{
    Error, Result,
    activation::Rule,
    affine::{Margins, affine},
    lanes::Forms,
    leg::{Leg, Local},
    norm::Normalisation,
    pool::pool,
};

/// The name of the analysis in messages.
pub(crate) const NAME: &str = "the check of a proof";

/// Up to eight examples that go together.
pub(crate) struct Block {
    /// Their rows.
    pub(crate) rows: Vec<usize>,
    /// Their class, if the last map is to put out its margins.
    pub(crate) label: Option<usize>,
}

/// The rules for the operations of a network, for some blocks.
pub(crate) struct Pass<'a> {
    pub(crate) leg: &'a Leg,
    pub(crate) local: &'a Local,
    pub(crate) blocks: &'a [Block],
    /// The last map for each class, if it puts out margins.
    pub(crate) margins: Option<(&'a Affine, &'a [Option<Margins>])>,
    /// Whether batch normalisation takes the running statistics.
    pub(crate) is_given: bool,
}

/// The activations of all blocks.
#[derive(Clone)]
pub(crate) struct Value {
    /// The shape for one example.
    pub(crate) shape: Vec<usize>,
    pub(crate) blocks: Vec<Forms>,
    /// An activation that is still to be applied: the largest number of a window is taken before it, where it grows.
    pending: Option<Activation>,
}

impl Value {
    pub(crate) fn new(shape: &[usize], blocks: Vec<Forms>) -> Self {
        Self { shape: shape.to_vec(), blocks, pending: None }
    }
}

impl Pass<'_> {
    /// The value after the activation that was still to be applied.
    pub(crate) fn settled(&self, x: &Value) -> Result<Value> {
        let Some(rho) = x.pending else { return Ok(x.clone()) };
        let (rule, delta) = (Rule::of(rho)?, self.local.delta());
        let blocks = x.blocks.par_iter().map(|block| block.map(|_, _, form| rule.apply(form, delta)));
        Ok(Value::new(&x.shape, blocks.collect()))
    }
}

impl Algebra for Pass<'_> {
    type Value = Value;
    type Error = Error;
    const NAME: &'static str = NAME;

    fn affine(&mut self, op: &Affine, x: &Value) -> Result<Value> {
        let x = self.settled(x)?;
        let of = |(forms, block): (&Forms, &Block)| match (self.margins, block.label) {
            (Some((last, margins)), Some(y)) if std::ptr::eq(last, op) => {
                let margins = margins[y].as_ref().expect("each class that occurs has margins");
                affine(&margins.op, &margins.parameters, forms, &self.local.powers)
            }
            _ => affine(op, &self.local.parameters, forms, &self.local.powers),
        };
        let blocks = x.blocks.par_iter().zip(self.blocks).map(of).collect();
        Ok(Value::new(&op.map.output_shape(&x.shape), blocks))
    }

    fn norm(&mut self, op: &Norm, x: Value) -> Result<Value> {
        let x = self.settled(&x)?;
        let normalisation = Normalisation::new(op, self.local);
        let blocks = match self.is_given && op.kind == NormKind::Batch {
            true => normalisation.given(&x.blocks, self.leg, self.local),
            false => {
                let counts: Vec<usize> = self.blocks.iter().map(|block| block.rows.len()).collect();
                normalisation.own(&x.blocks, &counts)
            }
        };
        Ok(Value::new(&x.shape, blocks))
    }

    fn activation(&mut self, rho: Activation, x: Value) -> Result<Value> {
        // What has no rule is refused here, and not where it is applied.
        Rule::of(rho)?;
        Ok(Value { pending: Some(rho), ..self.settled(&x)? })
    }

    fn pool(&mut self, op: &Pool, x: &Value) -> Result<Value> {
        // All but GELU grow.
        let later = x.pending.filter(|rho| op.kind == PoolKind::Max && *rho != Activation::Gelu);
        let x = match later {
            Some(_) => x.clone(),
            None => self.settled(x)?,
        };
        let delta = self.local.delta();
        let blocks = x.blocks.par_iter().map(|block| pool(op, block, delta)).collect();
        let [height, width] = op.output_size();
        Ok(Value { pending: later, ..Value::new(&[op.channels, height, width], blocks) })
    }

    fn add(&mut self, x: Value, y: &Value) -> Result<Value> {
        let (x, y) = (self.settled(&x)?, self.settled(y)?);
        let delta = self.local.delta();
        let sum = |(x, y): (&Forms, &Forms)| x.map(|i, lane, form| form.plus(y.get(i, lane), delta));
        let blocks = x.blocks.par_iter().zip(&y.blocks).map(sum).collect();
        Ok(Value::new(&x.shape, blocks))
    }

    fn concat(&mut self, axis: usize, parts: &[Value]) -> Result<Value> {
        let parts = parts.iter().map(|part| self.settled(part)).collect::<Result<Vec<_>>>()?;
        let mut shape = parts[0].shape.clone();
        shape[axis] = parts.iter().map(|part| part.shape[axis]).sum();
        let before: usize = shape[..axis].iter().product();
        let joined = |block: usize| {
            let mut out = Forms::default();
            for i in 0..before {
                for part in &parts {
                    let size: usize = part.shape[axis..].iter().product();
                    out.append(part.blocks[block].part(i * size, (i + 1) * size));
                }
            }
            out
        };
        Ok(Value::new(&shape, (0..self.blocks.len()).map(joined).collect()))
    }

    fn pad(&mut self, op: &Pad, x: &Value) -> Result<Value> {
        let mut x = self.settled(x)?;
        let pixels: usize = x.shape[1..].iter().product();
        for block in &mut x.blocks {
            let inside = std::mem::replace(block, Forms::zeros(op.before * pixels));
            block.append(inside);
            block.append(Forms::zeros(op.after * pixels));
        }
        x.shape[0] += op.before + op.after;
        Ok(x)
    }

    fn reshape(&mut self, shape: &[usize], x: Value) -> Result<Value> {
        Ok(Value { shape: shape.to_vec(), ..x })
    }
}
