//! Values that do not depend on the examples: fixed numbers, and sizes that depend on the batch.

use super::model::{Attribute, Node};
use crate::graph::numbers;

/// Fixed numbers, or sizes, with their shape.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Folded {
    pub(super) shape: Vec<usize>,
    pub(super) entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Entry {
    Fixed(f64),
    /// So many times the size of the batch.
    Batch(i64),
    Unknown,
}

/// The largest number of entries: sizes and masks are small.
const MOST: usize = 1 << 20;

impl Folded {
    pub(super) fn list(entries: Vec<Entry>) -> Self {
        Self { shape: vec![entries.len()], entries }
    }

    pub(super) fn numbers(shape: Vec<usize>, numbers: impl IntoIterator<Item = f64>) -> Self {
        Self { shape, entries: numbers.into_iter().map(Entry::Fixed).collect() }
    }

    /// The numbers, if all are fixed.
    pub(super) fn fixed(&self) -> Option<Vec<f64>> {
        let fixed = |entry: &Entry| match entry {
            Entry::Fixed(x) => Some(*x),
            _ => None,
        };
        self.entries.iter().map(fixed).collect()
    }

    /// The whole numbers, if all are fixed.
    pub(super) fn ints(&self) -> Option<Vec<i64>> {
        self.fixed()?.into_iter().map(|x| (x.fract() == 0. && x.abs() < 1e15).then_some(x as i64)).collect()
    }

    pub(super) fn scalar(&self) -> Option<f64> {
        self.fixed().filter(|numbers| numbers.len() == 1).map(|numbers| numbers[0])
    }

