//! [`LayerError`]: numbers that are not those of the network they are given to.

/// Numbers that a network cannot be run on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayerError {
    /// As many numbers as the network does not take.
    #[error("{what} holds {found} numbers, the network takes {expected}; {remedy}")]
    Length {
        /// What was given, in words.
        what: &'static str,
        /// How many numbers were given.
        found: usize,
        /// The numbers that are needed.
        expected: usize,
        /// A remedy, in words.
        remedy: &'static str,
    },
    /// A layout of another model.
    #[error("the layout has no parameter `{site}` of the network's size; give the layout of this very model")]
    Layout {
        /// The site that is looked for.
        site: String,
    },
}

impl LayerError {
    /// Nothing where `found` is `expected`.
    pub(super) fn unless_equal(
        what: &'static str,
        found: usize,
        expected: usize,
        remedy: &'static str,
    ) -> Result<(), LayerError> {
        if found == expected { Ok(()) } else { Err(LayerError::Length { what, found, expected, remedy }) }
    }
}
