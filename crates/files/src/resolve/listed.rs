//! Networks that are known by their list of operations: their tensors are found by name alone.

use std::collections::HashMap;

use collado_models::{Arch, Entry, Network};

use crate::{Result, graph::numbers, names::recorded, outline::Outline, resolve::Match, tensors::Named};

/// Finds the tensors of the network in a file. None may be missing or left over; running statistics may be missing all
/// together.
pub(crate) fn resolve_listed(outline: &Outline, arch: &Arch) -> Result<Match> {
    let network = arch.network();
    let names = own_names(outline, &network)?;
    let mut places: HashMap<&str, usize> = names.iter().enumerate().map(|(i, name)| (&**name, i)).collect();
    ties(outline, &network, &mut places)?;
    let notes = beside(outline, arch, &mut places)?.into_iter().collect();
    let mut take = |entry: &Entry| places.remove(entry.name.as_str());
    let order: Vec<Option<usize>> = network.layout().entries().iter().map(&mut take).collect();
    let buffers: Vec<Option<usize>> = network.buffers().entries().iter().map(&mut take).collect();
    let without = buffers.iter().all(Option::is_none);
    // Old files have no numbers of batches.
    let optional = |entry: &Entry| without || entry.name.ends_with("num_batches_tracked");
    let needed = network
        .layout()
        .entries()
        .iter()
        .zip(&order)
        .chain(network.buffers().entries().iter().zip(&buffers).filter(|(entry, _)| !optional(entry)));
    let missing: Vec<&Entry> = needed.filter(|(_, place)| place.is_none()).map(|(entry, _)| entry).collect();
    let mut left: Vec<usize> = places.into_values().collect();
    left.sort_unstable();
    if !missing.is_empty() || !left.is_empty() {
        return Err(outline.reject(differences(outline, arch, &missing, &left)));
    }
    let found =
        network.layout().entries().iter().zip(&order).chain(network.buffers().entries().iter().zip(&buffers));
    for (entry, place) in found {
        if let Some(i) = place.filter(|&i| outline.shape(i) != entry.shape) {
            return Err(outline.fault(i, format!("{} as in {arch}", outline.shown_for(i, &entry.shape))));
        }
    }
    let order = order.into_iter().flatten().collect();
    Ok(Match { arch: arch.clone(), order, buffers, notes })
}

/// Takes out the tensors that are fixed numbers of the network. A note tells of other numbers in the file.
fn beside(outline: &Outline, arch: &Arch, places: &mut HashMap<&str, usize>) -> Result<Option<String>> {
    let fixed = arch.beside();
    let mut other: Vec<&str> = Vec::new();
    for entry in fixed.layout().entries() {
        let Some(i) = places.remove(entry.name.as_str()) else { continue };
        let own = &fixed.values()[entry.offset..entry.offset + entry.len()];
        let found = numbers(&outline.file.tensors[i])?;
        let same = |(a, b): (&f64, &f64)| *a as f32 == *b as f32 || (a.is_nan() && b.is_nan());
        if outline.shape(i) != entry.shape || !own.iter().zip(&found).all(same) {
            other.push(&entry.name);
        }
    }
    let more = if other.len() > 1 { format!(" and {} others are", other.len() - 1) } else { " is".into() };
    Ok(other.first().map(|first| {
        let first = first.escape_debug();
        outline.note(format!("'{first}'{more} not read from here: {arch} has it with other numbers"))
    }))
}

/// The names that the network gives the tensors of the file: those that the file records, or those in the file without
/// a prefix, or with one that the network has and the file has not.
fn own_names(outline: &Outline, network: &Network) -> Result<Vec<String>> {
    let own: Vec<&str> = entries(network).map(|entry| entry.name.as_str()).collect();
    let file: Vec<&str> = outline.file.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    if let Some(names) = recorded(outline, network.layout(), network.buffers())? {
        let known: HashMap<&str, &str> = names.iter().map(String::as_str).zip(own.iter().copied()).collect();
        let prefix = names[0].strip_suffix(own[0]).unwrap_or_default();
        let name = |name: &&str| {
            let plain = || name.strip_prefix(prefix).unwrap_or(name);
            known.get(name).copied().unwrap_or_else(plain).to_owned()
        };
        return Ok(file.iter().map(name).collect());
    }
    let is_own: HashMap<&str, ()> = own.iter().map(|name| (*name, ())).collect();
    let fits = |change: &Prefix| file.iter().filter(|name| is_own.contains_key(&*change.apply(name))).count();
    let mut best = (Prefix::None, fits(&Prefix::None));
    for change in own.iter().take(8).flat_map(|own| prefixes(&file, own)) {
        let count = fits(&change);
        // A prefix by which few names fit is an accident, and would make a message about another network odd.
        if count > best.1 && 2 * count >= file.len() {
            best = (change, count);
        }
    }
    Ok(file.iter().map(|name| best.0.apply(name)).collect())
}

