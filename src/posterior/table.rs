//! The report that a posterior prints: the table, the bound, k-hat and the verdict.

use std::fmt;

use super::{Bound, Covered, MonteCarlo, Posterior, Summary};
use crate::model::{Site, SiteKind};

/// Lines of a table before its middle is left out, and how many are then kept at either end.
const MOST_LINES: usize = 40;
const FIRST_LINES: usize = 24;
const LAST_LINES: usize = 8;

const HEADINGS: [&str; 7] = ["", "mean", "sd", "mcse", "5%", "50%", "95%"];

impl fmt::Display for Posterior {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "q: {}, {} draws", self.family(), self.num_draws())?;
        write_table(f, &self.summary())?;
        writeln!(f, "{}\n", table_is_of(self.is_weighted()))?;
        let layout = self.layout();
        let summed = layout.sites_of(SiteKind::SummedRowInteger).count();
        let inside = layout.num_row_latents + layout.num_row_integers + summed;
        if inside > 0 {
            let times = if inside == 1 { "latent" } else { "latents" };
            writeln!(f, "and {inside} {times} in each of {} rows", layout.num_rows)?;
        }
        let is_of = |n: &String, s: &Site| n.strip_prefix(&s.name).is_some_and(|r| r.is_empty() || r.starts_with('['));
        let listed = |s: &&Site| self.names().iter().any(|n| is_of(n, s));
        for site in layout.sites_of(SiteKind::Parameter).filter(|s| s.num_constrained() > 0 && !listed(s)) {
            writeln!(f, "and {} learnable numbers of {}", site.num_constrained(), site.name)?;
        }
        writeln!(f, "{}", self.bound().report(self.k_hat()))?;
        if let Some(words) = layout.summed_out() {
            writeln!(f, "summed out    {words}")?;
        }
        for words in layout.coordinates() {
            writeln!(f, "coordinates   {words}")?;
        }
        if let Some(resampling) = self.resampling() {
            writeln!(f, "draws         {resampling}")?;
        }
        writeln!(f, "stopped       {}\n", self.stop())?;
        write!(f, "{}", self.verdict())
    }
}

/// What a table is of, in words: of the posterior where it is `weighted`, and of q elsewhere.
pub fn table_is_of(weighted: bool) -> &'static str {
    if weighted { "posterior, by importance-weighted draws of q" } else { "draws of q" }
}

impl Bound {
    /// The bound in both forms, the log evidence and k-hat as lines of text, here and on the command line.
    pub fn report(&self, k_hat: f64) -> String {
        if self.is_of_a_point() {
            let value = written(self.log_joint.value, 4);
            return format!("log joint     {} at the point, which is no bound on the evidence", value);
        }
        let mut text =
            format!("bound (ELBO)  {} = log joint {} + entropy {}\n", self.elbo, self.log_joint, self.entropy);
        if let (Some(data), Some(kl)) = (self.data, self.kl) {
            let elbo = self.elbo.to_string();
            let short = elbo.split(' ').next().unwrap_or_default();
            text += &format!("              {short} = data {data} - KL to the prior {kl}\n");
        }
        text += &match self.log_evidence.value {
            value if value.is_nan() => {
                "log evidence  at least the bound; weights of so many latents do not say more\n".into()
            }
            _ => format!("log evidence  {}, above the bound by {}\n", self.log_evidence, self.gap),
        };
        text += &match k_hat {
            k_hat if k_hat.is_nan() => "k-hat         not looked at".into(),
            k_hat => format!("k-hat         {k_hat:.2}"),
        };
        if let Some(share) = self.ln_accepted {
            let rejected = -100.0 * share.value.exp_m1();
            text += &format!(
                "\nrejected      {rejected:.2} % of the draws; ln of the share accepted, {share}, is in bound and entropy"
            );
            text += if self.kl.is_some() { ", and taken off the KL" } else { "" };
        }
        text
    }

    /// Whether all draws are one point, whose density is no density: then there is no bound.
    pub fn is_of_a_point(&self) -> bool {
        self.entropy.value == 0.0 && self.entropy.mcse == 0.0 && self.log_joint.mcse == 0.0
    }
}

impl fmt::Display for MonteCarlo {
    /// With as many decimals as the error deserves: `-31.42 ± 0.03`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rounding in a sum leaves errors that are no information, nor is one that eight decimals do not show.
        let floor = (4.0 * f64::EPSILON * self.value.abs()).max(5e-9);
        let decimals = if self.mcse > floor { decimals(self.mcse, 2) } else { 4 };
        let value = format!("{:.decimals$}", self.value);
        // What rounding leaves of a zero has no sign.
        let is_zero = value.trim_matches(['-', '0', '.']).is_empty();
        let value = if is_zero { value.trim_start_matches('-') } else { &value };
        write!(f, "{value} ± {:.decimals$}", self.mcse)
    }
}

