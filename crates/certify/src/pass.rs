//! The pass of second-order models of some tiles through a network.

use std::sync::Arc;

use collado_models::{Activation, Affine, Algebra, Norm, Op, Pad, Pool};
use rayon::prelude::*;

use crate::{
    Error, Result,
    activation::activate,
    leg::Leg,
    model::Model,
    piece::{FirstLayer, LayerPiece},
    plan::{NAME, Pieces, Plan},
    taylor::Taylor,
    tiles::{Tile, Tiles},
};

/// A tile on its way through a network.
pub(crate) struct Traveller<'a> {
    pub(crate) tile: &'a Tile,
    /// The first layer at the vertices, where it is kept.
    pub(crate) first: Option<&'a FirstLayer>,
    /// The last layer, where it is combined with the loss.
    pub(crate) margins: Option<&'a LayerPiece>,
}

/// The pass of some tiles through a network. Statistics over all rows need all tiles at once.
pub(crate) struct Pass<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) pieces: &'a Pieces,
    pub(crate) leg: &'a Leg,
    pub(crate) taylor: &'a Taylor,
    pub(crate) examples: &'a Tiles,
    pub(crate) tiles: Vec<Traveller<'a>>,
    /// The numbers of affine operations, activations and normalisations that were passed.
    pub(crate) passed: [usize; 3],
}

/// The activations of all tiles of a pass.
#[derive(Clone)]
pub(crate) enum Value {
    /// The network's input, of which no model is made unless an operation needs it.
    Input(usize),
    /// A model for each tile, and the activation that is still to be applied.
    Models(Vec<Arc<Model>>, Option<Activation>),
}

impl<'a> Pass<'a> {
    /// The pass of `tiles` on a piece of a leg.
    pub(crate) fn new(
        (plan, pieces): (&'a Plan, &'a Pieces),
        (leg, taylor): (&'a Leg, &'a Taylor),
        examples: &'a Tiles,
        tiles: Vec<Traveller<'a>>,
    ) -> Self {
        Self { plan, pieces, leg, taylor, examples, tiles, passed: [0; 3] }
    }

    /// The models of each tile.
    pub(crate) fn models(&self, x: Value) -> Result<Vec<Arc<Model>>> {
        let positions = match x {
            Value::Models(models, _) => return Ok(models),
            Value::Input(positions) => positions,
        };
        let exact = |one: &Traveller<'_>| -> Result<_> {
            let x = self.examples.gather(one.tile)?;
            Ok(Arc::new(Model::exact(&x, (one.tile.rows.len(), positions), self.taylor)))
        };
        self.tiles.par_iter().map(exact).collect()
    }

    fn map(&self, x: &Value, f: impl Fn(usize, &Model) -> Model + Sync) -> Result<Value> {
        let models = self.models(x.clone())?;
        let models = models.par_iter().enumerate().map(|(i, model)| Arc::new(f(i, model)));
        Ok(Value::Models(models.collect(), None))
    }

    /// Replaces models that nothing else reads in place.
    fn replace(&self, x: Value, f: impl Fn(usize, Model) -> Model + Sync) -> Result<Value> {
        let models = self.models(x)?.into_par_iter().enumerate();
        let models = models.map(|(i, model)| Arc::new(f(i, Arc::unwrap_or_clone(model))));
        Ok(Value::Models(models.collect(), None))
    }

    fn next(&mut self, kind: usize) -> usize {
        self.passed[kind] += 1;
        self.passed[kind] - 1
    }

    fn activate(&self, rho: Activation, x: Value) -> Result<Value> {
        self.replace(x, |_, mut model| {
            activate(rho, &mut model, self.taylor.delta);
            model
        })
    }

    fn first(&self, op: &Affine) -> Result<Value> {
        let first = |one: &Traveller<'_>| -> Result<_> {
            let model =
                |first: &FirstLayer| Model::first(first, op.fan_in(), one.tile.rows.len(), self.taylor);
            Ok(Arc::new(match one.first {
                Some(first) => model(first),
                None => model(&FirstLayer::new(self.leg, op, one.tile, &self.examples.gather(one.tile)?)),
            }))
        };
        Ok(Value::Models(self.tiles.par_iter().map(first).collect::<Result<_>>()?, None))
    }
}

impl Algebra for Pass<'_> {
    type Value = Value;
    type Error = Error;
    const NAME: &'static str = NAME;

    fn affine(&mut self, op: &Affine, x: &Value) -> Result<Value> {
        let number = self.next(0);
        let Some(piece) = &self.pieces.affine[number] else { return self.first(op) };
        let last = number + 1 == self.pieces.affine.len();
        self.map(x, |i, model| {
            let layer = self.tiles[i].margins.filter(|_| last).unwrap_or(piece);
            model.affine(layer, self.taylor)
        })
    }

    fn norm(&mut self, op: &Norm, x: Value) -> Result<Value> {
        let number = self.next(2);
        let models = self.models(x)?.into_par_iter().map(Arc::unwrap_or_clone).collect();
        let models = self.pieces.norms[number].apply(op, models, self.taylor);
        Ok(Value::Models(models.into_iter().map(Arc::new).collect(), None))
    }

    fn activation(&mut self, rho: Activation, x: Value) -> Result<Value> {
        let number = self.next(1);
        match self.plan.deferred[number] {
            true => Ok(Value::Models(self.models(x)?, Some(rho))),
            false => self.activate(rho, x),
        }
    }

    fn pool(&mut self, op: &Pool, x: &Value) -> Result<Value> {
        let pooled = self.map(x, |_, model| model.pool(op, self.taylor.delta))?;
        match x {
            Value::Models(_, Some(rho)) => self.activate(*rho, pooled),
            _ => Ok(pooled),
        }
    }

    fn add(&mut self, x: Value, y: &Value) -> Result<Value> {
        let y = self.models(y.clone())?;
        self.replace(x, |i, model| model.plus(&y[i], self.taylor.delta))
    }

    fn concat(&mut self, axis: usize, parts: &[Value]) -> Result<Value> {
        if axis > 0 {
            let operation = Op::Concat(axis).to_string();
            return Err(collado_models::Error::NoRule { analysis: NAME, operation }.into());
        }
        let parts = parts.iter().map(|part| self.models(part.clone())).collect::<Result<Vec<_>>>()?;
        let tile = |i: usize| Model::concat(&parts.iter().map(|part| &*part[i]).collect::<Vec<_>>());
        let models = (0..self.tiles.len()).into_par_iter().map(|i| Arc::new(tile(i)));
        Ok(Value::Models(models.collect(), None))
    }

    fn pad(&mut self, op: &Pad, x: &Value) -> Result<Value> {
        self.map(x, |_, model| model.pad(op))
    }

    fn reshape(&mut self, shape: &[usize], x: Value) -> Result<Value> {
        let positions = shape[1..].iter().product();
        self.replace(x, |_, model| Model { positions, ..model })
    }
}
