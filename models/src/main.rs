//! The command line `jensen`.
fn main() {}
