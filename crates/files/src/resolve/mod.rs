//! Finds the network that a file describes, and assigns the file's tensors to the entries of its layout.

mod chains;
mod image;
mod infer;
mod layers;
mod listed;
mod natural;
mod order;

use std::collections::HashSet;

use crate::{Error, Result};
use crate::{
    ReadOptions,
    described::{self, NETWORK},
    fault::file_error,
    names::{Names, recorded},
    outline::Outline,
    resolve::image::resolve_image,
    resolve::infer::infer,
    resolve::layers::{Layer, layers},
    resolve::listed::resolve_listed,
};
use collado_models::{Arch, ArchSpec, Layout};

/// Metadata key of the architecture.
pub(crate) const ARCH: &str = "collado.arch";

/// A network, with the place in the file of the tensor for each entry of its layout.
pub(crate) struct Match {
    pub(crate) arch: Arch,
    pub(crate) order: Vec<usize>,
    /// The same for each buffer, if the file has it.
    pub(crate) buffers: Vec<Option<usize>>,
    /// Sentences that tell what was guessed.
    pub(crate) notes: Vec<String>,
}

impl Match {
    /// The names under which the network is written again. Where the file lacks buffers, its names are not used.
    pub(crate) fn names(&self, outline: &Outline) -> Names {
        let buffers: Option<Vec<usize>> = self.buffers.iter().copied().collect();
        match buffers {
            Some(buffers) => Names::new(outline, &[&self.order[..], &buffers].concat()),
            None => Names::default(),
        }
    }
}

/// Finds the network of a file: by its metadata, or else by `options` and the names and shapes of its tensors.
pub(crate) fn resolve(outline: &Outline, options: &ReadOptions) -> Result<Match> {
    if let Some(own) = listed(outline)? {
        let given = options.arch.as_ref().map(|given| given.with_ends(own.inputs(), own.outputs()));
        return match given.filter(|given| !given.does_the_same(&own)) {
            None => resolve_listed(outline, &own),
            Some(given) => Err(outline.reject(format!("is {own} by its own graph, not {given}"))),
        };
    }
    let own = outline.file.metadata.get(ARCH).map(|text| {
        text.parse::<ArchSpec>()
            .map_err(|e| file_error(&outline.file.path, format!("metadata '{ARCH}': {e}")))
    });
    let given = options.arch.as_ref();
    match (own.transpose()?, given) {
        (Some(own), given) => {
            let Match { mut arch, order, buffers, .. } = by_name(outline, &own)?;
            if let Some(given) = given {
                arch = reconcile(outline, arch, given)?;
            }
            let notes = options.layers.as_ref().map(|names| {
                outline.note(format!(
                    "states the order of its layers itself: `layers` {} is not used",
                    names.join(",").escape_debug()
                ))
            });
            Ok(Match { arch, order, buffers, notes: notes.into_iter().collect() })
        }
        (None, given) => foreign(outline, given, options.layers.as_deref()),
    }
}

/// The network that the file itself lists, as a graph file or in its metadata.
fn listed(outline: &Outline) -> Result<Option<Arch>> {
    if let Some(arch) = &outline.file.network {
        return Ok(Some(arch.clone()));
    }
    let text = outline.file.metadata.get(NETWORK);
    let read = |text: &String| {
        described::from_text(text).map_err(|e| outline.reject(format!("metadata '{NETWORK}': {e}")))
    };
    text.map(read).transpose()
}

/// The network of the file's own metadata, with what `arch` adds about its head.
fn reconcile(outline: &Outline, own: Arch, given: &ArchSpec) -> Result<Arch> {
    if given.is_listed() {
        return Err(outline.reject(format!("is {own} by its own metadata, `net` says {given}")));
    }
    let given_whole = given.to_string().parse::<ArchSpec>()?.filled_from(own.spec());
    let arch = given_whole.with_ends(own.inputs(), own.outputs());
    let same = arch.activation() == own.activation() && arch.layout() == own.layout();
    match (own.spec().head(), given.head()) {
        (_, None) if same => Ok(own),
        (None, Some(_)) if same => Ok(arch),
        (a, b) if same && a == b => Ok(own),
        _ => Err(outline.reject(format!("is {own} by its own metadata, `arch` says {given}"))),
    }
}

/// The network of a file without metadata: by the names of `spec` if the file has them all, else by the order of
/// layers.
fn foreign(outline: &Outline, spec: Option<&ArchSpec>, names: Option<&[String]>) -> Result<Match> {
    if let Some(spec) = spec.filter(|spec| spec.is_listed()) {
        return resolve_listed(outline, &spec.with_ends(1, 1));
    }
    if let Some(spec) = spec.filter(|spec| spec.image().is_some()) {
        return by_name(outline, spec);
    }
    if let (None, Some(i)) = (spec, (0..outline.keys.len()).find(|&i| outline.shape(i).len() == 4)) {
        let name = outline.keys[i].escape_debug();
        return Err(outline.reject(format!(
            "'{name}' is a convolution: `arch` resnet20, vgg11:norm=bn, lenet or another says which network it is, or \
             `net` names its graph file"
        )));
    }
    if let Some(spec) = spec.filter(|_| names.is_none()) {
        let layout = spec.with_ends(1, 1).layout();
        let own: HashSet<&str> = layout.entries().iter().map(|e| e.name.as_str()).collect();
        // Where some are missing, the message says which.
        if outline.keys.iter().all(|key| own.contains(key)) {
            return by_name(outline, spec);
        }
    }
    let layers = layers(outline)?;
    let draft = spec.map(|spec| spec.with_ends(1, 1));
    let fits = |k: usize, layer: &Layer| match (&draft, spec) {
        (Some(draft), Some(spec)) => fits(draft, spec, k, layer) && layers.len() == draft.depth(),
        _ => true,
    };
    let mut notes = Vec::new();
    let order = match names {
        Some(names) => order::given(outline, &layers, names, &fits)?,
        None => match order::only(outline, &layers, &fits)? {
            Some((order, note)) => {
                notes.extend(note);
                order
            }
            // The first layer that does not fit is what is wrong.
            None => order::by_shapes(&layers).unwrap_or_else(|| (0..layers.len()).collect()),
        },
    };
    if outline.keys.iter().enumerate().any(|(i, _)| outline.is_kernel(i)) {
        notes.push(outline.note(
            "weights called 'kernel' are taken as [in, out], as flax and Keras have them, and transposed",
        ));
    }
    let tensors: Vec<usize> = order.iter().flat_map(|&i| layers[i].tensors()).collect();
    let arch = match spec {
        Some(spec) => fit(outline, spec, &tensors)?,
        None => infer(outline, &layers, &order, &mut notes)?,
    };
    Ok(Match { arch, order: tensors, buffers: Vec::new(), notes })
}

