//! What was understood of a table and a formula, in words.

use super::build::Regression;
use super::design::Design;
use super::likelihood::Kind;
use crate::data::DataTable;

/// Names that are listed at most.
const MOST: usize = 12;

impl Regression {
    pub(super) fn understood(&self, design: &Design, left_out: &[(String, usize)], table: &DataTable) -> Vec<String> {
        let mut notes = vec![format!("formula       {}", self.formula_text())];
        notes.push(format!("likelihood    {}, link {}{}", self.likelihood(), self.link, self.of_response()));
        let (all, used) = (table.num_rows(), self.rows.len());
        if used < all {
            let words: Vec<String> = left_out.iter().map(|(name, count)| format!("{count} in `{name}`")).collect();
            notes.push(format!(
                "rows          {used} of {all}; {} left out for missing cells: {}",
                all - used,
                words.join(", ")
            ));
        }
        for (name, reading) in &self.encoder.readings {
            let levels = self.encoder.levels.get(name);
            if !matches!(reading, super::reading::Reading::Number | super::reading::Reading::Words { .. }) {
                notes.push(format!("column        {name}: {}", reading.words()));
            } else if let Some(levels) = levels.filter(|levels| !levels.is_empty()) {
                let is_group = self.groups.iter().any(|group| group.name == *name);
                if !is_group && *name != self.response.name {
                    notes.push(format!(
                        "categories    {name}: {}, the first the reference unless another is named",
                        cut(levels)
                    ));
                    notes.extend(odd_levels(name, levels));
                }
            }
        }
        notes.extend(self.sentinels(table));
        for group in &self.groups {
            let mut rows = vec![0_usize; group.levels.len()];
            group.codes.values().iter().for_each(|&code| rows[code as usize] += 1);
            let (least, most) = (rows.iter().min().unwrap_or(&0), rows.iter().max().unwrap_or(&0));
            let lone = rows.iter().filter(|count| **count == 1).count();
            let lone = if lone > 0 { format!("; {lone} of one row lean on the others") } else { String::new() };
            notes.push(format!("groups        {}: {} of {least} to {most} rows{lone}", group.name, group.levels.len()));
        }
        for covariate in self.specials.iter().filter_map(super::special_term::SpecialTerm::covariate) {
            let (rows, name) = (covariate.rows.len(), &covariate.variable);
            notes.push(format!(
                "latents       {name}: {rows} of {used} rows, as normal numbers given the other columns"
            ));
        }
        let imputed = self.specials.iter().filter_map(super::special_term::SpecialTerm::covariate);
        if imputed.count() > 1 {
            notes.push(
                "note          columns of latents are each drawn without the others: where those depend on each other, coefficients \
                 are drawn towards zero and the verdict does not know; compare with rows left out (--missing drop)"
                    .to_string(),
            );
        }
        let limits = &self.response.limits;
        let beyond = |values: &Option<Vec<f64>>| {
            values.iter().flatten().zip(&self.response.values).filter(|(limit, y)| limit == y).count()
        };
        let within = limits.upper.iter().flatten().zip(&self.response.values).filter(|(upper, y)| upper > y).count();
        if limits.is_any() {
            let (below, above) = (beyond(&limits.low), beyond(&limits.high));
            notes.push(format!("censored      {above} rows from above, {below} from below, {within} within intervals"));
        }
        if let Some(weights) = &self.response.weights {
            notes.push(format!("weights       {} in all, of {used} rows", weights.iter().sum::<f64>()));
        }
        let num_coefficients = self.columns.names.len() + usize::from(self.formula.terms.intercept);
        if num_coefficients > used {
            notes.push(format!(
                "coefficients  {num_coefficients} from {used} rows: the data alone cannot tell them apart, their priors do; \
                 the model `horseshoe` expects most to be of no effect"
            ));
        }
        notes.extend(self.separated(design));
        let mut priors: Vec<(String, Vec<&str>)> = Vec::new();
        for parameter in &self.parameters {
            let prior = parameter.prior.to_string();
            match priors.iter_mut().find(|(known, _)| *known == prior) {
                Some((_, names)) => names.push(&parameter.name),
                None => priors.push((prior, vec![&parameter.name])),
            }
        }
        for (prior, names) in priors {
            let more = if names.len() > MOST { format!(", .. ({} in all)", names.len()) } else { String::new() };
            let names = names.iter().take(MOST).copied().collect::<Vec<_>>().join(", ");
            notes.push(format!("prior         {names}{more} ~ {prior}"));
        }
        if self.has_means() && self.formula.terms.intercept && self.likelihood().has_intercept() {
            notes.push("              that of the intercept is where every column is at its mean".to_string());
        }
        notes
    }

