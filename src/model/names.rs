//! The names of sites, and which of them would stand for two quantities.

use std::collections::HashSet;

use super::site::{Site, SiteKind};

/// Names that are taken.
#[derive(Default)]
pub(crate) struct Names {
    sites: HashSet<String>,
    /// Sites of several numbers, whose quantities are called `name[..]`.
    vectors: HashSet<String>,
    /// What stands before the bracket of sites that are called `name[..]` themselves.
    before_brackets: HashSet<String>,
}

impl Names {
    /// Takes the name of `site`, or says what it would be confused with.
    pub fn take(&mut self, site: &Site) -> Result<(), String> {
        let name = &site.name;
        if !self.sites.insert(name.clone()) {
            return Err(format!("two sites are called \"{name}\"; give each its own name"));
        }
        if !site.shape.is_empty()
            || matches!(site.kind, SiteKind::RowLatent | SiteKind::RowInteger | SiteKind::SummedRowInteger)
        {
            self.vectors.insert(name.clone());
            if self.before_brackets.contains(name) {
                return Err(format!(
                    "the elements of \"{name}\" are called \"{name}[..]\", as another site is; give one a name of its own"
                ));
            }
        }
        let Some((vector, _)) = name.split_once('[').filter(|_| name.ends_with(']')) else { return Ok(()) };
        self.before_brackets.insert(vector.to_string());
        if self.vectors.contains(vector) {
            return Err(format!(
                "\"{name}\" is also the name of an element of \"{vector}\"; give it a name of its own"
            ));
        }
        Ok(())
    }
}
