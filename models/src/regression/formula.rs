//! The text of a formula as a tree: operators, calls, names and numbers with their places.
//!
//! One grammar serves terms and arithmetic; what an operator means is decided where the tree is read
//! ([`terms`](super::terms) for sums of terms, [`encode`](super::encode) inside of functions).

use super::formula_error::FormulaError;
use std::ops::Range;
use winnow::ascii::{float, multispace0};
use winnow::combinator::{
    Infix::{self, Left, Right},
    alt, cut_err, delimited, expression, fail, opt, peek, preceded, separated,
};
use winnow::error::{ContextError, ErrMode};
use winnow::prelude::*;
use winnow::stream::LocatingSlice;
use winnow::token::{any, one_of, take_till, take_while};

/// A part of a formula and its place in the text, in bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Where it stands.
    pub span: Range<usize>,
}

/// The kinds of parts.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeKind {
    /// A number.
    Number(f64),
    /// Words in quotation marks.
    Text(String),
    /// The name of a column.
    Name(String),
    /// A function of arguments, some of which have names.
    Call(String, Vec<(Option<String>, Node)>),
    /// Two parts and what stands between them.
    Pair(Operator, Box<Node>, Box<Node>),
    /// Minus a part.
    Negative(Box<Node>),
}

/// What stands between two parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `:`
    Interact,
    /// `^` or `**`
    Power,
    /// `|`, effects that vary together
    Given,
    /// `||`, effects that vary independently
    GivenEach,
}

/// The response and what explains it, the two sides of `~`.
///
/// # Errors
/// Text that is no formula, with the place.
pub fn parse(text: &str) -> Result<(Node, Node), FormulaError> {
    let tildes: Vec<usize> = text.match_indices('~').map(|(at, _)| at).collect();
    let at = match tildes[..] {
        [at] => at,
        [] => {
            let words = "there is no `~`; write the response before it and what explains it after it, as in `y ~ x`";
            return Err(FormulaError::new(text, text.len()..text.len(), words));
        }
        [_, second, ..] => return Err(FormulaError::new(text, second..second + 1, "a second `~`")),
    };
    Ok((side(text, 0..at, "a response")?, side(text, at + 1..text.len(), "a term")?))
}

type Input<'a> = LocatingSlice<&'a str>;
type Parsed<T> = ModalResult<T>;

/// Reads the part of `text` in `range`, which wants `what`.
fn side(text: &str, range: Range<usize>, what: &str) -> Result<Node, FormulaError> {
    let start = range.start;
    let parsed = (sum, multispace0).map(|(node, _)| node).parse(LocatingSlice::new(&text[range.clone()]));
    let mut node = parsed.map_err(|error| {
        let mut at = start + error.offset();
        at += text[at..range.end].len() - text[at..range.end].trim_start().len();
        match text[at..range.end].chars().next() {
            None if at == text.len() => {
                FormulaError::new(text, at..at, &format!("the formula ends here, where {what} was expected"))
            }
            None => FormulaError::new(text, at..at + 1, &format!("{what} was expected before this")),
            Some(found) => {
                let range = at..at + found.len_utf8();
                FormulaError::new(text, range, &format!("`{found}` was not expected here"))
            }
        }
    })?;
    shift(&mut node, start);
    Ok(node)
}

fn shift(node: &mut Node, by: usize) {
    node.span = node.span.start + by..node.span.end + by;
    match &mut node.kind {
        NodeKind::Call(_, arguments) => arguments.iter_mut().for_each(|(_, node)| shift(node, by)),
        NodeKind::Pair(_, a, b) => [a, b].into_iter().for_each(|node| shift(node, by)),
        NodeKind::Negative(node) => shift(node, by),
        NodeKind::Number(_) | NodeKind::Text(_) | NodeKind::Name(_) => {}
    }
}

/// Binding powers of the operators, as R has them.
const GIVEN: i64 = 2;
const ADD: i64 = 4;
const MULTIPLY: i64 = 6;
const INTERACT: i64 = 8;
const MINUS: i64 = 10;
const POWER: i64 = 12;

fn sum(input: &mut Input) -> Parsed<Node> {
    bound_by(0, input)
}

/// Parts joined by operators that bind at least so tightly.
fn bound_by(power: i64, input: &mut Input) -> Parsed<Node> {
    expression(operand).current_precedence_level(power).infix(preceded(multispace0, operator)).parse_next(input)
}

