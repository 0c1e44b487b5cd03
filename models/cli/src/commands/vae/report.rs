//! The report of an autoencoder: one value that is printed as text or JSON.

use crate::cli::exit::Exit;
use crate::cli::number::{duration, fixed, grouped};
use crate::cli::render::{Align, TextTable};
use jensen::amortised::autoencoder::{Agreement, BaselineModel, BoundOfRows, Mean, Measures};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// What a run says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// The images, in words.
    pub data: String,
    /// What a row is: `image`, or `window` of text.
    pub row: String,
    /// Number of images that are trained on.
    pub num_train: usize,
    /// Number of images that are held out.
    pub num_test: usize,
    /// The networks, in words.
    pub networks: String,
    /// The method, in words.
    pub method: String,
    /// Epochs that are done.
    pub epochs: usize,
    /// How often training went back to the last good state.
    pub rollbacks: u32,
    /// Images a second, those of this run alone.
    pub images_per_second: Option<f64>,
    /// What was measured.
    #[serde(flatten)]
    pub measures: Measures,
    /// Latents in use, the class included.
    pub active_units: usize,
    /// Of text, bits a character of the test windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bits: Option<Bits>,
    /// Why it is not trusted, with the next step; empty where it is.
    pub reasons: Vec<String>,
    /// What else to know.
    pub notes: Vec<String>,
    /// Wall time in seconds.
    pub seconds: f64,
}

/// Bits a character.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Bits {
    /// By the bound, with its standard error over windows.
    pub by_bound: Mean,
    /// By counts of single characters.
    pub by_counts: f64,
}

impl Report {
    /// The report as JSON.
    pub fn json(&self) -> String {
        // Plain numbers and strings always serialise.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// The report as text.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let (row, counts) = (&self.row, [self.num_train, self.num_test].map(|n| grouped(n as u64)));
        let _ = writeln!(out, "{}: {} training and {} test {row}s", self.data, counts[0], counts[1]); // a String takes every text
        let _ = writeln!(out, "networks {}; {}", self.networks, self.method);
        let speed = self.images_per_second.map_or(String::new(), |s| format!(", {} {row}s/s", grouped(s as u64)));
        let _ = writeln!(out, "{} epochs{speed}; {} in all\n", self.epochs, duration(self.seconds));
        let _ = writeln!(out, "{}", self.bounds());
        let _ = writeln!(out, "{}", self.units());
        let total = self.measures.test.kl.mean;
        let information = self.measures.information;
        let _ = writeln!(
            out,
            "KL {} = information {} + codes against prior {}\n",
            fixed(total, 2),
            fixed(information, 2),
            fixed(total - information, 2)
        );
        if let Some(Bits { by_bound, by_counts }) = self.bits {
            let found = format!("{} ({})", fixed(by_bound.mean, 3), fixed(by_bound.se, 3));
            let _ = writeln!(out, "test bits a character: {found} by the bound, {} by counts\n", fixed(by_counts, 3));
        }
        if let Some(Agreement { num_rows, found, k_means, .. }) = self.measures.agreement {
            let _ = writeln!(
                out,
                "agreement with the labels of {} images (adjusted Rand index): {}, of k-means {}\n",
                grouped(num_rows as u64),
                fixed(found, 3),
                fixed(k_means, 3)
            );
        }
        if self.reasons.is_empty() {
            out += "trusted\n";
        }
        for (what, lines) in [("not trusted", &self.reasons), ("note", &self.notes)] {
            lines.iter().for_each(|line| out += &format!("{what}: {line}\n"));
        }
        out
    }

    fn bounds(&self) -> TextTable {
        let nats = format!("nats {} {}", if self.row == "image" { "an" } else { "a" }, self.row);
        let columns = [(nats.as_str(), Align::Left), ("train", Align::Right), ("test", Align::Right)];
        let mut table = TextTable::new(&columns);
        let shown = |m: Mean| format!("{} ({})", fixed(m.mean, 3), fixed(m.se, 3));
        let (train, test) = (&self.measures.train, &self.measures.test);
        for (name, of) in [
            ("bound", (|b: &BoundOfRows| b.bound) as fn(&BoundOfRows) -> Mean),
            ("  data term", |b| b.data),
            ("  KL", |b| b.kl),
        ] {
            table.push([name.to_string(), shown(of(train)), shown(of(test))]);
        }
        for baseline in &self.measures.baselines {
            let name = match baseline.model {
                BaselineModel::PrincipalComponents => "principal components",
                _ => "independent columns",
            };
            table.push([name.to_string(), String::new(), shown(baseline.log_p)]);
        }
        if let Some(log_p) = self.measures.log_p {
            table.push(["log p(x)".to_string(), String::new(), shown(log_p.mean)]);
            table.note(&format!(
                "log p(x): importance-weighted, {} draws of each of {} test {}s",
                grouped(log_p.draws as u64),
                log_p.num_rows,
                self.row
            ));
        }
        table.note(&format!("in brackets: standard error over {}s", self.row));
        table
    }

    fn units(&self) -> TextTable {
        let columns =
            [("latent", Align::Left), ("KL", Align::Point), ("variance of means", Align::Point), ("", Align::Left)];
        let mut table = TextTable::new(&columns);
        let mut units = self.measures.units.clone();
        units.sort_by(|a, b| b.kl.total_cmp(&a.kl));
        for unit in units.iter().take(20) {
            let used = if unit.active { "" } else { "not in use" };
            table.push([format!("z{}", unit.unit), fixed(unit.kl, 3), fixed(unit.variance, 3), used.to_string()]);
        }
        if units.len() > 20 {
            table.note(&format!("... {} more", units.len() - 20));
        }
        if let Some(class) = self.measures.class {
            let used = if class.information > 0.01 { "" } else { "not in use" };
            table.push([
                format!("class of {}", class.num_classes),
                fixed(class.kl, 3),
                String::new(),
                used.to_string(),
            ]);
        }
        table.note(&format!("{} of {} active units", self.active_units, self.measures.num_units()));
        table
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        if self.reasons.is_empty() { Exit::Success } else { Exit::NotTrusted }
    }
}
