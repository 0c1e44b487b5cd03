//! Topics of a simulated corpus.

use super::{ready, train, uniform};
use jensen::algorithm::Algorithm;
use jensen::estimate::ExactKl;
use jensen::fit::{MaxSteps, run};
use jensen::layers::Topics;
use jensen::mixture::TopicAscent;
use jensen::program::Matrix;
use jensen::target::LogDensity;

const TOPICS: usize = 4;
const WORDS: usize = 20;

/// Topic k has two thirds of its mass on five words of its own.
fn topic(k: usize) -> Vec<f64> {
    let raw: Vec<f64> = (0..WORDS).map(|w| if w / 5 == k { 6.0 + (w % 5) as f64 } else { 1.0 }).collect();
    let total: f64 = raw.iter().sum();
    raw.iter().map(|r| r / total).collect()
}

fn pick(probabilities: &[f64], mut u: f64) -> usize {
    for (k, p) in probabilities.iter().enumerate() {
        u -= p;
        if u < 0.0 {
            return k;
        }
    }
    probabilities.len() - 1
}

/// Documents of 50 words; weights of topics from a Dirichlet(1) by exponentials, to the power of two to be uneven.
fn corpus(documents: usize) -> Vec<f64> {
    let topics: Vec<Vec<f64>> = (0..TOPICS).map(topic).collect();
    let u = uniform(3, documents * (TOPICS + 100));
    let mut counts = Vec::new();
    for u in u.chunks_exact(TOPICS + 100) {
        let weights: Vec<f64> = u[..TOPICS].iter().map(|u| u.ln().powi(2)).collect();
        let total: f64 = weights.iter().sum();
        let weights: Vec<f64> = weights.iter().map(|w| w / total).collect();
        let mut row = [0.0; WORDS];
        for word in u[TOPICS..].chunks_exact(2) {
            row[pick(&topics[pick(&weights, word[0])], word[1])] += 1.0;
        }
        counts.extend(row);
    }
    counts
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// The smallest of the cosines of the true topics to their best match.
fn recovered(topics: &[Vec<f64>]) -> f64 {
    let best = |k: usize| topics.iter().map(|t| cosine(t, &topic(k))).fold(0.0, f64::max);
    (0..TOPICS).map(best).fold(1.0, f64::min)
}

#[test]
fn topics_of_a_simulated_corpus_are_recovered() {
    let model = Topics::new(Matrix::new(corpus(800), WORDS).unwrap(), TOPICS, 0.5, &[32]).unwrap().seed(1);
    let fitted = ready(&model);
    let layout = fitted.target.layout();
    let before = recovered(&model.topics(layout, &model.theta(layout)));
    let solution = train(&fitted, ExactKl::default(), |l| model.theta(l), (100, 1), (0.02, 1500));
    let topics = model.topics(layout, &solution.theta);
    let found = recovered(&topics);
    println!("topics: smallest cosine {found:.3}, {before:.3} at the start");
    assert!(found > 0.9 && before < 0.9, "{found}, {before} at the start: {topics:?}");
    assert!(topics.iter().all(|t| (t.iter().sum::<f64>() - 1.0).abs() < 1e-9));
}

/// Coordinate ascent on the same corpus: the truth, and the topics of the network.
#[test]
fn coordinate_ascent_finds_the_topics_of_the_network() {
    let counts = Matrix::new(corpus(800), WORDS).unwrap();
    let ascent = TopicAscent::new(&counts, TOPICS, 0.5, 0.1).unwrap().seed(3);
    let mut state = ascent.init().unwrap();
    run(&ascent, &mut state, &mut MaxSteps(150), &mut ()).unwrap();
    let by_ascent = state.topics();
    let found = recovered(&by_ascent);
    let model = Topics::new(counts.clone(), TOPICS, 0.5, &[32]).unwrap().seed(1);
    let fitted = ready(&model);
    let solution = train(&fitted, ExactKl::default(), |l| model.theta(l), (100, 1), (0.02, 1000));
    let by_network = model.topics(fitted.target.layout(), &solution.theta);
    let best = |t: &Vec<f64>| by_network.iter().map(|n| cosine(n, t)).fold(0.0, f64::max);
    let agree = by_ascent.iter().map(best).fold(1.0, f64::min);
    println!("topics by coordinate ascent: smallest cosine {found:.3}, with the network's {agree:.3}");
    assert!(found > 0.9 && agree > 0.9, "{found} {agree}");
}

#[test]
fn counts_that_are_none_are_refused() {
    let of = |counts: Vec<f64>, topics: usize| Topics::new(Matrix::new(counts, 2).unwrap(), topics, 1.0, &[]).err();
    assert!(of(vec![1.0, 2.5], 2).unwrap().contains("2.5 is not a count"));
    assert!(of(vec![1.0, -1.0], 2).unwrap().contains("-1 is not a count"));
    assert!(of(vec![1.0, 2.0], 1).unwrap().contains("1 topics"));
}
