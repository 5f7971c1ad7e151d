//! What is done next with a cell whose bound is too high.

use crate::sums::Sums;

/// What to do with a cell.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// Halve it; the halves keep what is known.
    Halve,
    /// Bound the losses of these groups of examples on it anew.
    Bound(Vec<usize>),
}

/// The share of the excess that half a cell is expected to leave; bounds of second order leave ¼, rather less where radii
/// are large, and more near kinks.
const LEFT: f64 = 0.27;
/// The number of halvings that are planned ahead. What has to go on smaller cells is bounded on the way, to see more.
const AHEAD: u32 = 2;
/// The number of halvings at which no plan goes on.
const DEEPEST: u32 = 12;
/// One of so many groups is not worth a pass on a cell that is to be halved anyway.
const FEW: usize = 256;

/// The cheapest way, in groups that are bounded anew, to bring the sum of the groups' losses down to `room` on every part
/// of a cell, where `least` is the budget of excess that there is at least.
pub(crate) fn next(groups: &[Sums], room: f64, least: f64) -> Step {
    let sum = groups.iter().fold(Sums::default(), |sum, group| sum.plus(group));
    let top = sum.estimate.into_iter().fold(f64::NEG_INFINITY, f64::max);
    let (budget, excess) = ((room - top).max(least), sum.excess());
    // Excess is a mean: where it is small enough, but the highest value is not, what that is too high by is to be saved.
    let depths = depths(groups, if excess <= budget { excess - (sum.highest() - room) } else { budget });
    // Where no excess is left that could be saved, smaller cells show what there is.
    let unknown = depths.iter().all(Option::is_none);
    let due = |i: usize| unknown || depths[i].is_some_and(|depth| depth == 0 || depth > AHEAD);
    let now: Vec<usize> = (0..groups.len()).filter(|&i| groups[i].age > 0 && due(i)).collect();
    let later = depths.iter().flatten().any(|&depth| depth > 0 && depth <= AHEAD);
    if now.len() > groups.len() / FEW || !now.is_empty() && !later { Step::Bound(now) } else { Step::Halve }
}

/// For each group after how many halvings it is bounded anew, if at all, such that the excess falls to `budget` at the least
/// cost. A group costs 1 on each of the parts of the cell.
fn depths(groups: &[Sums], budget: f64) -> Vec<Option<u32>> {
    let mut depths = vec![None; groups.len()];
    let mut left = 0.;
    let mut steps = Vec::new();
    for (i, group) in groups.iter().enumerate() {
        let excess = group.excess();
        if !excess.is_finite() {
            depths[i] = Some(DEEPEST);
            continue;
        }
        left += excess;
        let (mut before, first) = (excess, u32::from(group.age == 0));
        for depth in first..=DEEPEST {
            let after = excess * LEFT.powi((group.age + depth) as i32);
            let parts = 2_f64.powi(if depth == first { depth } else { depth - 1 } as i32);
            if before > after {
                steps.push(((before - after) / parts, before - after, i, depth));
            }
            before = after;
        }
    }
    // What a step saves for its cost falls from depth to depth, so that those of one group come in order.
    steps.sort_by(|x, y| y.0.total_cmp(&x.0).then((x.2, x.3).cmp(&(y.2, y.3))));
    for (_, saved, i, depth) in steps {
        if left <= budget {
            break;
        }
        left -= saved;
        depths[i] = Some(depth);
    }
    depths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sums::Loss;

    /// A group whose loss is about 1 and whose upper bound is `excess` above.
    fn group(excess: f64) -> Sums {
        let loss = Loss { upper: [1. + excess; 3], middle: 1. - excess, estimate: [1.; 3], wrong: false };
        Sums::new(std::iter::once(loss), 1.)
    }

    #[test]
    fn each_group_has_its_own_depth() {
        // Three groups with an excess of 1.001; one of them has nearly all of it.
        let groups = [group(0.0005), group(1.), group(0.0005)];
        assert_eq!(depths(&groups, 0.3), [None, Some(1), None]);
        assert_eq!(depths(&groups, 0.08), [None, Some(2), None]);
        assert_eq!(next(&groups, 3.3, 0.), Step::Halve);
        let halves: Vec<_> = groups.iter().map(|group| group.halves()[0]).collect();
        // About a quarter is left where 0.3 are allowed, but not 0.2: then once more.
        assert_eq!(next(&halves, 3.3, 0.), Step::Bound(vec![1]));
        assert_eq!(next(&halves, 3.2, 0.), Step::Halve);
        let quarters: Vec<_> = halves.iter().map(|group| group.halves()[0]).collect();
        assert_eq!(next(&quarters, 3.2, 0.), Step::Bound(vec![1]));
    }

    /// Of all choices of depths none leaves as little at a lower cost.
    #[test]
    fn no_choice_of_depths_is_cheaper() {
        let excess = [1., 0.4, 0.1];
        let groups = excess.map(group);
        let cost =
            |depths: &[u32]| depths.iter().filter(|d| **d > 0).map(|d| 2_f64.powi(*d as i32)).sum::<f64>();
        let left = |depths: &[u32]| {
            depths.iter().zip(groups.iter()).map(|(d, g)| g.excess() * LEFT.powi(*d as i32)).sum::<f64>()
        };
        for budget in [1.2, 0.9, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01] {
            let chosen: Vec<u32> =
                super::depths(&groups, budget).into_iter().map(Option::unwrap_or_default).collect();
            assert!(left(&chosen) <= budget);
            for all in 0..512_u32 {
                let other = [all % 8, all / 8 % 8, all / 64];
                assert!(
                    left(&other) > left(&chosen) || cost(&other) >= cost(&chosen),
                    "{budget} {chosen:?} {other:?}"
                );
            }
        }
    }

    #[test]
    fn a_cell_without_excess_is_bounded_after_each_halving() {
        let groups = [group(0.), group(0.)];
        assert_eq!(next(&groups, 1.9, 0.), Step::Halve);
        let halves: Vec<_> = groups.iter().map(|group| group.halves()[1]).collect();
        assert_eq!(next(&halves, 1.9, 0.), Step::Bound(vec![0, 1]));
    }

    #[test]
    fn what_is_out_of_sight_is_bounded_step_by_step() {
        let groups = [group(f64::INFINITY), group(1.)];
        assert_eq!(next(&groups, 3.5, 0.), Step::Halve);
        let halves: Vec<_> = groups.iter().map(|group| group.halves()[1]).collect();
        assert_eq!(next(&halves, 3.5, 0.), Step::Bound(vec![0]));
        let groups = [group(1.), group(1e-6)];
        assert_eq!(depths(&groups, 1e-3), [Some(6), None]);
        let halves: Vec<_> = groups.iter().map(|group| group.halves()[1]).collect();
        assert_eq!(next(&halves, 2.001, 0.), Step::Bound(vec![0]));
    }
}
