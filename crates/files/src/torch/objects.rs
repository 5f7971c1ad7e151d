//! The objects that a pickle creates, in an arena whose size is bounded by that of the pickle.

/// The place of an object in [`Objects`], or a number below 2³¹ itself. Objects refer to each other by their places, so
/// that copying or dropping them is cheap even if a memo is used or nested a million times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Id(u32);

impl Id {
    const NUMBER: u32 = 1 << 31;
    /// A number, truth value or `None` that no tensor is made of.
    pub(crate) const OTHER: Self = Self(0);
    /// Python's `False`.
    pub(crate) const FALSE: Self = Self(2);
    /// An empty place of the memo.
    pub(crate) const UNKNOWN: Self = Self(u32::MAX);
}

/// An object that a pickle creates.
pub(crate) enum Object<'a> {
    Text(&'a str),
    /// A number that does not fit into an [`Id`].
    Int(u64),
    /// A name in a Python module.
    Global(Box<(&'a str, &'a str)>),
    /// A tuple: the place of its first item, and the number of items.
    Tuple(u32, u32),
    /// A dictionary: its entries in the order of insertion.
    Dict(Vec<(Id, Id)>),
    /// A list with its items; long lists keep only the items that are objects.
    List(Vec<Id>),
    Set,
    /// The tuple that PyTorch identifies a storage by: `("storage", type, key, location, size)`.
    Storage(Id),
    /// The arguments of `_rebuild_tensor_v2`: storage, offset, shape, strides, and more.
    Tensor(Id),
    /// The unknown result of calling or instantiating something, which is never done.
    Opaque(Id),
    /// A number, truth value or `None` that no tensor is made of.
    Other,
}

/// The objects of a pickle, and the memory that they take.
pub(crate) struct Objects<'a> {
    objects: Vec<Object<'a>>,
    items: Vec<Id>,
    cost: usize,
}

type Result<T> = std::result::Result<T, String>;

/// Bytes of memory that every pickle may take, and the further bytes of memory per byte of the pickle. State dicts take
/// about 5 per byte.
const COST: (usize, usize) = (1 << 16, 16);

impl Default for Objects<'_> {
    fn default() -> Self {
        Self { objects: vec![Object::Other, Object::Tuple(0, 0), Object::Other], items: Vec::new(), cost: 0 }
    }
}

impl<'a> Objects<'a> {
    const EMPTY_TUPLE: Id = Id(1);

