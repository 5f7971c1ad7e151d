//! The columns of a table with their names and their roles.

use super::options::{CsvOptions, index};
use crate::text::{Notes, listed};
use crate::{Error, Result};

/// The name of a column that the file gives no name.
const UNNAMED: &str = "unnamed";

/// The role of a column in the data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Input,
    Target,
    Dropped,
}

/// The columns of a table.
pub(super) struct Columns {
    names: Option<Vec<String>>,
    pub(super) roles: Vec<Role>,
    /// The targets in the order in which they were asked for.
    pub(super) targets: Vec<usize>,
}

impl Columns {
    /// Finds the columns that are asked for. Where a number could be a name or an index, `notes` tells the choice.
    pub(super) fn new(
        file: &str,
        names: Option<Vec<String>>,
        width: usize,
        options: &CsvOptions,
        notes: &mut Notes,
    ) -> Result<Self> {
        let mut columns = Self { names, roles: vec![Role::Input; width], targets: Vec::new() };
        for (wanted, role) in [(&options.targets, Role::Target), (&options.drop, Role::Dropped)] {
            for name in wanted {
                let column = columns.find(file, name, role, notes)?;
                if columns.roles[column] != Role::Input {
                    let found = format!("'{name}' twice");
                    return Err(Error::format(file, "different target and dropped columns", found));
                }
                columns.roles[column] = role;
                if role == Role::Target {
                    columns.targets.push(column);
                }
            }
        }
        if columns.inputs() == 0 {
            let found = format!("{width} columns, {} of them targets", columns.targets.len());
            return Err(Error::format(file, "at least 1 column besides the targets", found));
        }
        Ok(columns)
    }

    /// The number of input columns.
    pub(super) fn inputs(&self) -> usize {
        self.roles.iter().filter(|&&role| role == Role::Input).count()
    }

    /// The name of a column, or its index where it has none.
    pub(super) fn name(&self, column: usize) -> String {
        let name = self.names.as_ref().and_then(|names| names.get(column)).filter(|name| !name.is_empty());
        name.cloned().unwrap_or_else(|| column.to_string())
    }

    /// What differs in another header, if something does. Without a header here nothing is compared.
    pub(super) fn unlike(&self, header: &[String]) -> Option<String> {
        let names = self.names.as_ref()?;
        match names.iter().zip(header).find(|(own, other)| own != other) {
            Some((own, other)) => Some(format!("'{other}' in the place of '{own}'")),
            None if names.len() != header.len() => Some(format!("{} columns", header.len())),
            None => None,
        }
    }

    /// Whether the table has a header, but no name for this column.
    pub(super) fn is_unnamed(&self, column: usize) -> bool {
        self.names.as_ref().is_some_and(|names| names[column].is_empty())
    }

    /// A column by its name or, where no column is called so, by its index.
    fn find(&self, file: &str, name: &str, role: Role, notes: &mut Notes) -> Result<usize> {
        let width = self.roles.len();
        let by_index = index(name, width);
        let named: Vec<usize> = (0..width).filter(|&column| self.is_called(column, name)).collect();
        match (named.as_slice(), by_index) {
            (&[column], None) => Ok(column),
            (&[column], Some(other)) if column == other => Ok(column),
            (&[_], Some(unnamed)) if self.is_unnamed(unnamed) => {
                Err(Error::Column { file: file.to_owned(), name: name.to_owned(), unnamed })
            }
            (&[column], Some(_)) => {
                notes.push(format!(
                    "{file}: '{name}' is taken as the name of column {column} (from 0), not as an index"
                ));
                Ok(column)
            }
            ([], Some(column)) => Ok(column),
            ([], None) => {
                let names = self.names.as_ref().map_or_else(|| "no header".to_owned(), listed);
                let kind = if role == Role::Target { "target column" } else { "column to drop" };
                Err(Error::format(file, format!("a {kind} '{name}'"), format!("{width} columns ({names})")))
            }
            (several, _) => {
                Err(Error::format(file, format!("one column '{name}'"), format!("{} of them", several.len())))
            }
        }
    }

    fn is_called(&self, column: usize, name: &str) -> bool {
        let Some(names) = &self.names else { return false };
        match names[column].as_str() {
            "" => name == UNNAMED || name.strip_prefix("Unnamed: ").is_some_and(|k| k == column.to_string()),
            known => known == name,
        }
    }
}
