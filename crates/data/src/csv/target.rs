//! A single target column of a table: real numbers, or class labels in numbers or words.

use std::collections::HashMap;

use super::field::{Kind, is_gap, is_integer, number};
use super::options::CsvOptions;
use crate::array::matrix;
use crate::labels::{Labels, Task, classes, look_like_labels, whole};
use crate::targets::MAX_CLASSES;
use crate::text::{Notes, clip};
use crate::{Error, Result, Targets};

/// The expectation that an error states for a field in a column of words.
pub(crate) const WORD: &str = "a class label in words, as in the rows before";
const NUMBER: &str = "a finite number";

/// A target column that is being read.
pub(super) enum Column {
    /// The fields so far are numbers.
    Numbers { values: Vec<f64>, integers: bool },
    /// The fields are texts; a label is the place of a text among the different texts, in the order of first
    /// occurrence.
    Texts { labels: Vec<u32>, texts: HashMap<String, u32>, words_only: bool },
    /// No field has been read yet.
    Unknown,
}

impl Column {
    pub(super) fn new(task: Task) -> Self {
        match task {
            Task::Guess => Self::Unknown,
            Task::Regress => Self::Numbers { values: Vec::new(), integers: true },
            Task::Classes | Task::Tokens => {
                Self::Texts { labels: Vec::new(), texts: HashMap::new(), words_only: false }
            }
        }
    }

    /// Adds a field; the first one decides between numbers and words. The error says what was expected.
    pub(super) fn push(&mut self, text: &str) -> std::result::Result<(), &'static str> {
        if matches!(self, Self::Unknown) {
            *self = match Kind::of(text) {
                Kind::Word => Self::Texts { labels: Vec::new(), texts: HashMap::new(), words_only: true },
                _ => Self::new(Task::Regress),
            };
        }
        match self {
            Self::Numbers { values, integers } => {
                values.push(number(text).ok_or(NUMBER)?);
                *integers &= is_integer(text);
            }
            Self::Texts { labels, texts, words_only } => {
                if *words_only && Kind::of(text) != Kind::Word {
                    return Err(WORD);
                }
                // Where all is to be taken as a class, "none" may be one; nothing, or a question mark, is none.
                if is_gap(text) && !text.bytes().any(|byte| byte.is_ascii_alphabetic()) {
                    return Err("a class label");
                }
                let next = texts.len() as u32;
                let label = match texts.get(text) {
                    Some(&label) => label,
                    None if texts.len() == MAX_CLASSES => {
                        return Err("one of at most 65536 different class labels");
                    }
                    None => *texts.entry(text.to_owned()).or_insert(next),
                };
                labels.push(label);
            }
            Self::Unknown => {}
        }
        Ok(())
    }

    /// The finished targets; `notes` tells how they were interpreted.
    pub(super) fn finish(self, place: &str, options: &CsvOptions, notes: &mut Notes) -> Result<Targets> {
        match self {
            Self::Texts { labels, texts, .. } if texts.keys().all(|text| number(text).is_some()) => {
                let mut numbers = vec![0.; texts.len()];
                texts.iter().for_each(|(text, &label)| {
                    numbers[label as usize] = number(text).expect("all texts are numbers")
                });
                let integers = texts.keys().all(|text| is_integer(text));
                let values: Vec<f64> = labels.iter().map(|&label| numbers[label as usize]).collect();
                numeric(place, &values, integers, options, notes)
            }
            Self::Texts { labels, texts, .. } => Ok(words(place, labels, texts, notes)),
            Self::Numbers { values, integers } => {
                let floats = !integers && look_like_labels(&values);
                match options.task {
                    Task::Guess if integers || floats => numeric(place, &values, integers, options, notes),
                    _ => Ok(Targets::Values(matrix(values, 1)?)),
                }
            }
            Self::Unknown => Err(Error::format(place, "at least 1 row", "none")),
        }
    }
}

/// Targets from numbers: class labels or real values.
fn numeric(
    place: &str,
    values: &[f64],
    integers: bool,
    options: &CsvOptions,
    notes: &mut Notes,
) -> Result<Targets> {
    if !integers && options.task == Task::Guess {
        notes.push(format!(
            "{place}: labels written as floats are taken as classes (task=regress takes them as numbers)"
        ));
    }
    let labels = Labels { place: place.to_owned(), values: whole(place, values)? };
    let mut both = classes(&[labels], options.labels_from, notes)?;
    both.pop().ok_or_else(|| Error::format(place, "labels", "none"))
}

/// Targets from words: the classes are the words in sorted order.
fn words(place: &str, mut labels: Vec<u32>, texts: HashMap<String, u32>, notes: &mut Notes) -> Targets {
    let mut sorted: Vec<(String, u32)> = texts.into_iter().collect();
    sorted.sort_unstable();
    let mut order = vec![0; sorted.len()];
    sorted.iter().zip(0..).for_each(|((_, first), class)| order[*first as usize] = class);
    labels.iter_mut().for_each(|label| *label = order[*label as usize]);
    let names: Vec<String> = sorted.into_iter().map(|(name, _)| name).collect();
    let list = names.iter().enumerate().map(|(class, name)| format!("{class} = {}", clip(name, 30)));
    notes.push(format!("{place}: {} classes in words: {}", names.len(), crate::text::listed(list)));
    notes.classes_inferred = true;
    Targets::Classes { labels, count: names.len(), names }
}
