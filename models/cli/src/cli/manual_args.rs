//! The arguments of `jensen completions` and `jensen man`.

use clap::Args;

/// Arguments of `jensen completions`.
#[derive(Debug, Clone, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: clap_complete::Shell,
}

/// Arguments of `jensen man`.
#[derive(Debug, Clone, Args)]
pub struct ManArgs {
    /// The command whose page is wanted [default: the program itself]
    #[arg(value_name = "COMMAND")]
    pub command: Option<String>,
}
