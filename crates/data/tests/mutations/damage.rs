//! Random damage to bytes.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Numbers that readers stumble over: ends of ranges, separators, quotes, digits, controls.
const BYTES: [u8; 20] = *b"\0\x01\x7f\x80\xff\"',;\t\n\r\x1b?-.e09(";
const WORDS: [u32; 8] = [0, 1, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, u32::MAX];

/// A copy with one to six kinds of damage.
pub fn damaged(rng: &mut ChaCha8Rng, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..rng.random_range(1..=6) {
        if bytes.is_empty() {
            break;
        }
        once(rng, &mut bytes);
        if rng.random_range(0..3) == 0 {
            break;
        }
    }
    bytes
}

fn once(rng: &mut ChaCha8Rng, bytes: &mut Vec<u8>) {
    let at = rng.random_range(0..bytes.len());
    let end = (at + rng.random_range(1..=16)).min(bytes.len());
    match rng.random_range(0..9) {
        0 => bytes[at] ^= 1 << rng.random_range(0..8),
        1 => bytes[at] = rng.random(),
        2 => bytes[at] = BYTES[rng.random_range(0..BYTES.len())],
        3 => bytes.truncate(at),
        4 => drop(bytes.drain(at..end)),
        5 => bytes.insert(at, BYTES[rng.random_range(0..BYTES.len())]),
        6 => {
            let piece = bytes[at..end].to_vec();
            let to = rng.random_range(0..bytes.len());
            bytes.splice(to..to, piece);
        }
        7 => {
            let word = WORDS[rng.random_range(0..WORDS.len())];
            let word = if rng.random() { word.to_le_bytes() } else { word.to_be_bytes() };
            let length = bytes.len();
            bytes[at..].iter_mut().zip(word).take(length).for_each(|(byte, new)| *byte = new);
        }
        // Another digit, so that numbers in text stay numbers.
        _ => {
            let digits: Vec<usize> = (0..bytes.len()).filter(|&i| bytes[i].is_ascii_digit()).collect();
            if !digits.is_empty() {
                bytes[digits[rng.random_range(0..digits.len())]] = rng.random_range(b'0'..=b'9');
            }
        }
    }
}
