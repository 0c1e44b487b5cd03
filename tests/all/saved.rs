//! One law over saved fits of every kind: whatever is changed in the body of a file, its checksum made right again, ends
//! in an error in words or in finite numbers.

use jensen::amortised::autoencoder::{Autoencoder, Batch, Checkpoint, Settings, Source, Training};
use jensen::amortised::{AmortisedFit, AmortisedFitted, SimulatedPosterior};
use jensen::diagnose::verdict::Trust;
use jensen::export::Fingerprint;
use jensen::layers::Likelihood;
use jensen::mixture::*;
use jensen::posterior::Posterior;
use jensen::prelude::*;
use jensen::program::Matrix;
use jensen::streams::Streams;
use jensen::target::Options;
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// A folder of its own for each test, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("jensen-saved-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The text of a saved fit of a kind with this body, as the format has it.
fn file_of(kind: &str, body: &Value) -> String {
    let body = body.to_string();
    let identity = Fingerprint::of(body.as_bytes());
    let head = format!("{{\"format\":\"jensen fit\",\"version\":3,\"kind\":\"{kind}\",\"body\":{body}");
    let before = format!("{head},\"identity\":\"{identity}\",\"note\":null,\"files\":{{}}");
    format!("{before},\"checksum\":\"{}\"}}\n", Fingerprint::of(before.as_bytes()))
}

/// What a value is changed to.
fn changes(value: &Value) -> Vec<Value> {
    match value {
        Value::Number(number) => {
            let x = number.as_f64().unwrap();
            let whole = [0u64, 1, 2, 9, 1 << 40, 1 << 62, u64::MAX].map(Value::from);
            let real = [-1.0, -x, 0.5, x + 1.0, 1e-300, 1e300, -1e300].map(Value::from);
            whole.into_iter().chain(real).chain(["NaN", "inf", "-inf"].map(Value::from)).collect()
        }
        Value::Array(list) => {
            let (mut shorter, mut longer) = (list.clone(), list.clone());
            shorter.pop();
            longer.extend(list.last().cloned());
            vec![shorter.into(), longer.into(), json!([]), Value::Null]
        }
        Value::String(_) => vec!["".into(), "other".into(), json!(3), Value::Null],
        Value::Bool(b) => vec![(!b).into(), Value::Null],
        Value::Object(fields) => {
            let changed = |name: &String, other: Option<&str>| {
                let mut fields = fields.clone();
                let value = fields.remove(name).unwrap_or_default();
                fields.extend(other.map(|other| (other.to_string(), value)));
                Value::Object(fields)
            };
            // Without it, and under another name, as a kind is.
            fields.keys().flat_map(|name| [changed(name, None), changed(name, Some("other"))]).collect()
        }
        Value::Null => vec![json!(1), json!("NaN"), json!([])],
    }
}

/// Entries of a long list that are changed: the first ones.
const CHANGED: usize = 4;

/// Every value of `body`, with the way to it.
fn places(body: &Value, way: &mut Vec<String>, out: &mut Vec<Vec<String>>) {
    out.push(way.clone());
    let inner: Vec<(String, &Value)> = match body {
        Value::Array(list) => list.iter().enumerate().take(CHANGED).map(|(k, v)| (k.to_string(), v)).collect(),
        Value::Object(fields) => fields.iter().map(|(name, v)| (name.clone(), v)).collect(),
        _ => Vec::new(),
    };
    for (name, value) in inner {
        way.push(name);
        places(value, way, out);
        way.pop();
    }
}

/// Changes every value of the saved fit at `path`, and returns what goes wrong; `used` loads what is there and gives a number
/// that is not finite.
fn faults(path: &Path, used: impl Fn(&Path) -> Result<Option<String>, String>) -> Vec<String> {
    let saved: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let (kind, body) = (saved["kind"].as_str().unwrap(), &saved["body"]);
    let changed = path.with_file_name("changed.json");
    std::fs::write(&changed, file_of(kind, body)).unwrap();
    assert_eq!(used(&changed), Ok(None), "the fit as it is");
    let (mut all, mut faults, mut counts) = (Vec::new(), Vec::new(), [0, 0]);
    places(body, &mut Vec::new(), &mut all);
    for way in all {
        let pointer: String =
            way.iter().map(|name| format!("/{}", name.replace('~', "~0").replace('/', "~1"))).collect();
        for change in changes(body.pointer(&pointer).unwrap()) {
            let mut other = body.clone();
            *other.pointer_mut(&pointer).unwrap() = change.clone();
            std::fs::write(&changed, file_of(kind, &other)).unwrap();
            let shown = || format!("{pointer} = {:.60}", change.to_string());
            match catch_unwind(AssertUnwindSafe(|| used(&changed))) {
                Ok(Ok(None)) => counts[0] += 1,
                Ok(Ok(Some(odd))) => faults.push(format!("{}: {odd}", shown())),
                Ok(Err(words)) => {
                    counts[1] += 1;
                    assert!(words.len() > 10, "{}: {words}", shown());
                }
                Err(_) => faults.push(format!("{}: a panic", shown())),
            }
        }
    }
    assert!(counts[0] > 0 && counts[1] > 100, "{counts:?}");
    faults
}

