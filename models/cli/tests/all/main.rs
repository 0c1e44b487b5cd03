//! The built binary `jensen`, one program.

mod book;
mod circles;
mod cli;
mod compare;
mod folder;
mod mixture;
mod mixture_kinds;
mod mixture_quirks;
mod mixture_streamed;
mod pages;
mod readers;
mod reference;
mod regressions;
mod tables;
mod terminal;
mod vae;
mod vae_models;
mod vae_streamed;
