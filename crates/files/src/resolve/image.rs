//! Networks for images: the names of their tensors in the usual PyTorch sources, and what the shapes say about options
//! that the string leaves open.

use std::collections::{HashMap, HashSet};

use collado_models::{ArchSpec, Family, ImageSpec, Network};

use crate::{Result, names::recorded, outline::Outline, resolve::Match};

/// Finds the network of `spec` in a file. None of its tensors may be missing or left over; running statistics may be
/// missing all together.
pub(crate) fn resolve_image(outline: &Outline, spec: &ArchSpec, image: &ImageSpec) -> Result<Match> {
    let mut notes = Vec::new();
    let given = spec.with_ends(1, 1).network();
    let names = match recorded(outline, given.layout(), given.buffers())? {
        Some(names) => by_record(outline, &given, &names),
        None => outline.keys.iter().map(|key| own_name(key, image.family())).collect(),
    };
    let names = renumbered(names, image.family());
    let places: HashMap<&str, usize> = names.iter().enumerate().map(|(i, name)| (name.as_str(), i)).collect();
    let spec = match outline.file.metadata.contains_key(super::ARCH) {
        true => spec.clone(),
        false => {
            let shape = |name: &str| places.get(name).map(|&i| outline.shape(i));
            let facts = Facts { family: image.family(), image, shape: &shape, names: &names };
            facts.complete(outline, spec, &mut notes)?
        }
    };
    let network = spec.with_ends(1, 1).network();
    let mut used = HashSet::new();
    let mut find = |entry: &collado_models::Entry| {
        let Some(&i) = places.get(entry.name.as_str()) else { return Ok(None) };
        if outline.shape(i) != entry.shape {
            return Err(outline.fault(i, outline.shown_for(i, &entry.shape)));
        }
        used.insert(i);
        Ok(Some(i))
    };
    let mut order = Vec::new();
    for entry in network.layout().entries() {
        let missing = || outline.missing(&entry.name, outline.shown(&entry.shape));
        order.push(find(entry)?.ok_or_else(missing)?);
    }
    let mut buffers = Vec::new();
    for entry in network.buffers().entries() {
        buffers.push((entry, find(entry)?));
    }
    if let Some(i) = (0..names.len()).find(|i| !used.contains(i)) {
        return Err(outline.fault(i, format!("no such tensor in {}", network.arch())));
    }
    // Old files have no numbers of batches.
    let is_count = |name: &str| name.ends_with("num_batches_tracked");
    let none = buffers.iter().all(|(_, place)| place.is_none());
    if let Some((entry, _)) = buffers.iter().find(|(e, place)| place.is_none() && !is_count(&e.name) && !none)
    {
        return Err(outline.missing(&entry.name, outline.shown(&entry.shape)));
    }
    let buffers = buffers.into_iter().map(|(_, place)| place).collect();
    Ok(Match { arch: network.arch().clone(), order, buffers, notes })
}

/// The own names of a file's tensors, which the file's metadata give.
fn by_record(outline: &Outline, network: &Network, names: &[String]) -> Vec<String> {
    let own = network.layout().entries().iter().chain(network.buffers().entries());
    let own: HashMap<&str, &str> =
        names.iter().map(String::as_str).zip(own.map(|entry| entry.name.as_str())).collect();
    let tensors = outline.file.tensors.iter().map(|tensor| tensor.name.as_str());
    tensors.map(|name| own.get(name).copied().unwrap_or(name).to_owned()).collect()
}

/// The own name of a tensor: torchvision calls shortcuts `downsample`, the CIFAR repositories call the last layer
/// `linear`, WideResNet's author has blocks of layers, open_lth has `blocks` through all stages and calls the first
/// layers `conv` and `bn`.
fn own_name(key: &str, family: Family) -> String {
    if matches!(family, Family::LeNet | Family::ConvFc | Family::Vgg(_)) {
        return key.to_owned();
    }
    let mut words: Vec<&str> = key.split('.').collect();
    for word in &mut words {
        *word = match *word {
            "downsample" => "shortcut",
            "linear" => "fc",
            word => word,
        };
    }
    if let [first @ ("conv" | "bn"), rest @ ..] = &words[..] {
        return format!("{first}1.{}", rest.join("."));
    }
    let stage = |word: &str| word.strip_prefix("block").and_then(|n| n.parse::<usize>().ok());
    if let [block, "layer", rest @ ..] = &words[..]
        && let Some(stage) = stage(block)
    {
        let rest = rest.join(".").replace("convShortcut", "shortcut.0");
        return format!("layer{stage}.{rest}");
    }
    words.join(".")
}

