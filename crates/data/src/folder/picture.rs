//! PNG and JPEG files, decoded by the crates `png` and `zune-jpeg`. Nobody vouches for the files: the size of an image
//! is checked before its pixels are unpacked, and what is damaged or cut short is refused.

use png::{BitDepth, ColorType, Transformations};
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

/// Images may have sides of as many pixels; no network takes larger ones.
const LARGEST: usize = 1024;
/// The bytes that a decoder may take: twice those of the largest image with four channels of 16 bits.
const MEMORY: usize = 16 * LARGEST * LARGEST;
const PNG: [u8; 4] = *b"\x89PNG";
const JPEG: [u8; 3] = *b"\xff\xd8\xff";

/// The pixels of an image, row by row, the channels of a pixel side by side.
#[derive(Debug, PartialEq)]
pub(super) struct Picture {
    pub(super) height: usize,
    pub(super) width: usize,
    /// 1 in images of greys, 3 in those of colours.
    pub(super) channels: usize,
    samples: Vec<u16>,
    /// The largest sample, 255 or 65535.
    white: u16,
}

impl Picture {
    /// Decodes a file, whose first bytes say what it is.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, String> {
        match bytes {
            _ if bytes.starts_with(&PNG) => png(bytes),
            _ if bytes.starts_with(&JPEG) => jpeg(bytes),
            _ => Err("another format".to_owned()),
        }
    }

    /// The same image in greys or in colours. The grey of a colour is its luma by ITU-R BT.601, rounded as in Pillow.
    pub(super) fn with_channels(mut self, channels: usize) -> Self {
        let luma = |rgb: &[u16]| {
            let [r, g, b] = [rgb[0], rgb[1], rgb[2]].map(u32::from);
            ((19595 * r + 38470 * g + 7471 * b + 0x8000) >> 16) as u16
        };
        match (self.channels, channels) {
            (3, 1) => self.samples = self.samples.chunks_exact(3).map(luma).collect(),
            (1, 3) => self.samples = self.samples.iter().flat_map(|&grey| [grey; 3]).collect(),
            _ => return self,
        }
        Self { channels, ..self }
    }

    /// The samples from 0 to 1, channel by channel.
    pub(super) fn planes(&self) -> impl Iterator<Item = f32> {
        let plane = |c| self.samples.iter().skip(c).step_by(self.channels);
        (0..self.channels).flat_map(plane).map(|&sample| f32::from(sample) / f32::from(self.white))
    }
}

/// Checks the size that a header states.
fn fits(width: usize, height: usize) -> Result<(), String> {
    let range = 1..=LARGEST;
    match range.contains(&width) && range.contains(&height) {
        true => Ok(()),
        false => Err(format!("{height}x{width} pixels (at most {LARGEST}x{LARGEST})")),
    }
}

fn png(bytes: &[u8]) -> Result<Picture, String> {
    let text = |error: png::DecodingError| format!("a PNG file that cannot be read: {error}");
    let mut decoder = png::Decoder::new_with_limits(bytes, png::Limits { bytes: MEMORY });
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    // Palettes become colours, and 1, 2 or 4 bits become 8.
    decoder.set_transformations(Transformations::EXPAND);
    let (width, height) = decoder.read_header_info().map_err(text)?.size();
    let (width, height) = (width as usize, height as usize);
    fits(width, height)?;
    let mut reader = decoder.read_info().map_err(text)?;
    let mut bytes = vec![0; reader.output_buffer_size()];
    reader.next_frame(&mut bytes).map_err(text)?;
    let (color, depth) = reader.output_color_type();
    // Whether the file ends as it should.
    reader.finish().map_err(text)?;
    let (samples, white) = match depth {
        BitDepth::Sixteen => {
            (bytes.as_chunks().0.iter().map(|&pair| u16::from_be_bytes(pair)).collect(), u16::MAX)
        }
        _ => (bytes.into_iter().map(u16::from).collect::<Vec<_>>(), u16::from(u8::MAX)),
    };
    let (channels, alpha) = match color {
        ColorType::Grayscale => (1, false),
        ColorType::GrayscaleAlpha => (1, true),
        ColorType::Rgba => (3, true),
        ColorType::Rgb | ColorType::Indexed => (3, false),
    };
    let samples = if alpha { opaque(&samples, channels, white)? } else { samples };
    Ok(Picture { height, width, channels, samples, white })
}

/// The samples without the last of each pixel, which says how much of it is seen.
fn opaque(samples: &[u16], channels: usize, white: u16) -> Result<Vec<u16>, String> {
    let pixels = || samples.chunks_exact(channels + 1);
    match pixels().all(|pixel| pixel[channels] == white) {
        true => Ok(pixels().flat_map(|pixel| &pixel[..channels]).copied().collect()),
        false => Err("transparent pixels".to_owned()),
    }
}

fn jpeg(bytes: &[u8]) -> Result<Picture, String> {
    let text = |error| format!("a JPEG file that cannot be read: {error:?}");
    let options = DecoderOptions::default().set_strict_mode(true);
    let options = options.set_max_width(LARGEST).set_max_height(LARGEST);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(text)?;
    let (width, height) = decoder.dimensions().ok_or("a JPEG file without a size")?;
    fits(width, height)?;
    let (channels, space) = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => (1, ColorSpace::Luma),
        Some(ColorSpace::YCbCr | ColorSpace::RGB) => (3, ColorSpace::RGB),
        other => return Err(format!("a JPEG file in colours {other:?}")),
    };
    // The decoder fills up with grey what is cut off.
    let scan = bytes.windows(2).rposition(|pair| pair == [0xff, 0xda]).unwrap_or(0);
    if !bytes[scan..].windows(2).any(|pair| pair == [0xff, 0xd9]) {
        return Err("a JPEG file that is cut off".to_owned());
    }
    decoder.set_options(options.jpeg_set_out_colorspace(space));
    let samples = decoder.decode().map_err(text)?.into_iter().map(u16::from).collect();
    Ok(Picture { height, width, channels, samples, white: u8::MAX.into() })
}
