//! The command `jensen list`: the models and the data each needs.

use super::error::CommandError;
use crate::cli::args::ListArgs;
use crate::cli::exit::Exit;
use crate::cli::output::print;
use crate::cli::render::{Align, TextTable};
use jensen_models::registry::entries;
use serde_json::json;

/// Prints the models, with the data each needs and its own.
pub(super) fn run(args: &ListArgs) -> Result<Exit, CommandError> {
    let text = if args.json {
        let models = entries().iter();
        let models: Vec<_> =
            models.map(|e| json!({ "name": e.name, "about": e.about, "needs": e.needs, "data": e.data })).collect();
        format!("{:#}\n", json!(models))
    } else {
        let mut table =
            TextTable::new(&[("model", Align::Left), ("what it is", Align::Left), ("own data", Align::Left)]);
        entries().iter().for_each(|entry| table.push([entry.name, entry.about, entry.data]));
        let mut needs = TextTable::new(&[("model", Align::Left), ("--data FILE needs", Align::Left)]);
        entries().iter().for_each(|entry| needs.push([entry.name, entry.needs]));
        format!("{table}\n{needs}\n`jensen fit MODEL` fits one; `jensen fit --help` explains the options.\n")
    };
    print(std::io::stdout(), &text)?;
    Ok(Exit::Success)
}
