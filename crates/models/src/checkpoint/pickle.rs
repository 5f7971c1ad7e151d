//! The part of Python's pickle format that state dicts use. Nothing is executed: the few functions that PyTorch
//! names in such a file are recognised, every other name is refused.

use std::collections::HashMap;

/// Place of an object in [`Pickle::objects`]. Objects refer to each other by it, so that neither a memo that is
/// used a million times nor nesting a million deep costs anything when they are copied or dropped.
pub(super) type Id = usize;

/// What a pickle makes.
pub(super) enum Object {
    Text(String),
    Int(i64),
    /// A name in a Python module, `module.name`.
    Global(String),
    Tuple(Vec<Id>),
    /// Entries in the order in which they were put in.
    Dict(Vec<(Id, Id)>),
    List,
    /// The tuple that PyTorch identifies a storage by: `("storage", type, key, location, size)`.
    Storage(Id),
    /// The arguments of `_rebuild_tensor_v2`: storage, offset, shape, strides, and more.
    Tensor(Id),
    /// A number, truth value or `None` that no tensor is made of.
    Other,
}

/// A pickle, read.
pub(super) struct Pickle {
    pub(super) objects: Vec<Object>,
    pub(super) root: Id,
}

type Result<T> = std::result::Result<T, String>;

struct Machine<'a> {
    input: &'a [u8],
    objects: Vec<Object>,
    stack: Vec<Id>,
    /// Heights of the stack at the marks that are open.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

impl Pickle {
    /// Reads one pickle up to its end.
    pub(super) fn parse(input: &[u8]) -> Result<Self> {
        let mut machine = Machine {
            input,
            objects: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
        };
        loop {
            match machine.byte()? {
                b'.' => break,
                code => machine.step(code)?,
            }
        }
        let root = machine.pop()?;
        Ok(Self { objects: machine.objects, root })
    }
}