fn odd<'a>(what: &str, mut values: impl Iterator<Item = &'a f64>) -> Option<String> {
    values.find(|x| !x.is_finite()).map(|x| format!("{what} {x}"))
}

#[test]
fn a_changed_posterior_is_refused_or_finite() {
    let folder = Folder::new("posterior");
    let y = Column::new([1.0, 2.5, 0.3]);
    let line = model(move |p: &LogJoint| {
        let (mu, s) = (p.draw("mu", normal(0.0, 5.0)), p.draws("s", exponential(1.0), 2));
        p.derive("spread", s.at(0) + s.at(1));
        p.rows(3, |i| i.observe(y.at(i), normal(mu, s.at(0) + s.at(1))));
    });
    let fitted = jensen::Fit::new(&line).posterior_draws(60).restarts(2).run().unwrap();
    let path = folder.0.join("fit.json");
    fitted.save(&path).unwrap();
    let found = faults(&path, |path| {
        let posterior = Posterior::load(path).map_err(|e| e.to_string())?;
        let text = posterior.to_string();
        for (name, written) in [
            ("draws.csv", jensen::export::write_csv(&posterior, path.with_file_name("draws.csv"))),
            ("own.csv", jensen::export::write_proposal_csv(&posterior, path.with_file_name("own.csv"))),
            ("arviz.json", jensen::export::write_arviz(&posterior, &Default::default(), path.with_file_name("a.json"))),
        ] {
            written.unwrap_or_else(|e| panic!("{name}: {e}"));
        }
        if posterior.verdict().trust != Trust::Trust {
            return Ok(None);
        }
        // A quantity that is derived may be undefined, and its line says so.
        let lines = posterior.summary().into_iter().filter(|line| !line.name.starts_with("spread"));
        let numbers: Vec<f64> = lines.flat_map(|l| [l.mean, l.sd, l.mcse, l.q5, l.q50, l.q95]).collect();
        let named = text.lines().find(|l| l.contains("NaN") && !l.starts_with("spread")).map(String::from);
        Ok(odd("a summary with", numbers.iter()).or(named))
    });
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_changed_network_is_refused_or_finite() {
    let folder = Folder::new("amortised");
    let mut noise = vec![0.0; 2 * 400];
    Streams::new(9).fill_normal(1, &mut noise);
    let z: Vec<f64> = noise.chunks_exact(2).map(|e| e[0]).collect();
    let x: Vec<f64> = noise.chunks_exact(2).map(|e| e[0] + 0.5 * e[1]).collect();
    let pairs = SimulatedPosterior::new(&Matrix::new(x, 1).unwrap(), &Matrix::new(z, 1).unwrap()).unwrap();
    let network = pairs.named(["z"]).hidden(&[3]).observed(1, &[0.4]).unwrap();
    let fitted = AmortisedFit::new(&network).steps(50).restarts(1).run().unwrap();
    let path = folder.0.join("fit.json");
    fitted.save(&path).unwrap();
    let found = faults(&path, |path| {
        let fitted = AmortisedFitted::load(path).map_err(|e| e.to_string())?;
        let text = fitted.to_string();
        let trusted = fitted.verdict.trust == Trust::Trust;
        Ok(text.lines().find(|l| trusted && (l.contains("NaN") || l.contains("inf"))).map(String::from))
    });
    assert!(found.is_empty(), "{found:#?}");
}

/// Two groups of rows in two columns: numbers from 0 to 5, or zeros and ones.
fn rows(of: fn(usize, usize) -> f64) -> Table {
    let column = |j: usize| (0..24).map(|i| of(i, j)).collect::<Vec<f64>>();
    Table::from_columns(&[column(0), column(1)]).unwrap()
}

#[test]
fn a_changed_mixture_is_refused_or_finite() {
    let folder = Folder::new("mixture");
    let real = |i: usize, j: usize| (i % 2 * 4) as f64 + ((7 * i + 3 * j) % 10) as f64 / 10.0;
    let count = |i: usize, j: usize| ((i % 2 * 4) + (5 * i + j) % 3) as f64;
    let positive = |i: usize, j: usize| 0.1 + (i % 2 * 4) as f64 + ((7 * i + 3 * j) % 10) as f64 / 10.0;
    let binary = |i: usize, j: usize| f64::from((i % 2 == j) != i.is_multiple_of(7));
    let measured = rows(real);
    let one = Table::from_columns(&[(0..24).map(|i| real(i, 0)).collect::<Vec<f64>>()]).unwrap();
    let levels = Table::from_columns(&[(0..24).map(|i| (i % 3) as f64).collect::<Vec<f64>>()]).unwrap();
    let mixed = rows(|i, j| if j == 0 { (i % 2 * 4) as f64 + (i % 5) as f64 / 5.0 } else { f64::from(i % 2 == 0) });
    let parts: [(Kind, Vec<usize>); 2] = [
        (DiagonalGaussian::from_rows(&one).unwrap().into(), vec![0]),
        (BernoulliColumns::new(1, 1.0, 1.0).unwrap().into(), vec![1]),
    ];
    let kinds: Vec<(Kind, Table)> = vec![
        (FullGaussian::from_rows(&measured).unwrap().into(), measured.clone()),
        (HierarchicalGaussian::from_rows(&measured).unwrap().into(), measured.clone()),
        (TiedGaussian::from_rows(&measured).unwrap().into(), measured.clone()),
        (DiagonalGaussian::from_rows(&measured).unwrap().into(), measured.clone()),
        (SphericalGaussian::from_rows(&measured).unwrap().into(), measured.clone()),
        (FullStudentT::from_rows(&measured, 4.0).unwrap().into(), measured.clone()),
        (BernoulliColumns::new(2, 1.0, 1.0).unwrap().into(), rows(binary)),
        (CategoricalColumn::new(3, 1.0).unwrap().into(), levels),
        (MultinomialColumns::new(2, 1.0).unwrap().with_total(5).into(), rows(count)),
        (PoissonColumns::new(2, 1.0, 1.0).unwrap().into(), rows(count)),
        (GammaColumns::new(2, 2.0, 1.0, 1.0).unwrap().into(), rows(positive)),
        (MixedColumns::new(2, parts).unwrap().into(), mixed),
    ];
    let mut all = Vec::new();
    for (k, (kind, rows)) in kinds.into_iter().enumerate() {
        let weights = if k % 2 == 0 { Weights::dirichlet(0.5) } else { Weights::pitman_yor(1.0, 0.2) };
        let fitted = MixtureFit::new(kind, 2).weights(weights).run(&rows).unwrap();
        let path = folder.0.join("fit.json");
        fitted.save(&path).unwrap();
        let name = format!("kind {k}");
        let of_kind = faults(&path, |path| {
            let fitted: MixtureFitted = MixtureFitted::load(path).map_err(|e| e.to_string())?;
            let words = |e: MixtureError| e.to_string();
            let known = [fitted.weights(), fitted.weight_sds(), fitted.counts(), vec![fitted.effective_components()]];
            let odd_estimate = odd("a weight of", known.iter().flatten());
            let _ = fitted.to_string();
            let simulated = fitted.simulate(3, 1).map_err(words)?;
            let found = odd("a new row with", simulated.iter().flatten());
            let assigned = fitted.assign(&rows).map_err(words)?;
            let density = fitted.log_density(&rows).map_err(words)?;
            let labelled = assigned.probabilities.iter().chain(&assigned.entropy).chain(&density);
            Ok(odd_estimate.or(found).or(odd("a label with", labelled)))
        });
        all.extend(of_kind.into_iter().map(|fault| format!("{name}{fault}")));
    }
    assert!(all.is_empty(), "{all:#?}");
}

#[test]
fn a_changed_checkpoint_is_refused_or_finite() {
    let folder = Folder::new("autoencoder");
    let pixels: Vec<f64> = (0..60).map(|k| f64::from((k / 3 + k % 3) % 3 == 0)).collect();
    for autoencoder in [
        Autoencoder::new(3, 1, &[2], Likelihood::Bernoulli),
        Autoencoder::new(3, 1, &[2], Likelihood::Categorical { levels: 2 }).classes(2),
    ] {
        let settings = Settings::default().batch(10);
        let mut training = Training::new(&autoencoder, Source::Memory(Batch::of(&pixels)), settings, None).unwrap();
        training.run(2, &mut |_, _| ControlFlow::Continue(())).unwrap();
        let path = folder.0.join("fit.json");
        training.checkpoint().save(&path).unwrap();
        let found = faults(&path, |path| {
            let checkpoint = Checkpoint::load(path).map_err(|e| e.to_string())?;
            let words = |e: jensen::amortised::autoencoder::AutoencoderError| e.to_string();
            let trained = checkpoint.trained(Options::default()).map_err(words)?;
            let drawn = trained.prior(3, None, 1).map_err(words)?;
            let images = trained.decode(&drawn).map_err(words)?;
            let codes = trained.encode(Batch::of(&pixels)).map_err(words)?;
            Ok(odd("a number", drawn.iter().chain(&images).chain(&codes.mean).chain(&codes.sd)))
        });
        assert!(found.is_empty(), "{found:#?}");
    }
}
