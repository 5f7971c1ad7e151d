//! Bounds of the empirical risk on one piece of a path, by second-order models of all examples.

use std::{collections::BTreeSet, sync::Arc};

use collado_models::{Chain, Network};
use collado_risk::{Criterion, EmpiricalRisk, Loss};
use rayon::prelude::*;

use crate::{
    Error, Result,
    leg::Leg,
    model::Model,
    pass::{Pass, Traveller, Value},
    penalty::Penalty,
    piece::FirstLayer,
    plan::{Pieces, Plan, first_layer, linear_chain, live},
    polynomial::Moments,
    read::{Losses, Reader},
    sums::{Bound, Sums},
    taylor::Taylor,
    tiles::{Tile, Tiles},
};

/// Bounds a risk on pieces of legs.
pub(crate) struct Bounder {
    network: Arc<Network>,
    plan: Plan,
    criterion: Criterion,
    penalty: Penalty,
    tiles: Tiles,
    /// Whether all examples are bounded together.
    together: bool,
    /// The memory for products of the first layer, in bytes.
    memory: usize,
}

impl Bounder {
    /// The bounds of `risk` within `memory` bytes; groups of examples are bounded apart from one another only if that is
    /// allowed.
    pub(crate) fn new(risk: &EmpiricalRisk, memory: usize, apart: bool) -> Result<Self> {
        let (network, criterion) = (Arc::clone(risk.network()), risk.criterion());
        let plan = Plan::new(risk)?;
        let penalty = Penalty::new(criterion, &network);
        let tiles = Tiles::new(risk)?;
        let rows = tiles.len();
        // Parabola and radius of each number of all rows.
        let row = if plan.couples { 4 * size_of::<f64>() * live(&network) } else { 0 };
        if row * rows > memory {
            return Err(Error::Memory { rows, fit: memory / row, mib: memory >> 20 });
        }
        let together = plan.couples || !apart;
        Ok(Self { network, plan, criterion, penalty, tiles, together, memory: memory - row * rows })
    }

    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    /// The layers, where the network is a chain of dense layers.
    pub(crate) fn chain(&self) -> Option<&Chain> {
        self.network.chain()
    }

    /// Whether the rule for statistics takes those of the files.
    pub(crate) fn interpolates(&self) -> bool {
        self.plan.interpolates
    }

    /// The moments of the data for squared losses of chains without activations; `None` for other networks and losses.
    pub(crate) fn moments(&self) -> Result<Option<Moments>> {
        let chain = linear_chain(&self.network).filter(|_| self.criterion.loss == Loss::Squared);
        chain.map(|chain| Moments::new(&self.tiles, chain.inputs(), chain.outputs())).transpose()
    }

    pub(crate) fn criterion(&self) -> Criterion {
        self.criterion
    }

    pub(crate) fn examples(&self) -> usize {
        self.tiles.len()
    }

    /// The first layer's products at the vertices of a leg, for as many tiles as fit into the memory.
    pub(crate) fn first(&self, leg: &Leg) -> Result<Vec<FirstLayer>> {
        let Some(layer) = first_layer(&self.network, &self.plan) else { return Ok(Vec::new()) };
        let tiles = &self.tiles.tiles;
        let sizes = tiles.iter().scan(0_usize, |sum, tile| {
            *sum = sum.saturating_add(FirstLayer::bytes(leg, layer, tile));
            Some(*sum)
        });
        let fit = sizes.take_while(|&size| size <= self.memory).count();
        let first = |tile: &Tile| Ok(FirstLayer::new(leg, layer, tile, &self.tiles.gather(tile)?));
        tiles[..fit].par_iter().map(first).collect()
    }

    /// The number of groups of examples that are bounded apart from one another.
    pub(crate) fn groups(&self) -> usize {
        if self.together { 1 } else { self.tiles.tiles.len() }
    }