    /// The result of a node all of whose inputs are such values, if it has a rule here. The number of entries is bounded.
    pub(super) fn of(node: &Node, inputs: &[Option<&Self>]) -> Option<Self> {
        let at = |i: usize| inputs.get(i).copied().flatten();
        let x = at(0)?;
        let same = |entries: Vec<Entry>| Some(Self { shape: x.shape.clone(), entries });
        match node.op.as_str() {
            "Identity" | "CastLike" => Some(x.clone()),
            "Cast" => match node.int("to", 1) {
                6 | 7 => same(x.entries.iter().map(|entry| entry.map(f64::trunc)).collect()),
                _ => Some(x.clone()),
            },
            "Sqrt" => same(x.entries.iter().map(|entry| entry.map(f64::sqrt)).collect()),
            "Neg" => same(x.entries.iter().map(|entry| entry.map(|x| -x)).collect()),
            "Abs" => same(x.entries.iter().map(|entry| entry.map(f64::abs)).collect()),
            "Floor" => same(x.entries.iter().map(|entry| entry.map(f64::floor)).collect()),
            "Reciprocal" => same(x.entries.iter().map(|entry| entry.map(f64::recip)).collect()),
            "Add" => x.with(at(1)?, |a, b| match (a, b) {
                (Entry::Fixed(a), Entry::Fixed(b)) => Entry::Fixed(a + b),
                _ => Entry::Unknown,
            }),
            "Sub" => x.with(at(1)?, |a, b| match (a, b) {
                (Entry::Fixed(a), Entry::Fixed(b)) => Entry::Fixed(a - b),
                _ => Entry::Unknown,
            }),
            "Mul" => x.with(at(1)?, |a, b| match (a, b) {
                (Entry::Fixed(a), Entry::Fixed(b)) => Entry::Fixed(a * b),
                (Entry::Batch(n), Entry::Fixed(by)) | (Entry::Fixed(by), Entry::Batch(n))
                    if by.fract() == 0. =>
                {
                    n.checked_mul(by as i64).map_or(Entry::Unknown, Entry::Batch)
                }
                _ => Entry::Unknown,
            }),
            "Div" => x.with(at(1)?, |a, b| match (a, b) {
                (Entry::Fixed(a), Entry::Fixed(b)) => Entry::Fixed(a / b),
                (Entry::Batch(n), Entry::Fixed(by)) if by >= 1. && n as f64 % by == 0. => {
                    Entry::Batch(n / by as i64)
                }
                _ => Entry::Unknown,
            }),
            "Mod" => x.with(at(1)?, |a, b| match (a, b) {
                (Entry::Fixed(a), Entry::Fixed(b)) if a >= 0. && b > 0. => Entry::Fixed(a % b),
                _ => Entry::Unknown,
            }),
            "Equal" => x.with(at(1)?, |a, b| match (a, b) {
                (Entry::Fixed(a), Entry::Fixed(b)) => Entry::Fixed(f64::from(u8::from(a == b))),
                // There is at least one example.
                (Entry::Batch(n), Entry::Fixed(x)) | (Entry::Fixed(x), Entry::Batch(n))
                    if n > 0 && x <= 0. =>
                {
                    Entry::Fixed(0.)
                }
                _ => Entry::Unknown,
            }),
            "Where" => x.chosen(at(1)?, at(2)?),
            "Range" => Self::range(x.scalar()?, at(1)?.scalar()?, at(2)?.scalar()?),
            "Reshape" => x.reshaped(&at(1)?.ints()?),
            "Squeeze" => x.squeezed(at(1).map(Self::ints)),
            "Unsqueeze" => x.unsqueezed(&at(1)?.ints()?),
            "Concat" => {
                let parts: Vec<&Self> = inputs.iter().copied().collect::<Option<_>>()?;
                let lists = parts.iter().all(|part| part.shape.len() == 1);
                let entries: Vec<Entry> =
                    parts.iter().flat_map(|part| part.entries.iter().copied()).collect();
                Some(Self::list(entries)).filter(|list| lists && list.entries.len() <= MOST)
            }
            "Gather" => {
                let index = at(1)?;
                let places = index.ints()?;
                let length = i64::try_from(x.entries.len()).ok()?;
                let place = |i: &i64| usize::try_from(if *i < 0 { i + length } else { *i }).ok();
                let entries: Option<Vec<Entry>> =
                    places.iter().map(|i| x.entries.get(place(i)?).copied()).collect();
                Some(Self { shape: index.shape.clone(), entries: entries? }).filter(|_| x.shape.len() == 1)
            }
            "Slice" => {
                let (start, stop) = (at(1)?.scalar()?, at(2)?.scalar()?);
                let end = |i: f64| {
                    if i < 0. { i + x.entries.len() as f64 } else { i }.clamp(0., x.entries.len() as f64)
                };
                let (start, stop) = (end(start) as usize, end(stop) as usize);
                let step = at(4).map_or(Some(1.), Self::scalar);
                Some(Self::list(x.entries.get(start..stop)?.to_vec()))
                    .filter(|_| x.shape.len() == 1 && step == Some(1.))
            }
            "Expand" => {
                let shape: Vec<usize> =
                    at(1)?.ints()?.iter().map(|&n| usize::try_from(n).ok()).collect::<Option<_>>()?;
                let count = count(&shape)?;
                let [entry] = x.entries[..] else { return None };
                Some(Self { shape, entries: vec![entry; count] })
            }
            "ConstantOfShape" => {
                let shape: Vec<usize> =
                    x.ints()?.iter().map(|&n| usize::try_from(n).ok()).collect::<Option<_>>()?;
                let count = count(&shape)?;
                let value = match node.attribute("value") {
                    None => 0.,
                    Some(Attribute::Tensor(tensor)) => {
                        *numbers(&tensor.clone().named().ok()?).ok()?.first()?
                    }
                    Some(_) => return None,
                };
                Some(Self { shape, entries: vec![Entry::Fixed(value); count] })
            }
            _ => None,
        }
    }

    /// Both values entry by entry, where one may be a single number.
    fn with(&self, other: &Self, f: impl Fn(Entry, Entry) -> Entry) -> Option<Self> {
        let (a, b) = (&self.entries, &other.entries);
        let (shape, count) = if b.len() == 1 { (&self.shape, a.len()) } else { (&other.shape, b.len()) };
        let at = |list: &[Entry], i: usize| if list.len() == 1 { list[0] } else { list[i] };
        let fits = a.len() == b.len() && self.shape == other.shape || a.len() == 1 || b.len() == 1;
        fits.then(|| Self {
            shape: shape.clone(),
            entries: (0..count).map(|i| f(at(a, i), at(b, i))).collect(),
        })
    }