/// Whether `layer` can be layer `k` of the network of `spec`.
fn fits(draft: &Arch, spec: &ArchSpec, k: usize, layer: &Layer) -> bool {
    let (widths, last) = (draft.widths(), draft.depth() - 1);
    let open = has_open_ends(spec, draft);
    k <= last
        && (layer.inputs == widths[k] || open && k == 0)
        && (layer.outputs == widths[k + 1] || open && k == last)
        && layer.bias.is_some() == draft.has_bias(k)
}

/// Whether the string leaves the number of inputs and outputs open.
fn has_open_ends(spec: &ArchSpec, draft: &Arch) -> bool {
    spec.with_ends(2, 2) != *draft
}

/// Finds every tensor by the name that the network gives it, or that the file records for it. None may be missing or
/// left over.
fn by_name(outline: &Outline, spec: &ArchSpec) -> Result<Match> {
    if let Some(image) = spec.image() {
        return resolve_image(outline, spec, image);
    }
    let recorded = recorded(outline, &spec.with_ends(1, 1).layout(), &Layout::default())?;
    let find = |k: usize, name: &str| match &recorded {
        Some(names) => outline.file.tensors.iter().position(|tensor| tensor.name == names[k]),
        None => outline.find(name),
    };
    let arch = with_ends(outline, spec, find)?;
    let layout = arch.layout();
    let names: Vec<&str> = match &recorded {
        Some(names) => names.iter().map(String::as_str).collect(),
        None => layout.entries().iter().map(|entry| entry.name.as_str()).collect(),
    };
    let places = outline.places_of(&names, recorded.is_some());
    let mut order = Vec::with_capacity(names.len());
    for ((entry, name), place) in layout.entries().iter().zip(&names).zip(places) {
        let i = place.ok_or_else(|| outline.missing(name, outline.shown(&entry.shape)))?;
        if outline.shape(i) != entry.shape {
            return Err(outline.fault(i, outline.shown_for(i, &entry.shape)));
        }
        order.push(i);
    }
    let used: HashSet<usize> = order.iter().copied().collect();
    match (0..outline.keys.len()).find(|i| !used.contains(i)) {
        Some(i) => Err(outline.fault(i, format!("no such tensor in {arch}"))),
        None => Ok(Match { arch, order, buffers: Vec::new(), notes: Vec::new() }),
    }
}

/// The network of `spec`, whose tensors in the file are given by `order`.
fn fit(outline: &Outline, spec: &ArchSpec, order: &[usize]) -> Result<Arch> {
    let arch = with_ends(outline, spec, |entry, _| order.get(entry).copied())?;
    let layout = arch.layout();
    for (entry, &i) in layout.entries().iter().zip(order) {
        if outline.shape(i) != entry.shape {
            let expected = format!("{} as {} of {arch}", outline.shown_for(i, &entry.shape), entry.name);
            return Err(outline.fault(i, expected));
        }
    }
    let needed = layout.entries().len();
    match order.get(needed) {
        Some(&i) => Err(outline.fault(i, format!("no tensor after the {needed} of {arch}"))),
        None if order.len() < needed => {
            Err(outline.reject(format!("holds {} tensors, {arch} has {needed}", order.len())))
        }
        None => Ok(arch),
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
    if !has_open_ends(&spec, &draft) {
        return Ok(draft);
    }
    let layout = draft.layout();
    let hidden = draft.widths()[1].to_string();
    let end = |name: String, axis: usize, known: usize, expected: [&str; 2]| {
        let entry = layout.entries().iter().position(|e| e.name == name).expect("a layer has a weight");
        let missing = || outline.missing(&name, outline.shown(&expected));
        let i = tensor(entry, &name).ok_or_else(missing)?;
        match outline.shape(i).as_slice() {
            shape @ &[_, _] if shape[1 - axis] == known => Ok::<_, Error>(shape[axis]),
            _ => Err(outline.fault(i, outline.shown_for(i, &expected))),
        }
    };
    let last = draft.depth() - 1;
    let inputs = end(format!("{}.weight", draft.layer_name(0)), 1, draft.widths()[1], [&hidden, "inputs"])?;
    let outputs =
        end(format!("{}.weight", draft.layer_name(last)), 0, draft.widths()[last], ["outputs", &hidden])?;
    Ok(spec.with_ends(inputs, outputs))
}
