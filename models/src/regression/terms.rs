//! What a formula says: response, terms, offsets and varying effects.

use super::about::ABOUT_RESPONSE;
use super::formula::{Node, NodeKind, Operator, parse};
use super::formula_error::FormulaError;

/// A formula that has been understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Formula {
    /// The formula as it was written.
    pub text: String,
    /// The response.
    pub response: Node,
    /// The number of trials of each row, for binomial responses.
    pub trials: Option<Node>,
    /// What says that a response is only a bound.
    pub censored: Option<Node>,
    /// The upper end of responses that are known to lie in an interval.
    pub until: Option<Node>,
    /// How often each row counts.
    pub weights: Option<Node>,
    /// Bounds beyond which no response is seen, infinite where there are none.
    pub bounds: [Option<Node>; 2],
    /// The terms whose coefficients are the same in all rows.
    pub terms: FormulaTerms,
    /// What is added to the linear predictor as it is.
    pub offsets: Vec<Node>,
    /// Coefficients that vary by group.
    pub varying: Vec<Varying>,
}

/// An intercept or none, and terms.
#[derive(Debug, Clone, PartialEq)]
pub struct FormulaTerms {
    /// Whether there is an intercept.
    pub intercept: bool,
    /// The terms, each a product of factors.
    pub terms: Vec<Term>,
}

/// A product of factors.
pub type Term = Vec<Factor>;

/// A column or a function of columns, and its name.
#[derive(Debug, Clone)]
pub struct Factor {
    /// The name, as it is written.
    pub name: String,
    /// What it is.
    pub node: Node,
}

impl PartialEq for Factor {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// Coefficients that vary by group.
#[derive(Debug, Clone, PartialEq)]
pub struct Varying {
    /// What varies.
    pub terms: FormulaTerms,
    /// Whether the coefficients of one group are correlated.
    pub correlated: bool,
    /// The columns whose values together name a group.
    pub by: Term,
}

impl Formula {
    /// Reads a formula in Wilkinson's notation.
    ///
    /// ```
    /// # use jensen_models::regression::Formula;
    /// let formula = Formula::parse("y ~ a * b + offset(log(t)) + (1 + a | g)")?;
    /// assert!(formula.terms.intercept);
    /// assert_eq!((formula.terms.terms.len(), formula.offsets.len(), formula.varying.len()), (3, 1, 1));
    /// # Ok::<(), jensen_models::regression::FormulaError>(())
    /// ```
    ///
    /// # Errors
    /// Text that is no formula, with the place of the mistake.
    pub fn parse(text: &str) -> Result<Self, FormulaError> {
        let (left, right) = parse(text)?;
        let reader = Reader { text };
        let mut formula = Formula {
            text: text.to_string(),
            response: left.clone(),
            trials: None,
            censored: None,
            until: None,
            weights: None,
            bounds: [None, None],
            terms: FormulaTerms { intercept: true, terms: Vec::new() },
            offsets: Vec::new(),
            varying: Vec::new(),
        };
        if let NodeKind::Pair(Operator::Given, response, about) = left.kind {
            formula.response = *response;
            reader.about_response(&about, &mut formula)?;
            if formula.is_truncated() && formula.censored.is_some() {
                return reader.error(&about, "a response is censored or truncated, and not both");
            }
        }
        reader.sum(&right, true, &mut formula)?;
        Ok(formula)
    }

    /// Whether responses are seen between bounds alone.
    pub(super) fn is_truncated(&self) -> bool {
        self.bounds.iter().any(Option::is_some)
    }

    /// The names of all columns, in the order of the formula, with their places.
    pub fn names(&self) -> Vec<(&str, std::ops::Range<usize>)> {
        let [low, high] = &self.bounds;
        let about = [&self.trials, &self.censored, &self.until, &self.weights, low, high];
        let mut nodes: Vec<&Node> = std::iter::once(&self.response).chain(about.into_iter().flatten()).collect();
        nodes.extend(self.explaining());
        nodes.into_iter().flat_map(Node::names).collect()
    }

