//! Rows from arrays called `x`, `y`, `x_test` and `y_test`: the rules `.npz` and `.safetensors` share.
//!
//! Keras' names `x_train` and `y_train` are understood too. `x` `[N, …]` is flattened to `[N, n0]`: F32 from floats of
//! up to 32 bits, F64 from 64-bit floats and integers, the numbers as they are. Integer `y` `[N]` or `[N, 1]` is class
//! labels, floating-point `y` `[N]` or `[N, q]` real targets. Other arrays are not read. Types and shapes of all
//! arrays are compared before any numbers are read.

mod options;

use candle_core::{DType, Device, Tensor};

pub(crate) use options::NamedOptions;

use crate::array::{Element, Number};
use crate::bytes::elements;
use crate::labels::{Labels, classes, look_like_labels, tokens, whole};
use crate::split::row_error;
use crate::text::{Notes, listed};
use crate::{Dataset, Error, Result, Split, Targets};

/// The header of an array: its element type and shape.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    pub(crate) element: Element,
    pub(crate) big_endian: bool,
    /// Whether the numbers lie in Fortran order, with the first index varying fastest.
    pub(crate) fortran: bool,
    pub(crate) shape: Vec<u64>,
}

impl Header {
    /// Checks that no dimension is empty and that the numbers fit into `room` bytes.
    pub(crate) fn checked(self, place: &str, room: u64) -> Result<Self> {
        if self.shape.contains(&0) {
            return Err(Error::format(place, "no dimension of size 0", format!("shape {:?}", self.shape)));
        }
        elements(place, &self.shape, self.element.size(), room)?;
        Ok(self)
    }

    /// The number of elements, which does not overflow in a checked header.
    pub(crate) fn len(&self) -> usize {
        self.shape.iter().product::<u64>() as usize
    }

    /// The number of rows N, and the number of elements in a row.
    fn rows(&self) -> (usize, usize) {
        let n = self.shape.first().map_or(1, |&n| n as usize);
        (n, self.len() / n)
    }
}

/// A file of named arrays.
pub(crate) trait Arrays {
    /// The name of the file, for messages.
    fn file(&self) -> &str;
    /// The names of its arrays, for messages.
    fn names(&self) -> Vec<String>;
    /// The checked header of an array, if there is one of that name; `place` is used in errors.
    fn header(&mut self, name: &str, place: &str) -> Result<Option<Header>>;
    /// Reads the numbers of an array with that header.
    fn numbers<T: Number>(&mut self, name: &str, place: &str, header: &Header) -> Result<Vec<T>>;
}

/// One array of a split, with its name, place and header.
struct Array {
    name: &'static str,
    place: String,
    header: Header,
}

/// The arrays of the file with the test rows, where they have a file of their own.
type Other<'a, A> = Option<&'a mut A>;

/// The two arrays of a split.
struct Pair {
    x: Array,
    y: Array,
}

/// The targets of a split as the file has them.
enum Raw {
    Labels(Labels),
    /// Labels with their number in a row.
    Tokens(Labels, usize),
    Values(Tensor),
}

/// Reads the data set in a file of arrays, with test rows from another if there is one.
pub(crate) fn load<A: Arrays>(
    spec: &str,
    arrays: &mut A,
    mut other: Other<'_, A>,
    options: &NamedOptions,
) -> Result<Dataset> {
    let train = training(arrays, options)?;
    let own = pair(arrays, ("x_test", "y_test"), options)?;
    if let (Some(_), Some(option)) = (&own, options.test.option()) {
        let expected = format!("either {option} or test rows in the file");
        return Err(Error::format(arrays.file(), expected, "an array 'x_test' and the option"));
    }
    let test = match &mut other {
        Some(other) => Some(training(*other, options)?),
        None => own,
    };
    agree(spec, &train, test.as_ref())?;
    let mut notes = Notes::default();
    let mut read = |arrays: &mut A, pair: &Pair| {
        Ok::<_, Error>((inputs(arrays, &pair.x, &mut notes)?, raw(arrays, &pair.y, options)?))
    };
    let (train_x, train_y) = read(arrays, &train)?;
    let (test_x, test_y) = match &test {
        Some(test) => read(other.unwrap_or(arrays), test).map(|(x, y)| (Some(x), Some(y)))?,
        None => (None, None),
    };
    let (train_y, test_y) = targets(train_y, test_y, options, &mut notes)?;
    let split = |pair: &Pair, x, y| {
        let x = options.images(&pair.x.place, &pair.x.header.shape, x)?;
        Split::at(&pair.x.place, &pair.y.place, x, y)
    };
    let image = options.image(&train.x.header.shape);
    let shape = |pair: &Pair| options.image(&pair.x.header.shape);
    if let Some(other) = test.as_ref().filter(|test| shape(test) != image) {
        let (expected, found) = (format!("images of {image:?}"), format!("images of {:?}", shape(other)));
        return Err(Error::Splits { spec: spec.to_owned(), expected, found });
    }
    let train = split(&train, train_x, train_y)?;
    let test = match (&test, test_x, test_y) {
        (Some(pair), Some(x), Some(y)) => Some(split(pair, x, y)?),
        _ => None,
    };
    let (train, test) = match test {
        None => options.test.divide(spec, train)?,
        test => (train, test),
    };
    Ok(Dataset::new(spec, train, test)?.with_notes(notes).with_image(image))
}