    /// Numbers such as -999 that lie far from all others of their column, and may stand for missing cells.
    fn sentinels(&self, table: &DataTable) -> Vec<String> {
        const STAND_INS: [f64; 4] = [99.0, 999.0, 9999.0, 99_999.0];
        let mut out = Vec::new();
        for (name, reading) in &self.encoder.readings {
            let Ok(cells) = table.answers(name) else { continue };
            let numbers: Vec<f64> = cells.iter().flatten().filter_map(|cell| reading.number(cell)).collect();
            let is_stand_in = |x: f64| STAND_INS.contains(&x.abs());
            let (low, high) = numbers
                .iter()
                .filter(|x| !is_stand_in(**x))
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(*x), h.max(*x)));
            let far = 5.0 * (high - low);
            let is_far = |x: &&f64| is_stand_in(**x) && (**x < low - far || **x > high + far);
            let found: Vec<f64> = numbers.iter().filter(is_far).copied().collect();
            if let Some(first) = found.first().filter(|_| low <= high && reading.is_number()) {
                out.push(format!(
                    "numbers       {name}: {first} in {} rows lies far from all others; where it stands for a missing cell, leave the \
                     cell empty",
                    found.len()
                ));
            }
        }
        out
    }

    /// What a response of words is taken for.
    fn of_response(&self) -> String {
        let categories = &self.response.categories;
        match (self.likelihood().kind(), &categories[..]) {
            (Kind::Answer, [no, yes]) => format!("; `{}` is 1 where it says {yes}, 0 where {no}", self.response.name),
            (Kind::Category, [first, ..]) if self.likelihood().has_intercept() => {
                format!("; {} compared with {first}", cut(&categories[1..]))
            }
            (Kind::Category, _) => format!("; in the order {}", cut(categories)),
            _ => String::new(),
        }
    }

    /// Columns that alone tell the answers apart: the likelihood then grows with their coefficient for ever.
    fn separated(&self, design: &Design) -> Vec<String> {
        if self.likelihood().kind() != Kind::Answer {
            return Vec::new();
        }
        let y = &self.response.values;
        let tells_apart = |x: &Vec<f64>| {
            let ends = |answer: f64| {
                let of = x.iter().zip(y).filter(|(_, y)| **y == answer).map(|(x, _)| *x);
                of.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
            };
            let (no, yes) = (ends(0.0), ends(1.0));
            no.1 < yes.0 || yes.1 < no.0
        };
        let found = design.columns.names.iter().zip(&design.columns.values).filter(|(_, x)| tells_apart(x));
        let words = |name: &String| {
            format!(
                "separation    `{name}` alone tells the answers apart: how large its coefficient is, its prior says"
            )
        };
        found.map(|(name, _)| words(name)).collect()
    }
}

/// What is odd about categories: words close to dates or numbers, and words that differ by case alone.
fn odd_levels(name: &str, levels: &[String]) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(meant) = super::reading::close_to(levels) {
        out.push(format!("              {name}: they look like {meant}"));
    }
    let folded: Vec<String> = levels.iter().map(|level| level.to_lowercase()).collect();
    if let Some(k) = (1..levels.len()).find(|&k| folded[..k].contains(&folded[k])) {
        let first = folded[..k].iter().position(|other| *other == folded[k]).unwrap_or(0);
        out.push(format!("              {name}: {} and {} differ by capitals alone", levels[first], levels[k]));
    }
    out
}

fn cut(names: &[String]) -> String {
    let more = if names.len() > MOST { format!(", .. ({} in all)", names.len()) } else { String::new() };
    names.iter().take(MOST).map(String::as_str).collect::<Vec<_>>().join(", ") + &more
}