impl Machine<'_> {
    fn step(&mut self, code: u8) -> Result<()> {
        match code {
            // Protocol and frame: nothing in the result depends on them.
            0x80 => self.take(1).map(drop),
            0x95 => self.take(8).map(drop),
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'N' | b'G' | b'K' | b'M' | b'J' | b'X' | 0x88..=0x8a | 0x8c => self.literal(code),
            b')' | b']' | b'}' | b't' | 0x85..=0x87 => self.container(code),
            b'a' | b'e' | b's' | b'u' => self.fill(code),
            b'q' | b'r' | 0x94 | b'h' | b'j' => self.remember(code),
            b'c' | 0x93 => self.global(code),
            b'Q' => {
                let id = self.pop()?;
                self.push(Object::Storage(id))
            }
            b'R' => self.reduce(),
            b'b' => self.build(),
            _ => Err(format!("has the pickle instruction {code:#04x}, which no state dict needs")),
        }
    }

    fn literal(&mut self, code: u8) -> Result<()> {
        let object = match code {
            b'G' => self.take(8).map(|_| Object::Other)?,
            b'K' => Object::Int(i64::from(self.byte()?)),
            b'M' => Object::Int(i64::from(u16::from_le_bytes(self.array()?))),
            b'J' => Object::Int(i64::from(i32::from_le_bytes(self.array()?))),
            0x8a => {
                let count = self.byte()?;
                long(self.take(count.into())?)
            }
            b'X' => {
                let count = u32::from_le_bytes(self.array()?);
                Object::Text(text(self.take(count as usize)?)?)
            }
            0x8c => {
                let count = self.byte()?;
                Object::Text(text(self.take(count.into())?)?)
            }
            _ => Object::Other,
        };
        self.push(object)
    }

    fn container(&mut self, code: u8) -> Result<()> {
        let object = match code {
            b')' => Object::Tuple(Vec::new()),
            b']' => Object::List,
            b'}' => Object::Dict(Vec::new()),
            b't' => Object::Tuple(self.pop_to_mark()?),
            _ => {
                let mut items = (0x85..=code).map(|_| self.pop()).collect::<Result<Vec<_>>>()?;
                items.reverse();
                Object::Tuple(items)
            }
        };
        self.push(object)
    }

    /// Puts what was read into the list or dict below it. Nothing here needs the items of a list.
    fn fill(&mut self, code: u8) -> Result<()> {
        let items = match code {
            b'a' => vec![self.pop()?],
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => self.pop_to_mark()?,
        };
        let top = self.top()?;
        match (&mut self.objects[top], code) {
            (Object::List, b'a' | b'e') => Ok(()),
            (Object::Dict(entries), b's' | b'u') if items.len().is_multiple_of(2) => {
                entries.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1])));
                Ok(())
            }
            _ => Err("is damaged: its pickle fills something that is no list or dict".into()),
        }
    }

    fn remember(&mut self, code: u8) -> Result<()> {
        let key = match code {
            b'q' | b'h' => self.byte()?.into(),
            b'r' | b'j' => u32::from_le_bytes(self.array()?),
            _ => u32::try_from(self.memo.len()).map_err(|e| e.to_string())?,
        };
        if matches!(code, b'h' | b'j') {
            let id = *self.memo.get(&key).ok_or("is damaged: its pickle recalls what it never kept")?;
            self.stack.push(id);
        } else {
            let top = self.top()?;
            self.memo.insert(key, top);
        }
        Ok(())
    }

    fn global(&mut self, code: u8) -> Result<()> {
        let name = if code == b'c' {
            let module = self.line()?;
            format!("{module}.{}", self.line()?)
        } else {
            let (name, module) = (self.pop()?, self.pop()?);
            match (&self.objects[module], &self.objects[name]) {
                (Object::Text(module), Object::Text(name)) => format!("{module}.{name}"),
                _ => return Err("is damaged: its pickle has a name that is no text".into()),
            }
        };
        let storage = name.strip_prefix("torch.").is_some_and(|n| n.ends_with("Storage") && !n.contains('.'));
        if storage || [ORDERED_DICT, TENSOR, PARAMETER].contains(&name.as_str()) {
            return self.push(Object::Global(name));
        }
        let name: String = name.chars().take(80).collect();
        Err(format!(
            "holds the Python object '{}', which is not part of a state dict; save 'model.state_dict()' alone",
            name.escape_debug()
        ))
    }

    fn reduce(&mut self) -> Result<()> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let (Object::Global(name), Object::Tuple(items)) =
            (&self.objects[function], &self.objects[arguments])
        else {
            return Err("is damaged: its pickle calls something that is no function".into());
        };
        match (name.as_str(), items.as_slice()) {
            (ORDERED_DICT, []) => self.push(Object::Dict(Vec::new())),
            (TENSOR, [_, _, _, _, ..]) => self.push(Object::Tensor(arguments)),
            (PARAMETER, &[tensor, ..]) => {
                self.stack.push(tensor);
                Ok(())
            }
            (name, items) => {
                Err(format!("calls '{name}' with {} arguments, which no state dict does", items.len()))
            }
        }
    }

    /// The state of a dict, such as the `_metadata` of a state dict, says nothing about its tensors.
    fn build(&mut self) -> Result<()> {
        self.pop()?;
        let top = self.top()?;
        match self.objects[top] {
            Object::Dict(_) => Ok(()),
            _ => Err("is damaged: its pickle sets the state of something that is no dict".into()),
        }
    }

    fn push(&mut self, object: Object) -> Result<()> {
        self.stack.push(self.objects.len());
        self.objects.push(object);
        Ok(())
    }

    fn top(&self) -> Result<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        self.stack.get(floor..).and_then(<[Id]>::last).copied().ok_or_else(empty)
    }

    fn pop(&mut self) -> Result<Id> {
        self.top()?;
        self.stack.pop().ok_or_else(empty)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>> {
        let mark = self.marks.pop().filter(|&m| m <= self.stack.len()).ok_or_else(empty)?;
        Ok(self.stack.split_off(mark))
    }

    fn take(&mut self, count: usize) -> Result<&[u8]> {
        let (taken, rest) = self.input.split_at_checked(count).ok_or_else(short)?;
        self.input = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8> {
        self.array().map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.input.split_first_chunk().ok_or_else(short)?;
        self.input = rest;
        Ok(*taken)
    }

    fn line(&mut self) -> Result<String> {
        let end = self.input.iter().position(|&b| b == b'\n').ok_or_else(short)?;
        let line = text(self.take(end)?)?;
        self.take(1)?;
        Ok(line)
    }
}

const ORDERED_DICT: &str = "collections.OrderedDict";
const TENSOR: &str = "torch._utils._rebuild_tensor_v2";
const PARAMETER: &str = "torch._utils._rebuild_parameter";

/// Python's integers of any length; those beyond 64 bits are random states and the like.
fn long(bytes: &[u8]) -> Object {
    if bytes.len() > 8 {
        return Object::Other;
    }
    let fill = if bytes.last().is_some_and(|&b| b >= 0x80) { 0xff } else { 0 };
    let mut full = [fill; 8];
    full[..bytes.len()].copy_from_slice(bytes);
    Object::Int(i64::from_le_bytes(full))
}

fn text(bytes: &[u8]) -> Result<String> {
    String::from_utf8(bytes.to_vec())
        .map_err(|_| "is damaged: its pickle has a text that is not UTF-8".into())
}

fn short() -> String {
    "is damaged: its pickle ends too early".into()
}

fn empty() -> String {
    "is damaged: its pickle takes from an empty stack".into()
}