/// The training arrays of a file.
fn training(arrays: &mut impl Arrays, options: &NamedOptions) -> Result<Pair> {
    let plain = pair(arrays, ("x", "y"), options)?;
    let keras = pair(arrays, ("x_train", "y_train"), options)?;
    one_of(arrays, plain, keras)
}

/// The arrays of one split, or none if the file has neither; their numbers of rows agree.
fn pair(
    arrays: &mut impl Arrays,
    (x, y): (&'static str, &'static str),
    options: &NamedOptions,
) -> Result<Option<Pair>> {
    let mut array = |name| {
        let place = format!("{}: array '{name}'", arrays.file());
        Ok::<_, Error>(arrays.header(name, &place)?.map(|header| Array { name, place, header }))
    };
    match (array(x)?, array(y)?) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(missing(arrays, x)),
        (Some(_), None) => Err(missing(arrays, y)),
        (Some(x), Some(y)) => {
            check_shapes(&x, &y, options)?;
            Ok(Some(Pair { x, y }))
        }
    }
}

/// The training arrays, under the plain names or those of Keras.
fn one_of(arrays: &impl Arrays, plain: Option<Pair>, keras: Option<Pair>) -> Result<Pair> {
    match (plain, keras) {
        (Some(pair), None) | (None, Some(pair)) => Ok(pair),
        (None, None) => Err(missing(arrays, "x")),
        (Some(_), Some(_)) => {
            Err(Error::format(arrays.file(), "training rows under one name", "both 'x' and 'x_train'"))
        }
    }
}

fn missing(arrays: &impl Arrays, name: &str) -> Error {
    let mut names = arrays.names();
    names.sort();
    Error::MissingArray { file: arrays.file().to_owned(), expected: name.to_owned(), found: listed(names) }
}

fn check_shapes(x: &Array, y: &Array, options: &NamedOptions) -> Result<()> {
    if x.header.shape.is_empty() {
        return Err(Error::format(&x.place, "a shape [N, …]", "a single number"));
    }
    let found = || format!("shape {:?}", y.header.shape);
    match (y.header.element.is_integer(), y.header.shape.as_slice()) {
        (true, [_, _]) if options.tokens() => {}
        (_, _) if options.tokens() => {
            return Err(Error::format(&y.place, "integer class labels [N, positions]", found()));
        }
        (true, [_] | [_, 1]) | (false, [_] | [_, _]) => {}
        (true, _) => {
            let expected = "integer class labels [N] or [N, 1] (task=tokens takes one for each position)";
            return Err(Error::format(&y.place, expected, found()));
        }
        (false, _) => return Err(Error::format(&y.place, "real targets [N] or [N, q]", found())),
    }
    let ((expected, _), (rows, _)) = (x.header.rows(), y.header.rows());
    if rows == expected { Ok(()) } else { Err(row_error(&x.place, &y.place, expected, rows)) }
}

/// Checks that the two splits match, before their numbers are read.
fn agree(spec: &str, train: &Pair, test: Option<&Pair>) -> Result<()> {
    let Some(test) = test else { return Ok(()) };
    let text = |pair: &Pair| {
        let (dtype, features) = (pair.x.header.element.input_type().as_str(), pair.x.header.rows().1);
        let kind = if pair.y.header.element.is_integer() { "integer" } else { "real" };
        format!("{features} {dtype} inputs and {} {kind} targets", pair.y.header.rows().1)
    };
    let (expected, found) = (text(train), text(test));
    if expected == found { Ok(()) } else { Err(Error::Splits { spec: spec.to_owned(), expected, found }) }
}

