//! Models recorded in other coordinates: the same density, named values and simulations, whatever the centring.

use jensen::dist::normals;
use jensen::model::{Draws, Layout, RowSet};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{Differentiable, LogDensity, Options, Pass, Target, check_gradient};

/// Every kind of latent with a location and a scale that depend on others, one inside of another.
struct Kinds {
    y: Column,
    group: IntColumn,
}

impl Kinds {
    fn new() -> Self {
        Kinds { y: Column::new([0.3, -1.2, 0.8, 2.1]), group: IntColumn::new([0, 2, 1, 0]) }
    }
}

impl Model for Kinds {
    fn log_joint(&self, p: &LogJoint) {
        let mu = p.draw("mu", normal(0.0, 2.0));
        let tau = p.draw("tau", half_normal(1.0));
        let one = p.draw("one", student_t(4.0, mu, tau));
        let groups = p.draws("groups", normal(mu, tau), 3);
        let table = p.matrix("table", laplace(one, 0.5), 2, 2);
        let own = p.draw("own", normals(groups, groups.map(|g| (0.3 * g).exp())));
        let far = p.draws("far", cauchy(0.0, tau), 2);
        let plain = p.draws("plain", normal(0.5, 1.0), 2);
        let zero = Real::from(0.0);
        let factor = Vector::new(&[tau, zero, mu, far.at(0).exp()]);
        let pair = p.draw("pair", multivariate_normal_cholesky(Vector::new(&[one, zero]), factor));
        let other = p.draw("other", multivariate_normal_cholesky(Vector::new(&[zero, mu]), factor));
        p.add(-pair.at(0).square() * 0.2 * other.at(1));
        p.derive("sum", groups.sum() + far.at(1));
        p.add(-0.1 * table.dot(&table) + plain.at(0) * own.at(2));
        p.rows(4, |i| {
            let local = i.draw("local", logistic(groups.at(self.group.at(i)), tau));
            i.observe(self.y.at(i), normal(local + far.at(0), 0.7));
        });
    }
}

/// The centring of each site that has one; the site of rows has one for all rows.
const CENTRING: [(&str, &[f64]); 8] = [
    ("one", &[0.35]),
    ("groups", &[0.0, 0.5, 1.0]),
    ("table", &[0.2, 0.2, 0.2, 0.2]),
    ("own", &[0.9, 0.0, 0.4]),
    ("far", &[0.0, 0.0]),
    ("pair", &[0.0, 0.0]),
    ("other", &[0.4, 0.0]),
    ("local", &[0.6]),
];

fn with_centring(layout: &Layout, centring: &[(&str, &[f64])]) -> Layout {
    let mut layout = layout.clone();
    for (name, c) in centring {
        layout.sites.iter_mut().find(|s| s.name == *name).expect("a site").centring = c.to_vec();
    }
    layout
}

fn in_coordinates(model: &impl Model, centring: &[(&str, &[f64])]) -> (Target, Target) {
    let centred = Target::new(model).unwrap();
    let layout = with_centring(centred.layout(), centring);
    let other = Target::in_coordinates(model, Options::default(), &layout).unwrap();
    assert_eq!(*other.layout(), layout);
    (centred, other)
}

