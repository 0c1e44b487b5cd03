//! Sites: the named latents and derived quantities of a model, and where their numbers lie.

use serde::{Deserialize, Serialize};

/// Numbers of a kind at most: so few that sums of them are numbers, too.
const MOST_NUMBERS: usize = 1 << 40;

/// The kind of a site: latent, integer, parameter of the model, or derived quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SiteKind {
    /// A real latent, one value for each draw.
    Latent,
    /// A real latent of each row.
    RowLatent,
    /// An integer latent.
    Integer,
    /// An integer latent of each row.
    RowInteger,
    /// An integer latent that the density sums out: it is no latent of q, and is drawn given the others.
    SummedInteger,
    /// The same of each row.
    SummedRowInteger,
    /// A learnable parameter theta without a prior.
    Parameter,
    /// A quantity computed from latents, kept in the output.
    Derived,
}

/// One named quantity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Site {
    /// The name given in the model.
    pub name: String,
    /// The kind of the site.
    pub kind: SiteKind,
    /// The support in words, such as "positive".
    pub support: String,
    /// Shape of the constrained value; empty for a scalar.
    pub shape: Vec<usize>,
    /// First place in the unconstrained block of its kind.
    pub offset: usize,
    /// Numbers in the unconstrained space.
    pub num_unconstrained: usize,
    /// Range of an integer site: `low..=high`.
    pub range: Option<(u32, u32)>,
    /// How far each unconstrained number `u` of a latent with a location `m` and a scale `s` is centred: its value is
    /// `z = m + s^(1 - c) (u - c m)` with `c` from 0 (non-centred) to 1 (centred); empty where all are centred, `z = u`.
    /// A vector with a factor `L` of its covariance has `s` the standard deviation of each element, and `z = m + L u` where
    /// all `c` are 0.
    ///
    /// For a latent of rows one number for each element, the same in every row. A fit chooses other coordinates where
    /// that raises its bound; they are those of its parameters, and no name, draw or density of the result depends on
    /// them. [`Target::in_coordinates`](crate::target::Target::in_coordinates) records a model in them.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "crate::number::list")]
    pub centring: Vec<f64>,
}

impl Site {
    /// Numbers in the constrained space.
    pub fn num_constrained(&self) -> usize {
        self.shape.iter().product()
    }

    /// Names of the constrained numbers: `mu`, `theta[0]`, `L[1,0]`.
    pub fn element_names(&self) -> Vec<String> {
        let mut names = vec![String::new()];
        for (axis, &n) in self.shape.iter().enumerate() {
            let comma = if axis == 0 { "" } else { "," };
            names = names.iter().flat_map(|prefix| (0..n).map(move |k| format!("{prefix}{comma}{k}"))).collect();
        }
        if self.shape.is_empty() {
            return vec![self.name.clone()];
        }
        names.iter().map(|index| format!("{}[{index}]", self.name)).collect()
    }
}

/// How the numbers of a model are laid out.
///
/// ```
/// use jensen::model::SiteKind;
/// use jensen::prelude::*;
/// use jensen::target::{LogDensity, Target};
///
/// let target = Target::new(&model(|p| {
///     let w = p.draw("w", dirichlet(Vector::constant(&[1.0, 1.0, 1.0])));
///     p.rows(4, |i| {
///         let z = i.draw("z", normal(0.0, 1.0));
///         i.observe(0.3, normal(z + w.at(0), 1.0));
///     });
/// }))?;
/// let layout = target.layout();
/// assert_eq!((layout.num_latents, layout.num_rows), (2, 4)); // a simplex of three has two free coordinates
/// assert_eq!(layout.site("z").map(|site| site.kind), Some(SiteKind::RowLatent));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    /// All sites in the order of their declaration.
    pub sites: Vec<Site>,
    /// Unconstrained real latents outside of rows.
    pub num_latents: usize,
    /// Integer latents outside of rows.
    pub num_integers: usize,
    /// Learnable parameters theta.
    pub num_parameters: usize,
    /// Unconstrained real latents of each row.
    pub num_row_latents: usize,
    /// Integer latents of each row.
    pub num_row_integers: usize,
    /// Rows of data; zero when the model has no `rows`, or several different ones.
    pub num_rows: usize,
    /// Number of the first row (later than zero for a model that looks back).
    pub first_row: usize,
}

/// Latents whose coordinates are told one by one.
const MOST_SAID: usize = 3;

fn said(name: &str, centring: &[f64]) -> String {
    let low = centring.iter().copied().fold(f64::INFINITY, f64::min);
    let high = centring.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let elements = if centring.len() == 1 { String::new() } else { format!("{} elements, ", centring.len()) };
    if high == 0.0 {
        format!("{name}: {elements}non-centred")
    } else if low == high {
        format!("{name}: {elements}centred by {low:.2}")
    } else {
        format!("{name}: {elements}centred by {low:.2} to {high:.2}")
    }
}

impl Layout {
    /// The site with this name.
    pub fn site(&self, name: &str) -> Option<&Site> {
        self.sites.iter().find(|s| s.name == name)
    }

