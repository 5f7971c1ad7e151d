use super::{fault::file_error, natural::natural, outline::Outline, sequential};
use crate::{Arch, ArchSpec, Result};

/// Metadata key of the `--arch` string.
pub(super) const ARCH: &str = "collado.arch";

/// A network, and for each entry of its layout the tensor of the file that it is.
pub(super) type Match = (Arch, Vec<usize>);

/// Finds the network of a file: by its metadata, by `given`, or by the names of an `nn.Sequential`.
pub(super) fn resolve(outline: &Outline, given: Option<&ArchSpec>) -> Result<Match> {
    let own = outline.file.metadata.get(ARCH).map(|text| {
        text.parse::<ArchSpec>()
            .map_err(|e| file_error(&outline.file.path, format!("metadata '{ARCH}': {e}")))
    });
    match (own.transpose()?, given) {
        (Some(own), None) => by_name(outline, &own),
        (Some(own), Some(given)) => {
            let (arch, order) = by_name(outline, &own)?;
            Ok((reconcile(outline, arch, given)?, order))
        }
        (None, Some(given)) => foreign(outline, given),
        (None, None) => by_name(outline, sequential::infer(outline)?.spec()),
    }
}

/// The network of the file's own metadata, with what `--arch` adds about its head.
fn reconcile(outline: &Outline, own: Arch, given: &ArchSpec) -> Result<Arch> {
    let arch = given.to_string().parse::<ArchSpec>()?.with_ends(own.inputs(), own.outputs());
    let same = arch.activation() == own.activation() && arch.layout() == own.layout();
    match (own.spec().head(), given.head()) {
        (_, None) if same => Ok(own),
        (None, Some(_)) if same => Ok(arch),
        (a, b) if same && a == b => Ok(own),
        _ => Err(outline.reject(format!("is {own} by its own metadata, --arch says {given}"))),
    }
}

/// A file that says nothing itself: by the names of `spec` if it has them all, else by the order of its layers.
fn foreign(outline: &Outline, spec: &ArchSpec) -> Result<Match> {
    let layout = spec.with_ends(1, 1).layout();
    if layout.entries().iter().all(|e| outline.find(&e.name).is_some()) {
        return by_name(outline, spec);
    }
    match by_order(outline, spec) {
        // The names are those of the network, so say which of them is missing.
        Err(_) if outline.keys.iter().all(|key| layout.get(key).is_some()) => by_name(outline, spec),
        result => result,
    }
}

/// Every tensor by the name that the network gives it; none may be missing or left over.
fn by_name(outline: &Outline, spec: &ArchSpec) -> Result<Match> {
    let arch = with_ends(outline, spec, |_, name| outline.find(name))?;
    let layout = arch.layout();
    let mut order = Vec::with_capacity(layout.entries().len());
    for entry in layout.entries() {
        let expected = outline.shown(&entry.shape);
        let i = outline.find(&entry.name).ok_or_else(|| outline.missing(&entry.name, &expected))?;
        if outline.shape(i) != entry.shape {
            return Err(outline.fault(i, expected));
        }
        order.push(i);
    }
    match outline.keys.iter().position(|key| layout.get(key).is_none()) {
        Some(i) => Err(outline.fault(i, format!("no such tensor in {arch}"))),
        None => Ok((arch, order)),
    }
}

/// Whatever the names are, tensors whose order is that of the layers. PyTorch keeps the order in which the network
/// was built; safetensors does not, there the names must sort.
fn by_order(outline: &Outline, spec: &ArchSpec) -> Result<Match> {
    let stored: Vec<usize> = (0..outline.keys.len()).collect();
    let mut sorted = stored.clone();
    sorted.sort_by_key(|&i| {
        let key = outline.keys[i];
        let (layer, leaf) = key.rsplit_once('.').unwrap_or(("", key));
        // The weight, with more axes, comes before the bias.
        (natural(layer), usize::MAX - outline.shape(i).len(), natural(leaf))
    });
    if outline.file.ordered {
        return fit(outline, spec, &stored).or_else(|first| fit(outline, spec, &sorted).map_err(|_| first));
    }
    fit(outline, spec, &sorted)
}

fn fit(outline: &Outline, spec: &ArchSpec, order: &[usize]) -> Result<Match> {
    let arch = with_ends(outline, spec, |entry, _| order.get(entry).copied())?;
    let layout = arch.layout();
    for (entry, &i) in layout.entries().iter().zip(order) {
        if outline.shape(i) != entry.shape {
            let expected = format!("{} as {} of {arch}", outline.shown(&entry.shape), entry.name);
            return Err(outline.fault(i, expected));
        }
    }
    let needed = layout.entries().len();
    match order.get(needed) {
        Some(&i) => Err(outline.fault(i, format!("no tensor after the {needed} of {arch}"))),
        None if order.len() < needed => {
            Err(outline.reject(format!("holds {} tensors, {arch} has {needed}", order.len())))
        }
        None => Ok((arch, order.to_vec())),
    }
}

/// The network of `spec`, with what its string leaves open taken from the first and last weight. `tensor` says
/// which tensor of the file is an entry of the layout, by place and name.
fn with_ends(
    outline: &Outline,
    spec: &ArchSpec,
    tensor: impl Fn(usize, &str) -> Option<usize>,
) -> Result<Arch> {
    // The string leaves out what goes without saying, so that networks from different files compare equal.
    let spec: ArchSpec = spec.to_string().parse()?;
    let draft = spec.with_ends(1, 1);
    if spec.with_ends(2, 2) == draft {
        return Ok(draft);
    }
    let layout = draft.layout();
    let hidden = draft.widths()[1].to_string();
    let end = |name: String, axis: usize, known: usize, expected: [&str; 2]| {
        let expected = outline.shown(&expected);
        let entry = layout.entries().iter().position(|e| e.name == name).unwrap_or(0);
        let i = tensor(entry, &name).ok_or_else(|| outline.missing(&name, &expected))?;
        match outline.shape(i) {
            shape @ &[_, _] if shape[1 - axis] == known => Ok(shape[axis]),
            _ => Err(outline.fault(i, expected)),
        }
    };
    let last = draft.depth() - 1;
    let inputs = end(format!("{}.weight", draft.layer_name(0)), 1, draft.widths()[1], [&hidden, "inputs"])?;
    let outputs =
        end(format!("{}.weight", draft.layer_name(last)), 0, draft.widths()[last], ["outputs", &hidden])?;
    Ok(spec.with_ends(inputs, outputs))
}
