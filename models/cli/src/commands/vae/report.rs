//! The report of an autoencoder: one value that is printed as text or JSON.

use super::saved::Saved;
use crate::cli::exit::Exit;
use crate::cli::number::{duration, fixed, grouped};
use crate::cli::render::{Align, TextTable};
use jensen::amortised::autoencoder::{Agreement, BoundOfRows, Ended, Fault, Mean, Measures};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// What a run says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// The images, in words.
    pub data: String,
    /// What a row is: `image`, or `window` of text.
    pub row: String,
    /// Training images.
    pub num_train: usize,
    /// Test images.
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
    /// Wall time.
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
    /// The report of a run that ended so, in this time and at this many images a second; `counted` are the bits a character
    /// by counts.
    pub fn new(
        saved: &Saved,
        measures: Measures,
        ended: Ended,
        (seconds, images_per_second): (f64, Option<f64>),
        counted: Option<f64>,
    ) -> Self {
        let bits = 1.0 / (saved.architecture.autoencoder.num_columns as f64 * std::f64::consts::LN_2);
        let Mean { mean, se } = measures.test.bound;
        let by_bound = Mean { mean: -bits * mean, se: bits * se };
        let (reasons, notes) = judged(saved, &measures, ended);
        Report {
            data: saved.data.file.clone(),
            row: if saved.architecture.is_of_text() { "window".into() } else { "image".into() },
            num_train: saved.data.num_train,
            num_test: saved.data.num_test,
            networks: saved.architecture.words(),
            method: saved.settings.words(),
            epochs: saved.run.log.epochs.len(),
            rollbacks: saved.run.log.rollbacks,
            images_per_second,
            active_units: measures.num_active(),
            bits: counted.map(|by_counts| Bits { by_bound, by_counts }),
            measures,
            reasons,
            notes,
            seconds,
        }
    }

    /// As JSON.
    pub fn json(&self) -> String {
        // Plain numbers and strings always serialise.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// As text.
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

/// What speaks against the autoencoder, with the next step, and what else to know.
fn judged(saved: &Saved, measures: &Measures, ended: Ended) -> (Vec<String>, Vec<String>) {
    let remedy = "try a smaller --beta, --anneal linear, --free-bits 0.1, more --epochs, or fewer --latent";
    let words = |fault: Fault| match fault {
        Fault::Interrupted { epochs } => format!("interrupted after {epochs} epochs; go on with --resume"),
        Fault::NotFinite => "the test bound is not finite; try a smaller --learning-rate".to_string(),
        Fault::Collapse { unused, all } => {
            format!("posterior collapse: {unused} of {all} latents say nothing about the image; {remedy}")
        }
        other => other.to_string(),
    };
    let faults = measures.faults(ended, saved.run.log.epochs.len());
    let (active, all) = (measures.num_active(), measures.num_units());
    let mut notes = Vec::new();
    if active < all && !faults.iter().any(|fault| matches!(fault, Fault::Collapse { .. })) {
        notes.push(format!("{} of {all} latents are not in use", all - active));
    }
    let (train, test) = (measures.train.bound, measures.test.bound);
    if train.mean - test.mean > 0.1 * train.mean.abs() + 4.0 * train.se.hypot(test.se) {
        notes.push(
            "the test bound is far below the training bound: fewer --epochs or smaller --hidden may do better".into(),
        );
    }
    if saved.run.log.rollbacks > 0 {
        notes.push(format!(
            "{} times the bound or its gradient was not finite; training went back and ended with a step size of {:.1e}",
            saved.run.log.rollbacks,
            saved.settings.learning_rate * 0.5f64.powi(saved.run.log.halvings as i32)
        ));
    }
    (faults.into_iter().map(words).collect(), notes)
}