    /// The entries of `yes` where those of `self` are not 0, else those of `no`; each may be a single one.
    fn chosen(&self, yes: &Self, no: &Self) -> Option<Self> {
        let all = [self, yes, no];
        let longest = all.into_iter().max_by_key(|value| (value.entries.len(), value.shape.len()))?;
        let fits = |value: &Self| value.entries.len() == 1 || value.shape == longest.shape;
        let at = |value: &Self, i: usize| value.entries[if value.entries.len() == 1 { 0 } else { i }];
        let choose = |i: usize| match at(self, i) {
            Entry::Fixed(0.) => at(no, i),
            Entry::Fixed(_) => at(yes, i),
            _ => Entry::Unknown,
        };
        all.into_iter().all(fits).then(|| Self {
            shape: longest.shape.clone(),
            entries: (0..longest.entries.len()).map(choose).collect(),
        })
    }

    /// The numbers from `start` to before `stop`.
    fn range(start: f64, stop: f64, step: f64) -> Option<Self> {
        let count = ((stop - start) / step).ceil();
        let count = (0. ..=MOST as f64).contains(&count).then_some(count as usize)?;
        Some(Self::numbers(vec![count], (0..count).map(|i| start + i as f64 * step)))
    }

    /// Without the given axes, or all axes of one entry.
    fn squeezed(&self, axes: Option<Option<Vec<i64>>>) -> Option<Self> {
        let rank = self.shape.len() as i64;
        let gone = |i: usize| match &axes {
            None => true,
            Some(axes) => {
                axes.iter().flatten().any(|&axis| (if axis < 0 { axis + rank } else { axis }) == i as i64)
            }
        };
        let kept = self.shape.iter().enumerate().filter(|&(i, &n)| n != 1 || !gone(i));
        let shape: Vec<usize> = kept.map(|(_, &n)| n).collect();
        axes.is_none_or(|axes| axes.is_some()).then(|| Self { shape, entries: self.entries.clone() })
    }

    /// With axes of one entry at these places of the result.
    fn unsqueezed(&self, axes: &[i64]) -> Option<Self> {
        let rank = i64::try_from(self.shape.len() + axes.len()).ok()?;
        let mut places: Vec<i64> =
            axes.iter().map(|&axis| if axis < 0 { axis + rank } else { axis }).collect();
        places.sort_unstable();
        let mut shape = self.shape.clone();
        for place in places {
            let place = usize::try_from(place).ok().filter(|&place| place <= shape.len())?;
            shape.insert(place, 1);
        }
        Some(Self { shape, entries: self.entries.clone() })
    }

    fn reshaped(&self, sizes: &[i64]) -> Option<Self> {
        let known: i64 = sizes.iter().filter(|n| **n != -1).product();
        let total = i64::try_from(self.entries.len()).ok()?;
        let open = if known > 0 { total / known } else { return None };
        let sizes = sizes.iter().map(|&n| usize::try_from(if n == -1 { open } else { n }).ok());
        Some(Self { shape: sizes.collect::<Option<_>>()?, entries: self.entries.clone() })
            .filter(Self::is_whole)
    }

    fn is_whole(&self) -> bool {
        count(&self.shape) == Some(self.entries.len())
    }
}

impl Entry {
    fn map(self, f: impl Fn(f64) -> f64) -> Self {
        match self {
            Self::Fixed(x) => Self::Fixed(f(x)),
            Self::Batch(_) if f(2.5) == 2. || f(2.5) == 2.5 => self,
            _ => Self::Unknown,
        }
    }
}

/// The number of entries of a shape, if it is small enough.
fn count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n)).filter(|&n| n <= MOST)
}

impl Node {
    pub(super) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub(super) fn int(&self, name: &str, default: i64) -> i64 {
        match self.attribute(name) {
            Some(Attribute::Int(n)) => *n,
            _ => default,
        }
    }

    pub(super) fn float(&self, name: &str, default: f64) -> f64 {
        match self.attribute(name) {
            Some(Attribute::Float(x)) => *x,
            _ => default,
        }
    }

    pub(super) fn ints(&self, name: &str) -> Option<&[i64]> {
        match self.attribute(name) {
            Some(Attribute::Ints(list)) => Some(list),
            _ => None,
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.attribute(name) {
            Some(Attribute::Text(text)) => Some(text),
            _ => None,
        }
    }
}
