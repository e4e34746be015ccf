//! The parser's tree becomes what is evaluated: each reference becomes a variable of its own, so that only what an
//! expression refers to is ever converted for it, and everything else is checked against what expressions may do.

use std::collections::HashMap;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, operators};

use super::functions::{self, Refusal, Style};
use super::parse::ParseFault;
use super::tokens::Tokens;
use super::{Body, Reference, Segment, first};
use crate::excerpt::quoted;
use crate::fault::Code;

/// What was found while lowering.
pub(crate) struct Lowered {
    pub(crate) references: Vec<Reference>,
    /// Of each reference, whether its value is used, and not only whether it is there.
    pub(crate) valued: Vec<bool>,
    /// What the expression is where it hands over what there is and computes nothing.
    pub(crate) handed_over: Option<Body>,
    pub(crate) faults: Vec<ParseFault>,
}

/// The variable that holds the value of a reference. No name of an expression can be it.
pub(crate) fn value_variable(index: usize) -> String {
    format!("@value{index}")
}

/// The variable that says whether a reference refers to something.
pub(crate) fn presence_variable(index: usize) -> String {
    format!("@has{index}")
}

/// Lowers a tree whose depth is checked.
pub(crate) fn lower(tree: &mut IdedExpr, tokens: &Tokens<'_>) -> Lowered {
    let handed_over = if reference_of(tree).is_some() {
        Some(Body::Lone)
    } else {
        first::is_of_references(tree).then_some(Body::First)
    };
    let (references, valued, faults) = (Vec::new(), Vec::new(), Vec::new());
    let mut lowering = Lowering {
        tokens,
        indices: HashMap::new(),
        references,
        valued,
        faults,
    };
    lowering.expr(tree);
    Lowered {
        references: lowering.references,
        valued: lowering.valued,
        handed_over,
        faults: lowering.faults,
    }
}

pub(super) struct Lowering<'a> {
    pub(super) tokens: &'a Tokens<'a>,
    indices: HashMap<Reference, usize>,
    references: Vec<Reference>,
    valued: Vec<bool>,
    pub(super) faults: Vec<ParseFault>,
}

impl Lowering<'_> {
    pub(super) fn expr(&mut self, expr: &mut IdedExpr) {
        if let Some(reference) = reference_of(expr) {
            let index = self.index(reference);
            self.valued[index] = true;
            expr.expr = Expr::Ident(value_variable(index));
            return;
        }
        match &mut expr.expr {
            Expr::Call(call) if first::is_first(call) => {
                if let Some(chain) = self.first(std::mem::take(&mut call.args)) {
                    *expr = chain;
                }
            }
            Expr::Call(call) => self.call(call),
            Expr::Select(select) if select.test => {
                let Some(mut reference) = reference_of(&select.operand) else {
                    return self.expr(&mut select.operand);
                };
                reference
                    .path
                    .push(Segment::Key(select.field.as_str().into()));
                expr.expr = Expr::Ident(presence_variable(self.index(reference)));
            }
            Expr::Select(select) => self.expr(&mut select.operand),
            Expr::List(list) => list
                .elements
                .iter_mut()
                .for_each(|element| self.expr(element)),
            Expr::Map(map) => {
                for entry in &mut map.entries {
                    if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                        self.expr(&mut entry.key);
                        self.expr(&mut entry.value);
                    }
                }
            }
            Expr::Literal(LiteralValue::Bytes(_)) => self.refuse_syntax("bytes (`b'…'`)"),
            Expr::Struct(_) => self.refuse_syntax("typed messages (`Type{…}`)"),
            Expr::Comprehension(_) => self.refuse_loop(),
            Expr::Literal(_) | Expr::Ident(_) | Expr::Unspecified => {}
        }
    }

    pub(super) fn index(&mut self, reference: Reference) -> usize {
        *self.indices.entry(reference.clone()).or_insert_with(|| {
            self.references.push(reference);
            self.valued.push(false);
            self.references.len() - 1
        })
    }

    fn call(&mut self, call: &mut CallExpr) {
        if !is_operator(&call.func_name) {
            self.check_function(call);
        }
        if let Some(target) = &mut call.target {
            self.expr(target);
        }
        call.args
            .iter_mut()
            .for_each(|argument| self.expr(argument));
    }

    fn check_function(&mut self, call: &CallExpr) {
        let name = quoted(&call.func_name);
        let at = self.tokens.call(&call.func_name);
        let style = if call.target.is_some() {
            Style::Method
        } else {
            Style::Global
        };
        let fault = match functions::check(&call.func_name, style, call.args.len()) {
            Ok(()) if name == "matches" => return self.check_pattern(call),
            Ok(()) => return,
            Err(Refusal::Unknown) => {
                let names: Vec<_> = functions::FUNCTIONS
                    .iter()
                    .map(|function| function.name)
                    .collect();
                let near = names
                    .iter()
                    .find(|known| strsim::osa_distance(&name, known) <= 2);
                let fault = ParseFault::new(
                    Code::UnknownFunction,
                    at,
                    format!("expressions have no function `{name}`"),
                );
                fault.help(near.map_or_else(
                    || {
                        "docs/flow-format.md lists the functions; everything else is a node's work"
                            .to_owned()
                    },
                    |near| format!("did you mean `{near}`?"),
                ))
            }
            Err(Refusal::OtherStyle(example)) => {
                let message = format!("`{name}` is not called like this");
                ParseFault::new(Code::WrongArguments, at, message)
                    .help(format!("write `{example}`"))
            }
            Err(Refusal::Arguments(counts)) => {
                let arguments = if counts == [1] {
                    "argument"
                } else {
                    "arguments"
                };
                let given = call.args.len();
                let counts = match counts {
                    [least, _, .., most] => format!("{least} to {most}"),
                    counts => {
                        let counts: Vec<_> = counts.iter().map(usize::to_string).collect();
                        counts.join(" or ")
                    }
                };
                let message = format!("`{name}` takes {counts} {arguments}, and is given {given}");
                ParseFault::new(Code::WrongArguments, at, message)
            }
        };
        self.faults.push(fault);
    }

    fn check_pattern(&mut self, call: &CallExpr) {
        let at = self.tokens.call("matches");
        let checked = match call.args.first().map(|pattern| &pattern.expr) {
            Some(Expr::Literal(LiteralValue::String(pattern))) => functions::check_pattern(pattern.inner()),
            _ => Err("the pattern of `matches` is written out in the expression, so that it can be checked here".to_owned()),
        };
        if let Err(message) = checked {
            let fault = ParseFault::new(Code::WrongArguments, at, quoted(&message));
            self.faults
                .push(fault.help("the node `validate/regex` takes larger patterns"));
        }
    }

    fn refuse_syntax(&mut self, what: &str) {
        let message = format!("{what} are not part of a flow's expressions");
        self.faults.push(ParseFault::new(
            Code::BadExpression,
            self.tokens.reference("", &[]),
            message,
        ));
    }

    fn refuse_loop(&mut self) {
        let name = self.tokens.loop_macro().unwrap_or("map");
        let message = format!("`{name}` loops, and expressions do not");
        let fault = ParseFault::new(Code::LoopMacro, self.tokens.call(name), message);
        self.faults
            .push(fault.help("work over the elements of a list is a node's"));
    }
}

