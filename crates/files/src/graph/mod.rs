//! Graph files: networks that another program wrote as a list of operations. `torch.export.save` writes archives (`.pt2`)
//! with the graph, the names of parameters and buffers, and their values; ONNX models have the same under other names.

mod archive;
mod json;
mod lower;
mod onnx;
mod schema;
mod trace;
mod weights;

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    fs::File,
    io::{BufReader, Read},
    path::Path,
    rc::Rc,
};

use candle_core::{DType, Device, Tensor};
use collado_models::{Arch, FixedTensors};

pub(crate) use self::{
    archive::Exported,
    lower::{MAX_FIXED, MAX_NUMBERS},
    onnx::{is_onnx, tensors as onnx_tensors},
};
use self::{
    lower::{Lower, Reason},
    schema::{Argument, GraphModule, Program, Version, Versioned},
};
use crate::{
    Error, ReadOptions, Result,
    archive::Archive,
    atomic::file_hash,
    described,
    fault::{file_error, tensor_error},
    format,
    tensors::{Input, Named, Source, TensorFile},
};

/// A network from a graph file.
#[derive(Debug, Clone)]
pub struct GraphFile {
    /// The network; its parameters and buffers have the names of the state dict.
    pub arch: Arch,
    /// SHA-256 of the file.
    pub hash: String,
    /// Sentences that tell what was noticed when the file was read.
    pub notes: Vec<String>,
}

impl GraphFile {
    /// Whether a file looks like a graph file: an archive with an exported program, or an ONNX model.
    pub fn is_one(path: &Path) -> bool {
        let begins = || {
            let mut start = Vec::new();
            File::open(path).ok()?.take(3).read_to_end(&mut start).ok()?;
            Some(is_onnx(&start))
        };
        let archive = || {
            let (file, len) =
                (File::open(path).ok()?, std::fs::metadata(path).ok().filter(|m| m.is_file())?.len());
            Archive::open(Input { path, reader: BufReader::new(file), len }).ok()
        };
        begins() == Some(true) || archive().is_some_and(|archive| Exported::of(&archive).is_some())
    }

    /// Reads the network of a graph file. The content decides whether it is one, not the name.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged or no graph file, or has an operation that is not covered; the message
    /// names it.
    pub fn read(path: &Path) -> Result<Self> {
        let TensorFile { network, notes, .. } = format::read(path, &ReadOptions::default())?;
        match network {
            Some(arch) => {
                let notes = notes.iter().map(|note| format!("{}: {note}", path.display())).collect();
                Ok(Self { arch, hash: file_hash(path)?, notes })
            }
            None => Err(file_error(path, format!("is no graph file; PyTorch writes one by {EXPORT}"))),
        }
    }
}

/// The line of Python that writes a graph whose batch is open.
const EXPORT: &str = "torch.export.save(torch.export.export(net.eval(), (torch.zeros(2, 3, 32, 32),), \
                      dynamic_shapes=({0: torch.export.Dim.AUTO},)), \"net.pt2\"), with the shape of your input";

/// The largest number of calls in a graph.
pub(crate) const MAX_CALLS: usize = 20_000;

/// The newest versions of the schema that are known, by their major number.
const KNOWN: [Version; 2] = [Version { major: 5, minor: 3 }, Version { major: 8, minor: 20 }];

/// Reads the network and the tensors of an exported program.
pub(crate) fn tensors(mut archive: Archive<'_, impl Source>, exported: Exported) -> Result<TensorFile> {
    let path = archive.path;
    let text = exported.program(&mut archive)?;
    let text = json::quoted(&text);
    let mut notes = Vec::new();
    let damaged = |e: serde_json::Error| file_error(path, format!("its graph is damaged: {e}"));
    check_version(path, serde_json::from_slice(&text).map_err(damaged)?, &mut notes)?;
    let Program { graph_module } = serde_json::from_slice(&text).map_err(damaged)?;
    let found = graph_module.graph.nodes.count;
    if found > MAX_CALLS {
        return Err(file_error(path, format!("its graph has {found} calls, expected at most {MAX_CALLS}")));
    }
    let needs_constants = graph_module.signature.input_specs.iter().any(|spec| {
        spec.tensor_constant.is_some() || spec.buffer.as_ref().is_some_and(|buffer| !buffer.persistent)
    });
    let mut tensors = exported.weights(&mut archive)?;
    let places = graph_module.signature.places();
    tensors.sort_by_key(|tensor| places.get(tensor.name.as_str()).copied().unwrap_or(usize::MAX));
    let constants = if needs_constants { exported.constants(&mut archive)? } else { Vec::new() };
    let arch = network(path, &graph_module, &tensors, &constants)?;
    Ok(TensorFile { path: path.into(), tensors, metadata: Default::default(), notes, network: Some(arch) })
}

