//! The layers of a diagram (Sugiyama, Tagawa & Toda 1981): each step stands below all that it reads, a line that passes
//! a layer has a place of its own in it, and the places of a layer are ordered so that few lines cross.

use super::Step;

/// Something in a layer: a step, or a line that passes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Step(usize),
    /// A line from that step.
    Line(usize),
}

/// The slots of each layer from left to right, and the lines between neighbouring layers.
pub(super) struct Layers {
    pub(super) slots: Vec<Vec<Slot>>,
    /// For each layer but the first, the lines from the layer before it: places in both.
    pub(super) lines: Vec<Vec<(usize, usize)>>,
}

/// Number of sweeps over all layers.
const SWEEPS: usize = 8;

impl Layers {
    pub(super) fn new(steps: &[Step]) -> Self {
        let mut rank: Vec<usize> = Vec::with_capacity(steps.len());
        for step in steps {
            rank.push(step.reads.iter().map(|&read| rank[read] + 1).max().unwrap_or(0));
        }
        // What reads nothing stands right above its first reader.
        for i in (1..steps.len()).filter(|&i| steps[i].reads.is_empty()) {
            let readers = steps.iter().enumerate().filter(|(_, other)| other.reads.contains(&i));
            rank[i] = readers.map(|(j, _)| rank[j].saturating_sub(1)).min().unwrap_or(0);
        }
        let last = rank.iter().copied().max().unwrap_or(0);
        let mut slots: Vec<Vec<Slot>> = vec![Vec::new(); last + 1];
        for (i, &layer) in rank.iter().enumerate() {
            // A line is drawn once for all that read the same step.
            let until = steps.iter().zip(&rank).filter(|(s, _)| s.reads.contains(&i)).map(|(_, &r)| r).max();
            for passed in &mut slots[layer + 1..until.unwrap_or(layer).max(layer + 1)] {
                passed.push(Slot::Line(i));
            }
            slots[layer].push(Slot::Step(i));
        }
        let mut layers = Self { slots, lines: Vec::new() };
        for sweep in 0..SWEEPS {
            layers.sweep(steps, sweep % 2 == 0);
        }
        layers.lines = (1..layers.slots.len()).map(|layer| layers.between(steps, layer)).collect();
        layers
    }

    /// The lines from layer `layer` − 1 to `layer`.
    fn between(&self, steps: &[Step], layer: usize) -> Vec<(usize, usize)> {
        let above = &self.slots[layer - 1];
        let comes_from = |source: usize| {
            above.iter().position(|slot| matches!(slot, Slot::Step(i) | Slot::Line(i) if *i == source))
        };
        let mut lines = Vec::new();
        for (place, slot) in self.slots[layer].iter().enumerate() {
            match slot {
                Slot::Line(source) => lines.extend(comes_from(*source).map(|from| (from, place))),
                Slot::Step(i) => {
                    let mut reads = steps[*i].reads.clone();
                    reads.dedup();
                    lines.extend(reads.into_iter().filter_map(comes_from).map(|from| (from, place)));
                }
            }
        }
        lines
    }

    /// Orders each layer by the mean place of its neighbours in the layer before it, or after it.
    fn sweep(&mut self, steps: &[Step], down: bool) {
        let count = self.slots.len();
        let order: Vec<usize> = if down { (1..count).collect() } else { (0..count - 1).rev().collect() };
        for layer in order {
            let lines = self.between(steps, if down { layer } else { layer + 1 });
            let other = if down { layer - 1 } else { layer + 1 };
            let shift = self.slots[other].len() as f64 / 2.0;
            let mean = |place: usize| {
                let near = lines.iter().filter(|line| (if down { line.1 } else { line.0 }) == place);
                let near: Vec<f64> =
                    near.map(|line| (if down { line.0 } else { line.1 }) as f64 - shift).collect();
                match near.len() {
                    0 => place as f64 - self.slots[layer].len() as f64 / 2.0,
                    n => near.iter().sum::<f64>() / n as f64,
                }
            };
            let mut keyed: Vec<(f64, Slot)> =
                self.slots[layer].iter().enumerate().map(|(place, slot)| (mean(place), *slot)).collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            self.slots[layer] = keyed.into_iter().map(|(_, slot)| slot).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::Role;

    fn steps(reads: &[&[usize]]) -> Vec<Step> {
        let step =
            |reads: &&[usize]| Step { lines: vec!["step".into()], reads: reads.to_vec(), role: Role::Ink };
        reads.iter().map(step).collect()
    }

    #[test]
    fn a_line_around_a_chain_has_places_of_its_own() {
        // 0 → 1 → 2 → 3, and 0 → 3.
        let layers = Layers::new(&steps(&[&[], &[0], &[1], &[2, 0]]));
        let sizes: Vec<usize> = layers.slots.iter().map(Vec::len).collect();
        assert_eq!(sizes, [1, 2, 2, 1]);
        assert!(layers.slots[2].contains(&Slot::Line(0)));
        assert_eq!(layers.lines.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 2]);
        let crossed =
            |lines: &[(usize, usize)]| lines.iter().any(|a| lines.iter().any(|b| a.0 < b.0 && a.1 > b.1));
        assert!(layers.lines.iter().all(|lines| !crossed(lines)));
    }

    #[test]
    fn what_reads_nothing_stands_above_its_reader() {
        let layers = Layers::new(&steps(&[&[], &[0], &[1], &[], &[2, 3]]));
        assert!(layers.slots[2].contains(&Slot::Step(3)));
        assert_eq!(layers.slots[0], [Slot::Step(0)]);
    }
}
