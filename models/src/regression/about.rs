//! What a formula says of its response behind it: `y | trials(n) + weights(w)`.

use super::formula::{Node, NodeKind, Operator};
use super::formula_error::FormulaError;
use super::terms::{Formula, Reader};

/// No bounds of responses.
pub(super) const NO_BOUNDS: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);

/// What is said of a response behind it.
pub(super) const ABOUT_RESPONSE: [&str; 4] = ["trials", "cens", "weights", "trunc"];

impl Reader<'_> {
    /// `trials(n)`, `cens(c)`, `weights(w)` and `trunc(low, high)` behind the response.
    pub fn about_response(&self, node: &Node, formula: &mut Formula) -> Result<(), FormulaError> {
        if let NodeKind::Pair(Operator::Add, a, b) = &node.kind {
            self.about_response(a, formula)?;
            return self.about_response(b, formula);
        }
        let known = "after `|` stands `trials(n)`, `cens(c)`, `cens(c, upper)`, `weights(w)` or `trunc(lb=0, ub=9)`";
        let NodeKind::Call(name, arguments) = &node.kind else { return self.error(node, known) };
        if name == "trunc" {
            return self.bounds(arguments, node, formula);
        }
        let (place, argument) = match (name.as_str(), &arguments[..]) {
            ("trials", [(_, argument)]) => (&mut formula.trials, argument),
            ("cens", [(_, argument)]) => (&mut formula.censored, argument),
            ("cens", [(_, argument), (_, until)]) => {
                formula.until = Some(until.clone());
                (&mut formula.censored, argument)
            }
            ("weights", [(_, argument)]) => (&mut formula.weights, argument),
            _ => return self.error(node, known),
        };
        if place.is_some() {
            return self.error(node, "it is said twice");
        }
        *place = Some(argument.clone());
        Ok(())
    }

    /// `trunc(0, 9)`, `trunc(lb=0)`, `trunc(ub=limit)`.
    fn bounds(
        &self,
        arguments: &[(Option<String>, Node)],
        node: &Node,
        formula: &mut Formula,
    ) -> Result<(), FormulaError> {
        if formula.is_truncated() {
            return self.error(node, "it is said twice");
        }
        for (k, (keyword, argument)) in arguments.iter().enumerate() {
            if matches!(argument.kind, NodeKind::Text(_)) {
                return self.error(argument, "a bound is a number or a column");
            }
            match (keyword.as_deref(), k) {
                (Some("lb"), _) | (None, 0) => formula.bounds[0] = Some(argument.clone()),
                (Some("ub"), _) | (None, 1) => formula.bounds[1] = Some(argument.clone()),
                _ => return self.error(argument, "bounds are two: `trunc(lb=0, ub=9)`"),
            }
        }
        let number = |bound: &Option<Node>| bound.as_ref().and_then(constant);
        let is_empty = match [number(&formula.bounds[0]), number(&formula.bounds[1])] {
            [Some(low), Some(high)] => low >= high,
            _ => !formula.is_truncated(),
        };
        if is_empty {
            return self.error(node, "a lower bound, an upper one, or both were expected, the lower first");
        }
        Ok(())
    }
}

/// A number as it is written.
fn constant(node: &Node) -> Option<f64> {
    match &node.kind {
        NodeKind::Number(x) => Some(*x),
        NodeKind::Negative(inner) => constant(inner).map(|x| -x),
        _ => None,
    }
}