    /// All that stands on the right-hand side.
    pub fn explaining(&self) -> Vec<&Node> {
        let fixed = self.terms.terms.iter().flatten().map(|factor| &factor.node);
        let varying = self.varying.iter().flat_map(|v| v.terms.terms.iter().flatten().chain(&v.by)).map(|f| &f.node);
        fixed.chain(&self.offsets).chain(varying).collect()
    }
}

/// Reads the tree of one formula.
pub(super) struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    pub fn error<T>(&self, node: &Node, message: &str) -> Result<T, FormulaError> {
        Err(FormulaError::new(self.text, node.span.clone(), message))
    }

    /// Adds the terms of a sum, or takes them away.
    fn sum(&self, node: &Node, adds: bool, formula: &mut Formula) -> Result<(), FormulaError> {
        match &node.kind {
            NodeKind::Pair(Operator::Add, a, b) => {
                self.sum(a, adds, formula)?;
                self.sum(b, adds, formula)
            }
            NodeKind::Pair(Operator::Subtract, a, b) => {
                self.sum(a, adds, formula)?;
                self.sum(b, !adds, formula)
            }
            NodeKind::Negative(inner) => self.sum(inner, !adds, formula),
            NodeKind::Pair(operator @ (Operator::Given | Operator::GivenEach), terms, by) => {
                if !self.text[node.span.clone()].starts_with('(') {
                    return self.error(node, "put coefficients that vary in brackets: `(1 + x | group)`");
                }
                if !adds {
                    return self.error(node, "only terms can be taken away");
                }
                self.varying(terms, by, *operator == Operator::Given, formula)
            }
            NodeKind::Call(name, arguments) if name == "offset" => {
                let [(None, inner)] = &arguments[..] else {
                    return self.error(node, "an offset has one part: `offset(log(t))`");
                };
                if !adds {
                    return self.error(node, "an offset is added; write `offset(-(..))`");
                }
                formula.offsets.push(inner.clone());
                Ok(())
            }
            NodeKind::Call(name, _) if ABOUT_RESPONSE.contains(&name.as_str()) => {
                self.error(node, &format!("`{name}` belongs to the response: `y | {name}(column) ~ ..`"))
            }
            _ => self.put_term(node, adds, &mut formula.terms),
        }
    }

    /// The sum of terms alone, as in front of `|`.
    fn terms(&self, node: &Node, adds: bool, out: &mut FormulaTerms) -> Result<(), FormulaError> {
        match &node.kind {
            NodeKind::Pair(Operator::Add, a, b) => {
                self.terms(a, adds, out)?;
                self.terms(b, adds, out)
            }
            NodeKind::Pair(Operator::Subtract, a, b) => {
                self.terms(a, adds, out)?;
                self.terms(b, !adds, out)
            }
            NodeKind::Negative(inner) => self.terms(inner, !adds, out),
            _ => self.put_term(node, adds, out),
        }
    }

    fn put_term(&self, node: &Node, adds: bool, out: &mut FormulaTerms) -> Result<(), FormulaError> {
        match node.kind {
            NodeKind::Number(1.0) => out.intercept = adds,
            NodeKind::Number(0.0) => out.intercept = !adds,
            NodeKind::Number(_) => {
                return self.error(node, "a number is no term, but 1 for the intercept and 0 for none");
            }
            _ => {
                for term in self.expanded(node)?.into_iter().filter(|term| !term.is_empty()) {
                    let known = out.terms.iter().position(|other| same(other, &term));
                    match (known, adds) {
                        (None, true) => out.terms.push(term),
                        (Some(at), false) => drop(out.terms.remove(at)),
                        (Some(_), true) => {}
                        (None, false) => return self.error(node, "it is taken away and was not there"),
                    }
                }
            }
        }
        Ok(())
    }