/// Centred draws of [`Kinds`] from draws in the coordinates [`CENTRING`], and the log Jacobian, by hand.
///
/// Latents outside of rows: mu, ln tau, one, groups (3), table (4), own (3), far (2), plain (2), pair (2), other (2).
fn by_hand(u: &Draws) -> (Draws, Vec<f64>) {
    let n = u.num_draws;
    let (mut z, mut log_jacobian) = (u.clone(), vec![0.0; n]);
    let value = |u: f64, m: f64, s: f64, c: f64| m + s.powf(1.0 - c) * (u - c * m);
    for (d, log_jacobian) in log_jacobian.iter_mut().enumerate() {
        let mut moved = |k: usize, m: f64, s: f64, c: f64| {
            let x = value(u.latents[k * n + d], m, s, c);
            z.latents[k * n + d] = x;
            *log_jacobian += (1.0 - c) * s.ln();
            x
        };
        let (mu, tau) = (u.latents[d], u.latents[n + d].exp());
        let one = moved(2, mu, tau, 0.35);
        let groups = [moved(3, mu, tau, 0.0), moved(4, mu, tau, 0.5), moved(5, mu, tau, 1.0)];
        for k in 6..10 {
            moved(k, one, 0.5, 0.2);
        }
        for (k, (m, c)) in groups.into_iter().zip([0.9, 0.0, 0.4]).enumerate() {
            moved(10 + k, m, (0.3 * m).exp(), c);
        }
        let far = moved(13, 0.0, tau, 0.0);
        moved(14, 0.0, tau, 0.0);
        // The rows of L have lengths tau and sqrt(mu^2 + exp(2 far)).
        moved(19, 0.0, tau, 0.4);
        moved(20, mu, mu.hypot(far.exp()), 0.0);
        // m + L u with the rows (tau, 0) and (mu, exp(far)) of L.
        let own = [u.latents[17 * n + d], u.latents[18 * n + d]];
        z.latents[17 * n + d] = one + tau * own[0];
        z.latents[18 * n + d] = mu * own[0] + far.exp() * own[1];
        *log_jacobian += tau.ln() + far;
        for (row, group) in [0, 2, 1, 0].into_iter().enumerate() {
            let at = row * n + d;
            z.row_latents[at] = value(u.row_latents[at], groups[group], tau, 0.6);
            *log_jacobian += 0.4 * tau.ln();
        }
    }
    (z, log_jacobian)
}

fn some_draws(layout: &Layout, num_draws: usize) -> Draws {
    let mut z = Draws::zeros(layout, layout.num_rows, num_draws);
    Streams::new(7).purpose(1).fill_normal(num_draws, &mut z.latents);
    Streams::new(7).purpose(2).fill_normal(num_draws, &mut z.row_latents);
    z
}

#[test]
fn the_density_is_that_of_the_change_of_variables() {
    let (centred, other) = in_coordinates(&Kinds::new(), &CENTRING);
    let u = some_draws(other.layout(), 20);
    let (z, log_jacobian) = by_hand(&u);
    let (rows, mut of_u, mut of_z) = (RowSet::all(), Pass::default(), Pass::default());
    for rows in [rows.clone(), RowSet { subset: Some(vec![1, 2]), ..rows }] {
        let part = |z: &Draws| match &rows.subset {
            None => z.clone(),
            Some(_) => Draws { num_rows: 2, row_latents: z.row_latents[20..60].to_vec(), ..z.clone() },
        };
        other.log_density(&[], &part(&u), &rows, &mut of_u).unwrap();
        centred.log_density(&[], &part(&z), &rows, &mut of_z).unwrap();
        for (d, log_jacobian) in log_jacobian.iter().enumerate() {
            // The Jacobian of the rows that are left out is left out, too.
            let rows_left_out = (4 - rows.len(other.layout())) as f64;
            let expected = of_z.log_density[d] + log_jacobian - rows_left_out * 0.4 * u.latents[20 + d];
            assert!((of_u.log_density[d] - expected).abs() < 1e-11 * expected.abs().max(1.0), "{d}: {expected}");
        }
    }
}

#[test]
fn gradients_agree_with_differences() {
    let (_, other) = in_coordinates(&Kinds::new(), &CENTRING);
    // Those of latents of rows go by the same sweep; the check is for latents outside of them.
    struct WithRows<'t>(&'t Target, Vec<f64>);
    impl LogDensity for WithRows<'_> {
        fn layout(&self) -> &Layout {
            self.0.layout()
        }
        fn log_density(
            &self,
            theta: &[f64],
            z: &Draws,
            rows: &RowSet,
            out: &mut Pass,
        ) -> Result<(), jensen::target::DensityError> {
            self.0.log_density(theta, &self.whole(z), rows, out)
        }
    }
    impl WithRows<'_> {
        fn whole(&self, z: &Draws) -> Draws {
            Draws { num_rows: 4, row_latents: self.1.clone(), ..z.clone() }
        }
    }
    impl Differentiable for WithRows<'_> {
        fn log_density_and_gradient(
            &self,
            theta: &[f64],
            z: &Draws,
            rows: &RowSet,
            out: &mut Pass,
            grad_z: &mut Draws,
            grad_theta: &mut [f64],
        ) -> Result<(), jensen::target::DensityError> {
            self.0.log_density_and_gradient(theta, &self.whole(z), rows, out, grad_z, grad_theta)
        }
    }
    let draws = some_draws(other.layout(), 5);
    for d in 0..5 {
        let one = |lanes: &[f64]| lanes.iter().skip(d).step_by(5).copied().collect::<Vec<f64>>();
        let (worst, latent) = check_gradient(&WithRows(&other, one(&draws.row_latents)), &one(&draws.latents)).unwrap();
        assert!(worst < 1e-8, "latent {latent}: {worst}");
    }
}

