//! Python's pickle format, read without executing anything: tensors and the dictionaries that hold them are kept,
//! every other object is opaque.

use super::objects::{Id, Object, Objects};

/// A pickle, read.
pub(super) struct Pickle<'a> {
    pub(super) objects: Objects<'a>,
    pub(super) root: Id,
}

type Result<T> = std::result::Result<T, String>;

struct Machine<'a> {
    input: &'a [u8],
    size: usize,
    objects: Objects<'a>,
    stack: Vec<Id>,
    /// Heights of the stack at the marks that are open.
    marks: Vec<usize>,
    memo: Vec<Id>,
}

impl<'a> Pickle<'a> {
    /// Reads one pickle up to its end, and returns it with what comes after it.
    pub(super) fn parse(input: &'a [u8]) -> Result<(Self, &'a [u8])> {
        let mut machine = Machine {
            input,
            size: input.len(),
            objects: Objects::default(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: Vec::new(),
        };
        loop {
            match machine.byte()? {
                b'.' => break,
                code => machine.step(code)?,
            }
            machine.objects.check_cost(machine.size - machine.input.len())?;
        }
        let root = machine.pop()?;
        Ok((Self { objects: machine.objects, root }, machine.input))
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
            b'0' => self.pop().map(drop),
            b'1' => self.pop_to_mark().map(drop),
            b'2' => {
                self.stack.push(self.top()?);
                Ok(())
            }
            b'N' | b'G' | b'K' | b'M' | b'J' | b'I' | b'L' | b'F' | 0x88..=0x8b => self.number(code),
            b'X' | b'U' | b'T' | b'S' | b'V' | b'B' | b'C' | 0x8c..=0x8e | 0x96 => self.text(code),
            b')' | b']' | b'}' | b't' | b'l' | b'd' | 0x85..=0x87 | 0x8f | 0x91 => self.container(code),
            b'a' | b'e' | b's' | b'u' | 0x90 => self.fill(code),
            b'p' | b'q' | b'r' | 0x94 => self.remember(code),
            b'g' | b'h' | b'j' => self.recall(code),
            b'c' | b'i' | 0x93 => self.global(code),
            b'P' | b'Q' => self.persistent(code),
            b'R' | 0x81 | 0x92 | b'o' => self.construct(code),
            b'b' => self.build(),
            _ => Err(format!("has the pickle instruction {code:#04x}, which no checkpoint needs")),
        }
    }

    /// Numbers, truth values and `None`. Of these only integers matter, as sizes and keys, and a number below 0
    /// measures nothing.
    fn number(&mut self, code: u8) -> Result<()> {
        let number = match code {
            b'K' => i64::from(self.byte()?),
            b'M' => i64::from(u16::from_le_bytes(self.array()?)),
            b'J' => i64::from(i32::from_le_bytes(self.array()?)),
            b'I' => self.line()?.parse().unwrap_or(-1),
            b'G' => self.take(8).map(|_| -1)?,
            b'F' | b'L' => self.line().map(|_| -1)?,
            0x8a => {
                let count = self.byte()?;
                long(self.take(count.into())?)
            }
            0x8b => {
                let count = u32::from_le_bytes(self.array()?);
                long(self.take(count as usize)?)
            }
            _ => -1,
        };
        let id = match u64::try_from(number) {
            Ok(n) => self.objects.int(n),
            Err(_) if code == 0x89 => Id::FALSE,
            Err(_) => Id::OTHER,
        };
        self.stack.push(id);
        Ok(())
    }

    /// Texts, which may be names, and bytes, which are none.
    fn text(&mut self, code: u8) -> Result<()> {
        let count = match code {
            b'S' | b'V' => {
                let line = self.line()?;
                let quoted = line.len() >= 2 && line.starts_with(['\'', '"']);
                let text = if code == b'S' && quoted { &line[1..line.len() - 1] } else { line };
                return self.push(Object::Text(text));
            }
            b'U' | b'C' | 0x8c => u64::from(self.byte()?),
            b'X' | b'T' | b'B' => u64::from(u32::from_le_bytes(self.array()?)),
            _ => u64::from_le_bytes(self.array()?),
        };
        let bytes = self.take(usize::try_from(count).map_err(|_| short())?)?;
        match (code, std::str::from_utf8(bytes)) {
            (b'X' | 0x8c | 0x8d, Err(_)) => Err("is damaged: its pickle has a text that is not UTF-8".into()),
            // Python 2 had one type for texts and bytes.
            (b'X' | 0x8c | 0x8d | b'U' | b'T', Ok(text)) => self.push(Object::Text(text)),
            _ => {
                self.stack.push(Id::OTHER);
                Ok(())
            }
        }
    }

    fn container(&mut self, code: u8) -> Result<()> {
        match code {
            b')' => self.tuple(Vec::new()),
            b']' => self.push(Object::List(Vec::new())),
            b'}' => self.push(Object::Dict(Vec::new())),
            b't' => {
                let items = self.pop_to_mark()?;
                self.tuple(items)
            }
            b'l' | b'd' => {
                let items = self.pop_to_mark()?;
                self.push(if code == b'l' { Object::List(Vec::new()) } else { Object::Dict(Vec::new()) })?;
                let top = self.top()?;
                self.objects.fill(top, &items, code == b'd')
            }
            0x8f => self.push(Object::Set),
            0x91 => {
                self.pop_to_mark()?;
                self.push(Object::Set)
            }
            _ => {
                let mut items = (0x85..=code).map(|_| self.pop()).collect::<Result<Vec<_>>>()?;
                items.reverse();
                self.tuple(items)
            }
        }
    }

