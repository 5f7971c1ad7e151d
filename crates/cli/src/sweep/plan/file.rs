//! The file of a sweep: tables of flags, whose lists span a grid.

use std::{ops::Range, path::Path};

use serde_json::Value as Json;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::excerpt::Source;
use crate::{failure::Failure, sweep::stage::Stage};

/// A file, read.
pub(super) struct SweepFile {
    pub(super) source: Source,
    /// The values that stand for `{name}` in the other tables.
    pub(super) grid: Vec<Entry>,
    tables: Vec<(Stage, Table)>,
}

/// A table of flags.
#[derive(Default)]
pub(super) struct Table {
    pub(super) span: Range<usize>,
    pub(super) entries: Vec<Entry>,
    pub(super) pairs: Pairs,
    /// For merge trees: how many tasks share a round of pairs, and how many rounds of searches there are.
    pub(super) parts: Option<usize>,
    pub(super) rounds: usize,
}

/// Rounds of searches where none are asked for.
const ROUNDS: usize = 3;

/// A key with its values.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) span: Range<usize>,
    pub(super) values: Vec<Value>,
    /// Whether the values stand in a list, and are thus an axis of the grid.
    pub(super) listed: bool,
}

/// A text, a number, or true or false.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) json: Json,
    pub(super) span: Range<usize>,
}

impl Value {
    /// The value as it stands on a command line.
    pub(super) fn text(&self) -> String {
        match &self.json {
            Json::String(text) => text.clone(),
            value => value.to_string(),
        }
    }
}

/// Which pairs of minima are connected or aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Pairs {
    #[default]
    All,
    /// Each minimum with the next.
    Neighbours,
    /// Each minimum in one pair at most, so that the pairs are independent.
    Disjoint,
}

impl Pairs {
    /// The number of pairs among so many minima.
    pub(super) fn count(self, minima: usize) -> usize {
        match self {
            Self::All => minima.saturating_mul(minima.saturating_sub(1)) / 2,
            Self::Neighbours => minima.saturating_sub(1),
            Self::Disjoint => minima / 2,
        }
    }

    /// The pairs among so many minima.
    pub(super) fn of(self, count: usize) -> Vec<(usize, usize)> {
        match self {
            Self::All => (0..count).flat_map(|a| (a + 1..count).map(move |b| (a, b))).collect(),
            Self::Neighbours => (1..count).map(|b| (b - 1, b)).collect(),
            Self::Disjoint => (0..count / 2).map(|i| (2 * i, 2 * i + 1)).collect(),
        }
    }
}

impl SweepFile {
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let text = collado_files::read_text(path)?;
        Self::parse(Source { name: path.display().to_string(), text })
    }

    pub(super) fn parse(source: Source) -> Result<Self, Failure> {
        let document = DeTable::parse(&source.text).map_err(|e| {
            let end = source.text.len();
            source.refuse(&e.span().unwrap_or(end..end), e.message())
        })?;
        let (mut grid, mut tables) = (Vec::new(), Vec::new());
        for (key, value) in document.get_ref() {
            let name: &str = key.get_ref();
            let DeValue::Table(content) = value.get_ref() else {
                let message = format!("expected a table, found {} '{name}'", value.get_ref().type_str());
                return Err(source.refuse(&key.span(), message).hint(names_of_tables()));
            };
            if name == "grid" {
                grid = entries(content, &source)?;
            } else if let Some(stage) = Stage::ALL.into_iter().find(|stage| stage.name() == name) {
                tables.push((stage, table(key.span(), content, stage, &source)?));
            } else {
                let message = format!("unknown table [{name}]");
                return Err(source.refuse(&key.span(), message).hint(names_of_tables()));
            }
        }
        tables.sort_by_key(|(stage, _)| *stage);
        let file = Self { grid, tables, source };
        for (later, earlier) in [(Stage::Start, Stage::Train), (Stage::Certify, Stage::Connect)] {
            if let (Some(table), None) = (file.table(later), file.table(earlier)) {
                let message = format!("[{}] needs a table [{}]", later.name(), earlier.name());
                return Err(file.source.refuse(&table.span, message));
            }
        }
        match file.table(Stage::Train) {
            Some(_) => Ok(file),
            None => Err(Failure::usage(format!("{}: no table [train]", file.source.name))),
        }
    }

    pub(super) fn table(&self, stage: Stage) -> Option<&Table> {
        self.tables.iter().find(|(of, _)| *of == stage).map(|(_, table)| table)
    }
}

impl Table {
    /// Takes a key out that is no flag but a number from 1 on.
    fn take(&mut self, key: &str, source: &Source) -> Result<Option<usize>, Failure> {
        let Some(at) = self.entries.iter().position(|entry| entry.key == key) else { return Ok(None) };
        let entry = self.entries.remove(at);
        match (entry.values[0].json.as_u64(), entry.listed) {
            (Some(number @ 1..=10_000), false) => Ok(Some(number as usize)),
            _ => {
                Err(source.refuse(&entry.values[0].span, format!("{key}: expected a number from 1 to 10000")))
            }
        }
    }
}

