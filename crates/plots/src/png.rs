//! From SVG to PNG: the same picture at twice the size.

use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use crate::error::{Error, Result};
use crate::text::{REGULAR, SEMIBOLD};

/// Pixels of the PNG for one px of the SVG.
pub(crate) const ZOOM: f32 = 2.0;

/// Renders `svg` with the embedded font only, so that the bytes do not depend on the machine.
pub(crate) fn render(svg: &str) -> Result<Vec<u8>> {
    let failed = |reason: String| Error::Render(reason);
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(REGULAR.to_vec());
    fonts.load_font_data(SEMIBOLD.to_vec());
    let options = Options { fontdb: Arc::new(fonts), ..Options::default() };
    let tree = Tree::from_str(svg, &options).map_err(|error| failed(error.to_string()))?;
    let size = tree.size().to_int_size().scale_by(ZOOM);
    let mut pixels = size
        .and_then(|size| Pixmap::new(size.width(), size.height()))
        .ok_or_else(|| failed("no memory for a picture of this size".to_owned()))?;
    resvg::render(&tree, Transform::from_scale(ZOOM, ZOOM), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| failed(error.to_string()))
}
