//! The places of the parts of an exported program in its archive, in the layouts of the versions of PyTorch.

use crate::{
    Result,
    archive::Archive,
    fault::file_error,
    graph::weights,
    tensors::{Named, Source},
};

/// The names of the entries of an archive that `torch.export.save` wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exported {
    /// The program as JSON.
    pub(super) program: String,
    weights: Store,
    constants: Store,
}

/// The places where tensors may lie.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Store {
    /// A pickled dictionary in an archive of its own.
    pickled: String,
    /// A list of entries of bytes, if the layout has one, and the folder of the entries.
    listed: Option<(String, String)>,
}

/// The largest program that is read: a hundred times that of a network with a thousand layers.
pub(super) const MAX_PROGRAM: u64 = 64 << 20;

impl Exported {
    /// The layout of an archive, if it holds an exported program.
    pub(crate) fn of(archive: &Archive<'_, impl Source>) -> Option<Self> {
        let flat = "serialized_exported_program.json";
        if archive.has(flat) {
            let store = |name: &str| Store { pickled: format!("serialized_{name}.pt"), listed: None };
            let (weights, constants) = (store("state_dict"), store("constants"));
            return Some(Self { program: flat.into(), weights, constants });
        }
        let mut programs = archive.names().filter(|name| is_program(name));
        let program = programs.next()?.to_owned();
        let (folder, file) = program.split_once("models/")?;
        let model = file.strip_suffix(".json")?;
        let store = |name: &str| {
            let place = format!("{folder}data/{name}/");
            Store {
                pickled: format!("{place}{model}.pt"),
                listed: Some((format!("{place}{model}_{name}_config.json"), place)),
            }
        };
        let (weights, constants) = (store("weights"), store("constants"));
        Some(Self { program, weights, constants })
    }

    /// The JSON of the program.
    pub(super) fn program(&self, archive: &mut Archive<'_, impl Source>) -> Result<Vec<u8>> {
        let programs = archive.names().filter(|name| is_program(name)).count();
        if programs > 1 {
            return Err(file_error(
                archive.path,
                format!("holds {programs} exported programs, expected one"),
            ));
        }
        archive.entry(&self.program, MAX_PROGRAM)
    }

    /// The tensors of the state dict.
    pub(super) fn weights(&self, archive: &mut Archive<'_, impl Source>) -> Result<Vec<Named>> {
        self.weights.read(archive)
    }

    /// The constants, and the buffers that state dicts leave out.
    pub(super) fn constants(&self, archive: &mut Archive<'_, impl Source>) -> Result<Vec<Named>> {
        self.constants.read(archive)
    }
}

fn is_program(name: &str) -> bool {
    name.split_once("models/").is_some_and(|(folder, file)| {
        (folder.is_empty() || folder.ends_with('/')) && file.ends_with(".json") && !file.contains('/')
    })
}

impl Store {
    fn read(&self, archive: &mut Archive<'_, impl Source>) -> Result<Vec<Named>> {
        match &self.listed {
            Some((list, folder)) if archive.has(list) => weights::listed(archive, list, folder),
            _ => weights::pickled(archive, &self.pickled),
        }
    }
}
