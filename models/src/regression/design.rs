//! The columns of a regression: a number for every row and coefficient, and the group of every row.

use super::encode::{Category, Coding, Encoder, Frame, Value};
use super::error::RegressionError;
use super::special::{self, Special};
use super::terms::{Formula, FormulaTerms, Term, Varying, same};

/// Columns with names.
#[derive(Debug, Clone, Default)]
pub(super) struct Columns {
    pub names: Vec<String>,
    pub values: Vec<Vec<f64>>,
}

/// Coefficients that vary by group, in every row.
#[derive(Debug, Clone)]
pub(super) struct Grouped {
    /// The name of the groups: `g`, or `g:h`.
    pub name: String,
    pub correlated: bool,
    /// What each coefficient is of; the intercept comes last, where there is one, and is a column of ones.
    pub columns: Columns,
    /// The group of each row.
    pub codes: Vec<u32>,
    /// The names of the groups.
    pub levels: Vec<String>,
    /// Groups that the fit has seen; the others follow.
    pub known: usize,
}

/// All that explains the response, in every row.
#[derive(Debug, Clone)]
pub(super) struct Design {
    pub columns: Columns,
    pub offset: Option<Vec<f64>>,
    pub groups: Vec<Grouped>,
    /// Terms of latents.
    pub specials: Vec<Special>,
}

/// What the intercept is called.
pub(super) const INTERCEPT: &str = "intercept";

impl Design {
    pub fn new(formula: &Formula, encoder: &mut Encoder, frame: Frame) -> Result<Self, RegressionError> {
        let columns = columns(&formula.terms, true, encoder, frame)?;
        let mut offset: Option<Vec<f64>> = None;
        for node in &formula.offsets {
            let values = encoder.column(node, frame)?;
            offset = Some(match offset {
                None => values,
                Some(sum) => sum.iter().zip(values).map(|(a, b)| a + b).collect(),
            });
        }
        let groups = formula.varying.iter().map(|v| grouped(v, encoder, frame)).collect::<Result<_, _>>()?;
        let specials = special::read(formula, encoder, frame)?;
        Ok(Design { columns, offset, groups, specials })
    }
}

fn grouped(varying: &Varying, encoder: &mut Encoder, frame: Frame) -> Result<Grouped, RegressionError> {
    let mut all = columns(&varying.terms, false, encoder, frame)?;
    if varying.terms.intercept {
        all.names.push(INTERCEPT.to_string());
        all.values.push(vec![1.0; frame.rows.len()]);
    }
    let (codes, levels, known) = encoder.groups(&varying.by, frame)?;
    let name = varying.by.iter().map(|factor| factor.name.as_str()).collect::<Vec<_>>().join(":");
    Ok(Grouped { name, correlated: varying.correlated && all.names.len() > 1, columns: all, codes, levels, known })
}

/// A column for each coefficient but the intercept.
fn columns(
    terms: &FormulaTerms,
    is_fixed: bool,
    encoder: &mut Encoder,
    frame: Frame,
) -> Result<Columns, RegressionError> {
    let mut all = Columns::default();
    let mut has_constant = terms.intercept;
    for term in &terms.terms {
        if let Some((factor, function, arguments)) = special::call(term).filter(|_| is_fixed) {
            // Of a curve that bends, its line is an ordinary column.
            if let ("s", [(None, x), ..]) = (function, arguments) {
                all.names.push(factor.name.clone());
                all.values.push(encoder.column(x, frame)?);
            }
            continue;
        }
        let mut is_whole = true;
        let mut product = Columns { names: vec![String::new()], values: vec![vec![1.0; frame.rows.len()]] };
        for (k, factor) in term.iter().enumerate() {
            let part = match encoder.value(&factor.node, frame)? {
                Value::Constant(x) => {
                    Columns { names: vec![factor.name.clone()], values: vec![vec![x; frame.rows.len()]] }
                }
                Value::Column(values) => Columns { names: vec![factor.name.clone()], values: vec![values] },
                Value::Block(block) => {
                    let (names, values) = block.into_iter().unzip();
                    Columns { names, values }
                }
                Value::Category(Category { levels, .. }) if levels.len() == 1 && has_constant && !encoder.learnt => {
                    let words =
                        format!("every row has the category \"{}\"; leave it out, the intercept covers it", levels[0]);
                    return encoder.error(&factor.node, &words);
                }
                Value::Category(category) => {
                    let all = !has_margin(terms, term, k, has_constant);
                    is_whole &= all;
                    product = product.times(&coded(&factor.name, &category, all));
                    continue;
                }
            };
            is_whole = false;
            product = product.times(&part);
        }
        all.names.extend(product.names);
        all.values.extend(product.values);
        // Indicators of all levels add up to the constant.
        has_constant |= is_whole;
    }
    Ok(all)
}

