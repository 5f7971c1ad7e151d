//! The words of the page itself.

use super::chapters::Text;

pub(super) const TITLE: Text = [
    "Why does the solution of the optimisation problem work?",
    "¿Por qué la solución al problema de optimalidad funciona?",
];
pub(super) const LEAD: Text = [
    "Each claim of the slides as an experiment that anyone can repeat. A rule that was fixed before decides whether the numbers \
     support the claim, contradict it, or leave it open; beside each verdict stands what would have contradicted the claim and \
     what the experiment does not show.",
    "Cada afirmación de las diapositivas, como un experimento que cualquiera puede repetir. Una regla fijada de antemano decide si \
     los números apoyan la afirmación, la contradicen o la dejan abierta; junto a cada veredicto figuran lo que la habría \
     contradicho y lo que el experimento no muestra.",
];
pub(super) const CLAIM: Text = ["Claim", "Afirmación"];
pub(super) const VERDICT: Text = ["Verdict", "Veredicto"];
pub(super) const RULE: Text = ["Rule", "Regla"];
pub(super) const CONTRADICTED_BY: Text = ["What would contradict it", "Qué la contradiría"];
pub(super) const POWER: Text = ["What the sample can tell", "Qué puede detectar la muestra"];
pub(super) const SHOWN: Text = ["What is shown", "Qué se muestra"];
pub(super) const NOT_SHOWN: Text = ["What is not shown", "Qué no se muestra"];
pub(super) const SOURCE: Text = ["Source", "Fuente"];
pub(super) const REPEAT: Text = ["Repeat it", "Para repetirlo"];
pub(super) const CONDITION: Text = ["Condition", "Condición"];
pub(super) const FOUND: Text = ["Found", "Resultado"];
pub(super) const SECONDS: Text = ["Seconds", "Segundos"];
pub(super) const SIZE: Text = ["Size", "Tamaño"];
pub(super) const SEED: Text = ["seed", "semilla"];

/// The word for a verdict, with a sign that does not need colour.
pub(super) fn verdict(name: &str) -> Text {
    match name {
        "supported" => ["✓ supported", "✓ respaldada"],
        "contradicted" => ["✗ contradicted", "✗ contradicha"],
        "inconclusive" => ["? inconclusive", "? no concluyente"],
        _ => ["✗ failed", "✗ falló"],
    }
}

/// The name of a size.
pub(super) fn size(name: &str) -> Text {
    match name {
        "quick" => ["quick", "rápido"],
        "full" => ["full", "completo"],
        _ => ["usual", "habitual"],
    }
}