    /// The latents that are not centred and how far they are, in words, such as "theta: 8 elements, centred by 0.02 to 0.11":
    /// a line for each, and one for all where they are many.
    pub fn coordinates(&self) -> Vec<String> {
        let framed: Vec<&Site> = self.sites.iter().filter(|site| !site.centring.is_empty()).collect();
        let [first, .., last] = framed[..] else {
            return framed.iter().map(|site| said(&site.name, &site.centring)).collect();
        };
        if framed.len() <= MOST_SAID {
            return framed.iter().map(|site| said(&site.name, &site.centring)).collect();
        }
        let all: Vec<f64> = framed.iter().flat_map(|site| site.centring.iter().copied()).collect();
        vec![said(&format!("{} latents from {} to {}", framed.len(), first.name, last.name), &all)]
    }

    /// The integers that are summed out, in words, such as "class in each row (2 values)"; nothing where there are none.
    pub fn summed_out(&self) -> Option<String> {
        let of_kind = |kind: SiteKind, place: &str| {
            let sites: Vec<&Site> = self.sites_of(kind).collect();
            let joint: f64 =
                sites.iter().filter_map(|s| s.range).map(|(low, high)| f64::from(high - low) + 1.0).product();
            match sites[..] {
                [] => None,
                [one] => Some(format!("{}{place} ({joint} values)", one.name)),
                [first, .., last] => {
                    Some(format!("{} from {} to {}{place} ({joint} joint values)", sites.len(), first.name, last.name))
                }
            }
        };
        let both = [of_kind(SiteKind::SummedInteger, ""), of_kind(SiteKind::SummedRowInteger, " in each row")];
        let both: Vec<String> = both.into_iter().flatten().collect();
        (!both.is_empty()).then(|| both.join(", "))
    }

    /// Sites of one kind, in order.
    pub fn sites_of(&self, kind: SiteKind) -> impl Iterator<Item = &Site> {
        self.sites.iter().filter(move |s| s.kind == kind)
    }

    /// The same without integers: what the real family of a [`Product`](crate::family::Product) is recorded for.
    pub fn without_integers(&self) -> Layout {
        let mut out = Layout { num_integers: 0, num_row_integers: 0, ..self.clone() };
        out.sites.retain(|s| !matches!(s.kind, SiteKind::Integer | SiteKind::RowInteger));
        out
    }

    /// Integers outside of rows that draws hold: those of q, and those that the density sums out.
    pub(crate) fn num_drawn_integers(&self) -> usize {
        self.num_integers + self.sites_of(SiteKind::SummedInteger).count()
    }

    /// The same with integers summed out: those outside of rows, and those of rows.
    pub(crate) fn with_integers_summed(&self, outside: bool, of_rows: bool) -> Layout {
        let mut out = self.clone();
        for site in &mut out.sites {
            match site.kind {
                SiteKind::Integer if outside => site.kind = SiteKind::SummedInteger,
                SiteKind::RowInteger if of_rows => site.kind = SiteKind::SummedRowInteger,
                _ => {}
            }
        }
        out.num_integers *= usize::from(!outside);
        out.num_row_integers *= usize::from(!of_rows);
        out
    }

    /// Whether rows have values of their own that draws can be had of.
    pub fn has_row_sites(&self) -> bool {
        self.num_row_latents + self.num_row_integers > 0 || self.sites_of(SiteKind::SummedRowInteger).next().is_some()
    }

    /// The name of each unconstrained latent outside of rows, for messages.
    pub fn latent_names(&self) -> Vec<String> {
        let sites = self.sites_of(SiteKind::Latent);
        sites
            .flat_map(|s| {
                let many = s.num_unconstrained != 1;
                (0..s.num_unconstrained).map(move |k| if many { format!("{}[{k}]", s.name) } else { s.name.clone() })
            })
            .collect()
    }

    /// Refuses counts that cannot be: the file that a layout was read from may have been edited.
    pub(crate) fn check(&self) -> Result<(), String> {
        let counts = [self.num_latents, self.num_integers, self.num_parameters, self.num_rows, self.first_row];
        let inside = [self.num_row_latents, self.num_row_integers];
        let few = |n: &usize| *n <= MOST_NUMBERS;
        let right = |site: &Site| {
            let size = site.shape.iter().try_fold(1, |size: usize, n| size.checked_mul(*n));
            size.is_some_and(|size| few(&size)) && few(&site.offset) && few(&site.num_unconstrained)
        };
        let is_share = |c: &f64| (0.0..=1.0).contains(c);
        let framed = |site: &&Site| !site.centring.is_empty();
        if let Some(site) = self
            .sites
            .iter()
            .filter(framed)
            .find(|site| site.centring.len() != site.num_unconstrained || !site.centring.iter().all(is_share))
        {
            return Err(format!(
                "the coordinates of \"{}\" are no shares between 0 and 1, one for each number",
                site.name
            ));
        }
        if counts.iter().chain(&inside).all(few) && self.sites.iter().all(right) {
            Ok(())
        } else {
            Err("a model of more numbers than there can be".into())
        }
    }

    /// The site an unconstrained latent belongs to.
    pub fn site_of_latent(&self, index: usize) -> Option<&Site> {
        self.sites_of(SiteKind::Latent).find(|s| (s.offset..s.offset + s.num_unconstrained).contains(&index))
    }
}