fn operator<'a>(input: &mut Input<'a>) -> Parsed<Infix<Input<'a>, Node, ErrMode<ContextError>>> {
    alt((
        "||".value(Left(GIVEN, |_, a, b| Ok(pair(Operator::GivenEach, a, b)))),
        '|'.value(Left(GIVEN, |_, a, b| Ok(pair(Operator::Given, a, b)))),
        '+'.value(Left(ADD, |_, a, b| Ok(pair(Operator::Add, a, b)))),
        '-'.value(Left(ADD, |_, a, b| Ok(pair(Operator::Subtract, a, b)))),
        "**".value(Right(POWER, |_, a, b| Ok(pair(Operator::Power, a, b)))),
        '*'.value(Left(MULTIPLY, |_, a, b| Ok(pair(Operator::Multiply, a, b)))),
        '/'.value(Left(MULTIPLY, |_, a, b| Ok(pair(Operator::Divide, a, b)))),
        ':'.value(Left(INTERACT, |_, a, b| Ok(pair(Operator::Interact, a, b)))),
        '^'.value(Right(POWER, |_, a, b| Ok(pair(Operator::Power, a, b)))),
    ))
    .parse_next(input)
}

fn pair(operator: Operator, a: Node, b: Node) -> Node {
    let span = a.span.start..b.span.end;
    Node { kind: NodeKind::Pair(operator, Box::new(a), Box::new(b)), span }
}

/// A part without operators around it; there must be one where this is called.
fn operand(input: &mut Input) -> Parsed<Node> {
    let part = alt((number, text, call_or_name, bracketed, negative, cut_err(fail)));
    preceded(multispace0, part.with_span()).map(|(kind, span)| Node { kind, span }).parse_next(input)
}

fn number(input: &mut Input) -> Parsed<NodeKind> {
    preceded(peek(one_of('0'..='9')), float).map(NodeKind::Number).parse_next(input)
}

fn text(input: &mut Input) -> Parsed<NodeKind> {
    let between = |mark: char| delimited(mark, take_till(0.., move |c| c == mark), cut_err(mark));
    alt((between('"'), between('\''))).map(|words: &str| NodeKind::Text(words.to_string())).parse_next(input)
}

fn call_or_name(input: &mut Input) -> Parsed<NodeKind> {
    let name = name(input)?;
    if opt(preceded(multispace0, '(')).parse_next(input)?.is_none() {
        return Ok(NodeKind::Name(name));
    }
    let close = |input: &mut Input| preceded(multispace0, ')').void().parse_next(input);
    if opt(close).parse_next(input)?.is_some() {
        return Ok(NodeKind::Call(name, Vec::new()));
    }
    let arguments = separated(1.., argument, preceded(multispace0, ',')).parse_next(input)?;
    cut_err(close).parse_next(input)?;
    Ok(NodeKind::Call(name, arguments))
}

fn argument(input: &mut Input) -> Parsed<(Option<String>, Node)> {
    let keyword = opt((preceded(multispace0, name), preceded(multispace0, '=')).map(|(name, _)| name));
    (keyword, sum).parse_next(input)
}

/// Letters, digits, points and underscores, or anything between back quotes.
fn name(input: &mut Input) -> Parsed<String> {
    let plain = (any.verify(|c: &char| c.is_alphabetic() || *c == '_'), take_while(0.., is_of_name)).take();
    let quoted = delimited('`', take_till(1.., '`'), cut_err('`'));
    alt((plain, quoted)).map(|name: &str| name.to_string()).parse_next(input)
}

/// Whether a name may go on with this letter.
pub(super) fn is_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '.'
}

fn bracketed(input: &mut Input) -> Parsed<NodeKind> {
    delimited('(', sum, cut_err(preceded(multispace0, ')'))).map(|node| node.kind).parse_next(input)
}

fn negative(input: &mut Input) -> Parsed<NodeKind> {
    preceded('-', |input: &mut Input| bound_by(MINUS, input))
        .map(|node| NodeKind::Negative(Box::new(node)))
        .parse_next(input)
}

impl Node {
    /// As it is written in `text`, with the spaces that people put.
    pub fn written(&self, text: &str) -> String {
        let bare: String = text[self.span.clone()].split_whitespace().collect();
        if let NodeKind::Name(name) = &self.kind {
            return name.clone();
        }
        bare.replace(',', ", ").replace('`', "")
    }