/// Reads an array `[N, …]` as floats `[N, n0]`.
fn inputs(arrays: &mut impl Arrays, x: &Array, notes: &mut Notes) -> Result<Tensor> {
    let single = x.header.element.input_type() == DType::F32;
    if single {
        return matrix::<f32>(x, arrays.numbers(x.name, &x.place, &x.header)?);
    }
    let values: Vec<f64> = arrays.numbers(x.name, &x.place, &x.header)?;
    if x.header.element == Element::U8 && values.iter().any(|&value| value > 1.) {
        notes.push(format!("{}: bytes are taken as they are, from 0 to 255, not divided by 255", x.place));
    }
    matrix(x, values)
}

/// A tensor `[N, n0]` of the numbers of an array.
fn matrix<T: Number>(array: &Array, values: Vec<T>) -> Result<Tensor> {
    let header = &array.header;
    let (n, columns) = header.rows();
    if !header.fortran || header.shape.len() < 2 {
        return Ok(Tensor::from_vec(values, (n, columns), &Device::Cpu)?);
    }
    let shape: Vec<usize> = header.shape.iter().rev().map(|&size| size as usize).collect();
    let axes: Vec<usize> = (0..shape.len()).rev().collect();
    let turned = Tensor::from_vec(values, shape, &Device::Cpu)?.permute(axes)?.contiguous()?;
    Ok(turned.reshape((n, columns))?)
}

fn raw(arrays: &mut impl Arrays, y: &Array, options: &NamedOptions) -> Result<Raw> {
    let place = y.place.clone();
    if options.tokens() {
        if y.header.fortran {
            return Err(Error::format(place, "rows one after the other", "Fortran's order"));
        }
        let values = arrays.numbers(y.name, &y.place, &y.header)?;
        return Ok(Raw::Tokens(Labels { place, values }, y.header.rows().1));
    }
    if y.header.element.is_integer() && !options.regress() {
        return Ok(Raw::Labels(Labels { place, values: arrays.numbers(y.name, &y.place, &y.header)? }));
    }
    let values: Vec<f64> = arrays.numbers(y.name, &y.place, &y.header)?;
    if !options.classes() {
        return Ok(Raw::Values(matrix(y, values)?));
    }
    if y.header.rows().1 != 1 {
        let found = format!("shape {:?}", y.header.shape);
        return Err(Error::format(place, "class labels [N] or [N, 1]", found));
    }
    Ok(Raw::Labels(Labels { values: whole(&place, &values)?, place }))
}

/// Targets of both splits, in the same classes.
fn targets(
    train: Raw,
    test: Option<Raw>,
    options: &NamedOptions,
    notes: &mut Notes,
) -> Result<(Targets, Option<Targets>)> {
    match (train, test) {
        (Raw::Tokens(train, positions), None) => Ok((tokens(&[train], positions)?.remove(0), None)),
        (Raw::Tokens(train, positions), Some(Raw::Tokens(test, _))) => {
            let mut both = tokens(&[train, test], positions)?;
            let test = both.pop();
            Ok((both.remove(0), test))
        }
        (Raw::Labels(train), None) => Ok((classes(&[train], options.labels_from, notes)?.remove(0), None)),
        (Raw::Labels(train), Some(Raw::Labels(test))) => {
            let mut both = classes(&[train, test], options.labels_from, notes)?;
            let test = both.pop();
            Ok((both.remove(0), test))
        }
        (Raw::Values(train), test) => {
            if !options.regress() && train.dim(1)? == 1 && look_like_labels(&train.flatten_all()?.to_vec1()?)
            {
                notes.push(
                    "targets are whole numbers from 0 or 1 up, written as floats: taken as real targets; \
                     task=classes takes them as class labels"
                        .to_owned(),
                );
            }
            let test = match test {
                Some(Raw::Values(test)) => Some(Targets::Values(test)),
                _ => None,
            };
            Ok((Targets::Values(train), test))
        }
        (Raw::Labels(train) | Raw::Tokens(train, _), Some(_)) => {
            Err(Error::format(train.place, "targets of one kind in both splits", "labels and real values"))
        }
    }
}
