//! Terms whose value in a row depends on latents: monotonic effects `mo(x)`, smooth curves `s(x)`, numbers measured with error
//! `me(x, se)`, and numbers some of which are missing `mi(x)`.

use super::encode::{Coding, Encoder, Frame, Replaced};
use super::error::RegressionError;
use super::formula::{Node, NodeKind};
use super::smooth::{self, Basis};
use super::terms::{Factor, Formula, Term};

/// Their names.
pub(super) const SPECIAL: [&str; 4] = ["mo", "s", "me", "mi"];

/// Splines of a curve unless said otherwise.
const SPLINES: usize = 10;

/// A term of this kind in all rows.
#[derive(Debug, Clone)]
pub(super) struct Special {
    /// As it is written.
    pub name: String,
    /// The column that it is of.
    pub variable: String,
    pub shape: Shape,
}

/// What a row has of such a term.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    /// The number of steps up to each row's level, of so many.
    Steps { codes: Vec<u32>, num_steps: usize },
    /// Columns of what bends.
    Smooth { columns: Vec<Vec<f64>> },
    /// A number, and the standard deviation of its error.
    Measured { x: Vec<f64>, error: Vec<f64> },
    /// A number, where it is known; where it is not, so much is added to what it is taken for.
    Partly { x: Vec<Option<f64>>, shift: f64 },
}

/// What stands within the brackets of a function, with its name where it has one.
type Argument = (Option<String>, Node);

/// The function of a term of this kind, and what it is of.
pub(super) fn call(term: &Term) -> Option<(&Factor, &str, &[Argument])> {
    let [factor] = &term[..] else { return None };
    match &factor.node.kind {
        NodeKind::Call(name, arguments) if SPECIAL.contains(&name.as_str()) => Some((factor, name, arguments)),
        _ => None,
    }
}

/// Columns of which cells may be missing.
pub(super) fn may_be_missing(formula: &Formula) -> Vec<&str> {
    let of = |term: &'_ Term| match call(term) {
        Some((factor, "mi", _)) => factor.node.names().first().map(|(name, _)| name.to_string()),
        _ => None,
    };
    let found: Vec<String> = formula.terms.terms.iter().filter_map(of).collect();
    let names = formula.names().into_iter().map(|(name, _)| name);
    let mut out: Vec<&str> = names.filter(|name| found.iter().any(|known| known == name)).collect();
    out.dedup();
    out
}

/// The terms of a formula that are of this kind.
pub(super) fn read(formula: &Formula, encoder: &mut Encoder, frame: Frame) -> Result<Vec<Special>, RegressionError> {
    let mut all = Vec::new();
    for (factor, function, arguments) in formula.terms.terms.iter().filter_map(call) {
        let variable = factor.node.names().first().map_or(String::new(), |(name, _)| name.to_string());
        let shape = match function {
            "mo" => {
                let uses = formula.explaining().into_iter().flat_map(Node::names);
                if uses.filter(|(name, _)| *name == variable).count() > 1 {
                    let words = format!(
                        "`{variable}` is in another term, too, where the order of its levels would be another one; give the \
                         table a copy of the column under another name"
                    );
                    return encoder.error(&factor.node, &words);
                }
                steps(&factor.node, arguments, encoder, frame)?
            }
            "s" => bends(factor, arguments, encoder, frame)?,
            "me" => measured(&factor.node, &variable, arguments, encoder, frame)?,
            _ => partly(&factor.node, arguments, encoder, frame)?,
        };
        all.push(Special { name: factor.name.clone(), variable, shape });
    }
    Ok(all)
}

/// `mo(x)`, `mo(x, "low", "middle", "high")`.
fn steps(node: &Node, arguments: &[Argument], encoder: &mut Encoder, frame: Frame) -> Result<Shape, RegressionError> {
    let write =
        "write `mo(x)` of a column of whole numbers, or `mo(x, \"low\", \"middle\", \"high\")` of words in their order";
    let [(None, Node { kind: NodeKind::Name(column), .. }), order @ ..] = arguments else {
        return encoder.error(node, write);
    };
    encoder.known(column, node, frame)?;
    let word = |(_, node): &Argument| match &node.kind {
        NodeKind::Text(words) => Some(words.clone()),
        NodeKind::Number(x) => Some(x.to_string()),
        _ => None,
    };
    if !order.is_empty() && !encoder.learnt {
        let Some(order) = order.iter().map(word).collect::<Option<Vec<String>>>() else {
            return encoder.error(node, write);
        };
        if let Some(twice) = order.iter().enumerate().find_map(|(k, word)| order[..k].contains(word).then_some(word)) {
            return encoder.error(node, &format!("\"{twice}\" is named twice; name each level once, in their order"));
        }
        encoder.levels.insert(column.clone(), order);
    }
    let category = encoder.category(column, None, Coding::Treatment, node, frame)?;
    let are_numbers = category.levels.iter().all(|level| level.parse::<f64>().is_ok());
    if order.is_empty() && !are_numbers {
        return encoder.error(node, &format!("`{column}` holds words, whose order is not known; {write}"));
    }
    if category.levels.len() < 3 {
        return encoder.error(node, "two levels have one step between them: write `C(..)` or the column itself");
    }
    Ok(Shape::Steps { codes: category.codes, num_steps: category.levels.len() - 1 })
}

