//! Statements of files about the risk that they were made for. They are believed unless a flag overrides them.

use std::path::Path;

use collado_data::{Dataset, Spec};
use collado_files::Provenance;
use collado_risk::{Loss, Regularizer, Statistics};

use crate::{
    args::{Common, DataArgs},
    failure::{Failure, with_flags},
};

/// The statements of one or several files that agree.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stated {
    data: Option<Sourced<DataSource>>,
    loss: Option<Sourced<Loss>>,
    kappa: Option<Sourced<f64>>,
    regularizer: Option<Sourced<Regularizer>>,
    statistics: Option<Sourced<Statistics>>,
    statistics_rows: Option<Sourced<usize>>,
}

/// A value and the file that states it.
#[derive(Debug, Clone)]
struct Sourced<T> {
    value: T,
    file: String,
}

/// The data, identified by their `--data` string and the hash of their content.
#[derive(Debug, Clone)]
struct DataSource {
    spec: String,
    hash: Option<String>,
}

/// The terms of the risk. Flags precede the statements of files, which precede defaults.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) loss: Option<Loss>,
    pub(crate) kappa: f64,
    pub(crate) regularizer: Regularizer,
    pub(crate) statistics: Option<Statistics>,
    pub(crate) statistics_rows: Option<usize>,
}

impl Stated {
    /// # Errors
    /// When the file states an unknown loss or regulariser, or an impossible weight.
    pub(crate) fn by(file: &Path, provenance: &Provenance) -> Result<Self, Failure> {
        let name = file.display().to_string();
        let fail = |e: String| Failure::new(format!("{name}: metadata 'collado.provenance': {e}"));
        let kappa = provenance.kappa;
        if let Some(kappa) = kappa.filter(|k| !(k.is_finite() && *k >= 0.)) {
            return Err(fail(format!("kappa: expected a finite number ≥ 0, found {kappa}")));
        }
        let loss = provenance.loss.as_ref().map(|l| l.parse::<Loss>()).transpose();
        let regularizer = provenance.regularizer.as_ref().map(|r| r.parse::<Regularizer>()).transpose();
        let statistics = provenance.statistics.as_ref().map(|s| s.parse::<Statistics>()).transpose();
        let source = |spec: &String| DataSource { spec: spec.clone(), hash: provenance.data_hash.clone() };
        Ok(Self {
            data: said(provenance.data.as_ref().map(source), &name),
            loss: said(loss.map_err(|e| fail(e.to_string()))?, &name),
            kappa: said(kappa, &name),
            regularizer: said(regularizer.map_err(|e| fail(e.to_string()))?, &name),
            statistics: said(statistics.map_err(|e| fail(e.to_string()))?, &name),
            statistics_rows: said(provenance.statistics_rows, &name),
        })
    }

    /// Joins the statements of another file.
    ///
    /// # Errors
    /// When the two files disagree, and no flag decides.
    pub(crate) fn join(&mut self, other: Self, args: &DataArgs) -> Result<(), Failure> {
        join(&mut self.data, other.data, args.data.is_some(), "data", DataSource::same, |s| s.spec.clone())?;
        join(&mut self.loss, other.loss, args.loss.is_some(), "loss", |a, b| a == b, ToString::to_string)?;
        join(
            &mut self.kappa,
            other.kappa,
            args.kappa.is_some(),
            "kappa",
            |a, b| a == b,
            ToString::to_string,
        )?;
        let said = args.bn.is_some();
        join(&mut self.statistics, other.statistics, said, "bn", |a, b| a == b, ToString::to_string)?;
        let said = args.bn_rows.is_some();
        join(
            &mut self.statistics_rows,
            other.statistics_rows,
            said,
            "bn-rows",
            |a, b| a == b,
            ToString::to_string,
        )?;
        let said = args.regularizer.is_some();
        join(
            &mut self.regularizer,
            other.regularizer,
            said,
            "regularizer",
            |a, b| a == b,
            ToString::to_string,
        )
    }

    /// Whether data are named, by a flag or by a file.
    pub(crate) fn has_data(&self, args: &DataArgs) -> bool {
        args.data.is_some() || self.data.is_some()
    }

