//! ONNX models made by hand, in the wire format of protocol buffers.

/// A field of bytes.
pub fn field(number: u64, bytes: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}

/// A field of a whole number.
pub fn number(field: u64, n: i64) -> Vec<u8> {
    [varint(field << 3), varint(n as u64)].concat()
}

fn varint(mut n: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while n >= 0x80 {
        bytes.push(n as u8 | 0x80);
        n >>= 7;
    }
    bytes.push(n as u8);
    bytes
}

/// A node of a graph, with attributes that are lists of whole numbers.
pub fn node(op: &str, inputs: &[&str], output: &str, attributes: &[(&str, &[i64])]) -> Vec<u8> {
    let inputs = inputs.iter().flat_map(|name| field(1, name.as_bytes()));
    let attribute = |(name, list): &(&str, &[i64])| {
        let ints: Vec<u8> = list.iter().flat_map(|&n| number(8, n)).collect();
        field(5, &[field(1, name.as_bytes()), ints, number(20, 7)].concat())
    };
    let attributes = attributes.iter().flat_map(attribute);
    let body = inputs.chain(field(2, output.as_bytes())).chain(field(4, op.as_bytes())).chain(attributes);
    field(1, &body.collect::<Vec<_>>())
}

/// A node whose result are fixed whole numbers.
pub fn constant(output: &str, list: &[i64]) -> Vec<u8> {
    node("Constant", &[], output, &[("value_ints", list)])
}

/// A tensor of a state dict.
pub fn weight(name: &str, shape: &[i64], values: &[f32]) -> Vec<u8> {
    let dims = shape.iter().flat_map(|&n| number(1, n));
    let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    let body = dims.chain(number(2, 1)).chain(field(8, name.as_bytes())).chain(field(9, &bytes));
    field(5, &body.collect::<Vec<_>>())
}

/// What is known about a tensor; `-1` is the open batch.
fn value(name: &str, shape: &[i64]) -> Vec<u8> {
    let dim = |&n: &i64| field(1, &if n < 0 { field(2, b"batch") } else { number(1, n) });
    let dims: Vec<u8> = shape.iter().flat_map(dim).collect();
    let tensor = field(1, &[number(1, 1), field(2, &dims)].concat());
    [field(1, name.as_bytes()), field(2, &tensor)].concat()
}

/// A model with the input `x` `[batch, features]`, the output `y`, and parts of its graph.
pub fn model(features: i64, parts: &[Vec<u8>]) -> Vec<u8> {
    let ends = [field(11, &value("x", &[-1, features])), field(12, &field(1, b"y"))].concat();
    let operators = field(8, &number(2, 18));
    [number(1, 8), field(7, &[parts.concat(), ends].concat()), operators].concat()
}
