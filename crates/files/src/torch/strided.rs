//! Tensors as PyTorch stores them: views of storages by offset, shape and strides.

use std::path::Path;

use candle_core::DType;

use crate::Result;
use crate::{
    fault::tensor_error,
    tensors::{Kinds, is_count},
    torch::objects::{Id, Object},
    torch::pickle::Pickle,
};

/// The largest number of axes, which is PyTorch's own limit.
pub(crate) const MAX_RANK: usize = 64;

/// A tensor as a view of a storage, given by offset, shape and strides.
pub(crate) struct Strided<'a> {
    pub(crate) name: &'a str,
    pub(crate) storage: Storage<'a>,
    pub(crate) view: View,
}

/// A contiguous sequence of numbers in a file.
#[derive(Clone, Copy)]
pub(crate) struct Storage<'a> {
    /// The name of its type, such as `FloatStorage`.
    kind: &'a str,
    /// The name of the storage in the file.
    pub(crate) key: &'a str,
    /// The number of its elements.
    pub(crate) numbers: usize,
    /// The first element of the part that is used; old files use parts of storages.
    start: usize,
}

/// The elements of a storage that form a tensor.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct View {
    pub(crate) offset: usize,
    pub(crate) shape: Vec<usize>,
    pub(crate) strides: Vec<usize>,
}

impl View {
    /// The number of elements of the tensor called `name`, after a check that all of them lie among `numbers`.
    ///
    /// # Errors
    /// When some lie outside.
    pub(crate) fn count(&self, path: &Path, name: &str, numbers: usize) -> Result<usize> {
        let Self { shape, strides, offset } = self;
        let count = shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
        let last = shape.iter().zip(strides).try_fold(*offset, |at, (&n, &stride)| {
            n.saturating_sub(1).checked_mul(stride).and_then(|step| at.checked_add(step))
        });
        match (count, last) {
            (Some(count), Some(last)) if shape.len() == strides.len() && (count == 0 || last < numbers) => {
                Ok(count)
            }
            _ => Err(tensor_error(
                path,
                name,
                format!("a shape within its storage of {numbers} numbers"),
                format!("{shape:?} with strides {strides:?} from {offset}"),
            )),
        }
    }

    /// Copies the `count` elements in row-major order. [`count`](Self::count) has checked that they lie inside
    /// `storage`.
    pub(crate) fn gather(&self, storage: &[u8], width: usize, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count * width);
        let mut index = vec![0; self.shape.len()];
        let mut at = self.offset;
        for _ in 0..count {
            bytes.extend_from_slice(&storage[at * width..(at + 1) * width]);
            for ((i, &n), &stride) in index.iter_mut().zip(&self.shape).zip(&self.strides).rev() {
                if *i + 1 < n {
                    *i += 1;
                    at += stride;
                    break;
                }
                at -= *i * stride;
                *i = 0;
            }
        }
        bytes
    }
}

impl<'a> Storage<'a> {
    /// A storage from `("storage", type, key, location, numbers)`; old files have `None` or `(key, start, numbers)`
    /// after it.
    pub(crate) fn new(pickle: &'a Pickle<'_>, tuple: Id) -> Option<Self> {
        let objects = &pickle.objects;
        let (&[tag, kind, key, _, numbers], part) = objects.items(tuple)?.split_first_chunk()?;
        let Object::Global(kind) = objects.get(kind) else { return None };
        if objects.text(tag) != Some("storage") || !matches!(kind.0, "torch" | "torch.cuda") {
            return None;
        }
        let part = part.first().and_then(|&part| objects.items(part));
        let start = match part {
            Some(&[_, start, _]) => objects.number(start)?,
            Some(_) => return None,
            None => 0,
        };
        Some(Self { kind: kind.1, key: objects.text(key)?, numbers: objects.number(numbers)?, start })
    }

    /// The size of an element in bytes, for every known type.
    pub(crate) fn width(&self) -> Option<usize> {
        match self.kind {
            "DoubleStorage" | "LongStorage" | "ComplexFloatStorage" => Some(8),
            "FloatStorage" | "IntStorage" => Some(4),
            "HalfStorage" | "BFloat16Storage" | "ShortStorage" => Some(2),
            "ByteStorage" | "CharStorage" | "BoolStorage" | "UntypedStorage" => Some(1),
            "ComplexDoubleStorage" => Some(16),
            _ => None,
        }
    }

    /// The type of its elements, where they are whole numbers or truth values.
    fn whole(&self) -> Option<DType> {
        match self.kind {
            "LongStorage" => Some(DType::I64),
            "IntStorage" => Some(DType::I32),
            "ShortStorage" => Some(DType::I16),
            "ByteStorage" | "BoolStorage" => Some(DType::U8),
            _ => None,
        }
    }

    fn dtype(&self) -> Option<DType> {
        match self.kind {
            "FloatStorage" => Some(DType::F32),
            "DoubleStorage" => Some(DType::F64),
            "HalfStorage" => Some(DType::F16),
            "BFloat16Storage" => Some(DType::BF16),
            _ => None,
        }
    }
}

impl<'a> Strided<'a> {
    /// A tensor from `(storage, offset, shape, strides, …)`, which are not yet compared with the storage.
    pub(crate) fn new(pickle: &'a Pickle<'_>, name: &'a str, arguments: Id) -> Option<Self> {
        let objects = &pickle.objects;
        let (&[storage, offset, shape, strides], _) = objects.items(arguments)?.split_first_chunk()?;
        let Object::Storage(tuple) = *objects.get(storage) else { return None };
        let storage = Storage::new(pickle, tuple)?;
        Some(Self {
            name,
            storage,
            view: View {
                offset: objects.number(offset)?.checked_add(storage.start)?,
                shape: numbers(pickle, shape)?,
                strides: numbers(pickle, strides)?,
            },
        })
    }

    /// The shape of an object, if it is a tensor.
    pub(crate) fn shape(pickle: &Pickle<'_>, id: Id) -> Option<Vec<usize>> {
        let Object::Tensor(arguments) = *pickle.objects.get(id) else { return None };
        numbers(pickle, *pickle.objects.items(arguments)?.get(2)?)
    }

    /// The type of its numbers.
    ///
    /// # Errors
    /// When numbers of this type cannot be parameters, nor constants where `kinds` has those.
    pub(crate) fn dtype(&self, path: &Path, kinds: Kinds) -> Result<DType> {
        // Numbers of batches are the only integers in the state of most networks.
        if self.storage.kind == "LongStorage" && is_count(self.name) {
            return Ok(DType::I64);
        }
        if let Some(whole) = self.storage.whole().filter(|_| kinds == Kinds::All) {
            return Ok(whole);
        }
        let expected = "F32, F64, F16 or BF16";
        self.storage
            .dtype()
            .ok_or_else(|| tensor_error(path, self.name, expected, self.storage.kind.escape_debug()))
    }

    /// The number of elements, after a check that all of them lie in the storage.
    ///
    /// # Errors
    /// When some lie outside.
    pub(crate) fn count(&self, path: &Path) -> Result<usize> {
        self.view.count(path, self.name, self.storage.numbers)
    }

    pub(crate) fn into_shape(self) -> Vec<usize> {
        self.view.shape
    }
}
fn numbers(pickle: &Pickle<'_>, tuple: Id) -> Option<Vec<usize>> {
    let items = pickle.objects.items(tuple).filter(|items| items.len() <= MAX_RANK)?;
    items.iter().map(|&n| pickle.objects.number(n)).collect()
}