    /// Loads the data that the flag names, or those that the files state.
    ///
    /// # Errors
    /// When no data are named, or the stated data are missing or have changed.
    pub(crate) fn load(&self, args: &DataArgs, common: &Common) -> Result<Dataset, Failure> {
        match (&args.data, &self.data) {
            (Some(flag), stated) => {
                let data = load(flag, common)?;
                if let Some(Sourced { value, file }) = stated.as_ref().filter(|s| !s.value.is(&data)) {
                    let same = if value.spec == data.spec { ", whose content was another" } else { "" };
                    common.note(format!(
                        "--data {flag} overrides {}{same}, the data that {file} states",
                        value.spec
                    ));
                }
                Ok(data)
            }
            (None, Some(Sourced { value: DataSource { spec, hash }, file })) => {
                let stated = || format!("{file} states the data {spec}");
                let parsed: Spec = spec
                    .parse()
                    .map_err(|e| Failure::new(format!("{}: {}", stated(), Failure::from(e))).hint(HINT))?;
                let data = load(&parsed, common).map_err(|e| {
                    Failure::new(format!("{}, which cannot be read: {e}", stated())).hint(HINT)
                })?;
                match hash.as_ref().filter(|hash| **hash != data.hash) {
                    Some(hash) => {
                        let (expected, found) = (short(hash), short(&data.hash));
                        let message = format!("{} of content {expected}, found {found} there", stated());
                        Err(Failure::new(message).hint(HINT))
                    }
                    None => Ok(data),
                }
            }
            (None, None) => {
                Err(Failure::usage("--data: the files do not state what data they were made for")
                    .hint("--data digits, --data mnist:DIR, --data npz:FILE and others; --help lists them"))
            }
        }
    }

    /// The terms of the risk on `rows` training rows; each statement that a flag overrides, or that there are too few rows
    /// for, is mentioned in a note.
    pub(crate) fn terms(&self, args: &DataArgs, rows: usize, common: &Common) -> Terms {
        Terms {
            loss: choose("loss", args.loss, &self.loss, common),
            kappa: choose("kappa", args.kappa, &self.kappa, common).unwrap_or(0.),
            regularizer: choose("regularizer", args.regularizer, &self.regularizer, common)
                .unwrap_or_default(),
            statistics: choose("bn", args.bn, &self.statistics, common),
            statistics_rows: match (args.bn_rows, &self.statistics_rows) {
                (None, Some(Sourced { value, file })) if *value > rows => {
                    common.note(format!(
                        "batch statistics over all {rows} training rows; {file} states {value} rows"
                    ));
                    Some(rows)
                }
                (flag, stated) => choose("bn-rows", flag, stated, common),
            },
        }
    }
}

const HINT: &str = "--data names the data to take instead";

impl DataSource {
    /// Whether two data sets are the same, by content where both hashes are known.
    fn same(&self, other: &Self) -> bool {
        match (&self.hash, &other.hash) {
            (Some(a), Some(b)) => a == b,
            _ => self.spec == other.spec,
        }
    }

    fn is(&self, data: &Dataset) -> bool {
        self.hash.as_ref().map_or(self.spec == data.spec, |hash| *hash == data.hash)
    }
}

fn said<T>(value: Option<T>, file: &str) -> Option<Sourced<T>> {
    value.map(|value| Sourced { value, file: file.to_owned() })
}

/// Reads a data set and passes its notes on.
pub(crate) fn load(spec: &Spec, common: &Common) -> Result<Dataset, Failure> {
    let data = spec.load()?;
    data.notes.iter().for_each(|note| common.note(with_flags(note)));
    Ok(data)
}

/// The flag's value, or the stated one.
fn choose<T: Copy + PartialEq + std::fmt::Display>(
    name: &str,
    flag: Option<T>,
    stated: &Option<Sourced<T>>,
    common: &Common,
) -> Option<T> {
    if let (Some(flag), Some(Sourced { value, file })) = (flag, stated)
        && flag != *value
    {
        let [flag, value] = [flag, *value].map(concise);
        common.note(format!("--{name} {flag} overrides {value}, which {file} states"));
    }
    flag.or(stated.as_ref().map(|s| s.value))
}

/// The text of a value; numbers of many digits have an exponent.
fn concise(value: impl std::fmt::Display) -> String {
    let text = value.to_string();
    match text.parse::<f64>() {
        Ok(number) if text.len() > 20 => format!("{number:e}"),
        _ => text,
    }
}

fn join<T>(
    here: &mut Option<Sourced<T>>,
    there: Option<Sourced<T>>,
    decided: bool,
    name: &str,
    same: impl Fn(&T, &T) -> bool,
    show: impl Fn(&T) -> String,
) -> Result<(), Failure> {
    match (here.as_ref(), there) {
        (Some(a), Some(b)) if !decided && !same(&a.value, &b.value) => {
            let (one, other) = (show(&a.value), show(&b.value));
            let message = format!(
                "{name}: expected one for all files; {} states {one}, {} states {other}",
                a.file, b.file
            );
            Err(Failure::new(message).hint(format!("--{name} says which one holds")))
        }
        (None, there) => {
            *here = there;
            Ok(())
        }
        _ => Ok(()),
    }
}

fn short(hash: &str) -> String {
    hash.chars().take(12).collect()
}
