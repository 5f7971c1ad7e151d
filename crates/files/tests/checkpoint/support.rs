use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    fs,
    path::{Path, PathBuf},
};

use candle_core::{DType, Device, Tensor};
use collado_files::{Checkpoint, Error, PathFile, Provenance, ReadOptions};
use collado_models::{Arch, ArchSpec};
use collado_risk::PathKind;
use serde_json::{Value, json};

/// Counts what each thread asks for, so that a test sees when a damaged file makes a reader take much memory.
struct Counting;

thread_local! {
    static ASKED: Cell<usize> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes to the system allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ASKED.with(|asked| asked.set(asked.get().saturating_add(layout.size())));
        // SAFETY: the caller's own promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's own promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Bytes that this thread allocates during `work`, whether freed again or not.
pub fn allocated<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = ASKED.with(Cell::get);
    let result = work();
    (result, ASKED.with(Cell::get) - before)
}

/// A directory of its own, and a file name in it.
pub fn file(name: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    (dir, path)
}

pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

pub fn spec(text: &str) -> ArchSpec {
    text.parse().unwrap()
}

/// How a file is read whose network may be given.
pub fn options(arch: Option<&str>) -> ReadOptions {
    ReadOptions { arch: arch.map(spec), ..ReadOptions::default() }
}

/// The message of an error, with the file's own name for its whole path.
pub fn message<T>(path: &Path, result: Result<T, Error>) -> String {
    let error = result.err().expect("an error").to_string();
    assert!(!error.contains('\n'), "{error}");
    let name = path.file_name().unwrap().to_str().unwrap();
    error.replace(path.to_str().unwrap(), name)
}

/// What reading `path` says is wrong.
pub fn reading(path: &Path, arch: Option<&str>) -> String {
    message(path, Checkpoint::read(path, &options(arch)))
}

/// Different numbers that F32 and even F16 hold exactly.
pub fn ramp(count: usize) -> Vec<f64> {
    (0..count).map(|i| i as f64 / 8. - 1.).collect()
}

pub fn checkpoint(arch: Arch, dtype: DType) -> Checkpoint {
    let size = arch.layout().len();
    let theta = Tensor::from_vec(ramp(size), size, &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
    Checkpoint::new(arch, theta, Provenance::default())
}

pub fn path_file(arch: Arch, kind: PathKind, points: usize) -> PathFile {
    let size = arch.layout().len();
    let vertices = Tensor::from_vec(ramp(points * size), (points, size), &Device::Cpu).unwrap();
    PathFile::new(arch, collado_risk::Path::new(kind, vertices).unwrap(), json!({}))
}

pub fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}

/// A tensor for [`safetensors`]: name, dtype, shape, bytes.
pub type Raw<'a> = (&'a str, &'a str, &'a [usize], Vec<u8>);

pub fn f32s(name: &'static str, shape: &'static [usize]) -> Raw<'static> {
    let bytes = ramp(shape.iter().product()).iter().flat_map(|v| (*v as f32).to_le_bytes()).collect();
    (name, "F32", shape, bytes)
}

/// A file of safetensors that holds just what it is given, sensible or not.
pub fn safetensors(path: &Path, tensors: &[Raw], metadata: Value) {
    let mut header = serde_json::Map::from_iter([("__metadata__".to_owned(), metadata)]);
    let mut data = Vec::new();
    for (name, dtype, shape, bytes) in tensors {
        let info =
            json!({"dtype": dtype, "shape": shape, "data_offsets": [data.len(), data.len() + bytes.len()]});
        header.insert((*name).to_owned(), info);
        data.extend_from_slice(bytes);
    }
    raw(path, &Value::Object(header).to_string(), &data);
}

/// A file with any header before any data.
pub fn raw(path: &Path, header: &str, data: &[u8]) {
    let bytes = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat();
    fs::write(path, bytes).unwrap();
}

/// An archive with the entries `x/NAME`.
pub fn archive(path: &Path, entries: &[(&str, &[u8])], method: zip::CompressionMethod) {
    fs::write(path, archived(entries, method)).unwrap();
}

/// Its bytes.
pub fn archived(entries: &[(&str, &[u8])], method: zip::CompressionMethod) -> Vec<u8> {
    use std::io::{Cursor, Write};

    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    for (name, content) in entries {
        zip.start_file(format!("x/{name}"), options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The bytes of a file as PyTorch before 1.6 wrote it, with storages of F32.
pub fn legacy(object: &[u8], storages: &[(&str, &[f32])]) -> Vec<u8> {
    let facts = [b"}(".to_vec(), text("little_endian"), b"\x88u".to_vec()].concat();
    let keys = storages.iter().flat_map(|(key, _)| text(key)).collect::<Vec<u8>>();
    let mut bytes = [
        b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.".to_vec(),
        pickle(facts),
        object.to_vec(),
        pickle([b"](".to_vec(), keys, b"e".to_vec()].concat()),
    ]
    .concat();
    for (_, numbers) in storages {
        bytes.extend((numbers.len() as u64).to_le_bytes());
        bytes.extend(numbers.iter().flat_map(|n| n.to_le_bytes()));
    }
    bytes
}

/// The pickle instructions for a text.
pub fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

/// Those for an integer.
pub fn int(n: i64) -> Vec<u8> {
    [&b"\x8a\x08"[..], &n.to_le_bytes()].concat()
}

fn tuple(items: &[i64]) -> Vec<u8> {
    [b"(".to_vec(), items.iter().flat_map(|&n| int(n)).collect(), b"t".to_vec()].concat()
}

/// Those for a tensor in storage `0` of `numbers` numbers.
pub fn tensor(kind: &str, numbers: i64, offset: i64, shape: &[i64], strides: &[i64]) -> Vec<u8> {
    [
        b"ctorch._utils\n_rebuild_tensor_v2\n((".to_vec(),
        text("storage"),
        format!("ctorch\n{kind}\n").into_bytes(),
        text("0"),
        text("cpu"),
        int(numbers),
        b"tQ".to_vec(),
        int(offset),
        tuple(shape),
        tuple(strides),
        b"\x89ccollections\nOrderedDict\n)RtR".to_vec(),
    ]
    .concat()
}

/// Those for a dict of what was made already.
pub fn dict(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let entries = entries.iter().flat_map(|(name, value)| [text(name), value.clone()]).flatten();
    [b"}(".to_vec(), entries.collect(), b"u".to_vec()].concat()
}

/// A whole pickle.
pub fn pickle(object: Vec<u8>) -> Vec<u8> {
    [b"\x80\x02".to_vec(), object, b".".to_vec()].concat()
}
