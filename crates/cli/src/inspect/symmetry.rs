//! The symmetry groups of a network.

use collado_models::{Groups, Network};
use serde::Serialize;

/// The units that may be permuted, and what fixes others.
#[derive(Serialize)]
pub(super) struct SymmetrySummary {
    pub(super) groups: Vec<Group>,
    /// The logarithm to base 10 of the number of permutations.
    pub(super) permutations_log10: f64,
    /// Operations that have no rule, so that what they read stays where it is.
    pub(super) frozen: Vec<String>,
    /// Why there are no groups.
    pub(super) refused: Option<String>,
}

/// Units that may be permuted among themselves.
#[derive(Serialize)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) size: usize,
    /// Whether the units may be rescaled too.
    pub(super) scales: bool,
    pub(super) axes: Vec<Place>,
}

/// An axis of a tensor that is permuted with a group.
#[derive(Serialize)]
pub(super) struct Place {
    pub(super) tensor: String,
    axis: usize,
}

impl SymmetrySummary {
    pub(super) fn new(network: &Network) -> Self {
        match network.groups() {
            Ok(groups) => Self::of(network, &groups),
            Err(reason) => Self {
                groups: Vec::new(),
                permutations_log10: 0.,
                frozen: Vec::new(),
                refused: Some(reason.to_string()),
            },
        }
    }

    fn of(network: &Network, groups: &Groups) -> Self {
        let tensor = |column: usize| {
            let entries = network.layout().entries();
            let entry = entries.iter().rev().find(|entry| entry.offset <= column);
            entry.map_or_else(String::new, |entry| entry.name.clone())
        };
        let all = groups.groups().iter().enumerate().map(|(number, group)| {
            let mut axes: Vec<Place> = Vec::new();
            for (place, axis, _) in groups.places(number) {
                let tensor = tensor(place.columns.start);
                if !axes.iter().any(|known| known.tensor == tensor && known.axis == axis) {
                    axes.push(Place { tensor, axis });
                }
            }
            let scales = groups.scales().iter().any(|scale| scale.group == number && scale.free);
            Group { name: group.name.clone(), size: group.size, scales, axes }
        });
        let permutations = groups.groups().iter().flat_map(|group| 1..=group.size);
        Self {
            groups: all.collect(),
            permutations_log10: permutations.map(|n| (n as f64).log10()).sum(),
            frozen: groups.frozen().to_vec(),
            refused: None,
        }
    }
}