    /// The products that a part stands for; the empty one is the intercept.
    fn expanded(&self, node: &Node) -> Result<Vec<Term>, FormulaError> {
        Ok(match &node.kind {
            NodeKind::Number(1.0) => vec![Vec::new()],
            NodeKind::Number(_) | NodeKind::Text(_) => return self.error(node, "it is no term"),
            NodeKind::Name(_) => vec![vec![self.factor(node)]],
            NodeKind::Call(name, _) if name == "offset" || ABOUT_RESPONSE.contains(&name.as_str()) => {
                return self.error(node, &format!("`{name}` is no term that others can be combined with"));
            }
            NodeKind::Call(..) => vec![vec![self.factor(node)]],
            NodeKind::Negative(_) | NodeKind::Pair(Operator::Subtract, ..) => {
                return self.error(node, "within a term nothing can be taken away; for arithmetic write `I(..)`");
            }
            NodeKind::Pair(Operator::Given | Operator::GivenEach, ..) => {
                return self.error(node, "varying coefficients are a term of their own");
            }
            NodeKind::Pair(Operator::Add, a, b) => union(self.expanded(a)?, self.expanded(b)?),
            NodeKind::Pair(Operator::Interact, a, b) => products(&self.expanded(a)?, &self.expanded(b)?),
            NodeKind::Pair(Operator::Multiply, a, b) => {
                let (a, b) = (self.expanded(a)?, self.expanded(b)?);
                let both = products(&a, &b);
                union(union(a, b), both)
            }
            NodeKind::Pair(Operator::Divide, a, b) => {
                let (a, b) = (self.expanded(a)?, self.expanded(b)?);
                let all = a.iter().fold(Term::new(), |all, term| product(&all, term));
                let within = products(&[all], &b);
                union(a, within)
            }
            NodeKind::Pair(Operator::Power, a, b) => {
                let times = match b.kind {
                    NodeKind::Number(times) if times.fract() == 0.0 && (1.0..=8.0).contains(&times) => times as usize,
                    _ => {
                        return self
                            .error(b, "terms are raised to a whole power from 1 to 8; for arithmetic write `I(x^2)`");
                    }
                };
                let a = self.expanded(a)?;
                (1..times).fold(a.clone(), |all, _| {
                    let more = products(&all, &a);
                    union(all, more)
                })
            }
        })
    }

    fn factor(&self, node: &Node) -> Factor {
        Factor { name: node.written(self.text), node: node.clone() }
    }

    /// `terms | by`, where `g/h` are the groups `g` and those of `g` and `h` together.
    fn varying(&self, terms: &Node, by: &Node, correlated: bool, formula: &mut Formula) -> Result<(), FormulaError> {
        let mut varies = FormulaTerms { intercept: true, terms: Vec::new() };
        self.terms(terms, true, &mut varies)?;
        if !varies.intercept && varies.terms.is_empty() {
            return self.error(terms, "nothing varies here");
        }
        for group in self.expanded(by)? {
            if group.is_empty() {
                return self.error(by, "the name of a column of groups was expected");
            }
            let several = varies.terms.len() + usize::from(varies.intercept) > 1;
            formula.varying.push(Varying { terms: varies.clone(), correlated: correlated && several, by: group });
        }
        Ok(())
    }
}

/// Whether two products have the same factors.
pub(super) fn same(a: &[Factor], b: &[Factor]) -> bool {
    a.len() == b.len() && a.iter().all(|factor| b.contains(factor))
}

fn product(a: &[Factor], b: &[Factor]) -> Term {
    let mut all = a.to_vec();
    for factor in b {
        if !all.contains(factor) {
            all.push(factor.clone());
        }
    }
    all
}

fn products(a: &[Term], b: &[Term]) -> Vec<Term> {
    let all = a.iter().flat_map(|x| b.iter().map(move |y| product(x, y)));
    all.fold(Vec::new(), |out, term| union(out, vec![term]))
}