#[test]
fn named_values_are_those_of_the_centred_model() {
    let (centred, other) = in_coordinates(&Kinds::new(), &CENTRING);
    let u = some_draws(other.layout(), 6);
    let (z, _) = by_hand(&u);
    let pairs = [
        (other.constrained(&[], &u), centred.constrained(&[], &z)),
        (other.constrained_rows(&[], &u, &RowSet::all()), centred.constrained_rows(&[], &z, &RowSet::all())),
    ];
    for (found, expected) in pairs {
        assert_eq!(found.names, expected.names);
        assert!(found.values.iter().zip(&expected.values).all(|(a, b)| (a - b).abs() < 1e-12 * b.abs().max(1.0)));
    }
}

/// theta_k ~ N(m, e^v) with v and m standard normal, and no data: the density integrates to one.
struct Funnel;

impl Model for Funnel {
    fn log_joint(&self, p: &LogJoint) {
        let v = p.draw("v", normal(0.0, 1.0));
        p.draw("theta", normal(v.sin(), v.exp()));
    }
}

#[test]
fn the_density_integrates_to_one_in_all_coordinates() {
    for c in [0.0, 0.3, 0.8, 1.0] {
        let chosen: &[(&str, &[f64])] = &[("theta", &[c])];
        let target = if c == 1.0 { Target::new(&Funnel).unwrap() } else { in_coordinates(&Funnel, chosen).1 };
        // The trapezoidal rule, at v and at u in units of its own spread e^(c v) at that v.
        let (h, half) = (0.1, 80);
        let mut z = Draws::zeros(target.layout(), 0, 2 * half + 1);
        let (mut total, mut pass) = (0.0, Pass::default());
        for i in 0..=2 * half {
            let v = h * (i as f64 - half as f64);
            let spread = (c * v).exp();
            for k in 0..=2 * half {
                z.latents[k] = v;
                z.latents[2 * half + 1 + k] = c * v.sin() + spread * h * (k as f64 - half as f64);
            }
            target.log_density(&[], &z, &RowSet::all(), &mut pass).unwrap();
            total += h * h * spread * pass.log_density.iter().map(|l| l.exp()).sum::<f64>();
        }
        assert!((total - 1.0).abs() < 1e-9, "c = {c}: {total}");
    }
}

/// Simulated from the prior, and data given latents.
struct Simulated;

impl Model for Simulated {
    fn log_joint(&self, p: &LogJoint) {
        let tau = p.draw("tau", half_normal(1.0));
        let theta = p.draws("theta", normal(1.0, tau), 3);
        let of_rows = Column::new([0.1, 0.2]);
        p.derive("twice", theta.map(|t| 2.0 * t));
        p.rows(2, |i| {
            let local = i.draw("local", normal(theta.at(1), tau));
            i.observe(of_rows.at(i), normal(local, theta.at(2).exp()));
        });
    }
}

#[test]
fn simulations_do_not_depend_on_coordinates() {
    let centring: &[(&str, &[f64])] = &[("theta", &[0.0, 0.4, 1.0]), ("local", &[0.2])];
    let (centred, other) = in_coordinates(&Simulated, centring);
    let (a, b) =
        (centred.prior_draws(&[], Streams::new(3), 5).unwrap(), other.prior_draws(&[], Streams::new(3), 5).unwrap());
    assert_eq!(a, b);
    let value = |name: &str| a.draws.named(name).expect("it was drawn");
    assert!((0..5).all(|d| value("twice[2]")[d] == 2.0 * value("theta[2]")[d]));
    // Data given u are data given the latents that u stands for.
    let mut u = Draws::zeros(other.layout(), 2, 1);
    u.latents.copy_from_slice(&[0.5f64.ln(), 0.3, -1.0, 0.2]);
    u.row_latents.copy_from_slice(&[0.7, -0.4]);
    let mut z = u.clone();
    let theta_1 = 1.0 + 0.5f64.powf(0.6) * (-1.0 - 0.4);
    z.latents.copy_from_slice(&[0.5f64.ln(), 1.0 + 0.5 * 0.3, theta_1, 0.2]);
    let local = |u: f64| theta_1 + 0.5f64.powf(0.8) * (u - 0.2 * theta_1);
    z.row_latents.copy_from_slice(&[local(0.7), local(-0.4)]);
    let found = other.predictive_draws(&[], &u, Streams::new(4)).unwrap();
    let expected = centred.predictive_draws(&[], &z, Streams::new(4)).unwrap();
    assert!(found[0].values.iter().zip(&expected[0].values).all(|(a, b)| (a - b).abs() < 1e-12));
}