/// `s(x)`, `s(x, k=10)`.
fn bends(
    factor: &Factor,
    arguments: &[Argument],
    encoder: &mut Encoder,
    frame: Frame,
) -> Result<Shape, RegressionError> {
    let node = &factor.node;
    let k = match arguments {
        [(None, _)] => SPLINES,
        [(None, _), (keyword, Node { kind: NodeKind::Number(k), .. })]
            if keyword.as_deref().is_none_or(|word| word == "k") && k.fract() == 0.0 && (4.0..=60.0).contains(k) =>
        {
            *k as usize
        }
        _ => return encoder.error(node, "write `s(x)`, or `s(x, k=10)` with 4 to 60 splines"),
    };
    let x = encoder.column(&arguments[0].1, frame)?;
    let basis = match encoder.states.get(&factor.name).and_then(|state| Basis::of_state(state)) {
        Some(basis) => basis,
        None => match smooth::learn(&x, k) {
            Some(basis) => basis,
            None => {
                return encoder
                    .error(node, &format!("{k} splines need at least {k} different values; choose a smaller k"));
            }
        },
    };
    encoder.states.entry(factor.name.clone()).or_insert_with(|| basis.state());
    let columns = basis.columns(&x).map_err(|row| {
        let (low, high) = basis.ends();
        let name = node.names().first().map_or(String::new(), |(name, _)| name.to_string());
        RegressionError::Cell {
            place: frame.table.place(&name, frame.rows[row]).to_string(),
            reason: format!(
                "{} is outside of the rows of the fit, {low} to {high}, where `{}` ends; leave the row out, or fit a function \
                 that goes on",
                x[row], factor.name
            ),
        }
    })?;
    Ok(Shape::Smooth { columns })
}

/// `me(x, se)`.
fn measured(
    node: &Node,
    variable: &str,
    arguments: &[Argument],
    encoder: &mut Encoder,
    frame: Frame,
) -> Result<Shape, RegressionError> {
    let [(None, x), (None, error)] = arguments else {
        return encoder.error(node, "write `me(x, se)`, with the standard deviation of the error of each `x`");
    };
    let (x, mut sds) = (encoder.column(x, frame)?, encoder.column(error, frame)?);
    if let Some(i) = sds.iter().position(|sd| !(sd.is_finite() && *sd > 0.0)) {
        let name = error.names().first().map_or(variable.to_string(), |(name, _)| name.to_string());
        return Err(RegressionError::Cell {
            place: frame.table.place(&name, frame.rows[i]).to_string(),
            reason: format!("an error of measurement is a positive number, found {}; correct the cell", sds[i]),
        });
    }
    // Numbers in the place of those that were measured are without error.
    if encoder.replaced.contains_key(variable) {
        sds.fill(0.0);
    }
    Ok(Shape::Measured { x, error: sds })
}

/// `mi(x)`.
fn partly(node: &Node, arguments: &[Argument], encoder: &mut Encoder, frame: Frame) -> Result<Shape, RegressionError> {
    let [(None, Node { kind: NodeKind::Name(column), .. })] = arguments else {
        return encoder.error(node, "write `mi(x)` with the name of a column");
    };
    let reading = encoder.reading(column, node, frame)?;
    let replaced = encoder.replaced.get(column).cloned();
    let shift = if let Some(Replaced::Shifted(by)) = replaced { by } else { 0.0 };
    let cells = frame.table.answers(column)?;
    let mut x = Vec::with_capacity(frame.rows.len());
    for (i, &row) in frame.rows.iter().enumerate() {
        let known = |cell: &str| {
            reading.number(cell).map(|x| Some(x + shift)).ok_or_else(|| RegressionError::Cell {
                place: frame.table.place(column, row).to_string(),
                reason: format!(
                    "\"{cell}\" is found where {} is expected, which missing cells are taken for",
                    reading.expected()
                ),
            })
        };
        x.push(match &replaced {
            Some(Replaced::Numbers(all)) => Some(all[i]),
            Some(Replaced::Cell(cell)) => known(cell)?,
            Some(Replaced::Cells(cells)) => known(&cells[i])?,
            _ => cells[row].map_or(Ok(None), known)?,
        });
    }
    if !encoder.learnt && x.iter().all(Option::is_some) {
        return encoder.error(node, &format!("no cell of `{column}` is missing: write the column itself"));
    }
    if !encoder.learnt && x.iter().flatten().count() < 3 {
        return encoder.error(node, &format!("`{column}` has fewer than three cells, of which nothing can be learnt"));
    }
    Ok(Shape::Partly { x, shift })
}

impl Formula {
    /// Makes `mi(x)` of every column of numbers with missing cells that stands alone as a term and nowhere else.
    pub(super) fn impute(&mut self, is_partly: impl Fn(&str) -> bool) {
        let names: Vec<String> = self.names().into_iter().map(|(name, _)| name.to_string()).collect();
        for term in &mut self.terms.terms {
            let [factor] = &mut term[..] else { continue };
            let NodeKind::Name(name) = &factor.node.kind else { continue };
            if names.iter().filter(|known| *known == name).count() == 1 && is_partly(name) {
                let (span, inner) = (factor.node.span.clone(), factor.node.clone());
                factor.node = Node { kind: NodeKind::Call("mi".to_string(), vec![(None, inner)]), span };
            }
        }
    }
}
