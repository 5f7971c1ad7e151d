//! Which loss and which outputs go with data, and which data with a network.

use collado_data::Dataset;
use collado_models::{Arch, ArchSpec, Head};
use collado_risk::Loss;

use crate::{args::Common, failure::Failure};

/// Refuses data whose classes may be numbered differently from those of the network: data with fewer classes, whose own
/// labels decide which class is which.
pub(super) fn classes_are_those_of(arch: &Arch, data: &Dataset) -> Result<(), Failure> {
    let (classes, outputs) = (data.outputs(), arch.outputs());
    if !data.classes_inferred || classes >= outputs || (classes, outputs) == (2, 1) {
        return Ok(());
    }
    let names = data.train.targets.class_names();
    let expected =
        format!("labels of all {outputs} classes of the network, as it is not known which is which");
    let found =
        format!("{classes} ('{}' to '{}')", names[0].escape_debug(), names[classes - 1].escape_debug());
    Err(Failure::new(format!("{}: expected {expected}, found {found}", data.spec)).hint(
        "labels in numbers: labels-from=0 or labels-from=1 in the --data string says what they count from",
    ))
}

pub(super) fn default_loss(data: &Dataset, head: Option<Head>) -> Loss {
    match head {
        Some(Head::Regress) => Loss::Squared,
        _ if data.train.targets.is_classes() => Loss::CrossEntropy,
        _ => Loss::Squared,
    }
}

/// The number of outputs that the data need. Two classes may share one output under the losses that allow it, and
/// outputs for classes that the data lack are permitted.
pub(super) fn outputs(data: &Dataset, spec: &ArchSpec, loss: Loss, common: &Common) -> usize {
    let outputs = data.outputs();
    // What the string itself says, where it does not leave it to the data.
    let own = spec.with_ends(1, outputs).outputs();
    if let Some(positions) = data.train.targets.positions() {
        if own > outputs && own.is_multiple_of(positions) {
            let (found, classes) = (outputs / positions, own / positions);
            let what = format!(
                "{found} classes for a network of {classes} outputs at each of {positions} positions"
            );
            common.note(format!("{}: labels of {what}", data.spec));
            return own;
        }
        return outputs;
    }
    if !data.train.targets.is_classes() || own == outputs {
        return outputs;
    }
    if own == 1 && outputs == 2 && loss != Loss::CrossEntropy {
        return 1;
    }
    if own > outputs {
        let classes = if outputs == 1 { "class" } else { "classes" };
        common.note(format!("{}: labels of {outputs} {classes} for a network of {own} outputs", data.spec));
        return own;
    }
    outputs
}
