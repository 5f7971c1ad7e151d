//! Parquet, as far as a table of numbers and words needs it: one row group, one page a column, uncompressed.
//!
//! The `parquet` crate without any feature would add seven packages and a minute of work to a build from nothing. The format is that of
//! <https://parquet.apache.org/docs/file-format/>: pages of plain values behind run-length encoded flags of what is there,
//! and a footer in Thrift's compact protocol.

use super::cell::{Cell, Column, Kind, Table};

const MAGIC: &[u8] = b"PAR1";
/// Encodings by their numbers in the format.
const PLAIN: i64 = 0;
const RLE: i64 = 3;

/// The bytes of the file.
pub(super) fn write(table: &Table) -> Vec<u8> {
    let mut file = MAGIC.to_vec();
    let mut chunks = Vec::new();
    let begin = file.len();
    for column in &table.columns {
        let offset = file.len();
        page(column, &mut file);
        chunks.push(chunk(column, offset, file.len() - offset));
    }
    let total = file.len() - begin;
    let mut footer = Thrift::default();
    footer.integer(1, I32, 2);
    footer.list(2, STRUCT, schema(table));
    footer.integer(3, I64, table.rows as i64);
    let mut group = Thrift::default();
    group.list(1, STRUCT, chunks);
    group.integer(2, I64, total as i64);
    group.integer(3, I64, table.rows as i64);
    footer.list(4, STRUCT, vec![group.end()]);
    footer.bytes(6, b"collado");
    let footer = footer.end();
    file.extend(&footer);
    file.extend((footer.len() as u32).to_le_bytes());
    file.extend(MAGIC);
    file
}

/// The number of a kind of column in the format: INT64, DOUBLE, BYTE_ARRAY.
fn number(kind: Kind) -> i64 {
    match kind {
        Kind::Whole => 2,
        Kind::Number => 5,
        Kind::Text => 6,
    }
}

/// The root and the columns, each of which may have empty cells.
fn schema(table: &Table) -> Vec<Vec<u8>> {
    let mut root = Thrift::default();
    root.bytes(4, b"schema");
    root.integer(5, I32, table.columns.len() as i64);
    let column = |column: &Column| {
        let mut element = Thrift::default();
        element.integer(1, I32, number(column.kind()));
        element.integer(3, I32, 1); // OPTIONAL
        element.bytes(4, column.name.as_bytes());
        if column.kind() == Kind::Text {
            element.integer(6, I32, 0); // UTF8
        }
        element.end()
    };
    std::iter::once(root.end()).chain(table.columns.iter().map(column)).collect()
}

/// Header and content of the one page of a column.
fn page(column: &Column, file: &mut Vec<u8>) {
    let levels = levels(column);
    let mut content = (levels.len() as u32).to_le_bytes().to_vec();
    content.extend(levels);
    content.extend(values(column));
    let mut data = Thrift::default();
    data.integer(1, I32, column.cells.len() as i64);
    data.integer(2, I32, PLAIN);
    data.integer(3, I32, RLE);
    data.integer(4, I32, RLE);
    let mut header = Thrift::default();
    header.integer(1, I32, 0); // DATA_PAGE
    header.integer(2, I32, content.len() as i64);
    header.integer(3, I32, content.len() as i64);
    header.inner(5, data.end());
    file.extend(header.end());
    file.extend(content);
}

/// Which cells are there, as runs of equal flags.
fn levels(column: &Column) -> Vec<u8> {
    let flags: Vec<bool> = column.cells.iter().map(|cell| *cell != Cell::Empty).collect();
    let mut bytes = Vec::new();
    for run in flags.chunk_by(|a, b| a == b) {
        varint((run.len() as u64) << 1, &mut bytes);
        bytes.push(u8::from(run[0]));
    }
    bytes
}

fn values(column: &Column) -> Vec<u8> {
    let kind = column.kind();
    let mut bytes = Vec::new();
    for cell in column.cells.iter().filter(|cell| **cell != Cell::Empty) {
        match (kind, cell) {
            (Kind::Whole, Cell::Whole(whole)) => bytes.extend(whole.to_le_bytes()),
            (Kind::Text, cell) => {
                let text = cell.text();
                bytes.extend((text.len() as u32).to_le_bytes());
                bytes.extend(text.as_bytes());
            }
            (_, cell) => bytes.extend(cell.number().unwrap_or(f64::NAN).to_le_bytes()),
        }
    }
    bytes
}

