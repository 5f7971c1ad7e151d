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
/// The number of halvings that are planned ahead.
const AHEAD: usize = 3;
/// What it costs besides, in groups, to bound some of the groups on a cell.
const EXTRA: f64 = 1.;

/// The cheapest way, in groups that are bounded anew, to bring the sum of the groups' losses down to `room` on every part
/// of a cell, where `least` is the budget of excess that there is at least.
pub(crate) fn next(groups: &[Sums], room: f64, least: f64) -> Step {
    if let (cost, Some(step)) = plan(groups, (room, least), AHEAD)
        && cost.is_finite()
    {
        return step;
    }
    // Out of sight: one step in any case, which shows more.
    let stale: Vec<usize> = (0..groups.len()).filter(|&i| groups[i].age > 0).collect();
    if stale.is_empty() { Step::Halve } else { Step::Bound(stale) }
}

/// The cost of the cheapest way and its first step; there is none where nothing is to be done.
fn plan(groups: &[Sums], (room, least): (f64, f64), ahead: usize) -> (f64, Option<Step>) {
    let sum = groups.iter().fold(Sums::default(), |sum, group| sum.plus(group));
    if sum.highest() <= room {
        return (0., None);
    }
    let top = sum.estimate.into_iter().fold(f64::NEG_INFINITY, f64::max);
    let here = cheapest(groups, (room - top).max(least));
    let cost = here.as_ref().map_or(f64::INFINITY, |some| some.len() as f64 + EXTRA);
    let here = (cost, here.map(Step::Bound));
    if ahead == 0 || groups.is_empty() {
        return here;
    }
    let (low, high): (Vec<_>, Vec<_>) =
        groups.iter().map(Sums::halves).map(|[low, high]| (low, high)).unzip();
    let halved: f64 = [low, high].iter().map(|half| plan(half, (room, least), ahead - 1).0).sum();
    if halved < cost { (halved, Some(Step::Halve)) } else { here }
}

/// The fewest groups that, bounded on this cell, bring the excess down to `budget`; `None` when all would not.
fn cheapest(groups: &[Sums], budget: f64) -> Option<Vec<usize>> {
    let saved = |group: &Sums| (1. - LEFT.powi(group.age as i32)) * group.excess();
    let mut order: Vec<(f64, usize)> = groups.iter().map(saved).zip(0..).filter(|(x, _)| *x > 0.).collect();
    order.sort_by(|x, y| y.0.total_cmp(&x.0).then(x.1.cmp(&y.1)));
    let mut left: f64 = groups.iter().map(Sums::excess).sum();
    let mut chosen = Vec::new();
    for (saved, i) in order {
        if left <= budget {
            break;
        }
        left -= saved;
        chosen.push(i);
    }
    chosen.sort_unstable();
    (left <= budget && !chosen.is_empty()).then_some(chosen)
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
    fn only_groups_that_matter_are_bounded_anew() {
        // Three groups with an excess of 1.001; one of them has nearly all of it.
        let groups = [group(0.0005), group(1.), group(0.0005)];
        assert_eq!(next(&groups, 3.3, 0.), Step::Halve);
        let halves: Vec<_> = groups.iter().map(|group| group.halves()[0]).collect();
        // A quarter is left where 0.3 are allowed, but not 0.2: then once more.
        assert_eq!(next(&halves, 3.3, 0.), Step::Bound(vec![1]));
        assert_eq!(next(&halves, 3.2, 0.), Step::Halve);
        let quarters: Vec<_> = halves.iter().map(|group| group.halves()[0]).collect();
        assert_eq!(next(&quarters, 3.2, 0.), Step::Bound(vec![1]));
    }

    #[test]
    fn what_is_out_of_sight_is_bounded_step_by_step() {
        let groups = [group(f64::INFINITY), group(1.)];
        assert_eq!(next(&groups, 3., 0.), Step::Halve);
        let halves: Vec<_> = groups.iter().map(|group| group.halves()[1]).collect();
        assert_eq!(next(&halves, 3., 0.), Step::Bound(vec![0, 1]));
    }
}
