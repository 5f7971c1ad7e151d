//! Tables of a run's folder, as columns.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Number, Value as Json};

use crate::failure::Failure;

/// The columns of a table by their names, in the order of the table.
pub(super) type Columns = serde_json::Map<String, Json>;

/// All tables of a folder by their names without `.csv`.
///
/// # Errors
/// When a table cannot be read.
pub(super) fn all(folder: &Path) -> Result<BTreeMap<String, Columns>, Failure> {
    let mut tables = BTreeMap::new();
    for file in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = file.path();
        if path.extension().is_some_and(|e| e == "csv")
            && let Some(name) = path.file_stem().and_then(|name| name.to_str())
        {
            tables.insert(name.to_owned(), read(&path)?);
        }
    }
    Ok(tables)
}

fn read(path: &Path) -> Result<Columns, Failure> {
    let failed = |e: csv::Error| Failure::new(format!("{}: {e}", path.display()));
    let mut reader = csv::Reader::from_path(path).map_err(failed)?;
    let heads: Vec<String> = reader.headers().map_err(failed)?.iter().map(str::to_owned).collect();
    let mut columns = vec![Vec::new(); heads.len()];
    for row in reader.records() {
        row.map_err(failed)?.iter().zip(&mut columns).for_each(|(cell, column)| column.push(value(cell)));
    }
    Ok(heads.into_iter().zip(columns.into_iter().map(Json::Array)).collect())
}

/// A cell: a number, rounded to eight digits, which is more than a drawing shows; null for one that is not finite; or text.
fn value(cell: &str) -> Json {
    match cell.parse::<f64>() {
        Ok(x) if x.is_finite() => {
            let rounded = format!("{x:.7e}").parse().ok().and_then(Number::from_f64);
            rounded.map_or(Json::Null, Json::Number)
        }
        Ok(_) => Json::Null,
        Err(_) => cell.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_numbers_gaps_or_text() {
        assert_eq!(value("0.123456789123"), serde_json::json!(0.12345679));
        assert_eq!(value("-3"), serde_json::json!(-3.0));
        assert_eq!((value("nan"), value("inf")), (Json::Null, Json::Null));
        assert_eq!(value("bezier, 2 bends"), "bezier, 2 bends");
        assert_eq!(value(""), "");
    }

    #[test]
    fn tables_that_are_cut_are_refused_with_their_name() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("profile.csv"), "t,risk\n0,1\n0.5\n").unwrap();
        let error = format!("{:?}", all(folder.path()).unwrap_err());
        assert!(error.contains("profile.csv"), "{error}");
    }
}
