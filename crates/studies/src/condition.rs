//! Claims, their conditions, and how these decide on a claim.

use serde::Serialize;

/// A claim, and what is said of it before anything is measured.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Claim {
    /// The claim that is tested.
    #[serde(rename = "claim")]
    pub statement: &'static str,
    /// The publication that makes the claim.
    pub source: &'static str,
    /// The rule by which the numbers decide on the conditions of the claim.
    pub rule: &'static str,
    /// What would contradict the claim.
    pub contradicted_by: &'static str,
}

/// What an experiment says about its claim, or about one of the claim's [conditions](Condition).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The numbers are as the claim says.
    Supported,
    /// The numbers are not as the claim says.
    Contradicted,
    /// The numbers do not decide.
    Inconclusive,
}

impl Verdict {
    /// The word for it in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::Contradicted => "contradicted",
            Self::Inconclusive => "inconclusive",
        }
    }

    /// The verdict on a claim: contradicted when one of its conditions is, supported when all of them are, otherwise
    /// inconclusive.
    pub fn of(conditions: &[Condition]) -> Self {
        let has = |verdict| conditions.iter().any(|c| c.verdict == verdict);
        if has(Self::Contradicted) {
            Self::Contradicted
        } else if conditions.is_empty() || has(Self::Inconclusive) {
            Self::Inconclusive
        } else {
            Self::Supported
        }
    }

    /// Something that either holds or not, and is always known.
    pub fn exactly(holds: bool) -> Self {
        if holds { Self::Supported } else { Self::Contradicted }
    }

    /// The number in an interval is at most `bound`: supported where the interval ends there or below, contradicted where it
    /// begins above. An interval with an unknown end decides nothing.
    pub fn at_most([low, high]: [f64; 2], bound: f64) -> Self {
        if low > bound && high >= low {
            Self::Contradicted
        } else if high <= bound && low <= high {
            Self::Supported
        } else {
            Self::Inconclusive
        }
    }

    /// The number in an interval is at least `bound`.
    pub fn at_least([low, high]: [f64; 2], bound: f64) -> Self {
        Self::at_most([-high, -low], -bound)
    }

    /// The number in an interval is within `tolerance` of 0: contradicted where the interval is all outside; supported where it is
    /// not and is short enough to tell a number of size `visible` from such a one.
    pub fn near_zero([low, high]: [f64; 2], tolerance: f64, visible: f64) -> Self {
        if low > tolerance || high < -tolerance {
            Self::Contradicted
        } else if 0.5 * (high - low) + tolerance <= visible {
            Self::Supported
        } else {
            Self::Inconclusive
        }
    }
}

/// One condition of a claim, and what the numbers say about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// The condition in words.
    pub condition: String,
    /// What the numbers say about it.
    pub verdict: Verdict,
    /// The numbers that decide, beside what is asked of them.
    pub found: String,
}

impl Condition {
    /// A condition, the verdict on it, and the numbers that decide.
    pub fn new(condition: impl Into<String>, verdict: Verdict, found: impl Into<String>) -> Self {
        Self { condition: condition.into(), verdict, found: found.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::*;
    use super::*;

    #[test]
    fn one_condition_can_contradict_and_all_must_support() {
        let of = |verdicts: &[Verdict]| {
            Verdict::of(&verdicts.iter().map(|v| Condition::new("", *v, "")).collect::<Vec<_>>())
        };
        assert_eq!(of(&[Supported, Supported]), Supported);
        assert_eq!(of(&[Supported, Inconclusive]), Inconclusive);
        assert_eq!(of(&[Contradicted, Inconclusive, Supported]), Contradicted);
        assert_eq!(of(&[]), Inconclusive);
    }

    #[test]
    fn intervals_decide_only_where_they_lie_on_one_side() {
        let unknown = [f64::NAN; 2];
        assert_eq!(
            [[0., 1.], [1., 3.], [2.5, 3.], unknown, [f64::NAN, 1.], [f64::NEG_INFINITY, 1.]]
                .map(|i| Verdict::at_most(i, 2.)),
            [Supported, Inconclusive, Contradicted, Inconclusive, Inconclusive, Supported]
        );
        assert_eq!(
            [[0., 1.], [1., 3.], [2., 3.], unknown].map(|i| Verdict::at_least(i, 2.)),
            [Contradicted, Inconclusive, Supported, Inconclusive]
        );
        assert_eq!(
            [[-0.1, 0.2], [0.3, 0.4], [-5., 5.], unknown].map(|i| Verdict::near_zero(i, 0.1, 0.5)),
            [Supported, Contradicted, Inconclusive, Inconclusive]
        );
    }
}
