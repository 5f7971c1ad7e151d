//! Reads Python's pickle format without executing anything: tensors and the dictionaries that hold them are kept, and
//! every other object is opaque.

use crate::{
    torch::literal::{self, Bytes},
    torch::objects::{Id, Object, Objects},
};

/// The result of reading a pickle: its objects.
pub(crate) struct Pickle<'a> {
    pub(crate) objects: Objects<'a>,
    pub(crate) root: Id,
}

type Result<T> = std::result::Result<T, String>;

struct Machine<'a> {
    input: Bytes<'a>,
    objects: Objects<'a>,
    stack: Vec<Id>,
    /// The heights of the stack at the open marks.
    marks: Vec<usize>,
    memo: Vec<Id>,
}

impl<'a> Pickle<'a> {
    /// Reads one pickle up to its end, and returns it with what comes after it.
    pub(crate) fn parse(input: &'a [u8]) -> Result<(Self, &'a [u8])> {
        let mut machine = Machine {
            input: Bytes::new(input),
            objects: Objects::default(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: Vec::new(),
        };
        loop {
            match machine.input.byte()? {
                b'.' => break,
                code => machine.step(code)?,
            }
            machine.objects.check_cost(machine.input.read())?;
        }
        let root = machine.pop()?;
        Ok((Self { objects: machine.objects, root }, machine.input.rest))
    }
}

impl Machine<'_> {
    fn step(&mut self, code: u8) -> Result<()> {
        match code {
            // Protocol and frame: nothing in the result depends on them.
            0x80 => self.input.take(1).map(drop),
            0x95 => self.input.take(8).map(drop),
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

    fn number(&mut self, code: u8) -> Result<()> {
        let id = match literal::number(code, &mut self.input)? {
            Some(n) => self.objects.int(n),
            None if code == 0x89 => Id::FALSE,
            None => Id::OTHER,
        };
        self.stack.push(id);
        Ok(())
    }

    fn text(&mut self, code: u8) -> Result<()> {
        let text = literal::text(code, &mut self.input)?;
        let id = text.map_or(Id::OTHER, |text| self.objects.push(Object::Text(text)));
        self.stack.push(id);
        Ok(())
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

    /// Adds the objects above the mark to the list, dict or set below it.
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
            self.objects.check_cost(self.input.read())?;
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
            b'q' | b'h' => self.input.byte().map(usize::from),
            b'r' | b'j' => self.input.array().map(|bytes| u32::from_le_bytes(bytes) as usize),
            _ => self
                .input
                .line()?
                .parse()
                .map_err(|_| "is damaged: its pickle has a memo without a number".into()),
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
        let (module, name) = (self.input.line()?, self.input.line()?);
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
            self.input.line()?;
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
}

fn empty() -> String {
    "is damaged: its pickle takes from an empty stack".into()
}
