//! The command line `jensen`.

use std::process::ExitCode;

fn main() -> ExitCode {
    jensen_cli::commands::main(std::env::args_os()).into()
}
