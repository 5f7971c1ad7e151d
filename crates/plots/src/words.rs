//! What all figures have in common: title, subtitle and caption, and the documents that they become.

/// The texts around a picture.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    pub(crate) title: String,
    pub(crate) subtitle: String,
    pub(crate) caption: String,
}

impl Words {
    pub(crate) fn titled(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }
}

/// Gives a figure with the field `words` and the method `draw` the methods that all figures have; with `print` also the
/// picture for papers of one that is always as wide as the text.
macro_rules! figure_methods {
    ($figure:ident) => {
        impl $figure {
            /// Sets the grey line under the title: what was measured.
            #[must_use]
            pub fn subtitle(mut self, subtitle: impl Into<String>) -> Self {
                self.words.subtitle = subtitle.into();
                self
            }

            /// Sets the sentence under the picture: what is to be seen.
            #[must_use]
            pub fn caption(mut self, caption: impl Into<String>) -> Self {
                self.words.caption = caption.into();
                self
            }

            /// The picture as an SVG document.
            ///
            /// # Errors
            /// When there is nothing to draw, or what there is does not fit together.
            pub fn to_svg(&self) -> $crate::Result<String> {
                Ok($crate::svg::write(&self.draw()?))
            }

            /// The same picture as [`to_svg`](Self::to_svg) as a PNG, with two pixels per px.
            ///
            /// # Errors
            /// The errors of [`to_svg`](Self::to_svg), and when there is no memory for the pixels.
            pub fn to_png(&self) -> $crate::Result<Vec<u8>> {
                $crate::png::render(&self.draw()?)
            }
        }
    };
    ($figure:ident, print) => {
        figure_methods!($figure);

        impl $figure {
            /// The picture for a paper, as wide as its text, without title, subtitle and caption.
            ///
            /// # Errors
            /// The errors of [`to_svg`](Self::to_svg).
            pub fn print(&self) -> $crate::Result<$crate::Print> {
                let bare = Self { words: $crate::words::Words::default(), ..self.clone() };
                Ok($crate::Print::of(&bare.draw()?, $crate::TEXT))
            }
        }
    };
}

pub(crate) use figure_methods;