    /// Every name of a column in it, with its place.
    pub fn names(&self) -> Vec<(&str, Range<usize>)> {
        match &self.kind {
            NodeKind::Name(name) => vec![(name, self.span.clone())],
            // What follows the column of categories is how they are coded.
            NodeKind::Call(name, arguments) if name == "C" => {
                arguments.iter().take(1).flat_map(|(_, node)| node.names()).collect()
            }
            NodeKind::Call(_, arguments) => {
                // The value of an argument with a name is a setting.
                arguments.iter().filter(|(keyword, _)| keyword.is_none()).flat_map(|(_, node)| node.names()).collect()
            }
            NodeKind::Pair(_, a, b) => [a.names(), b.names()].concat(),
            NodeKind::Negative(node) => node.names(),
            NodeKind::Number(_) | NodeKind::Text(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree with brackets around every pair.
    fn tree(node: &Node) -> String {
        match &node.kind {
            NodeKind::Number(x) => x.to_string(),
            NodeKind::Text(words) => format!("{words:?}"),
            NodeKind::Name(name) => name.clone(),
            NodeKind::Call(name, arguments) => {
                let one = |(keyword, node): &(Option<String>, Node)| {
                    keyword.as_ref().map_or(String::new(), |k| format!("{k}=")) + &tree(node)
                };
                format!("{name}({})", arguments.iter().map(one).collect::<Vec<_>>().join(","))
            }
            NodeKind::Pair(operator, a, b) => {
                let sign = match operator {
                    Operator::Add => "+",
                    Operator::Subtract => "-",
                    Operator::Multiply => "*",
                    Operator::Divide => "/",
                    Operator::Interact => ":",
                    Operator::Power => "^",
                    Operator::Given => "|",
                    Operator::GivenEach => "||",
                };
                format!("[{}{sign}{}]", tree(a), tree(b))
            }
            NodeKind::Negative(node) => format!("-{}", tree(node)),
        }
    }

    fn right(text: &str) -> String {
        tree(&parse(text).unwrap_or_else(|e| panic!("{e}")).1)
    }

    #[test]
    fn operators_bind_as_in_r() {
        assert_eq!(right("y ~ a + b*c:d^2 - 1"), "[[a+[b*[c:[d^2]]]]-1]");
        assert_eq!(right("y ~ (1 + x | g) + (0 + x || g/h)"), "[[[1+x]|g]+[[0+x]||[g/h]]]");
        assert_eq!(right("y ~ -1 + log(w + 1, base=2)"), "[-1+log([w+1],base=2)]");
        assert_eq!(right("y ~ C(x, ref=\"b\") + `odd name` + I(-x^2)"), "[[C(x,ref=\"b\")+odd name]+I(-[x^2])]");
        assert_eq!(right("y~a-b-c"), "[[a-b]-c]");
        assert_eq!(right("y ~ größe + x.1"), "[größe+x.1]");
    }

    #[test]
    fn places_are_those_of_the_text() {
        let text = "y ~ log(w) + x";
        let (_, right) = parse(text).expect("a formula");
        let NodeKind::Pair(_, a, b) = right.kind else { panic!("a sum") };
        assert_eq!((&text[a.span.clone()], &text[b.span.clone()]), ("log(w)", "x"));
        assert_eq!(a.names(), [("w", 8..9)]);
    }

    #[test]
    fn mistakes_are_pointed_at() {
        for (text, at, words) in [
            ("y ~ x +", 7, "the formula ends here, where a term was expected"),
            ("y ~ x + * z", 8, "`*` was not expected here"),
            ("y ~ (1 | g", 10, "the formula ends here"),
            ("y ~ log(x", 9, "the formula ends here"),
            ("y ~ log(x + )", 12, "`)` was not expected here"),
            ("y ~ x)", 5, "`)` was not expected here"),
            ("~ x", 0, "a response was expected before this"),
            ("y x", 3, "there is no `~`"),
            ("y ~ x ~ z", 6, "a second `~`"),
            ("y ~ x z", 6, "`z` was not expected here"),
            ("y ~ 'x", 6, "the formula ends here"),
        ] {
            let error = parse(text).expect_err(text);
            assert_eq!((error.span.start, error.message.contains(words)), (at, true), "{text}: {error}");
        }
    }
}
