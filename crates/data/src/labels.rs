//! Converts the class labels of a file to classes counted from 0.

use std::str::FromStr;

use crate::options::Options;
use crate::targets::MAX_CLASSES;
use crate::text::{Notes, listed};
use crate::{Error, Result, Targets};

/// Up to this integer, 2⁵³, every integer is exactly representable as an f64.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// Up to this number of classes, whole numbers written as floats are taken for labels however few rows there are.
const FEW: usize = 10;

/// The kind of targets, classes or real values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// The kind follows from the type or the text of the numbers.
    Guess,
    Classes,
    /// A class for each position of a row.
    Tokens,
    Regress,
}

impl Task {
    pub(crate) fn parse(options: &Options) -> Result<Self> {
        options.value("task", Self::Guess, "classes, tokens or regress", |_| true)
    }
}

impl FromStr for Task {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        match text {
            "classes" => Ok(Self::Classes),
            "tokens" => Ok(Self::Tokens),
            "regress" => Ok(Self::Regress),
            _ => Err(()),
        }
    }
}

/// The label of the first class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LabelsFrom {
    /// The first label is 1 if that is the least of several labels, else 0.
    Guess,
    Zero,
    One,
}

impl LabelsFrom {
    pub(crate) fn parse(options: &Options) -> Result<Self> {
        options.value("labels-from", Self::Guess, "0 or 1", |_| true)
    }
}

impl FromStr for LabelsFrom {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        match text {
            "0" => Ok(Self::Zero),
            "1" => Ok(Self::One),
            _ => Err(()),
        }
    }
}

/// Integer labels of one split.
pub(crate) struct Labels {
    /// The file and the array, for error messages.
    pub(crate) place: String,
    pub(crate) values: Vec<i64>,
}

/// Converts the labels of all splits of a data set to classes from 0; their number follows from the largest label.
///
/// Labels that begin at 1, and classes without rows, are mentioned in `notes`.
pub(crate) fn classes(splits: &[Labels], from: LabelsFrom, notes: &mut Notes) -> Result<Vec<Targets>> {
    let all = || splits.iter().flat_map(|split| &split.values);
    let [least, most] = [all().min(), all().max()].map(|label| *label.expect("a split has a row"));
    let first = match from {
        LabelsFrom::Guess => i64::from(least == 1 && most > 1),
        LabelsFrom::Zero => 0,
        LabelsFrom::One => 1,
    };
    for split in splits {
        check(split, first)?;
    }
    let count = (most - first) as usize + 1;
    let places = &splits[0].place;
    if first == 1 && from == LabelsFrom::Guess {
        notes.classes_inferred = true;
        notes.push(format!(
            "{places}: labels run from 1 to {most}: taken as classes 0 to {}; labels-from=0 takes them as they are",
            most - 1
        ));
    }
    let mut seen = vec![false; count];
    all().for_each(|&label| seen[(label - first) as usize] = true);
    let empty: Vec<String> =
        (0..count).filter(|&class| !seen[class]).map(|class| (class as i64 + first).to_string()).collect();
    if !empty.is_empty() {
        notes.push(format!("{places}: labels without a row: {}", listed(empty)));
    }
    let names: Vec<String> =
        if first == 0 { Vec::new() } else { (1..=most).map(|label| label.to_string()).collect() };
    let targets = |split: &Labels| Targets::Classes {
        labels: split.values.iter().map(|&label| (label - first) as u32).collect(),
        count,
        names: names.clone(),
    };
    Ok(splits.iter().map(targets).collect())
}

/// Converts the labels of all splits of a data set, several a row, to classes from 0, without a shift.
pub(crate) fn tokens(splits: &[Labels], positions: usize) -> Result<Vec<Targets>> {
    for split in splits {
        check(split, 0).map_err(|error| match error {
            Error::Label { place, row, min, max, found } => {
                Error::Label { place, row: row / positions, min, max, found }
            }
            other => other,
        })?;
    }
    let most = splits.iter().flat_map(|split| &split.values).max().copied().unwrap_or(0);
    let targets = |split: &Labels| Targets::Tokens {
        labels: split.values.iter().map(|&label| label as u32).collect(),
        positions,
        count: most as usize + 1,
    };
    Ok(splits.iter().map(targets).collect())
}

/// Checks that the labels of a split make classes from 0 to [`MAX_CLASSES`] − 1.
fn check(split: &Labels, first: i64) -> Result<()> {
    let max = MAX_CLASSES as i64 - 1 + first;
    match split.values.iter().position(|label| !(first..=max).contains(label)) {
        None => Ok(()),
        Some(row) => {
            let (place, found) = (split.place.clone(), split.values[row]);
            Err(Error::Label { place, row, min: first, max, found })
        }
    }
}

/// Converts whole numbers to integers.
pub(crate) fn whole(place: &str, values: &[f64]) -> Result<Vec<i64>> {
    match values.iter().position(|&value| !is_whole(value)) {
        None => Ok(values.iter().map(|&value| value as i64).collect()),
        Some(row) => {
            let found = values[row].to_string();
            Err(Error::format(format!("{place}: row {row}"), "an integer class label", found))
        }
    }
}

fn is_whole(value: f64) -> bool {
    value.fract() == 0.0 && value.abs() <= EXACT
}

/// Whether floats look like labels: all of 0, 1, …, k − 1 or 1, 2, …, k and nothing else, k being at least 2, and at
/// most 10 or half the number of rows.
pub(crate) fn look_like_labels(values: &[f64]) -> bool {
    let most = FEW.max(values.len() / 2).min(MAX_CLASSES);
    let mut seen = vec![false; most + 1];
    for &value in values {
        match seen.get_mut(value as usize) {
            Some(seen) if value >= 0. && is_whole(value) => *seen = true,
            _ => return false,
        }
    }
    let (first, count) = (usize::from(!seen[0]), seen.iter().filter(|&&seen| seen).count());
    (2..=most).contains(&count) && seen[first..first + count].iter().all(|&seen| seen)
}
