use std::collections::HashSet;

use super::pickle::{Id, Object, Pickle};

/// What a state dict says about one tensor; nothing of it has been compared with the storage yet.
pub(super) struct Strided<'a> {
    pub(super) name: &'a str,
    /// Type of the storage, `FloatStorage`.
    pub(super) kind: &'a str,
    /// Name of the storage in the archive.
    pub(super) key: &'a str,
    /// Numbers in the storage.
    pub(super) numbers: usize,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// Keys under which training scripts keep the state dict.
const NESTED: [&str; 4] = ["state_dict", "model_state_dict", "model", "model_state"];

/// PyTorch's own limit on the number of axes.
const MAX_RANK: usize = 64;

/// The tensors of the state dict that `pickle` is or has under one of the usual keys.
pub(super) fn tensors(pickle: &Pickle) -> Result<Vec<Strided<'_>>, String> {
    let Object::Dict(root) = &pickle.objects[pickle.root] else {
        return Err("holds no state dict, but another Python object".into());
    };
    let nested: Vec<_> = root
        .iter()
        .filter_map(|&(key, value)| match (&pickle.objects[key], &pickle.objects[value]) {
            (Object::Text(key), Object::Dict(entries)) if NESTED.contains(&key.as_str()) => {
                Some((key, entries))
            }
            _ => None,
        })
        .collect();
    let entries = match nested.as_slice() {
        [] => root,
        [(_, entries)] => *entries,
        [(a, _), (b, _), ..] => return Err(format!("holds more than one state dict, under '{a}' and '{b}'")),
    };
    if !entries.iter().any(|&(_, value)| matches!(pickle.objects[value], Object::Tensor(_))) {
        return Err(format!("holds no tensors, neither at the top nor under one of {}", NESTED.join(", ")));
    }
    let mut names = HashSet::new();
    entries
        .iter()
        .map(|&(key, value)| {
            let Object::Text(name) = &pickle.objects[key] else {
                return Err("has a tensor whose name is no text".into());
            };
            let shown = name.escape_debug();
            if !names.insert(name) {
                return Err(format!("tensor '{shown}' is named twice"));
            }
            let Object::Tensor(arguments) = pickle.objects[value] else {
                return Err(format!("'{shown}' stands among the tensors, but is none"));
            };
            strided(pickle, name, arguments).ok_or_else(|| format!("tensor '{shown}' is described wrongly"))
        })
        .collect()
}

/// From `(("storage", kind, key, location, numbers), offset, shape, strides, …)`.
fn strided<'a>(pickle: &'a Pickle, name: &'a str, arguments: Id) -> Option<Strided<'a>> {
    let &[storage, offset, shape, strides, ..] = tuple(pickle, arguments)? else { return None };
    let Object::Storage(storage) = pickle.objects[storage] else { return None };
    let &[tag, kind, key, _, numbers] = tuple(pickle, storage)? else { return None };
    match (&pickle.objects[tag], &pickle.objects[kind], &pickle.objects[key]) {
        (Object::Text(tag), Object::Global(kind), Object::Text(key)) if tag == "storage" => Some(Strided {
            name,
            kind: kind.strip_prefix("torch.")?,
            key,
            numbers: int(pickle, numbers)?,
            offset: int(pickle, offset)?,
            shape: ints(pickle, shape)?,
            strides: ints(pickle, strides)?,
        }),
        _ => None,
    }
}

fn tuple(pickle: &Pickle, id: Id) -> Option<&[Id]> {
    match &pickle.objects[id] {
        Object::Tuple(items) => Some(items),
        _ => None,
    }
}

fn int(pickle: &Pickle, id: Id) -> Option<usize> {
    match pickle.objects[id] {
        Object::Int(n) => usize::try_from(n).ok(),
        _ => None,
    }
}

fn ints(pickle: &Pickle, id: Id) -> Option<Vec<usize>> {
    let items = tuple(pickle, id).filter(|items| items.len() <= MAX_RANK)?;
    items.iter().map(|&n| int(pickle, n)).collect()
}