fn check_version(path: &Path, found: Versioned, notes: &mut Vec<String>) -> Result<()> {
    let Versioned { schema_version: version, torch_version } = found;
    let by = torch_version.map_or(String::new(), |v| format!(", written by PyTorch {}", v.escape_debug()));
    let shown = format!("version {}.{} of the schema of exported programs{by}", version.major, version.minor);
    let [oldest, newest] = KNOWN;
    if !(oldest.major..=newest.major).contains(&version.major) {
        let expected = format!("expected {}.x to {}.x", oldest.major, newest.major);
        return Err(file_error(path, format!("has {shown}, {expected}")));
    }
    let known = KNOWN.iter().find(|known| known.major == version.major);
    if known.is_none_or(|known| version.minor > known.minor) {
        notes.push(format!("has {shown}, which is newer or rarer than those that were tried"));
    }
    Ok(())
}

/// Lowers the graph to a network.
fn network(path: &Path, module: &GraphModule, tensors: &[Named], constants: &[Named]) -> Result<Arch> {
    let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let safe = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let name = format!("net:{}", stem.chars().map(safe).collect::<String>());
    let whole = |reason| fault(path, reason, None);
    let (lower, buffers) = lowered(path, module, tensors, constants)?;
    let output = user_output(module).map_err(whole)?;
    let network = lower.finish(output, &name).map_err(whole)?;
    let network = described::pruned(network).map_err(|reason| whole(reason.into()))?;
    let own: HashSet<&str> = network.buffers().entries().iter().map(|entry| entry.name.as_str()).collect();
    let beside = buffers.into_iter().filter(|&i| !own.contains(tensors[i].name.as_str())).map(|i| {
        let Named { name, shape, dtype, .. } = &tensors[i];
        Ok((name.clone(), shape.clone(), numbers(&tensors[i])?, dtype.is_int()))
    });
    Ok(network.arch().clone().with_beside(FixedTensors::new(beside.collect::<Result<Vec<_>>>()?)))
}

/// The graph after all of its calls, and the places of the buffers among the tensors.
fn lowered<'a>(
    path: &Path,
    module: &'a GraphModule,
    tensors: &[Named],
    constants: &[Named],
) -> Result<(Lower<'a>, Vec<usize>)> {
    let whole = |reason| fault(path, reason, None);
    let input = user_input(module).map_err(whole)?;
    let mut lower = Lower::new(input, &module.graph.tensor_values).map_err(whole)?;
    let buffers = inputs(path, &mut lower, module, tensors, constants)?;
    for node in &module.graph.nodes.list {
        lower.call(node).map_err(|(reason, place)| fault(path, reason, Some(place)))?;
    }
    Ok((lower, buffers))
}

/// The error that a graph cannot be lowered, at the given place in it.
fn fault(path: &Path, reason: Reason, place: Option<String>) -> Error {
    let words = match reason {
        Reason::Words(words) => words,
        Reason::Unknown => "is not covered".into(),
        Reason::Baked => format!("the size of the batch is written into the graph; export with {EXPORT}"),
    };
    let text = place.map_or(words.clone(), |place| format!("{place}: {words}"));
    // Names come from the file: one with a line break must not split the message.
    let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    file_error(path, text.chars().map(shown).collect::<String>())
}

