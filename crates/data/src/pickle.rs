//! A reader of Python's pickles as far as CIFAR's files use them: numbers, texts, lists, dictionaries, and NumPy arrays of
//! bytes. Nothing is executed: a call is only understood where it makes such an array.

use std::collections::HashMap;
use std::rc::Rc;

/// An object of a pickle.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    None,
    Int(i64),
    /// A text, bytes, or an array of bytes in C order.
    Bytes(Rc<Vec<u8>>),
    Tuple(Rc<Vec<Value>>),
    List(Rc<Vec<Value>>),
    Dict(Rc<Vec<(Value, Value)>>),
    /// A name such as `numpy ndarray`.
    Global(Rc<str>),
    /// An array that waits for its state, or another object that NumPy makes on the way to one.
    Unbuilt(Rc<str>),
    Mark,
}

impl Value {
    /// The value of a dictionary under a name.
    pub(crate) fn entry(&self, name: &str) -> Option<&Value> {
        let Self::Dict(entries) = self else { return None };
        let is = |key: &Value| matches!(key, Self::Bytes(text) if text.as_slice() == name.as_bytes());
        entries.iter().find(|(key, _)| is(key)).map(|(_, value)| value)
    }
}

/// Reads one object.
///
/// # Errors
/// What is wrong, in words.
pub(crate) fn read(bytes: &[u8]) -> Result<Value, String> {
    let mut machine = Machine { bytes, at: 0, stack: Vec::new(), memo: HashMap::new() };
    loop {
        if let Some(value) = machine.step()? {
            return Ok(value);
        }
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Value>,
    memo: HashMap<usize, Value>,
}

impl<'a> Machine<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let end = self.at.checked_add(count).filter(|&end| end <= self.bytes.len());
        let part = &self.bytes[self.at..end.ok_or("a file that ends too early")?];
        self.at += count;
        Ok(part)
    }

    /// A little-endian number of that many bytes.
    fn number(&mut self, width: usize) -> Result<usize, String> {
        let bytes = self.take(width)?;
        Ok(bytes.iter().rev().fold(0, |sum, &byte| sum << 8 | usize::from(byte)))
    }

    fn line(&mut self) -> Result<&'a str, String> {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|&byte| byte == b'\n').ok_or("a file that ends too early")?;
        self.at += length + 1;
        std::str::from_utf8(&rest[..length]).map_err(|_| "a name that is no text".to_owned())
    }

    fn pop(&mut self) -> Result<Value, String> {
        self.stack.pop().ok_or_else(|| "a pickle without the object that it uses".to_owned())
    }

    /// The objects above the last mark.
    fn marked(&mut self) -> Result<Vec<Value>, String> {
        let mark = self.stack.iter().rposition(|value| matches!(value, Value::Mark));
        let items = self.stack.split_off(mark.ok_or("a pickle without the mark that it uses")? + 1);
        self.stack.pop();
        Ok(items)
    }

    fn blob(&mut self, width: usize) -> Result<(), String> {
        let count = self.number(width)?;
        let bytes = self.take(count)?.to_vec();
        self.stack.push(Value::Bytes(Rc::new(bytes)));
        Ok(())
    }

    fn tuple(&mut self, items: Vec<Value>) {
        self.stack.push(Value::Tuple(Rc::new(items)));
    }

    fn append(&mut self, items: Vec<Value>) -> Result<(), String> {
        match self.stack.last_mut() {
            Some(Value::List(list)) => Rc::make_mut(list).extend(items),
            _ => return Err("a pickle that appends to what is no list".into()),
        }
        Ok(())
    }

    fn set(&mut self, items: Vec<Value>) -> Result<(), String> {
        let pairs = items.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone()));
        match self.stack.last_mut() {
            Some(Value::Dict(entries)) => Rc::make_mut(entries).extend(pairs),
            _ => return Err("a pickle that sets entries of what is no dictionary".into()),
        }
        Ok(())
    }

    /// One instruction; the object at the end.
    fn step(&mut self) -> Result<Option<Value>, String> {
        let op = self.take(1)?[0];
        match op {
            0x80 => drop(self.take(1)?),
            0x95 => drop(self.take(8)?),
            b'.' => return self.pop().map(Some),
            b'(' => self.stack.push(Value::Mark),
            b'N' => self.stack.push(Value::None),
            0x88 | 0x89 => self.stack.push(Value::Int((op == 0x88).into())),
            b'K' => self.integer(1)?,
            b'M' => self.integer(2)?,
            b'J' => {
                let number = self.number(4)? as u32;
                self.stack.push(Value::Int(i64::from(number.cast_signed())));
            }
            0x8a => {
                let width = self.number(1)?;
                if width > 7 {
                    return Err("a number of more than 56 bits".into());
                }
                self.integer(width)?;
            }
            b'U' | b'C' | 0x8c => self.blob(1)?,
            b'T' | b'X' | b'B' => self.blob(4)?,
            0x8d | 0x8e => self.blob(8)?,
            b']' => self.stack.push(Value::List(Rc::default())),
            b'}' => self.stack.push(Value::Dict(Rc::default())),
            b')' => self.tuple(Vec::new()),
            0x85..=0x87 => {
                let count = usize::from(op - 0x84);
                let start =
                    self.stack.len().checked_sub(count).ok_or("a tuple of objects that are not there")?;
                let items = self.stack.split_off(start);
                self.tuple(items);
            }
            b't' => {
                let items = self.marked()?;
                self.tuple(items);
            }
            b'l' => {
                let items = self.marked()?;
                self.stack.push(Value::List(Rc::new(items)));
            }
            b'a' => {
                let item = self.pop()?;
                self.append(vec![item])?;
            }
            b'e' => {
                let items = self.marked()?;
                self.append(items)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(vec![key, value])?;
            }
            b'u' => {
                let items = self.marked()?;
                self.set(items)?;
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.stack.push(Value::Global(format!("{module} {name}").into()));
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Value::Bytes(module), Value::Bytes(name)) = (module, name) else {
                    return Err("a name that is no text".into());
                };
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                self.stack.push(Value::Global(format!("{} {}", text(&module), text(&name)).into()));
            }
            b'q' | b'r' | 0x94 => {
                let key = match op {
                    b'q' => self.number(1)?,
                    b'r' => self.number(4)?,
                    _ => self.memo.len(),
                };
                let top = self.stack.last().ok_or("a pickle that remembers nothing")?.clone();
                self.memo.insert(key, top);
            }
            b'h' | b'j' => {
                let key = self.number(if op == b'h' { 1 } else { 4 })?;
                let value = self.memo.get(&key).ok_or("a pickle that recalls what it never kept")?.clone();
                self.stack.push(value);
            }
            b'R' => {
                let (_, callee) = (self.pop()?, self.pop()?);
                self.stack.push(called(&callee)?);
            }
            b'b' => {
                let (state, object) = (self.pop()?, self.pop()?);
                self.stack.push(built(&object, &state)?);
            }
            other => return Err(format!("the instruction {other:#04x}, which CIFAR's files do not have")),
        }
        Ok(None)
    }

    fn integer(&mut self, width: usize) -> Result<(), String> {
        let number = self.number(width)?;
        self.stack.push(Value::Int(number as i64));
        Ok(())
    }
}

/// What a call makes.
fn called(callee: &Value) -> Result<Value, String> {
    let Value::Global(name) = callee else { return Err("a call of what is no name".into()) };
    match &**name {
        "numpy.core.multiarray _reconstruct" | "numpy._core.multiarray _reconstruct" => {
            Ok(Value::Unbuilt("array".into()))
        }
        "numpy dtype" => Ok(Value::Unbuilt("dtype".into())),
        other => Err(format!("a call of '{}', which is not executed", other.escape_debug())),
    }
}

/// The object with its state. That of an array is (version, shape, type, Fortran order, bytes).
fn built(object: &Value, state: &Value) -> Result<Value, String> {
    match (object, state) {
        (Value::Unbuilt(kind), Value::Tuple(state)) if &**kind == "array" => match state.as_slice() {
            [_, _, _, Value::Int(0), Value::Bytes(bytes)] => Ok(Value::Bytes(Rc::clone(bytes))),
            _ => Err("an array that is not of bytes in C order".into()),
        },
        (Value::Unbuilt(kind), _) if &**kind == "dtype" => Ok(object.clone()),
        _ => Err("a state of an unknown object".into()),
    }
}