pub(crate) fn write_table(f: &mut fmt::Formatter<'_>, lines: &[Summary]) -> fmt::Result {
    let left_out = if lines.len() > MOST_LINES { FIRST_LINES..lines.len() - LAST_LINES } else { 0..0 };
    let shown = lines.iter().enumerate().filter(|(k, _)| !left_out.contains(k));
    let best = lines.iter().map(|line| line.covered).min().unwrap_or_default();
    let cells: Vec<(usize, [String; 7])> = shown.map(|(k, line)| (k, cells(line, best))).collect();
    let width = |c: usize| {
        let longest = cells.iter().map(|(_, cells)| cells[c].chars().count()).max().unwrap_or(0);
        longest.max(HEADINGS[c].len())
    };
    let widths: [usize; 7] = std::array::from_fn(width);
    write_line(f, &HEADINGS.map(String::from), &widths)?;
    for (k, cells) in &cells {
        if *k == left_out.end && !left_out.is_empty() {
            writeln!(f, "... {} more", left_out.len())?;
        }
        write_line(f, cells, &widths)?;
    }
    Ok(())
}

fn write_line(f: &mut fmt::Formatter<'_>, cells: &[String; 7], widths: &[usize; 7]) -> fmt::Result {
    write!(f, "{:<width$}", cells[0], width = widths[0])?;
    for (cell, width) in cells.iter().zip(widths).skip(1) {
        write!(f, "  {cell:>width$}")?;
    }
    writeln!(f)
}

fn cells(line: &Summary, best: Covered) -> [String; 7] {
    let spread = if line.sd > 0.0 { line.sd } else { line.mean.abs() };
    let shown = decimals(spread, 3);
    let number = |x: f64| written(x, shown);
    let (mean, sd, mcse) = (number(line.mean), number(line.sd), written(line.mcse, decimals(line.mcse, 2)));
    let name = format!("{}{}", line.name, line.covered.mark(best));
    [name, mean, sd, mcse, number(line.q5), number(line.q50), number(line.q95)]
}

/// Decimals that show `digits` significant digits of `x`, at most 8.
fn decimals(x: f64, digits: i32) -> usize {
    if !(x.is_finite() && x > 0.0) {
        return 2;
    }
    (digits - 1 - x.log10().floor() as i32).clamp(0, 8) as usize
}

/// Fixed decimals, or powers of ten for numbers that these would not show.
fn written(x: f64, decimals: usize) -> String {
    let size = x.abs();
    let fixed = size == 0.0 || !size.is_finite() || (1e-6..1e7).contains(&size);
    if fixed { format!("{x:.decimals$}") } else { format!("{x:.2e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Table(Vec<Summary>);

    impl fmt::Display for Table {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write_table(f, &self.0)
        }
    }

    fn line(name: &str, mean: f64, sd: f64) -> Summary {
        Summary {
            name: name.into(),
            mean,
            sd,
            mcse: sd / 50.0,
            q5: mean - sd,
            q50: mean,
            q95: mean + sd,
            covered: Covered::All,
        }
    }

    #[test]
    fn lines_that_the_verdict_does_not_speak_for_are_marked() {
        let of = |covered: Covered| Summary { covered, ..line("x", 1.0, 1.0) };
        let shown = |lines: [Covered; 2]| Table(lines.map(of).to_vec()).to_string();
        assert!(shown([Covered::All, Covered::Mean]).contains("x (mean only)"));
        assert!(shown([Covered::Mean, Covered::Nothing]).contains("x (not covered)"));
        // The verdict speaks for a table whose lines are all alike.
        assert!(!shown([Covered::Mean; 2]).contains('(') && !shown([Covered::Nothing; 2]).contains('('));
    }

    #[test]
    fn columns_are_aligned_and_digits_follow_the_spread() {
        let text = Table(vec![line("mu", 4.4321, 3.31), line("theta[10]", -120.0, 0.0456)]).to_string();
        let expected = "               mean      sd     mcse         5%        50%        95%\n\
                        mu             4.43    3.31    0.066       1.12       4.43       7.74\n\
                        theta[10]  -120.0000  0.0456  0.00091  -120.0456  -120.0000  -119.9544\n";
        // Widths are those of the longest cell: compare cells, and that every line is as long.
        let words = |t: &str| t.split_whitespace().map(String::from).collect::<Vec<_>>();
        assert_eq!(words(&text), words(expected));
        let lengths: Vec<usize> = text.lines().map(str::len).collect();
        assert!(lengths.iter().all(|l| *l == lengths[0]), "{text}");
    }

    #[test]
    fn long_tables_lose_their_middle() {
        let lines: Vec<Summary> = (0..100).map(|k| line(&format!("x[{k}]"), k as f64, 1.0)).collect();
        let text = Table(lines).to_string();
        assert_eq!(text.lines().count(), 1 + FIRST_LINES + 1 + LAST_LINES);
        assert!(text.contains("x[23]") && text.contains("... 68 more") && text.contains("x[92]"), "{text}");
        assert!(!text.contains("x[24]") && !text.contains("x[91]"));
    }

    #[test]
    fn numbers_of_any_size_can_be_read() {
        assert_eq!(written(0.0, 2), "0.00");
        assert_eq!(written(3.2e9, 0), "3.20e9");
        assert_eq!(written(-4.5e-9, 8), "-4.50e-9");
        assert_eq!(written(f64::NAN, 2), "NaN");
        assert_eq!(MonteCarlo { value: -31.4159, mcse: 0.031 }.to_string(), "-31.416 ± 0.031");
        assert_eq!(MonteCarlo { value: -5.0, mcse: 1e-17 }.to_string(), "-5.0000 ± 0.0000");
        assert_eq!(MonteCarlo { value: -3e-17, mcse: 1e-18 }.to_string(), "0.0000 ± 0.0000");
    }
}
