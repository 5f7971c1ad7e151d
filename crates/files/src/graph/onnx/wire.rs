//! The wire format of protocol buffers: a message is a list of numbered fields. Nothing is copied, and nothing is taken
//! from memory that the message does not hold.

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Field<'a> {
    Number(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

/// The fields of a message with their numbers; a damaged message ends with `Err`.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

/// The message is cut off, or no message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Damaged;

pub(super) type Result<T> = std::result::Result<T, Damaged>;

impl<'a> Fields<'a> {
    pub(super) fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn field(&mut self) -> Result<(u64, Field<'a>)> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Field::Number(self.varint()?),
            1 => Field::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| Damaged)?;
                Field::Bytes(self.take(length)?)
            }
            5 => Field::Fixed32(u32::from_le_bytes(self.array()?)),
            _ => return Err(Damaged),
        };
        Ok((key >> 3, value))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Damaged)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| Damaged)
    }

    fn varint(&mut self) -> Result<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Damaged)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Field<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

impl<'a> Field<'a> {
    pub(super) fn bytes(self) -> Result<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(Damaged),
        }
    }

    pub(super) fn text(self) -> Result<String> {
        Ok(String::from_utf8_lossy(self.bytes()?).into_owned())
    }

    pub(super) fn int(self) -> Result<i64> {
        match self {
            Self::Number(n) => Ok(n as i64),
            _ => Err(Damaged),
        }
    }

    pub(super) fn float(self) -> Result<f32> {
        match self {
            Self::Fixed32(bits) => Ok(f32::from_bits(bits)),
            _ => Err(Damaged),
        }
    }

    /// Appends whole numbers: one, or a packed list of them.
    pub(super) fn add_ints(self, list: &mut Vec<i64>) -> Result<()> {
        match self {
            Self::Number(n) => list.push(n as i64),
            Self::Bytes(bytes) => {
                let mut packed = Fields::of(bytes);
                while !packed.rest.is_empty() {
                    list.push(packed.varint()? as i64);
                }
            }
            _ => return Err(Damaged),
        }
        Ok(())
    }

    /// Appends the bytes of numbers of fixed width: of one, or of a packed list.
    pub(super) fn add_raw(self, bytes: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Fixed32(bits) => bytes.extend(bits.to_le_bytes()),
            Self::Fixed64(bits) => bytes.extend(bits.to_le_bytes()),
            Self::Bytes(packed) => bytes.extend(packed),
            Self::Number(_) => return Err(Damaged),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(message: &[u8]) -> Result<Vec<(u64, Field<'_>)>> {
        Fields::of(message).collect()
    }

    #[test]
    fn fields_are_read_as_the_specification_says() {
        // The examples of the specification: 150 in field 1, "testing" in field 2.
        assert_eq!(all(&[0x08, 0x96, 0x01]), Ok(vec![(1, Field::Number(150))]));
        let text = b"\x12\x07testing";
        assert_eq!(all(text), Ok(vec![(2, Field::Bytes(b"testing"))]));
        let mut list = Vec::new();
        Field::Bytes(&[0x03, 0x8e, 0x02, 0x9e, 0xa7, 0x05]).add_ints(&mut list).unwrap();
        assert_eq!(list, [3, 270, 86942]);
        let mut list = Vec::new();
        Field::Number(u64::MAX).add_ints(&mut list).unwrap();
        assert_eq!(list, [-1]);
    }

    #[test]
    fn damaged_messages_end() {
        for message in
            [&b"\x12\x08testing"[..], b"\x08", b"\x08\xff", b"\x0b", &[0x08; 1], &[0xff; 11], b"\x0d\x01"]
        {
            assert_eq!(all(message), Err(Damaged), "{message:?}");
        }
    }
}