/// Gives the inputs of the graph their values. The result are the places of the buffers among the tensors of the state
/// dict.
fn inputs<'a>(
    path: &Path,
    lower: &mut Lower<'a>,
    module: &'a GraphModule,
    tensors: &[Named],
    constants: &[Named],
) -> Result<Vec<usize>> {
    let index = |list: &[Named]| -> HashMap<String, usize> {
        list.iter().enumerate().map(|(i, tensor)| (tensor.name.clone(), i)).collect()
    };
    let places = [index(tensors), index(constants)];
    let find = |persistent: bool, name: &str| {
        let (places, list) = if persistent { (&places[0], tensors) } else { (&places[1], constants) };
        let place = places.get(name).map(|&i| &list[i]);
        place.ok_or_else(|| tensor_error(path, name, "a tensor in the archive", "none"))
    };
    let mut buffers = Vec::new();
    let mut first: HashMap<(*const Vec<u8>, &[usize]), &str> = HashMap::new();
    for spec in &module.signature.input_specs {
        let done = if let Some(spec) = &spec.parameter {
            let (name, tensor) = (spec.parameter_name.as_str(), find(true, &spec.parameter_name)?);
            if tensor.shape.contains(&0) {
                return Err(tensor_error(path, name, "at least one number", format!("{:?}", tensor.shape)));
            }
            match first.entry((Rc::as_ptr(&tensor.bytes), &tensor.shape)) {
                Entry::Occupied(first) => lower.tied(&spec.arg.name, name, first.get()),
                Entry::Vacant(place) => {
                    place.insert(name);
                    lower.parameter(&spec.arg.name, name, &tensor.shape)
                }
            }
        } else if let Some(spec) = &spec.buffer {
            let tensor = find(spec.persistent, &spec.buffer_name)?;
            buffers.extend(places[0].get(&spec.buffer_name).filter(|_| spec.persistent));
            lower.fixed(&spec.arg.name, &spec.buffer_name, numbers(tensor)?, &tensor.shape)
        } else if let Some(spec) = &spec.tensor_constant {
            let tensor = find(false, &spec.tensor_constant_name)?;
            lower.fixed(&spec.arg.name, &spec.tensor_constant_name, numbers(tensor)?, &tensor.shape)
        } else {
            Ok(())
        };
        done.map_err(|reason| fault(path, reason, None))?;
    }
    // Some versions name only one of several tied tensors among the inputs.
    for tensor in tensors {
        if let Some(name) =
            first.get(&(Rc::as_ptr(&tensor.bytes), &tensor.shape)).filter(|name| **name != tensor.name)
        {
            lower.tie(&tensor.name, name);
        }
    }
    Ok(buffers)
}

/// The numbers of a tensor, whatever their type.
pub(crate) fn numbers(tensor: &Named) -> Result<Vec<f64>> {
    let whole = |width: usize| {
        tensor.bytes.chunks_exact(width).map(move |bytes| {
            let sign = if bytes[width - 1] & 0x80 != 0 { u64::MAX } else { 0 };
            bytes.iter().rev().fold(sign, |n, &byte| n << 8 | u64::from(byte)) as i64 as f64
        })
    };
    Ok(match tensor.dtype {
        DType::U8 => tensor.bytes.iter().map(|&byte| byte.into()).collect(),
        dtype @ (DType::I16 | DType::I32 | DType::I64) => whole(dtype.size_in_bytes()).collect(),
        dtype => {
            let count = tensor.shape.iter().product::<usize>();
            let values = Tensor::from_raw_buffer(&tensor.bytes, dtype, &[count], &Device::Cpu)?;
            values.to_dtype(DType::F64)?.to_vec1()?
        }
    })
}

/// The tensor that the user gives.
fn user_input(module: &GraphModule) -> std::result::Result<&str, Reason> {
    let given: Vec<&Argument> =
        module.signature.input_specs.iter().filter_map(|spec| Some(&spec.user_input.as_ref()?.arg)).collect();
    match given.as_slice() {
        [Argument::Tensor(name)] => Ok(name),
        list => Err(format!("the network takes {} inputs, expected one tensor", list.len()).into()),
    }
}

/// The tensor that the user gets, beside buffers that training changes.
fn user_output(module: &GraphModule) -> std::result::Result<&str, Reason> {
    let put_out: Vec<&Argument> = module
        .signature
        .output_specs
        .iter()
        .filter_map(|spec| Some(&spec.user_output.as_ref()?.arg))
        .collect();
    match put_out.as_slice() {
        [Argument::Tensor(name)] => Ok(name),
        list => Err(format!("the network puts out {} results, expected one tensor", list.len()).into()),
    }
}