/// Own names with a stage and a block each: open_lth numbers blocks through all stages, others leave the number out in
/// stages of one block.
fn renumbered(names: Vec<String>, family: Family) -> Vec<String> {
    let per_stage = match family {
        Family::ResNet(depth) => (depth - 2) / 6,
        Family::Wrn { depth, .. } => (depth - 4) / 6,
        _ => return names,
    };
    let rename = |name: String| {
        if let Some((block, rest)) = name.strip_prefix("blocks.").and_then(|rest| rest.split_once('.'))
            && let Ok(block) = block.parse::<usize>()
        {
            return format!("layer{}.{}.{rest}", block / per_stage + 1, block % per_stage);
        }
        match name.split_once('.') {
            Some((stage, rest))
                if per_stage == 1
                    && stage.starts_with("layer")
                    && !rest.starts_with(|c: char| c.is_ascii_digit()) =>
            {
                format!("{stage}.0.{rest}")
            }
            _ => name,
        }
    };
    names.into_iter().map(rename).collect()
}

/// What names and shapes say about a network.
struct Facts<'a> {
    family: Family,
    image: &'a ImageSpec,
    shape: &'a dyn Fn(&str) -> Option<Vec<usize>>,
    names: &'a [String],
}

impl Facts<'_> {
    /// The string with all options stated.
    fn complete(&self, outline: &Outline, spec: &ArchSpec, notes: &mut Vec<String>) -> Result<ArchSpec> {
        let (first, base, last) = match self.family {
            Family::LeNet => ("conv1", 6, "fc3"),
            Family::ConvFc => ("conv_part.0", 32, "fc_part.4"),
            Family::Vgg(_) => ("features.0", 64, "classifier"),
            Family::ResNet18 | Family::ResNet34 => ("conv1", 64, "fc"),
            Family::ResNet(_) | Family::Wrn { .. } => ("conv1", 16, "fc"),
        };
        let needed = |name: &str| {
            let name = format!("{name}.weight");
            (self.shape)(&name).ok_or_else(|| outline.missing(&name, "a weight"))
        };
        let (kernel, readout) = (needed(first)?, needed(last)?);
        let &[channels, inputs, rows, _] = kernel.as_slice() else {
            return Err(outline.missing(&format!("{first}.weight"), "[out, in, rows, columns]"));
        };
        let bias = (self.shape)(&format!("{first}.bias")).is_some();
        let mut options = vec![
            format!("width={channels}/{base}"),
            format!("bias={bias}"),
            format!("classes={}", readout[0]),
        ];
        if let Some(norm) = self.norm(outline)? {
            options.push(format!("norm={norm}"));
        }
        if !matches!(self.family, Family::LeNet | Family::ConvFc | Family::Vgg(_)) {
            let sizes = self.names.iter().filter(|name| name.ends_with("shortcut.0.weight"));
            let size = sizes.filter_map(|name| (self.shape)(name)?.get(2).copied()).next();
            let shortcut = match size {
                Some(3) => "conv3",
                Some(_) => "conv1",
                None => "pad",
            };
            options.push(format!("shortcut={shortcut}"));
        }
        if matches!(self.family, Family::ResNet18 | Family::ResNet34) {
            options.push(format!("stem={}", if rows > 3 { "large" } else { "small" }));
        }
        let stated = |options: &[String]| -> Result<ArchSpec> {
            let facts = format!("{}:{}", self.family, options.join(","));
            let facts = facts.parse::<ArchSpec>().map_err(|e| outline.reject(e.to_string()))?;
            Ok(spec.filled_from(&facts))
        };
        let open = stated(&options)?;
        let side = match self.image.input() {
            Some(_) => return Ok(open),
            None => self.side(&open, inputs, rows),
        };
        let size = format!("{inputs}x{side}x{side}");
        notes.push(
            outline.note(format!("images taken as {size}; `arch` {}:input=… says otherwise", self.family)),
        );
        options.push(format!("input={size}"));
        stated(&options)
    }

    /// The normalisation that the tensors show; `None` where the string has to say it.
    fn norm(&self, outline: &Outline) -> Result<Option<&'static str>> {
        let scaled = self.names.iter().any(|name| {
            name.ends_with(".weight") && (self.shape)(name).is_some_and(|shape| shape.len() == 1)
        });
        let running = self.names.iter().any(|name| name.ends_with("running_mean"));
        let said = self.image.to_string().contains("norm=");
        match (scaled, running) {
            (true, true) => Ok(Some("bn")),
            (false, _) => Ok(Some("none")),
            (true, false) if said => Ok(None),
            (true, false) => Err(outline.reject(format!(
                "has normalisations without running statistics: expected `arch` {}:norm=ln or norm=gn:GROUPS",
                self.family
            ))),
        }
    }

    /// The usual side of images that fits the first dense layer.
    fn side(&self, spec: &ArchSpec, channels: usize, rows: usize) -> usize {
        let large = rows > 3 && matches!(self.family, Family::ResNet18 | Family::ResNet34);
        let usual = match channels {
            _ if large => 224,
            1 => 28,
            _ => 32,
        };
        let fits = |side: usize| {
            let arch = spec.resolve_images([channels, side, side], spec.with_ends(1, 1).outputs()).ok()?;
            let network = arch.network();
            let dense = network.layout().entries().iter().find(|e| e.shape.len() == 2)?.clone();
            Some((self.shape)(&dense.name)? == dense.shape)
        };
        let mut sides = [usual, 28, 32].into_iter().chain(12..=256);
        sides.find(|&side| fits(side) == Some(true)).unwrap_or(usual)
    }
}
