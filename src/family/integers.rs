//! Where the parameters of each integer latent lie: what the families of integers share.

use super::{Family, FamilyError, Integer, refuse_sites};
use crate::model::{Draws, Layout, RowSet, Site, SiteKind};

/// The integer latents of a layout, each with a few parameters of its own.
///
/// *Shapes*: the parameters of each site outside of rows, then those of each site of the rows, `[row][parameter]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Integers {
    global: Vec<Place>,
    rows: Vec<Place>,
    num_params: usize,
    num_rows: usize,
    first_row: usize,
}

#[derive(Clone, Debug, PartialEq)]
struct Place {
    low: u32,
    num_values: usize,
    /// First parameter of the site, and how many of them each latent has.
    start: usize,
    width: usize,
}

/// One latent of a pass.
#[derive(Clone, Copy)]
pub(crate) struct Latent {
    /// Index of its first parameter.
    pub start: usize,
    pub num_values: usize,
    pub low: u32,
    /// Position among the integers, or among those of the rows.
    pub place: usize,
    pub in_rows: bool,
}

impl Integers {
    /// `shape(site)` is the number of values of a site's integers (zero: no end) and of their parameters.
    pub fn new(
        layout: &Layout,
        shape: impl Fn(&Site) -> Result<(usize, usize), FamilyError>,
    ) -> Result<Self, FamilyError> {
        let (mut global, mut rows, mut num_params) = (Vec::new(), Vec::new(), 0);
        for site in &layout.sites {
            let (places, copies) = match site.kind {
                SiteKind::Integer => (&mut global, 1),
                SiteKind::RowInteger => (&mut rows, layout.num_rows),
                _ => continue,
            };
            let (num_values, width) = shape(site)?;
            let low = site.range.map_or(0, |(low, _)| low);
            places.push((site.offset, Place { low, num_values, start: num_params, width }));
            num_params += width * copies;
        }
        let in_order = |mut places: Vec<(usize, Place)>| {
            places.sort_by_key(|p| p.0);
            places.into_iter().map(|p| p.1).collect()
        };
        let (num_rows, first_row) = (layout.num_rows, layout.first_row);
        Ok(Integers { global: in_order(global), rows: in_order(rows), num_params, num_rows, first_row })
    }

    pub fn num_params(&self) -> usize {
        self.num_params
    }

    pub fn num_integers(&self) -> usize {
        self.global.len()
    }

    pub fn num_row_integers(&self) -> usize {
        self.rows.len()
    }

    fn rows_in(&self, rows: &RowSet) -> usize {
        rows.subset.as_ref().map_or(self.num_rows, Vec::len)
    }

    /// Latents of a pass.
    pub fn size(&self, rows: &RowSet) -> usize {
        self.global.len() + self.rows.len() * self.rows_in(rows)
    }

    /// Latent number `latent` of a pass: first those outside of rows, then `[site][row]`.
    pub fn latent(&self, rows: &RowSet, latent: usize) -> Latent {
        if let Some(&Place { low, num_values, start, .. }) = self.global.get(latent) {
            return Latent { start, num_values, low, place: latent, in_rows: false };
        }
        let (place, in_pass) = (latent - self.global.len(), self.rows_in(rows));
        let (Place { low, num_values, start, width }, position) = (&self.rows[place / in_pass], place % in_pass);
        let row = rows.subset.as_ref().map_or(position, |s| s[position] as usize - self.first_row);
        Latent { start: start + row * width, num_values: *num_values, low: *low, place, in_rows: true }
    }

    /// Latent number `latent` as other rooms see it.
    pub fn integer(&self, rows: &RowSet, latent: usize) -> Integer {
        let Latent { low, num_values, place, in_rows, .. } = self.latent(rows, latent);
        Integer { low, num_values, place, in_rows }
    }

    /// Appends the first parameter of each latent of a pass, its smallest value, and where that parameter is.
    pub fn read(
        &self,
        params: &[f64],
        rows: &RowSet,
        first: &mut Vec<f64>,
        lows: &mut Vec<u32>,
        starts: &mut Vec<usize>,
    ) {
        starts.extend(self.global.iter().map(|p| p.start));
        lows.extend(self.global.iter().map(|p| p.low));
        let in_pass = self.rows_in(rows);
        for &Place { low, start, width, .. } in &self.rows {
            lows.extend(std::iter::repeat_n(low, in_pass));
            match &rows.subset {
                None => starts.extend((0..in_pass).map(|row| start + row * width)),
                Some(subset) => {
                    starts.extend(subset.iter().map(|row| start + (*row as usize - self.first_row) * width))
                }
            }
        }
        first.extend(starts.iter().map(|start| params[*start]));
    }

    #[inline]
    pub fn each(&self, rows: &RowSet, mut visit: impl FnMut(Latent)) {
        for (place, &Place { low, num_values, start, .. }) in self.global.iter().enumerate() {
            visit(Latent { start, num_values, low, place, in_rows: false });
        }
        let in_pass = self.rows_in(rows);
        for (site, &Place { low, num_values, start, width }) in self.rows.iter().enumerate() {
            for position in 0..in_pass {
                let row = rows.subset.as_ref().map_or(position, |s| s[position] as usize - self.first_row);
                let place = site * in_pass + position;
                visit(Latent { start: start + row * width, num_values, low, place, in_rows: true });
            }
        }
    }

    /// Refuses real latents, and another number of integers.
    pub fn covers(&self, family: &dyn Family, layout: &Layout) -> Result<(), FamilyError> {
        let remedy = "draw real latents with another family: `Product::new(family, CategoricalFactors::new(..))`";
        refuse_sites(layout, &[SiteKind::Latent, SiteKind::RowLatent], remedy)?;
        let (found, expected) = (self.global.len() + self.rows.len(), layout.num_integers + layout.num_row_integers);
        if (self.global.len(), self.rows.len()) == (layout.num_integers, layout.num_row_integers) {
            Ok(())
        } else {
            Err(FamilyError::Size { family: family.name(), found, expected })
        }
    }
}

impl Latent {
    /// The latent's draws.
    pub fn lane(self, z: &Draws) -> &[u32] {
        let all = if self.in_rows { &z.row_integers } else { &z.integers };
        &all[self.place * z.num_draws..(self.place + 1) * z.num_draws]
    }

    pub fn lane_mut(self, z: &mut Draws) -> &mut [u32] {
        let draws = z.num_draws;
        let all = if self.in_rows { &mut z.row_integers } else { &mut z.integers };
        &mut all[self.place * draws..(self.place + 1) * draws]
    }
}