    fn tuple(&mut self, items: Vec<Id>) -> Result<()> {
        let id = self.objects.tuple(&items);
        self.stack.push(id);
        Ok(())
    }

    /// Puts what was read into the list, dict or set below it.
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
        self.objects.fill(top, &items, matches!(code, b's' | b'u'))
    }

    fn remember(&mut self, code: u8) -> Result<()> {
        let key = match code {
            0x94 => self.memo.len(),
            code => self.memo_key(code)?,
        };
        let top = self.top()?;
        if key >= self.memo.len() {
            self.objects.charge((key - self.memo.len()).saturating_add(1).saturating_mul(size_of::<Id>()));
            self.objects.check_cost(self.size - self.input.len())?;
            self.memo.resize(key + 1, Id::UNKNOWN);
        }
        self.memo[key] = top;
        Ok(())
    }

    fn recall(&mut self, code: u8) -> Result<()> {
        let key = self.memo_key(code)?;
        let id = self.memo.get(key).copied().filter(|&id| id != Id::UNKNOWN);
        self.stack.push(id.ok_or("is damaged: its pickle recalls what it never kept")?);
        Ok(())
    }

    fn memo_key(&mut self, code: u8) -> Result<usize> {
        match code {
            b'q' | b'h' => self.byte().map(usize::from),
            b'r' | b'j' => self.array().map(|bytes| u32::from_le_bytes(bytes) as usize),
            _ => self.line()?.parse().map_err(|_| "is damaged: its pickle has a memo without a number".into()),
        }
    }

    fn global(&mut self, code: u8) -> Result<()> {
        if code == 0x93 {
            let (name, module) = (self.pop()?, self.pop()?);
            return match (self.objects.text(module), self.objects.text(name)) {
                (Some(module), Some(name)) => {
                    let id = self.objects.global(module, name);
                    self.stack.push(id);
                    Ok(())
                }
                _ => Err("is damaged: its pickle has a name that is no text".into()),
            };
        }
        let (module, name) = (self.line()?, self.line()?);
        let class = self.objects.global(module, name);
        if code == b'c' {
            self.stack.push(class);
        } else {
            let items = self.pop_to_mark()?;
            let arguments = self.objects.tuple(&items);
            let id = self.objects.construct(class, arguments)?;
            self.stack.push(id);
        }
        Ok(())
    }

    fn persistent(&mut self, code: u8) -> Result<()> {
        if code == b'P' {
            self.line()?;
            self.stack.push(Id::OTHER);
            return Ok(());
        }
        let id = self.pop()?;
        let made = self.objects.persistent(id);
        self.stack.push(made);
        Ok(())
    }

    fn construct(&mut self, code: u8) -> Result<()> {
        let (class, arguments) = match code {
            b'o' => {
                let items = self.pop_to_mark()?;
                let (class, arguments) = items.split_first().ok_or_else(empty)?;
                (*class, self.objects.tuple(arguments))
            }
            _ => {
                if code == 0x92 {
                    self.pop()?;
                }
                let arguments = self.pop()?;
                (self.pop()?, arguments)
            }
        };
        let id = self.objects.construct(class, arguments)?;
        self.stack.push(id);
        Ok(())
    }

    /// The state of an object, such as the `_metadata` of a state dict, says nothing about its tensors.
    fn build(&mut self) -> Result<()> {
        self.pop()?;
        let top = self.top()?;
        match self.objects.get(top) {
            Object::Other | Object::Text(_) | Object::Tuple(..) | Object::Int(_) => {
                Err("is damaged: its pickle sets the state of something that has none".into())
            }
            _ => Ok(()),
        }
    }
}

impl<'a> Machine<'a> {
    fn push(&mut self, object: Object<'a>) -> Result<()> {
        let id = self.objects.push(object);
        self.stack.push(id);
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

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
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

    fn line(&mut self) -> Result<&'a str> {
        let end = self.input.iter().position(|&b| b == b'\n').ok_or_else(short)?;
        let line = self.take(end)?;
        self.take(1)?;
        std::str::from_utf8(line).map_err(|_| "is damaged: its pickle has a text that is not UTF-8".into())
    }
}

/// Python's integers of any length; those beyond 63 bits are random states and the like, and become -1.
fn long(bytes: &[u8]) -> i64 {
    if bytes.len() > 8 {
        return -1;
    }
    let fill = if bytes.last().is_some_and(|&b| b >= 0x80) { 0xff } else { 0 };
    let mut full = [fill; 8];
    full[..bytes.len()].copy_from_slice(bytes);
    i64::from_le_bytes(full)
}

fn short() -> String {
    "is damaged: its pickle ends too early".into()
}

fn empty() -> String {
    "is damaged: its pickle takes from an empty stack".into()
}
