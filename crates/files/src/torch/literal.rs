//! Access to the bytes of a pickle, and decoding of the numbers and texts in them.

/// The remaining bytes of a pickle.
pub(crate) struct Bytes<'a> {
    pub(crate) rest: &'a [u8],
    size: usize,
}

type Result<T> = std::result::Result<T, String>;

impl<'a> Bytes<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, size: bytes.len() }
    }

    /// The number of bytes that were read so far.
    pub(crate) fn read(&self) -> usize {
        self.size - self.rest.len()
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(short)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn byte(&mut self) -> Result<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or_else(short)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn line(&mut self) -> Result<&'a str> {
        let end = self.rest.iter().position(|&b| b == b'\n').ok_or_else(short)?;
        let line = self.take(end)?;
        self.take(1)?;
        std::str::from_utf8(line).map_err(|_| "is damaged: its pickle has a text that is not UTF-8".into())
    }
}

/// The number that the instruction `code` creates. Only integers from 0 are kept, since they occur as sizes and keys;
/// other numbers, truth values and `None` do not matter.
pub(crate) fn number(code: u8, bytes: &mut Bytes<'_>) -> Result<Option<u64>> {
    let number = match code {
        b'K' => i64::from(bytes.byte()?),
        b'M' => i64::from(u16::from_le_bytes(bytes.array()?)),
        b'J' => i64::from(i32::from_le_bytes(bytes.array()?)),
        b'I' => bytes.line()?.parse().unwrap_or(-1),
        b'G' => bytes.take(8).map(|_| -1)?,
        b'F' | b'L' => bytes.line().map(|_| -1)?,
        0x8a => {
            let count = bytes.byte()?;
            long(bytes.take(count.into())?)
        }
        0x8b => {
            let count = u32::from_le_bytes(bytes.array()?);
            long(bytes.take(count as usize)?)
        }
        _ => -1,
    };
    Ok(u64::try_from(number).ok())
}

/// The text that the instruction `code` creates, which may be a name; byte strings are ignored.
pub(crate) fn text<'a>(code: u8, bytes: &mut Bytes<'a>) -> Result<Option<&'a str>> {
    let count = match code {
        b'S' | b'V' => {
            let line = bytes.line()?;
            let quoted = line.len() >= 2 && line.is_ascii() && line.starts_with(['\'', '"']);
            return Ok(Some(if code == b'S' && quoted { &line[1..line.len() - 1] } else { line }));
        }
        b'U' | b'C' | 0x8c => u64::from(bytes.byte()?),
        b'X' | b'T' | b'B' => u64::from(u32::from_le_bytes(bytes.array()?)),
        _ => u64::from_le_bytes(bytes.array()?),
    };
    let content = bytes.take(usize::try_from(count).map_err(|_| short())?)?;
    match (code, std::str::from_utf8(content)) {
        (b'X' | 0x8c | 0x8d, Err(_)) => Err("is damaged: its pickle has a text that is not UTF-8".into()),
        // Python 2 had one type for texts and bytes.
        (b'X' | 0x8c | 0x8d | b'U' | b'T', Ok(text)) => Ok(Some(text)),
        _ => Ok(None),
    }
}

/// Decodes Python's integers of any length. Those beyond 63 bits are random states and the like, and become -1.
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
