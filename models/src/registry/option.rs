//! [`DataOption`]: the options of the command line that name columns.

/// An option that names columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DataOption {
    Response,
    Features,
    Group,
    Lags,
    Supports,
    Formula,
    Likelihood,
    Settings,
}

impl DataOption {
    /// As it is written.
    pub(super) fn flag(self) -> &'static str {
        match self {
            Self::Response => "--response",
            Self::Features => "--features",
            Self::Group => "--group",
            Self::Lags => "--lags",
            Self::Supports => "--supports",
            Self::Formula => "--formula",
            Self::Likelihood => "--likelihood",
            Self::Settings => "--prior, --link or --missing",
        }
    }
}
