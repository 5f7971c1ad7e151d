//! The risk on one piece of a path, or at one point of it.

use collado_models::{Affine, Map, Op};
use collado_risk::{EmpiricalRisk, Loss};
use rayon::prelude::*;

use crate::{
    Error, Result,
    affine::Margins,
    form::Form,
    interval::{Interval, largest},
    lanes::{Forms, LANES},
    leg::{Leg, Local},
    loss::{cross_entropy, separable},
    pass::{Block, Pass, Value},
    penalty::penalty,
    subject::Subject,
};

/// Bounds a risk on pieces of legs.
pub(crate) struct Bounder<'a> {
    pub(crate) risk: &'a EmpiricalRisk,
    /// The inputs of all rows of the data, one after the other.
    inputs: Vec<f64>,
    /// The number of rows that F is the mean over.
    count: usize,
    blocks: Vec<Block>,
    /// Whether batch normalisation takes running statistics, and whether its statistics couple all rows.
    is_given: bool,
    is_coupled: bool,
}

impl<'a> Bounder<'a> {
    pub(crate) fn new(risk: &'a EmpiricalRisk, subject: &Subject) -> Result<Self> {
        if risk.data().targets().positions() > 1 {
            let operation = "a class for each position".into();
            return Err(collado_models::Error::NoRule { analysis: "the check of a proof", operation }.into());
        }
        let given = risk.data().given().to_dtype(candle_core::DType::F64)?;
        let inputs = given.flatten_all()?.to_vec1::<f64>()?;
        if inputs.iter().any(|x| !x.is_finite()) {
            return Err(Error::NotFinite { what: "the inputs" });
        }
        let mut bounder = Self {
            risk,
            inputs,
            count: subject.rows.len(),
            blocks: Vec::new(),
            is_given: subject.is_given,
            is_coupled: subject.is_coupled,
        };
        bounder.blocks = bounder.blocks(&subject.rows);
        Ok(bounder)
    }

    /// The rows in blocks, each of one class where the loss depends on the margins of a last map.
    fn blocks(&self, rows: &[usize]) -> Vec<Block> {
        let labels = self.labels().filter(|_| self.last().is_some());
        let block = |rows: &[usize], label| Block { rows: rows.to_vec(), label };
        match labels {
            None => rows.chunks(LANES).map(|rows| block(rows, None)).collect(),
            Some(labels) => {
                let mut sorted = rows.to_vec();
                sorted.sort_by_key(|&row| labels[row]);
                let groups = sorted.chunk_by(|&a, &b| labels[a] == labels[b]);
                let blocks = groups.flat_map(|group| group.chunks(LANES));
                blocks.map(|rows| block(rows, Some(labels[rows[0]] as usize))).collect()
            }
        }
    }

    /// The classes of all rows, if the loss is the cross-entropy.
    fn labels(&self) -> Option<&[u32]> {
        self.risk.data().targets().classes().filter(|_| self.risk.criterion().loss == Loss::CrossEntropy)
    }

    /// An upper bound of F on the piece `[from, to]` of a leg.
    pub(crate) fn upper(&self, leg: &Leg, from: f64, to: f64) -> Result<f64> {
        let [a, b] = self.ends(leg, from, to)?;
        Ok(largest(a.hi, b.hi))
    }

    /// An enclosure of F at the point τ of a leg.
    pub(crate) fn at(&self, leg: &Leg, tau: f64) -> Result<Interval> {
        Ok(self.ends(leg, tau, tau)?[0])
    }

    /// At s = ±δ, bounds of the risk: their upper ends are those of a convex function of s that is nowhere below F.
    fn ends(&self, leg: &Leg, from: f64, to: f64) -> Result<[Interval; 2]> {
        let local = Local::new(leg, from, to);
        let margins = self.margins(&local);
        let pass = |blocks| self.losses((leg, &local), blocks, &margins);
        let losses: Vec<[Interval; 2]> = match self.is_coupled {
            true => pass(&self.blocks)?,
            false => self.blocks.par_chunks(1).map(pass).collect::<Result<Vec<_>>>()?.concat(),
        };
        let mut sums = [Interval::ZERO; 2];
        for loss in &losses {
            sums = [0, 1].map(|end| sums[end] + loss[end]);
        }
        let penalty = penalty(self.risk.criterion(), self.risk.network(), &local);
        let count = Interval::point(self.count as f64);
        Ok([0, 1].map(|end| sums[end].over(count) + penalty[end]))
    }

    /// The margins of each class that occurs, if the last map puts them out.
    fn margins(&self, local: &Local) -> Vec<Option<Margins>> {
        let Some(last) = self.last() else { return Vec::new() };
        let occurs = |y: usize| self.blocks.iter().any(|block| block.label == Some(y));
        let classes: Vec<usize> = (0..last.outputs()).collect();
        classes.into_par_iter().map(|y| occurs(y).then(|| Margins::new(last, y, local))).collect()
    }

    /// The losses of the examples of some blocks at s = ±δ.
    fn losses(
        &self,
        (leg, local): (&Leg, &Local),
        blocks: &[Block],
        margins: &[Option<Margins>],
    ) -> Result<Vec<[Interval; 2]>> {
        let network = self.risk.network();
        let width = self.inputs.len() / self.risk.data().len();
        let input = |block: &Block| {
            let number = |i: usize| {
                let of = |lane: usize| block.rows.get(lane).map_or(0., |row| self.inputs[row * width + i]);
                std::array::from_fn(of)
            };
            Forms::constant((0..width).map(number).collect())
        };
        let margins = self.last().map(|last| (last, margins));
        let mut pass = Pass { leg, local, blocks, margins, is_given: self.is_given };
        let out = network.run(&mut pass, Value::new(network.input(), blocks.iter().map(input).collect()))?;
        let out = pass.settled(&out)?;
        let losses = out.blocks.iter().zip(blocks).flat_map(|(forms, block)| {
            block.rows.iter().enumerate().map(|(lane, &row)| {
                let out = (0..forms.len()).map(|i| forms.get(i, lane)).collect();
                self.loss(row, block.label.is_some(), out, local.delta())
            })
        });
        Ok(losses.collect())
    }

    /// The loss of one example at s = ±δ.
    fn loss(&self, row: usize, margins: bool, mut out: Vec<Form>, delta: f64) -> [Interval; 2] {
        let ends = [delta, -delta];
        if let Some(labels) = self.labels() {
            if !margins {
                let own = out.remove(labels[row] as usize);
                out.iter_mut().for_each(|form| *form = form.minus(own, delta));
            }
            return ends.map(|s| cross_entropy(&out, s));
        }
        let (outputs, targets) = (out.len(), self.risk.data().targets());
        ends.map(|s| separable(self.risk.criterion().loss, &out, |j| targets.value(row, j, outputs), s))
    }

    /// The dense map that puts out the network's result, if there is one.
    pub(crate) fn last(&self) -> Option<&'a Affine> {
        match &self.risk.network().nodes().last()?.op {
            Op::Affine(op) if matches!(op.map, Map::Dense { .. }) && op.units.len() == op.outputs() => {
                Some(op)
            }
            _ => None,
        }
    }
}