/// A difference between the names in a file and those of the network.
enum Prefix {
    None,
    /// The file has a prefix, such as `module.` of DataParallel or `_orig_mod.` of torch.compile.
    More(String),
    /// The network has it, such as one that is wrapped in another module.
    Less(String),
}

impl Prefix {
    fn apply(&self, name: &str) -> String {
        match self {
            Self::None => name.to_owned(),
            Self::More(prefix) => name.strip_prefix(prefix.as_str()).unwrap_or(name).to_owned(),
            Self::Less(prefix) => format!("{prefix}{name}"),
        }
    }
}

/// The prefixes by which a name in the file and the name `own` of the network can be the same.
fn prefixes(file: &[&str], own: &str) -> Vec<Prefix> {
    let ends = |prefix: &&str| prefix.ends_with(['.', '/']);
    let mut found: Vec<Prefix> = Vec::new();
    for name in file {
        if let Some(prefix) = name.strip_suffix(own).filter(ends) {
            found.push(Prefix::More(prefix.to_owned()));
        } else if let Some(prefix) = own.strip_suffix(name).filter(ends) {
            found.push(Prefix::Less(prefix.to_owned()));
        }
        if found.len() == 4 {
            break;
        }
    }
    found
}

fn entries(network: &Network) -> impl Iterator<Item = &Entry> {
    network.layout().entries().iter().chain(network.buffers().entries())
}

/// Takes other names of one tensor for it. Where the file has both, they must be equal.
fn ties<'a>(outline: &Outline, network: &'a Network, places: &mut HashMap<&'a str, usize>) -> Result<()> {
    for (alias, name) in network.ties() {
        let Some(other) = places.remove(alias.as_str()) else { continue };
        let own = *places.entry(name).or_insert(other);
        let [a, b] = [own, other].map(|i| &outline.file.tensors[i]);
        if a.shape != b.shape || a.dtype != b.dtype || a.bytes != b.bytes {
            let expected =
                format!("the numbers of '{}', as the network has one tensor for both", name.escape_debug());
            return Err(outline.fault(other, expected));
        }
    }
    Ok(())
}

/// What is missing and what is left over, in one line.
fn differences(outline: &Outline, arch: &Arch, missing: &[&Entry], left: &[usize]) -> String {
    let some = |count: usize| if count > 1 { format!(" and {} others", count - 1) } else { String::new() };
    let lacks = missing.first().map(|entry| {
        format!(
            "lacks '{}' {}{}",
            entry.name.escape_debug(),
            outline.shown(&entry.shape),
            some(missing.len())
        )
    });
    let has = left.first().map(|&i| {
        let tensor = &outline.file.tensors[i];
        let name = tensor.name.escape_debug();
        let others = some(left.len());
        format!("has '{name}' {:?}{others}, which the network has not{}", tensor.shape, twin(outline, i))
    });
    let parts: Vec<String> = lacks.into_iter().chain(has).collect();
    format!("is no state dict of {arch}: {}", parts.join("; "))
}

/// What explains a matrix that is left over, if another tensor of the file has the same numbers.
fn twin(outline: &Outline, left: usize) -> String {
    let tensors = &outline.file.tensors;
    let tensor = &tensors[left];
    let same = |(i, other): &(usize, &Named)| {
        *i != left
            && tensor.shape.len() > 1
            && other.shape == tensor.shape
            && other.dtype == tensor.dtype
            && other.bytes == tensor.bytes
    };
    tensors.iter().enumerate().find(same).map_or(String::new(), |(_, other)| {
        let name = other.name.escape_debug();
        format!(" (its numbers are those of '{name}': if they are one tied weight, ONNX has lost that, and a .pt2 file of torch.export keeps it)")
    })
}