/// Where the page of a column lies, and what is in it.
fn chunk(column: &Column, offset: usize, size: usize) -> Vec<u8> {
    let mut meta = Thrift::default();
    meta.integer(1, I32, number(column.kind()));
    meta.list(2, I32, [PLAIN, RLE].map(zigzag).to_vec());
    meta.list(3, BINARY, vec![counted(column.name.as_bytes())]);
    meta.integer(4, I32, 0); // UNCOMPRESSED
    meta.integer(5, I64, column.cells.len() as i64);
    meta.integer(6, I64, size as i64);
    meta.integer(7, I64, size as i64);
    meta.integer(9, I64, offset as i64);
    let mut chunk = Thrift::default();
    chunk.integer(2, I64, offset as i64);
    chunk.inner(3, meta.end());
    chunk.end()
}

// Types of Thrift's compact protocol.
const I32: u8 = 5;
const I64: u8 = 6;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

/// A structure in Thrift's compact protocol. Fields come in ascending order.
#[derive(Default)]
struct Thrift {
    bytes: Vec<u8>,
    last: u8,
}

impl Thrift {
    fn field(&mut self, id: u8, kind: u8) {
        self.bytes.push((id - self.last) << 4 | kind);
        self.last = id;
    }

    fn integer(&mut self, id: u8, kind: u8, value: i64) {
        self.field(id, kind);
        self.bytes.extend(zigzag(value));
    }

    fn bytes(&mut self, id: u8, value: &[u8]) {
        self.field(id, BINARY);
        self.bytes.extend(counted(value));
    }

    fn inner(&mut self, id: u8, value: Vec<u8>) {
        self.field(id, STRUCT);
        self.bytes.extend(value);
    }

    /// A list of elements that are encoded already.
    fn list(&mut self, id: u8, kind: u8, elements: Vec<Vec<u8>>) {
        self.field(id, LIST);
        match elements.len() {
            n @ 0..15 => self.bytes.push((n as u8) << 4 | kind),
            n => {
                self.bytes.push(0xf0 | kind);
                varint(n as u64, &mut self.bytes);
            }
        }
        self.bytes.extend(elements.concat());
    }

    fn end(mut self) -> Vec<u8> {
        self.bytes.push(0);
        self.bytes
    }
}

fn zigzag(value: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    varint(((value << 1) ^ (value >> 63)) as u64, &mut bytes);
    bytes
}

fn counted(value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    varint(value.len() as u64, &mut bytes);
    bytes.extend(value);
    bytes
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn varint(mut value: u64, bytes: &mut Vec<u8>) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes that pyarrow 26, Polars 2.1 and DuckDB 2.0 read as
    /// `{"n": [1, None, -3], "x": [0.5, nan, None], "t": ["é", None, ""]}`.
    const KNOWN: &str = "\
        504152311500153415342c15061500150615060000060000000201020002010100000000000000fdffffffffffff\
        ff1500153015302c150615001506150600000400000004010200000000000000e03f000000000000f87f15001528\
        15282c150615001506150600000600000002010200020102000000c3a9000000001504194c4806736368656d6115\
        06001504250218016e00150a250218017800150c25021801742500001606191c193c26081c150419250006191801\
        6e150016061656165626080000265e1c150a19250006191801781500160616521652265e000026b0011c150c1925\
        00061918017415001606164a164a26b001000016f2011606002807636f6c6c61646f008c00000050415231";

    #[test]
    fn bytes_are_those_that_other_programs_read() {
        let mut table = Table::default();
        let row = |n, x, t: Option<&str>| {
            let text = t.map_or(Cell::Empty, |t| Cell::Text(t.into()));
            vec![("n".to_owned(), n), ("x".to_owned(), x), ("t".to_owned(), text)]
        };
        table.push(row(Cell::Whole(1), Cell::Number(0.5), Some("é")));
        table.push(row(Cell::Empty, Cell::Number(f64::NAN), None));
        table.push(row(Cell::Whole(-3), Cell::Empty, Some("")));
        let hex: String = write(&table).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, KNOWN);
    }

    #[test]
    fn numbers_have_seven_bits_a_byte() {
        for (value, bytes) in [(0, vec![0]), (-1, vec![1]), (1, vec![2]), (150, vec![0xac, 2])] {
            assert_eq!(zigzag(value), bytes);
        }
        let mut bytes = Vec::new();
        varint(300, &mut bytes);
        assert_eq!(bytes, [0xac, 2]);
        // Fields and long lists, as in Thrift's own description of the compact protocol.
        let mut list = Thrift::default();
        list.list(3, I32, vec![zigzag(1); 20]);
        assert_eq!(&list.end()[..4], [0x39, 0xf5, 20, 2]);
    }
}
