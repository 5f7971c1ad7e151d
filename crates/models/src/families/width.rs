//! Multipliers of widths.

use std::{fmt, str::FromStr};

/// A multiplier of all widths of a family, kept as a fraction so that networks can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Width {
    numerator: u32,
    denominator: u32,
}

/// Wider networks would not fit into memory.
const LARGEST: u32 = 64;
const FINEST: u32 = 10_000;

impl Width {
    /// The multiplier that leaves the widths as they are.
    pub(crate) const ONE: Self = Self { numerator: 1, denominator: 1 };

    fn new(numerator: u32, denominator: u32) -> Option<Self> {
        let divisor = gcd(numerator, denominator).max(1);
        let width = Self { numerator: numerator / divisor, denominator: denominator / divisor };
        let fits = width.numerator > 0
            && (1..=FINEST).contains(&width.denominator)
            && width.numerator <= LARGEST * width.denominator;
        fits.then_some(width)
    }

    /// The width of a layer that has `base` channels in the family; at least one.
    pub(crate) fn of(self, base: usize) -> usize {
        let (n, d) = (self.numerator as usize, self.denominator as usize);
        ((2 * base * n + d) / (2 * d)).max(1)
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl FromStr for Width {
    type Err = ();

    /// Reads `2`, `0.25` or `1/3`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let number = |text: &str| text.parse::<u32>().map_err(|_| ());
        let (numerator, denominator) = match (text.split_once('/'), text.split_once('.')) {
            (Some((n, d)), _) => (number(n)?, number(d)?),
            (None, Some((whole, part))) if (1..=4).contains(&part.len()) => {
                let scale = 10_u32.pow(part.len() as u32);
                let whole = number(whole)?.checked_mul(scale).ok_or(())?;
                (whole.checked_add(number(part)?).ok_or(())?, scale)
            }
            (None, Some(_)) => return Err(()),
            (None, None) => (number(text)?, 1),
        };
        Self::new(numerator, denominator).ok_or(())
    }
}

impl fmt::Display for Width {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimal = (f64::from(self.numerator) / f64::from(self.denominator)).to_string();
        match decimal.parse() {
            Ok(width) if *self == width => f.write_str(&decimal),
            _ => write!(f, "{}/{}", self.numerator, self.denominator),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Width;

    #[test]
    fn widths_are_read_as_fractions_and_printed_so_that_they_are_read_again() {
        for (text, shown, of16) in
            [("2", "2", 32), ("0.5", "0.5", 8), ("1/2", "0.5", 8), ("2/3", "2/3", 11), ("1/64", "1/64", 1)]
        {
            let width: Width = text.parse().expect(text);
            assert_eq!((width.to_string().as_str(), width.of(16)), (shown, of16), "{text}");
            assert_eq!(shown.parse::<Width>(), Ok(width));
        }
        for text in ["0", "65", "-1", "1/0", "", "0.00001", "nan"] {
            assert!(text.parse::<Width>().is_err(), "{text}");
        }
    }
}