fn is_operator(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_alphabetic())
        && ![operators::OPT_INDEX, operators::OPT_SELECT].contains(&name)
}

/// The reference that an expression is, if it is nothing but one: a name, and fields and constant indices behind it.
pub(super) fn reference_of(expr: &IdedExpr) -> Option<Reference> {
    let mut path = Vec::new();
    let mut expr = &expr.expr;
    loop {
        match expr {
            Expr::Ident(name) => {
                path.reverse();
                return Some(Reference {
                    root: name.as_str().into(),
                    path,
                });
            }
            Expr::Select(select) if !select.test => {
                path.push(Segment::Key(select.field.as_str().into()));
                expr = &select.operand.expr;
            }
            Expr::Call(call) if call.func_name == operators::INDEX => {
                let [operand, index] = call.args.as_slice() else {
                    return None;
                };
                path.push(match &index.expr {
                    Expr::Literal(LiteralValue::String(key)) => Segment::Key(key.inner().into()),
                    Expr::Literal(LiteralValue::Int(index)) => {
                        Segment::Index(usize::try_from(*index.inner()).ok()?)
                    }
                    _ => return None,
                });
                expr = &operand.expr;
            }
            _ => return None,
        }
    }
}

/// Calls `visit` with each direct child.
pub(crate) fn for_children<'a>(expr: &'a IdedExpr, visit: &mut impl FnMut(&'a IdedExpr)) {
    match &expr.expr {
        Expr::Call(call) => {
            call.target.iter().for_each(|target| visit(target));
            call.args.iter().for_each(visit);
        }
        Expr::Comprehension(all) => {
            [
                &all.iter_range,
                &all.accu_init,
                &all.loop_cond,
                &all.loop_step,
                &all.result,
            ]
            .into_iter()
            .for_each(visit);
        }
        Expr::List(list) => list.elements.iter().for_each(visit),
        Expr::Map(map) => map
            .entries
            .iter()
            .for_each(|entry| for_entry(&entry.expr, visit)),
        Expr::Struct(message) => message
            .entries
            .iter()
            .for_each(|entry| for_entry(&entry.expr, visit)),
        Expr::Select(select) => visit(&select.operand),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
    }
}

fn for_entry<'a>(entry: &'a EntryExpr, visit: &mut impl FnMut(&'a IdedExpr)) {
    match entry {
        EntryExpr::StructField(field) => visit(&field.value),
        EntryExpr::MapEntry(entry) => {
            visit(&entry.key);
            visit(&entry.value);
        }
    }
}