    pub(crate) fn get(&self, id: Id) -> &Object<'a> {
        // What is no place is a number.
        self.objects.get(id.0 as usize).unwrap_or(&Object::Other)
    }

    pub(crate) fn text(&self, id: Id) -> Option<&'a str> {
        match self.get(id) {
            Object::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn number(&self, id: Id) -> Option<usize> {
        match self.get(id) {
            Object::Int(n) => usize::try_from(*n).ok(),
            _ if id.0 >= Id::NUMBER && id != Id::UNKNOWN => Some((id.0 - Id::NUMBER) as usize),
            _ => None,
        }
    }

    pub(crate) fn items(&self, tuple: Id) -> Option<&[Id]> {
        match *self.get(tuple) {
            Object::Tuple(start, count) => self.items.get(start as usize..)?.get(..count as usize),
            _ => None,
        }
    }

    /// The tuples that identify storages.
    pub(crate) fn storages(&self) -> impl Iterator<Item = Id> {
        self.objects.iter().filter_map(|object| match object {
            Object::Storage(tuple) => Some(*tuple),
            _ => None,
        })
    }

    pub(crate) fn charge(&mut self, bytes: usize) {
        self.cost = self.cost.saturating_add(bytes);
    }

    /// Checks the memory of the objects so far.
    ///
    /// # Errors
    /// When the objects take more memory than `read` bytes of a pickle may.
    pub(crate) fn check_cost(&self, read: usize) -> Result<()> {
        match self.cost <= COST.0.saturating_add(read.saturating_mul(COST.1)) {
            true => Ok(()),
            false => Err(format!(
                "its pickle makes far more objects than a checkpoint of its size: {} bytes of them in {read} bytes",
                self.cost
            )),
        }
    }

    pub(crate) fn push(&mut self, object: Object<'a>) -> Id {
        self.charge(size_of::<Object<'_>>());
        // 2³¹ objects would cost more than any pickle that is read may.
        let id = Id(self.objects.len() as u32 & !Id::NUMBER);
        self.objects.push(object);
        id
    }

    pub(crate) fn global(&mut self, module: &'a str, name: &'a str) -> Id {
        self.charge(48);
        self.push(Object::Global(Box::new((module, name))))
    }

    /// The class or function of an opaque object, as `module.name`.
    pub(crate) fn class(&self, id: Id) -> Option<String> {
        let function = match self.get(id) {
            Object::Opaque(function) => *function,
            _ => id,
        };
        match self.get(function) {
            Object::Global(global) => Some(format!("{}.{}", global.0, global.1)),
            // The result of calling a result.
            Object::Opaque(_) => Some("object".into()),
            _ => None,
        }
    }

    pub(crate) fn int(&mut self, n: u64) -> Id {
        match u32::try_from(n) {
            Ok(n) if n < Id::NUMBER - 1 => Id(n | Id::NUMBER),
            _ => self.push(Object::Int(n)),
        }
    }

    pub(crate) fn tuple(&mut self, items: &[Id]) -> Id {
        if items.is_empty() {
            return Self::EMPTY_TUPLE;
        }
        self.charge(size_of_val(items));
        let start = self.items.len() as u32;
        self.items.extend(items);
        self.push(Object::Tuple(start, items.len() as u32))
    }

    /// Adds `items`, which are keys and values in turn if `pairs`, else values, to the object `into`.
    pub(crate) fn fill(&mut self, into: Id, items: &[Id], pairs: bool) -> Result<()> {
        let damaged = || Err("is damaged: its pickle fills something that holds nothing".into());
        if pairs && !items.len().is_multiple_of(2) {
            return damaged();
        }
        // An allocation of its own costs more than what is in it.
        self.charge(32 + 2 * size_of_val(items));
        match (self.objects.get_mut(into.0 as usize), pairs) {
            (Some(Object::List(list)), false) => {
                // A short list keeps its numbers, so that places in it count as in Python.
                let all = list.len() + items.len() <= 64;
                list.extend(items.iter().filter(|id| all || id.0 < Id::NUMBER && **id != Id::OTHER));
            }
            (Some(Object::Dict(entries)), true) => {
                entries.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1])));
            }
            (Some(Object::Set), false) | (Some(Object::Opaque(_)), _) => {}
            _ => return damaged(),
        }
        Ok(())
    }

    /// The object that a persistent identifier of PyTorch stands for: a storage, or in old files the class of a module.
    pub(crate) fn persistent(&mut self, id: Id) -> Id {
        match self.items(id) {
            Some(&[tag, class, ..]) if self.text(tag) == Some("module") => class,
            Some(_) => self.push(Object::Storage(id)),
            None => Id::OTHER,
        }
    }

    /// The result of calling `function`: a dictionary, a tensor, or an opaque object.
    pub(crate) fn construct(&mut self, function: Id, arguments: Id) -> Result<Id> {
        let Some(items) = self.items(arguments) else {
            return Err("is damaged: its pickle calls something with what is no tuple".into());
        };
        let (module, name) = match self.get(function) {
            Object::Global(global) => **global,
            Object::Opaque(_) => return Ok(self.push(Object::Opaque(function))),
            _ => return Err("is damaged: its pickle calls something that is no function".into()),
        };
        match (module, name, items) {
            ("collections", "OrderedDict" | "defaultdict", []) | ("collections", "defaultdict", [_]) => {
                Ok(self.push(Object::Dict(Vec::new())))
            }
            // Python 2 gives a list of pairs.
            ("collections", "OrderedDict", &[list]) => {
                let pairs = self.pairs(list).unwrap_or_default();
                self.charge(size_of_val(&*pairs));
                let dict = self.push(Object::Dict(Vec::new()));
                self.fill(dict, &pairs, true)?;
                Ok(dict)
            }
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2", [_, _, _, _, ..]) => {
                Ok(self.push(Object::Tensor(arguments)))
            }
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state", &[tensor, ..]) => {
                Ok(tensor)
            }
            ("torch._tensor", "_rebuild_from_type_v2", &[function, _, arguments, ..]) if matches!(self.get(function), Object::Global(global) if global.0 == "torch._utils") => {
                self.construct(function, arguments)
            }
            _ => Ok(self.push(Object::Opaque(function))),
        }
    }

    fn pairs(&mut self, list: Id) -> Option<Vec<Id>> {
        let Object::List(pairs) = self.get(list) else { return None };
        // A list can be used again and again.
        let cost = size_of_val(&**pairs);
        self.charge(cost);
        let Object::List(pairs) = self.get(list) else { return None };
        let pair = |&pair: &Id| match self.get(pair) {
            Object::List(items) if items.len() == 2 => Some([items[0], items[1]]),
            _ => self.items(pair)?.try_into().ok(),
        };
        Some(pairs.iter().filter_map(pair).flatten().collect())
    }
}
