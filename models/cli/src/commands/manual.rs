//! The commands `jensen completions` and `jensen man`: what shells and manuals know of the command line.

use super::error::CommandError;
use crate::cli::args::Cli;
use crate::cli::exit::Exit;
use crate::cli::manual_args::{CompletionsArgs, ManArgs};
use crate::cli::output::write;
use clap::CommandFactory;
use jensen_models::data::nearest::nearest;

/// Writes the completions for a shell.
pub(super) fn completions(args: &CompletionsArgs) -> Result<Exit, CommandError> {
    let mut bytes = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "jensen", &mut bytes);
    write(None, |out| out.write_all(&bytes))?;
    Ok(Exit::Success)
}

/// Writes the page of the program or of one command.
pub(super) fn man(args: &ManArgs) -> Result<Exit, CommandError> {
    let mut program = Cli::command();
    program.build();
    let (title, page) = match &args.command {
        None => ("jensen".to_string(), program),
        Some(name) => {
            let known: Vec<&str> = program.get_subcommands().map(clap::Command::get_name).collect();
            let Some(found) = program.find_subcommand(name) else {
                let hint = nearest(name, known.iter().copied());
                let hint = hint.map_or(String::new(), |found| format!(", did you mean `{found}`?"));
                let known = known.join(", ");
                return Err(CommandError::NoCommand { name: name.clone(), hint, known });
            };
            (format!("jensen-{name}"), found.clone().bin_name(format!("jensen {name}")))
        }
    };
    write(None, |out| clap_mangen::Man::new(page).title(title).render(out))?;
    Ok(Exit::Success)
}