fn union(mut a: Vec<Term>, b: Vec<Term>) -> Vec<Term> {
    for term in b {
        if !a.iter().any(|other| same(other, &term)) {
            a.push(term);
        }
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(terms: &FormulaTerms) -> String {
        let names = |term: &Term| term.iter().map(|f| f.name.clone()).collect::<Vec<_>>().join(":");
        let mut all: Vec<String> = terms.terms.iter().map(names).collect();
        all.insert(0, if terms.intercept { "1" } else { "0" }.to_string());
        all.join(" + ")
    }

    fn expanded(text: &str) -> String {
        written(&Formula::parse(text).unwrap_or_else(|e| panic!("{e}")).terms)
    }

    /// Expected by hand from Wilkinson and Rogers (1973).
    #[test]
    fn terms_are_expanded() {
        for (text, terms) in [
            ("y ~ a*b", "1 + a + b + a:b"),
            ("y ~ a*b*c - a:b:c", "1 + a + b + a:b + c + a:c + b:c"),
            ("y ~ (a + b + c)^2", "1 + a + b + c + a:b + a:c + b:c"),
            ("y ~ a/b", "1 + a + a:b"),
            ("y ~ (a + b)/c", "1 + a + b + a:b:c"),
            ("y ~ 0 + a", "0 + a"),
            ("y ~ a - 1", "0 + a"),
            ("y ~ -1 + a", "0 + a"),
            ("y ~ 1", "1"),
            ("y ~ a + a + b:a + a:b", "1 + a + b:a"),
            ("y ~ log(w) : poly(x,2)", "1 + log(w):poly(x, 2)"),
            ("y ~ (1 + a)*b", "1 + a + b + a:b"),
        ] {
            assert_eq!(expanded(text), terms, "{text}");
        }
    }

    #[test]
    fn varying_coefficients_offsets_and_what_is_said_of_the_response() {
        let formula =
            Formula::parse("y | trials(n) + cens(c) ~ x + offset(log(t)) + (1 + x | g) + (0 + x || h) + (1 | a/b)");
        let formula = formula.expect("a formula");
        assert!(formula.trials.is_some() && formula.censored.is_some() && formula.offsets.len() == 1);
        let one = |v: &Varying| {
            let by = v.by.iter().map(|f| f.name.clone()).collect::<Vec<_>>().join(":");
            format!("{} by {by}, {}", written(&v.terms), v.correlated)
        };
        let varying: Vec<String> = formula.varying.iter().map(one).collect();
        assert_eq!(varying, ["1 + x by g, true", "0 + x by h, false", "1 by a, false", "1 by a:b, false"]);
        let names: Vec<&str> = formula.names().iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["y", "n", "c", "x", "t", "x", "g", "x", "h", "a", "a", "b"]);
    }

    #[test]
    fn mistakes_are_pointed_at() {
        for (text, at, words) in [
            ("y ~ x + 1 | g", 4, "in brackets"),
            ("y ~ x + 2", 8, "a number is no term"),
            ("y ~ x^2.5", 6, "whole power"),
            ("y ~ a - b", 8, "was not there"),
            ("y ~ x + (0 | g)", 9, "nothing varies here"),
            ("y ~ x + (1 | 1)", 13, "the name of a column of groups"),
            ("y ~ trials(n)", 4, "belongs to the response"),
            ("y | se(w) ~ x", 4, "after `|` stands"),
            ("y | trunc(lb=\"w\") ~ x", 13, "a bound is a number or a column"),
            ("y | trunc(3, 2) ~ x", 4, "the lower first"),
            ("y | trunc(1, 2) + trunc(lb=1) ~ x", 18, "said twice"),
            ("y ~ weights(n)", 4, "belongs to the response"),
            ("y ~ a:(b - c)", 6, "nothing can be taken away"),
        ] {
            let error = Formula::parse(text).expect_err(text);
            assert!(error.span.start == at && error.message.contains(words), "{text}: {error}");
        }
    }
}
