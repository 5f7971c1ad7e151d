//! Parsers of texts with a grammar of their own, which name how such texts begin: shells complete them.

use std::{error::Error, ffi::OsStr, marker::PhantomData, str::FromStr};

use clap::{
    Arg, Command,
    builder::{PossibleValue, TypedValueParser},
};

/// How data sets begin.
pub(crate) const DATA: &[&str] = &[
    "digits",
    "mnist:",
    "cifar10:",
    "cifar100:",
    "folder:",
    "csv:",
    "npz:",
    "safetensors:",
    "synthetic:gaussians",
    "synthetic:linear",
    "synthetic:parity",
    "synthetic:sine",
    "synthetic:spirals",
    "synthetic:teacher",
    "synthetic:two-moons",
    "synthetic:unit-sphere",
    "synthetic:xor",
];

/// How networks begin.
pub(crate) const ARCH: &[&str] = &[
    "relu:",
    "tanh:",
    "softplus:",
    "gelu:",
    "silu:",
    "leaky:",
    "logistic:",
    "linear:",
    "two-layer:",
    "lenet",
    "convfc",
    "vgg11",
    "vgg13",
    "vgg16",
    "vgg19",
    "resnet8",
    "resnet20",
    "resnet32",
    "resnet44",
    "resnet56",
    "resnet18",
    "resnet34",
    "wrn-16-4",
];

pub(crate) const LOSSES: &[&str] = &["squared", "cross-entropy", "logistic"];
pub(crate) const REGULARIZERS: &[&str] = &["l2", "l1-last", "l2-last"];
pub(crate) const STATISTICS: &[&str] = &["population", "interpolate", "garipov", "repair", "train"];
pub(crate) const INITS: &[&str] =
    &["pytorch", "he", "xavier", "normal", "normal:", "standard", "narrow", "orthogonal"];

/// The parser of a type by its own grammar, with texts that shells offer. Other texts are parsed as well.
#[derive(Debug)]
pub(crate) struct Suggest<T> {
    texts: &'static [&'static str],
    value: PhantomData<fn() -> T>,
}

impl<T> Suggest<T> {
    pub(crate) fn new(texts: &'static [&'static str]) -> Self {
        Self { texts, value: PhantomData }
    }
}

impl<T> Clone for Suggest<T> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<T> TypedValueParser for Suggest<T>
where
    T: FromStr + Clone + Send + Sync + 'static,
    T::Err: Into<Box<dyn Error + Send + Sync>>,
{
    type Value = T;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<T, clap::Error> {
        let parse: fn(&str) -> Result<T, T::Err> = T::from_str;
        parse.parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.texts.iter().map(|text| PossibleValue::new(*text))))
    }
}

#[cfg(test)]
mod tests {
    use collado_data::{Spec, synthetic_tasks};
    use collado_models::{ArchSpec, Init};
    use collado_risk::{Loss, Regularizer, Statistics};

    use super::*;

    /// Each text is the beginning of one that the parser takes.
    #[test]
    fn what_is_offered_is_taken() {
        fn takes<T: FromStr>(text: &str, ends: &[&str]) {
            assert!(ends.iter().any(|end| format!("{text}{end}").parse::<T>().is_ok()), "{text}");
        }
        DATA.iter().for_each(|text| takes::<Spec>(text, &["", "file"]));
        ARCH.iter().for_each(|text| takes::<ArchSpec>(text, &["", "64-10", "64"]));
        LOSSES.iter().for_each(|text| takes::<Loss>(text, &[""]));
        REGULARIZERS.iter().for_each(|text| takes::<Regularizer>(text, &[""]));
        STATISTICS.iter().for_each(|text| takes::<Statistics>(text, &["", ":64"]));
        INITS.iter().for_each(|text| takes::<Init>(text, &["", "0.1"]));
        for (name, _) in synthetic_tasks() {
            assert!(DATA.contains(&format!("synthetic:{name}").as_str()), "{name}");
        }
        assert_eq!(LOSSES.len(), Loss::ALL.len());
    }
}
