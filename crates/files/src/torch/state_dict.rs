//! Finds the state dict in a pickle, which may hold other objects besides.

use std::{borrow::Cow, collections::HashSet, path::Path};

use crate::{Error, Result};
use crate::{
    fault::file_error,
    torch::objects::{Id, Object},
    torch::pickle::Pickle,
    torch::strided::Strided,
};

/// The depth down to which dictionaries of tensors are searched for. Below it optimizers keep their moments.
const DEPTH: usize = 2;

/// The key by which a user refers to the dictionary at the top of the file.
const TOP: &str = ".";

/// The largest number of dictionaries that a message names.
const SHOWN: usize = 12;

/// The keys that lead to a dictionary.
type Keys<'p> = Vec<Cow<'p, str>>;

/// The tensors of the only dictionary of tensors in `pickle`, or of that under `key`, with notes about what was left
/// out.
pub(crate) fn tensors<'p>(
    path: &Path,
    pickle: &'p Pickle<'_>,
    key: Option<&str>,
) -> Result<(Vec<Strided<'p>>, Vec<String>)> {
    let found = dictionaries(pickle);
    let named = |(keys, _): &&(Keys<'_>, Id)| key.is_some_and(|key| is(keys, key));
    let several = |reason| {
        let keys = found.iter().take(SHOWN).map(|(keys, _)| shown(keys)).collect();
        Err(Error::Dictionaries { path: path.into(), reason, keys })
    };
    let chosen = match (found.as_slice(), key) {
        ([], _) => return Err(file_error(path, nothing(pickle))),
        ([(_, only)], None) => *only,
        (all, None) => return several(format!("holds {} dictionaries of tensors", all.len())),
        (all, Some(key)) => match all.iter().find(named) {
            Some((_, dict)) => *dict,
            None => return several(format!("holds no dictionary of tensors under '{}'", short(key))),
        },
    };
    entries(pickle, chosen).map_err(|reason| file_error(path, reason))
}

/// The tensors of the dictionary at the top of `pickle`.
pub(crate) fn top<'p>(
    pickle: &'p Pickle<'_>,
) -> std::result::Result<(Vec<Strided<'p>>, Vec<String>), String> {
    match pickle.objects.get(pickle.root) {
        Object::Dict(_) => entries(pickle, pickle.root),
        _ => Err("is damaged: its pickle is no dictionary of tensors".into()),
    }
}

/// Whether `key` is the user's name of the dictionary under `keys`.
fn is(keys: &Keys<'_>, key: &str) -> bool {
    match keys.as_slice() {
        [] => key == TOP,
        [one] => key == one,
        [first, rest @ ..] => key
            .strip_prefix(&**first)
            .and_then(|key| key.strip_prefix('.'))
            .is_some_and(|key| is(&rest.to_vec(), key)),
    }
}

fn shown(keys: &Keys<'_>) -> String {
    if keys.is_empty() { TOP.to_owned() } else { short(&keys.join(".")) }
}

/// All dictionaries with a matrix among their values. Metrics and an optimizer's moments have none, or no names.
fn dictionaries<'p>(pickle: &'p Pickle<'_>) -> Vec<(Keys<'p>, Id)> {
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    let mut level = vec![(Vec::new(), pickle.root)];
    for depth in 0..=DEPTH {
        let mut next = Vec::new();
        for (keys, id) in level {
            // Whatever is there twice is one thing under two names.
            if !seen.insert(id) {
                continue;
            }
            if depth < DEPTH {
                next.extend(children(pickle, id).into_iter().map(|(name, child)| {
                    let mut keys: Keys<'_> = keys.clone();
                    keys.push(name);
                    (keys, child)
                }));
            }
            if has_matrix(pickle, id) {
                found.push((keys, id));
            }
        }
        level = next;
    }
    found
}

/// The dicts, lists and tuples in a dict, list or tuple, by name or number.
fn children<'p>(pickle: &'p Pickle<'_>, id: Id) -> Vec<(Cow<'p, str>, Id)> {
    let objects = &pickle.objects;
    let container = |id: Id| {
        matches!(objects.get(id), Object::Dict(_) | Object::List(_))
            || objects.items(id).is_some_and(|items| !items.is_empty())
    };
    let numbered = |items: &[Id]| {
        let items = items.iter().enumerate().filter(|(_, item)| container(**item));
        items.map(|(k, &item)| (Cow::Owned(k.to_string()), item)).collect()
    };
    match objects.get(id) {
        Object::Dict(entries) => {
            let named = entries.iter().filter(|(_, value)| container(*value));
            named.filter_map(|&(key, value)| Some((Cow::Borrowed(objects.text(key)?), value))).collect()
        }
        Object::List(items) => numbered(items),
        _ => objects.items(id).map_or_else(Vec::new, numbered),
    }
}

fn has_matrix(pickle: &Pickle<'_>, id: Id) -> bool {
    let Object::Dict(entries) = pickle.objects.get(id) else { return false };
    entries.iter().any(|&(key, value)| {
        pickle.objects.text(key).is_some()
            && Strided::shape(pickle, value).is_some_and(|shape| shape.len() >= 2)
    })
}

/// The tensors of a dict. Numbers and texts among them are left out; an opaque object is refused, as it could be a
/// tensor.
fn entries<'p>(
    pickle: &'p Pickle<'_>,
    dict: Id,
) -> std::result::Result<(Vec<Strided<'p>>, Vec<String>), String> {
    let Object::Dict(entries) = pickle.objects.get(dict) else { return Ok(Default::default()) };
    let (mut names, mut tensors, mut notes) = (HashSet::new(), Vec::new(), Vec::new());
    for &(key, value) in entries {
        let name = pickle.objects.text(key).ok_or("has a tensor whose name is no text")?;
        let shown = name.escape_debug();
        if !names.insert(name) {
            return Err(format!("tensor '{shown}' is named twice"));
        }
        if let Object::Tensor(arguments) = *pickle.objects.get(value) {
            let tensor = Strided::new(pickle, name, arguments);
            tensors.push(tensor.ok_or_else(|| format!("tensor '{shown}' is described wrongly"))?);
        } else if let Some(class) = pickle.objects.class(value) {
            let class = short(&class);
            return Err(format!("'{shown}' stands among the tensors, but is a Python object '{class}'"));
        } else {
            notes.push(format!("'{shown}' stands among the tensors, but is none: it is left out"));
        }
    }
    Ok((tensors, notes))
}

/// The reason why a file has no tensors to read.
fn nothing(pickle: &Pickle<'_>) -> String {
    const SAVE: &str = "which is not executed; save its 'state_dict()' instead";
    let objects = &pickle.objects;
    if let Some(class) = objects.class(pickle.root) {
        return format!("holds a whole Python object '{}', {SAVE}", short(&class));
    }
    if let Object::Dict(entries) = objects.get(pickle.root) {
        let whole = entries.iter().find_map(|&(key, value)| {
            let class = objects.class(value)?;
            let builtin = ["numpy", "builtins", "argparse", "datetime", "pathlib", "collections"];
            let foreign = !builtin.iter().any(|module| class.starts_with(module));
            foreign.then(|| Some((objects.text(key)?, class))).flatten()
        });
        if let Some((key, class)) = whole {
            let (key, class) = (short(key), short(&class));
            return format!("holds no tensors, but '{key}' is a Python object '{class}', {SAVE}");
        }
    }
    "holds no dictionary of tensors, neither at the top nor up to two keys deep".into()
}

/// A name from a file, short enough for a message.
fn short(name: &str) -> String {
    name.chars().take(80).collect::<String>().escape_debug().to_string()
}
