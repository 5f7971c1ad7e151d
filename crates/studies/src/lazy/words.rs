//! What the study of lazy training says in sentences.

use super::{
    Lazy,
    outcome::{displacement, last_layer_drift, tangent_drift},
};
use crate::Verdict;

/// What the numbers show.
pub(super) fn shown(lazy: &Lazy) -> String {
    let theorem = lazy.growth_exponent(0);
    let [(above, all), (sgd_above, sgd_all)] = lazy.violations(0);
    let [moved, drift, tangent] =
        [displacement, last_layer_drift, tangent_drift].map(|of| lazy.exponent(0, of).text(2));
    let rates = lazy.rates(0).last().map_or_else(String::new, |[gradient, sgd]| {
        format!(
            "at n = {} gradient descent falls to {:.1e} of r(0), where the bound is {:.1e}, at {} times the rate 4 inf λ_min(K̄)/m, and SGD to \
             {:.1e} at {} times; ",
            gradient.n,
            gradient.risk_left,
            gradient.bound_left,
            gradient.over_bound.text(2),
            sgd.risk_left,
            sgd.over_bound.text(2)
        )
    });
    format!(
        "Shown: with θ¹ ~ N(0, 1) λ_min(K̄) grows with the slope {} (limit {:.5}; exponent from n = 4m on: {}); {rates}{above} of {all} \
         recorded moments of gradient descent lie above the bound, of SGD {sgd_above} of {sgd_all}; ‖θ_t − θ_0‖ goes like n to the {moved} \
         (theory −1/2), the relative drift of K̄ like n to the {drift} and of the tangent kernel like n to the {tangent} (no slower than \
         −1/2, as the theory says; −2 by orders of magnitude). {}",
        lazy.slope(0).text(5),
        lazy.arc_cosine_lambda_min,
        theorem.text(2),
        slides(lazy)
    )
}

/// What holds for the initialisation that the slides print.
fn slides(lazy: &Lazy) -> String {
    let rate = lazy.rates(1).last().map_or_else(String::new, |[gradient, _]| {
        format!(
            ", and gradient descent falls to {:.1e} of r(0) at n = {}: at the rate {}, where 4 inf λ_min(K̄)/m is {:.4} and for the whole tangent \
             kernel 4 inf λ_min(Θ)/m is {:.3}",
            gradient.risk_left,
            gradient.n,
            gradient.rate.text(3),
            gradient.bound.mean,
            gradient.tangent_bound.mean
        )
    });
    let refuted: Vec<_> = lazy
        .conditions(1)
        .into_iter()
        .filter(|c| c.verdict == Verdict::Contradicted)
        .map(|c| c.condition)
        .collect();
    let refuted = match refuted.is_empty() {
        true => "none".to_owned(),
        false => refuted.join(", "),
    };
    format!(
        "With the slides' N(0, 1/n) λ_min(K̄) goes like n to the {}{rate}; contradicted for it: {refuted}.",
        lazy.growth_exponent(1).text(2)
    )
}

/// What this many networks would have told.
pub(super) fn power(lazy: &Lazy) -> String {
    let rate = lazy.rates(0).last().map_or(f64::NAN, |[gradient, _]| gradient.over_bound.detectable());
    format!(
        "a slope of λ_min(K̄) that is {:.5} off, an exponent of ‖θ_t − θ_0‖ that is {:.2} off or a rate that is {rate:.2} times that of the \
         bound off would have been told from its threshold in 80 % of samples ({} networks a width, {} draws for each second derivative)",
        lazy.slope(0).detectable(),
        lazy.displacement_exponent(0).detectable(),
        lazy.settings.runs,
        lazy.settings.draws
    )
}