fn names_of_tables() -> String {
    let names: Vec<_> = Stage::ALL.iter().map(|stage| format!("[{}]", stage.name())).collect();
    format!("the tables are [grid], {}", names.join(", "))
}

fn table(span: Range<usize>, content: &DeTable<'_>, stage: Stage, source: &Source) -> Result<Table, Failure> {
    let entries = entries(content, source)?;
    let mut table = Table { span, entries, pairs: Pairs::All, parts: None, rounds: ROUNDS };
    if stage == Stage::Levelset {
        table.parts = table.take("parts", source)?;
        table.rounds = table.take("rounds", source)?.unwrap_or(ROUNDS);
    }
    if matches!(stage, Stage::Connect | Stage::Align)
        && let Some(at) = table.entries.iter().position(|entry| entry.key == "pairs")
    {
        let entry = table.entries.remove(at);
        table.pairs = match (&entry.values[0].json, entry.listed) {
            (Json::String(text), false) if text == "all" => Pairs::All,
            (Json::String(text), false) if text == "neighbours" => Pairs::Neighbours,
            (Json::String(text), false) if text == "disjoint" => Pairs::Disjoint,
            _ => {
                let message = "pairs: expected \"all\", \"neighbours\" or \"disjoint\"";
                return Err(source.refuse(&entry.values[0].span, message));
            }
        };
    }
    Ok(table)
}

/// The keys of a table in the order of the file.
fn entries(content: &DeTable<'_>, source: &Source) -> Result<Vec<Entry>, Failure> {
    let mut found = Vec::new();
    for (key, value) in content {
        let (values, listed) = match value.get_ref() {
            DeValue::Array(list) => {
                (list.iter().map(|value| scalar(value, source)).collect::<Result<Vec<_>, _>>()?, true)
            }
            _ => (vec![scalar(value, source)?], false),
        };
        if values.is_empty() {
            return Err(source.refuse(&value.span(), "expected at least one value, found an empty list"));
        }
        // Flags have dashes.
        found.push(Entry { key: key.get_ref().replace('_', "-"), span: key.span(), values, listed });
    }
    found.sort_by_key(|entry| entry.span.start);
    Ok(found)
}

fn scalar(value: &Spanned<DeValue<'_>>, source: &Source) -> Result<Value, Failure> {
    let span = value.span();
    let json = match value.get_ref() {
        DeValue::String(text) => Some(Json::String(text.to_string())),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok().map(Json::from),
        DeValue::Float(number) => {
            let number = number.as_str().parse::<f64>().ok();
            number.and_then(serde_json::Number::from_f64).map(Json::Number)
        }
        DeValue::Boolean(yes) => Some(Json::Bool(*yes)),
        _ => None,
    };
    match json {
        Some(json) => Ok(Value { json, span }),
        None => {
            let found = value.get_ref().type_str();
            let message =
                format!("expected a text, a number, true, false, or a list of these, found {found}");
            Err(source.refuse(&span, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_as_their_names_say() {
        assert_eq!(Pairs::All.of(3), [(0, 1), (0, 2), (1, 2)]);
        assert_eq!(Pairs::Neighbours.of(4), [(0, 1), (1, 2), (2, 3)]);
        assert_eq!(Pairs::Disjoint.of(5), [(0, 1), (2, 3)]);
        assert!([Pairs::All, Pairs::Neighbours, Pairs::Disjoint].iter().all(|p| p.of(1).is_empty()));
    }

    #[test]
    fn keys_keep_their_order_and_lists_are_axes() {
        let text = "[train]\nz = 1\narch = ['a', 'b']\nuntil_risk = 1e-3\nn = true\n".to_owned();
        let file = SweepFile::parse(Source { name: "f".into(), text }).unwrap();
        let table = file.table(Stage::Train).unwrap();
        let shown: Vec<_> = table
            .entries
            .iter()
            .map(|e| {
                (e.key.as_str(), e.listed, e.values.iter().map(Value::text).collect::<Vec<_>>().join(" "))
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("z", false, "1".into()),
                ("arch", true, "a b".into()),
                ("until-risk", false, "0.001".into()),
                ("n", false, "true".into())
            ]
        );
    }

    #[test]
    fn what_is_no_sweep_is_refused_where_it_stands() {
        for (text, said) in [
            ("[train\n", "f:1: "),
            ("[train]\na = 1\n[tain]\n", "f:3: unknown table [tain]"),
            ("train = 1\n", "f:1: expected a table, found integer 'train'"),
            ("[train]\na = []\n", "f:2: expected at least one value"),
            ("[train]\na = [[1]]\n", "f:2: expected a text, a number"),
            ("[train]\na = inf\n", "f:2: expected a text, a number"),
            ("[train]\n[certify]\n", "f:2: [certify] needs a table [connect]"),
            ("[train]\n[connect]\npairs = 'some'\n", "f:3: pairs: expected"),
            ("[grid]\n", "f: no table [train]"),
        ] {
            let source = Source { name: "f".into(), text: text.into() };
            let failure = SweepFile::parse(source).err().map(|e| e.to_string()).unwrap_or_default();
            assert!(failure.starts_with(said), "{text}: {failure}");
        }
    }
}
