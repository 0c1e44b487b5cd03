//! The exit codes of every command.

use super::args::Cli;
use clap::Parser;
use std::ffi::OsString;
use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Code 0: done, and a fit is trusted.
    Success,
    /// Code 1: fitted, but the verdict is not to trust it, or its means only.
    NotTrusted,
    /// Code 2: a wrong argument, bad data or a failure; nothing was written.
    Error,
}

impl Exit {
    /// The number the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::NotTrusted => 1,
            Self::Error => 2,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Reads the arguments, the program's name first.
///
/// # Errors
/// The exit to end with after the text it has printed: [`Exit::Success`] for `--help` and `--version` on standard
/// output, [`Exit::Error`] for a wrong usage on standard error.
pub fn parse<I, T>(args: I) -> Result<Cli, Exit>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    Cli::try_parse_from(args).map_err(|error| {
        let _ = error.print(); // a closed stream leaves nobody to tell
        if error.use_stderr() { Exit::Error } else { Exit::Success }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_usage_is_2_and_help_is_0() {
        assert_eq!(parse(["jensen", "--version"]).unwrap_err(), Exit::Success);
        assert_eq!(parse(["jensen", "fit", "garch", "--draws", "none"]).unwrap_err(), Exit::Error);
        assert_eq!(parse(["jensen"]).unwrap_err(), Exit::Error);
        assert_eq!([Exit::Success, Exit::NotTrusted, Exit::Error].map(Exit::code), [0, 1, 2]);
    }
}