    /// Sorts the examples by `scores`, of each example of each tile, so that those of a group are alike, and the first
    /// layer with them.
    pub(crate) fn sort(
        &mut self,
        scores: &[Vec<f64>],
        leg: &Leg,
        first: Vec<FirstLayer>,
    ) -> Result<Vec<FirstLayer>> {
        let before = self.tiles.sort(scores);
        // Twice, while they are copied.
        let size: usize =
            first.iter().map(|first| size_of::<f64>() * (first.products.len() + first.bound.len())).sum();
        if first.len() < before.len() || size > self.memory / 2 {
            drop(first);
            return self.first(leg);
        }
        let tiles = before.par_iter();
        Ok(tiles.map(|places| FirstLayer::gathered(&first, places)).collect())
    }

    /// Bounds the losses of some groups on the piece of `leg` that `taylor` describes, and estimates those of each example
    /// of each tile; `first` holds the first layer for some of the tiles.
    pub(crate) fn losses(
        &self,
        leg: &Leg,
        first: &[FirstLayer],
        taylor: &Taylor,
        groups: &[usize],
    ) -> Result<(Vec<Sums>, Vec<Vec<f64>>)> {
        let all = 0..self.tiles.tiles.len();
        let chosen: Vec<usize> = if self.together { all.collect() } else { groups.to_vec() };
        // Those of all tiles, or nothing where a tile has several.
        let classes: Option<BTreeSet<u32>> = chosen.iter().map(|&i| self.tiles.tiles[i].label).collect();
        let pieces = Pieces::new(&self.network, &self.plan, classes.as_ref(), leg, taylor);
        let tiles = chosen.iter().map(|&i| self.traveller(&self.tiles.tiles[i], first.get(i), &pieces));
        // Where statistics couple all rows they go together, otherwise one tile after the other.
        let passes: Vec<Vec<Traveller<'_>>> =
            if self.plan.couples { vec![tiles.collect()] } else { tiles.map(|tile| vec![tile]).collect() };
        let parts = passes.into_par_iter().map(|tiles| self.read((leg, taylor), &pieces, tiles));
        let parts = parts.collect::<Result<Vec<_>>>()?.into_iter().flatten();
        let (sums, each): (Vec<Sums>, _) = parts.map(|part| (part.sums, part.each)).unzip();
        if !self.together {
            return Ok((sums, each));
        }
        let sum = sums.iter().fold(Sums::default(), |sum, part| sum.plus(part));
        Ok((vec![sum], each))
    }

    /// The bound of F on a piece, from the losses of all groups.
    pub(crate) fn total(&self, leg: &Leg, taylor: &Taylor, groups: &[Sums]) -> Bound {
        let penalty = self.penalty.bound(leg, taylor);
        Bound::new(groups, (self.tiles.len(), self.tiles.tiles.len()), &penalty)
    }

    fn traveller<'a>(
        &self,
        tile: &'a Tile,
        first: Option<&'a FirstLayer>,
        pieces: &'a Pieces,
    ) -> Traveller<'a> {
        let margins = tile.label.and_then(|y| pieces.margins.get(y as usize)).and_then(Option::as_ref);
        Traveller { tile, first, margins }
    }

    /// The losses of each of some tiles.
    fn read(
        &self,
        (leg, taylor): (&Leg, &Taylor),
        pieces: &Pieces,
        tiles: Vec<Traveller<'_>>,
    ) -> Result<Vec<Losses>> {
        let mut pass = Pass::new((&self.plan, pieces), (leg, taylor), &self.tiles, tiles);
        let positions = self.network.input()[1..].iter().product();
        let output = self.network.run(&mut pass, Value::Input(positions))?;
        let models = pass.models(output)?.into_par_iter().zip(&pass.tiles);
        let reader = Reader { criterion: self.criterion, targets: self.tiles.targets(), delta: taylor.delta };
        let read = |(model, one): (Arc<Model>, &Traveller<'_>)| {
            reader.losses(one.tile, &Arc::unwrap_or_clone(model), one.margins.is_some())
        };
        Ok(models.map(read).collect())
    }

    /// Whether the targets are classes, so that an error rate exists.
    pub(crate) fn is_classes(&self) -> bool {
        self.tiles.targets().classes().is_some()
    }
}