#[test]
fn coordinates_that_a_model_cannot_have_are_refused() {
    let layout = with_centring(Target::new(&Funnel).unwrap().layout(), &[("theta", &[0.5])]);
    let plain = model(|p| {
        let v = p.draw("v", normal(0.0, 1.0));
        p.draw("theta", normal(0.0, 1.0));
        p.add(v);
    });
    let refused = Target::in_coordinates(&plain, Options::default(), &layout).expect_err("theta has no such prior");
    let words = refused.to_string();
    assert!(words.contains("\"theta\"") && words.contains("same model"), "{words}");
}

/// Coordinates around a centre in units: the density is that of plain ones, by hand moved, with `ln unit` for each real latent.
#[test]
fn a_centre_and_units_move_coordinates_alone() {
    const CENTRE: f64 = 3.0;
    const UNIT: f64 = 200.0;
    let of = |centre: f64, unit: f64| {
        model(move |p| {
            let own = p.around(centre, unit);
            let mu = own.draw("mu", normal(1.0, 50.0));
            let tau = own.draw("tau", exponential(0.02));
            let share = own.draw("share", beta(2.0, 3.0));
            let groups = own.draws("groups", normal(mu, tau), 3);
            own.draw("own", normals(groups, groups.map(|_| tau)));
            p.add(-share * (0.01 * mu).square());
        })
    };
    let (plain, moved) = (of(0.0, 1.0), of(CENTRE, UNIT));
    let centring: [(&str, &[f64]); 2] = [("groups", &[0.0, 0.5, 1.0]), ("own", &[0.3, 0.3, 0.0])];
    let [target, of_units] = [Target::new(&plain).unwrap(), Target::new(&moved).unwrap()];
    let layout = with_centring(of_units.layout(), &centring);
    let framed = Target::in_coordinates(&moved, Options::default(), &layout).unwrap();
    let u = [0.1, -0.4, 0.3, 0.2, -0.5, 0.7, 0.15, 0.25, -0.35];
    let mut z = u;
    (z[0], z[1]) = (CENTRE + UNIT * u[0], u[1] + UNIT.ln());
    let mut other = z;
    for k in 3..9 {
        z[k] = CENTRE + UNIT * u[k];
    }
    // Location and scale in units, and so the value.
    let (s, mut of_scales) = (z[1].exp() / UNIT, 0.0);
    for (k, c) in [0.0, 0.5, 1.0, 0.3, 0.3, 0.0].into_iter().enumerate() {
        let m = (if k < 3 { z[0] } else { other[k] } - CENTRE) / UNIT;
        other[3 + k] = CENTRE + UNIT * (m + f64::powf(s, 1.0 - c) * (u[3 + k] - c * m));
        of_scales += (1.0 - c) * s.ln();
    }
    let density = |target: &Target, z: &[f64]| {
        let mut pass = Pass::default();
        target.log_density(&[], &Draws::at_point(z), &RowSet::all(), &mut pass).unwrap();
        pass.log_density[0]
    };
    let of_reals = 7.0 * UNIT.ln();
    for (found, expected) in [
        (density(&of_units, &u), density(&target, &z) + of_reals),
        (density(&framed, &u), density(&target, &other) + of_reals + of_scales),
    ] {
        // Sums of some twenty terms of size ten.
        assert!((found - expected).abs() < 1e-11, "{found} {expected}");
    }
    let values = |target: &Target, z: &[f64]| target.constrained(&[], &Draws::at_point(z)).values;
    for (a, b) in values(&framed, &u).iter().zip(values(&target, &other)) {
        assert!((a - b).abs() < 1e-11 * (1.0 + b.abs()), "{a} {b}");
    }
    let words = Target::new(&of(0.0, -1.0)).unwrap_err().to_string();
    assert!(words.contains("units positive"), "{words}");
}
