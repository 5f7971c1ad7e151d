//! One task of a sweep, and the list of all, which is a file with one JSON object a line.

use std::{collections::HashMap, fmt, io::Write, path::Path};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::stage::Stage;
use crate::failure::Failure;

/// One command of this program, which writes one folder of results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Task {
    /// The hash of all that decides about its result.
    pub(super) id: String,
    pub(super) stage: Stage,
    /// The tasks whose results it reads.
    pub(super) after: Vec<String>,
    /// The command and its flags.
    pub(super) words: Vec<String>,
    /// Files among the results of other tasks, each behind the flag that names it, if there is one.
    pub(super) inputs: Vec<(String, String)>,
    /// The place of the task in the grid.
    pub(super) labels: Labels,
}

impl Task {
    /// A task; `inputs` are files `ID/NAME` of other tasks, each with its flag or "".
    pub(super) fn new(
        stage: Stage,
        words: Vec<String>,
        inputs: Vec<(String, String)>,
        labels: Labels,
    ) -> Self {
        let hash = Sha256::digest(serde_json::json!([words, inputs]).to_string());
        let id = format!("{hash:x}")[..16].to_owned();
        let mut after: Vec<String> =
            inputs.iter().filter_map(|(_, file)| Some(file.split_once('/')?.0.to_owned())).collect();
        after.sort();
        after.dedup();
        Self { id, stage, after, words, inputs, labels }
    }

    /// The arguments for the program, which finds the results of other tasks in `results`.
    pub(super) fn arguments(&self, results: &Path, out: &Path) -> Vec<std::ffi::OsString> {
        let mut arguments: Vec<_> = self.words.iter().map(Into::into).collect();
        for (flag, file) in &self.inputs {
            if !flag.is_empty() {
                arguments.push(flag.into());
            }
            arguments.push(results.join(file).into());
        }
        arguments.extend(["--out".into(), out.into()]);
        arguments
    }
}

/// Names with values, in the order of the columns of a table.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Labels(pub(super) Vec<(String, Json)>);

impl Labels {
    /// The same labels with more; names that are there already keep their value.
    pub(super) fn with(&self, more: impl IntoIterator<Item = (String, Json)>) -> Self {
        let mut labels = self.clone();
        for (name, value) in more {
            if labels.get(&name).is_none() {
                labels.0.push((name, value));
            }
        }
        labels
    }

    pub(super) fn get(&self, name: &str) -> Option<&Json> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// As text for people: `width = 8, seed = 3`.
    pub(super) fn text(&self) -> String {
        let one = |(name, value): &(String, Json)| match value {
            Json::String(text) => format!("{name} = {text}"),
            value => format!("{name} = {value}"),
        };
        self.0.iter().map(one).collect::<Vec<_>>().join(", ")
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Labels;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Labels, M::Error> {
                let mut labels = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    labels.push(entry);
                }
                Ok(Labels(labels))
            }
        }
        from.deserialize_map(InOrder)
    }
}

/// The list of tasks as the text of a file.
pub(super) fn lines(tasks: &[Task]) -> Result<String, Failure> {
    let mut text = Vec::new();
    for task in tasks {
        serde_json::to_writer(&mut text, task).map_err(Failure::new)?;
        writeln!(text).map_err(Failure::new)?;
    }
    String::from_utf8(text).map_err(Failure::new)
}

/// Reads a list of tasks, each after those that it waits for.
pub(super) fn read(file: &Path) -> Result<Vec<Task>, Failure> {
    let wrong = |what: &dyn fmt::Display| Failure::new(format!("{}: {what}", file.display()));
    let text = collado_files::read_text(file).map_err(|e| {
        Failure::from(e)
            .hint("'collado sweep plan FILE --out DIR' makes the folder, whose name is expected here")
    })?;
    let mut tasks: Vec<Task> = Vec::new();
    let mut known = HashMap::new();
    for (i, line) in text.lines().enumerate() {
        let task: Task = serde_json::from_str(line).map_err(|e| wrong(&format!("line {}: {e}", i + 1)))?;
        if let Some(missing) = task.after.iter().find(|id| !known.contains_key(*id)) {
            return Err(wrong(&format!("line {}: waits for {missing}, which no line above it is", i + 1)));
        }
        known.insert(task.id.clone(), i);
        tasks.push(task);
    }
    Ok(tasks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_reads_back() {
        let labels = Labels(vec![("width".into(), 4.into()), ("a".into(), "x".into())]);
        let first = Task::new(Stage::Train, vec!["train".into()], vec![], labels.clone());
        let inputs = vec![(String::new(), format!("{}/seed-0.safetensors", first.id))];
        let second = Task::new(Stage::Spectrum, vec!["spectrum".into()], inputs, labels);
        assert_eq!(second.after, std::slice::from_ref(&first.id));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tasks.jsonl");
        std::fs::write(&file, lines(&[first.clone(), second.clone()]).unwrap()).unwrap();
        assert_eq!(read(&file).unwrap(), [first, second.clone()]);
        std::fs::write(&file, lines(&[second]).unwrap()).unwrap();
        assert!(read(&file).unwrap_err().to_string().contains("line 1: waits for"));
    }

    #[test]
    fn equal_content_has_one_name() {
        let task = |word: &str| Task::new(Stage::Train, vec![word.into()], vec![], Labels::default());
        assert_eq!(task("a").id, task("a").id);
        assert_ne!(task("a").id, task("b").id);
    }
}
