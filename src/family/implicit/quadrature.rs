//! Gauss-Legendre quadrature with a fixed number of nodes.

/// Positive nodes on (-1, 1) and their weights; the negative ones mirror them.
const NODES: [(f64, f64); 16] = [
    (0.9972638618494816, 0.007018610009470096),
    (0.9856115115452684, 0.01627439473090567),
    (0.9647622555875064, 0.02539206530926206),
    (0.9349060759377397, 0.03427386291302143),
    (0.8963211557660521, 0.04283589802222668),
    (0.84936761373257, 0.050998059262376175),
    (0.7944837959679424, 0.058684093478535544),
    (0.7321821187402897, 0.06582222277636185),
    (0.6630442669302152, 0.0723457941088485),
    (0.5877157572407623, 0.07819389578707031),
    (0.5068999089322294, 0.08331192422694675),
    (0.42135127613063533, 0.08765209300440381),
    (0.33186860228212767, 0.09117387869576389),
    (0.23928736225213706, 0.09384439908080457),
    (0.1444719615827965, 0.09563872007927486),
    (0.04830766568773832, 0.0965400885147278),
];

/// The integrals from `low` to `high` of the two parts of `f`, exact for polynomials of degree 63.
pub(super) fn integrate(low: f64, high: f64, mut f: impl FnMut(f64) -> (f64, f64)) -> (f64, f64) {
    let (middle, half) = (0.5 * (low + high), 0.5 * (high - low));
    let mut total = (0.0, 0.0);
    for (x, weight) in NODES {
        let (up, down) = (f(middle + half * x), f(middle - half * x));
        total.0 += weight * (up.0 + down.0);
        total.1 += weight * (up.1 + down.1);
    }
    (half * total.0, half * total.1)
}