/// Whether the model has the term without its factor `k`: only then are the levels of that factor compared with one of
/// them, and all of them have a column otherwise.
fn has_margin(terms: &FormulaTerms, term: &Term, k: usize, has_constant: bool) -> bool {
    let mut rest = term.clone();
    rest.remove(k);
    if rest.is_empty() { has_constant } else { terms.terms.iter().any(|other| same(other, &rest)) }
}

/// An indicator of each level, of all or of all but the reference; with the coding of sums less that of the reference.
fn coded(name: &str, category: &Category, all: bool) -> Columns {
    let mut columns = Columns::default();
    let name = name.strip_prefix("C(").map_or(name, |rest| rest.split([',', ')']).next().unwrap_or(rest));
    for (k, level) in category.levels.iter().enumerate() {
        if all || k != category.reference {
            columns.names.push(format!("{name}[{level}]"));
            let less = if all || category.coding == Coding::Treatment { 0.0 } else { 1.0 };
            let indicator = |code: u32| match code as usize {
                code if code == k => 1.0,
                code if code == category.reference => -less,
                _ => 0.0,
            };
            columns.values.push(category.codes.iter().map(|&code| indicator(code)).collect());
        }
    }
    columns
}

impl Columns {
    /// Every product of one of these columns with one of the others.
    fn times(&self, other: &Columns) -> Columns {
        let mut out = Columns::default();
        for (b, y) in other.names.iter().zip(&other.values) {
            for (a, x) in self.names.iter().zip(&self.values) {
                out.names.push(if a.is_empty() { b.clone() } else { format!("{a}:{b}") });
                out.values.push(x.iter().zip(y).map(|(x, y)| x * y).collect());
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DataTable;

    const TABLE: &str = "y,x,a,b,n\n1,2,p,u,1\n2,3,q,u,2\n3,5,p,v,3\n4,7,r,v,1\n";

    fn design(formula: &str) -> Result<Design, RegressionError> {
        let table = DataTable::from_csv("d.csv", TABLE.as_bytes()).expect("a table");
        let formula = Formula::parse(formula)?;
        let mut encoder = Encoder::new(&formula.text);
        Design::new(&formula, &mut encoder, Frame { table: &table, rows: &[0, 1, 2, 3] })
    }

    fn names(formula: &str) -> String {
        design(formula).unwrap_or_else(|e| panic!("{e}")).columns.names.join(" ")
    }

    /// The columns that R's `model.matrix` makes, by its rule of margins (Chambers and Hastie 1992, section 2.3.1).
    #[test]
    fn categories_are_coded_by_their_margins() {
        assert_eq!(names("y ~ a"), "a[q] a[r]");
        assert_eq!(names("y ~ 0 + a"), "a[p] a[q] a[r]");
        assert_eq!(names("y ~ 0 + a + b"), "a[p] a[q] a[r] b[v]");
        assert_eq!(names("y ~ a*b"), "a[q] a[r] b[v] a[q]:b[v] a[r]:b[v]");
        assert_eq!(names("y ~ a:b"), "a[p]:b[u] a[q]:b[u] a[r]:b[u] a[p]:b[v] a[q]:b[v] a[r]:b[v]");
        assert_eq!(names("y ~ x + a:x"), "x a[q]:x a[r]:x");
        assert_eq!(names("y ~ C(a, ref=\"r\") + C(n)"), "a[p] a[q] n[2] n[3]");
        assert_eq!(names("y ~ C(a, sum)"), "a[p] a[q]");
        assert_eq!(
            names("y ~ C(a, Sum, ref=\"q\") + bs(x, df=3)"),
            "a[p] a[r] bs(x, df=3)[1] bs(x, df=3)[2] bs(x, df=3)[3]"
        );
        assert_eq!(names("y ~ log(x) + I(x^2) + poly(x, 2)"), "log(x) I(x^2) poly(x, 2)[1] poly(x, 2)[2]");
    }

    #[test]
    fn columns_hold_what_their_names_say() {
        let found = design("y ~ x*a + I(x^2/2 - 1) + center(x) + offset(log(x)) + offset(n) + (1 + x | b:a)")
            .expect("a design");
        let column = |name: &str| {
            let at = found.columns.names.iter().position(|n| n == name).expect(name);
            found.columns.values[at].clone()
        };
        assert_eq!((column("x:a[q]"), column("a[r]")), (vec![0.0, 3.0, 0.0, 0.0], vec![0.0, 0.0, 0.0, 1.0]));
        assert_eq!(column("I(x^2/2-1)"), [1.0, 3.5, 11.5, 23.5]);
        assert_eq!(column("center(x)"), [-2.25, -1.25, 0.75, 2.75]);
        // By hand: `contr.sum` of R leaves the last level out, which is minus the sum of the others.
        let sums = design("y ~ C(a, sum)").expect("a design").columns.values;
        assert_eq!(sums, [[1.0, 0.0, 1.0, -1.0], [0.0, 1.0, 0.0, -1.0]]);
        assert_eq!(found.offset, Some(vec![2f64.ln() + 1.0, 3f64.ln() + 2.0, 5f64.ln() + 3.0, 7f64.ln() + 1.0]));
        let group = &found.groups[0];
        assert_eq!((group.name.as_str(), &group.codes[..], group.known), ("b:a", &[0, 1, 2, 3][..], 4));
        assert_eq!(
            (&group.columns.names[..], &group.levels[..2]),
            (&["x".into(), "intercept".into()][..], &["u:p".into(), "u:q".into()][..])
        );
    }

    #[test]
    fn mistakes_name_their_place() {
        for (formula, words) in [
            (
                "y ~ X",
                "d.csv has no column `X`, did you mean `x`?; its columns are `y`, `x`, `a`, `b`, `n`\n  y ~ X\n      ^",
            ),
            ("y ~ lgo(x)", "no function `lgo`, did you mean `log`?"),
            ("y ~ log(a)", "it holds words"),
            ("y ~ log(x - 2)", "d.csv, line 2, column `x`: `log(x-2)` is -inf where the cell is \"2\""),
            ("y ~ C(a, ref=\"z\")", "there is no category \"z\"; there are `p`, `q`, `r`"),
            ("y ~ poly(x, 7)", "degree 7 needs at least 8 different values"),
            ("y ~ x + (1 | log(x))", "groups are named by columns"),
            ("y ~ scale(1)", "constant"),
            ("y ~ bs(x)", "write `bs(x, df=6)`"),
            ("y ~ bs(x, df=2)", "as many columns as the degree, 3, or more"),
            ("y ~ bs(x, df=4)", "df=4 needs at least 5 different values"),
            ("y ~ bs(x, df=many)", "a whole number from 1 to 50"),
            ("y ~ C(a, by=b)", "write `C(x)`, `C(x, sum)`"),
        ] {
            let text = design(formula).expect_err(formula).to_string();
            assert!(text.contains(words), "{formula}: {text}");
        }
    }
}
