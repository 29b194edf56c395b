//! Whether what was parsed can be computed: what each part of it comes to, before there is a node to ask about.
//!
//! On the way the names of facts become one identifier each, and a whole number that meets one with a fraction becomes such a one: facts
//! that are numbers all have a fraction, and nobody should have to write `node.tasks * 2.0`.

use std::mem;

use cel::common::ast::CallExpr;
use cel::common::ast::ComprehensionExpr;
use cel::common::ast::Expr;
use cel::common::ast::LiteralValue;
use cel::common::ast::SourceInfo;
use cel::common::ast::operators;
use cel::common::types::CelDouble;
use cel::parser::Expression as Node;

use super::Fact;
use super::Fault;
use super::Kind;
use super::fact::Use;
use super::operator;

/// So many elements a list may have: a loop over one list that looks into another one for each element is what costs most.
const MAX_ELEMENTS: usize = 64;

/// Goes through an expression.
pub(super) struct Checker<'a> {
    source: &'a SourceInfo,
    /// What a loop that is being gone through calls its elements, and what they are.
    local: Option<(String, Kind)>,
    uses: Vec<Use>,
}

/// What a part of an expression comes to, and how many levels it has.
struct Part {
    kind: Kind,
    levels: usize,
}

impl<'a> Checker<'a> {
    pub(super) const fn new(source: &'a SourceInfo) -> Self {
        Self { source, local: None, uses: Vec::new() }
    }

    /// What was asked about on the way.
    pub(super) fn uses(self) -> Vec<Use> {
        self.uses
    }

    /// Checks that `root` comes to `wanted`, and returns how many levels it has.
    pub(super) fn result(&mut self, root: &mut Node, wanted: &Kind) -> Result<usize, Fault> {
        let mut part = self.part(root)?;
        if *wanted == Kind::Double {
            widen(root, &mut part);
        }
        if part.kind == *wanted {
            return Ok(part.levels);
        }
        let wanted = if *wanted == Kind::Bool { "true or false" } else { "a number" };
        Err(self
            .fault(root.id, format!("it has to come to {wanted}, and comes to a {}", part.kind)))
    }

    fn part(&mut self, node: &mut Node) -> Result<Part, Fault> {
        let id = node.id;
        match &mut node.expr {
            Expr::Literal(literal) => self.literal(id, literal),
            Expr::Ident(_) | Expr::Select(_) => self.name(node),
            Expr::Call(call) => self.call(id, call),
            Expr::List(list) => self.list(id, &mut list.elements),
            Expr::Comprehension(repeated) => self.repetition(id, repeated),
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                Err(self.fault(id, "maps are not supported"))
            }
        }
    }

    fn literal(&self, id: u64, literal: &LiteralValue) -> Result<Part, Fault> {
        let kind = match literal {
            LiteralValue::Boolean(_) => Kind::Bool,
            LiteralValue::Int(_) => Kind::Int,
            LiteralValue::Double(_) => Kind::Double,
            LiteralValue::String(_) => Kind::Text,
            LiteralValue::Bytes(_) => return Err(self.fault(id, "bytes are not supported")),
            LiteralValue::UInt(_) => {
                return Err(self.fault(id, "unsigned numbers are not supported"));
            }
            LiteralValue::Null => return Err(self.fault(id, "null is not supported")),
        };
        Ok(Part { kind, levels: 1 })
    }

    /// A name: a fact, a label of one, whether that is there, or an element of a loop.
    fn name(&mut self, node: &mut Node) -> Result<Part, Fault> {
        let Some((start, path)) = path(node) else {
            return Err(self.fault(node.id, "only node, service and task have members"));
        };
        if let Some((name, kind)) = self.local.as_ref().filter(|local| path[..1] == [&*local.0]) {
            return match path[..] {
                [_] => Ok(Part { kind: kind.clone(), levels: 1 }),
                _ => Err(self.fault(start, format!("{name} is a {kind} and has no members"))),
            };
        }
        let found = (1..=path.len()).rev().find_map(|length| {
            let fact = Fact::named(&path[..length].join("."))?;
            Some((fact, path[length..].to_vec()))
        });
        let Some((fact, members)) = found else {
            return Err(self.fault(start, format!("unknown name {:?}", path.join("."))));
        };
        let (name, kind) = (fact.name(), fact.kind());
        let tests = matches!(&node.expr, Expr::Select(select) if select.test);
        match &members[..] {
            [] if tests => {
                Err(self.fault(start, format!("{name} is always there, has() is for labels")))
            }
            [] => {
                self.note(Use { fact, label: None });
                node.expr = Expr::Ident(name.to_owned());
                Ok(Part { kind, levels: 1 })
            }
            [label] if kind == Kind::Labels => {
                self.note(Use { fact, label: Some(label.clone()) });
                let labels = Node { id: node.id, expr: Expr::Ident(name.to_owned()) };
                let label = Expr::Literal(LiteralValue::String(label.clone().into()));
                let label = Node { id: node.id, expr: label };
                let (operator, args, kind) = if tests {
                    (operators::IN, vec![label, labels], Kind::Bool)
                } else {
                    (operators::INDEX, vec![labels, label], Kind::Text)
                };
                node.expr = call(operator, args);
                Ok(Part { kind, levels: 2 })
            }
            [member, ..] => {
                let why = format!("{name} is a {kind} and has no member {member:?}");
                Err(self.fault(start, why))
            }
        }
    }

    fn call(&mut self, id: u64, call: &mut CallExpr) -> Result<Part, Fault> {
        let member_of = call.target.as_deref_mut();
        let is_member = member_of.is_some();
        let nodes = member_of.into_iter().chain(&mut call.args);
        let mut parts = nodes.map(|node| self.part(node)).collect::<Result<Vec<Part>, Fault>>()?;
        let name = call.func_name.as_str();
        if operator::needs_one_kind(name)
            && let ([.., left, right], [.., one, other]) = (&mut call.args[..], &mut parts[..])
        {
            align((left, one), (right, other));
        }
        if let (operators::INDEX, [labels, label]) | (operators::IN, [label, labels]) =
            (name, &call.args[..])
        {
            label_of(labels, label).into_iter().for_each(|one| self.note(one));
        }
        let levels = 1 + parts.iter().map(|part| part.levels).max().unwrap_or(0);
        let kinds: Vec<Kind> = parts.into_iter().map(|part| part.kind).collect();
        match operator::result(name, is_member, &kinds) {
            Some(kind) => Ok(Part { kind, levels }),
            None => Err(self.fault(id, operator::misfit(name, &kinds))),
        }
    }

    fn list(&mut self, id: u64, elements: &mut [Node]) -> Result<Part, Fault> {
        if elements.len() > MAX_ELEMENTS {
            return Err(self.fault(id, format!("a list has at most {MAX_ELEMENTS} elements")));
        }
        let mut parts = Vec::with_capacity(elements.len());
        for element in &mut *elements {
            let part = self.part(element)?;
            let first: &Part = parts.first().unwrap_or(&part);
            if !first.kind.is_like(&part.kind) {
                let (one, other) = (&first.kind, &part.kind);
                let why = format!("a list is of one kind, and this one of {one} and {other}");
                return Err(self.fault(element.id, why));
            }
            parts.push(part);
        }
        if parts.iter().any(|part| part.kind == Kind::Double) {
            elements.iter_mut().zip(&mut parts).for_each(|(element, part)| widen(element, part));
        }
        let levels = 1 + parts.iter().map(|part| part.levels).max().unwrap_or(0);
        let Some(Part { kind, .. }) = parts.into_iter().next() else {
            return Err(self.fault(id, "a list has to have an element"));
        };
        Ok(Part { kind: Kind::List(Box::new(kind)), levels })
    }

    /// What the parser has made of `all`, `exists` and `exists_one`: each begins with another value, and has the condition in another place.
    fn repetition(&mut self, id: u64, repeated: &mut ComprehensionExpr) -> Result<Part, Fault> {
        if self.local.is_some() {
            return Err(self.fault(id, "all, exists and exists_one cannot be nested"));
        }
        let range = self.part(&mut repeated.iter_range)?;
        let Some(element) = range.kind.element() else {
            let why = format!("a {} has no elements to go over", range.kind);
            return Err(self.fault(repeated.iter_range.id, why));
        };
        let condition = match (&repeated.accu_init.expr, &mut repeated.loop_step.expr) {
            (Expr::Literal(LiteralValue::Boolean(_)), Expr::Call(step)) => step.args.get_mut(1),
            (Expr::Literal(LiteralValue::Int(_)), Expr::Call(step)) => step.args.first_mut(),
            _ => None,
        };
        let Some(condition) = condition.filter(|_| repeated.iter_var2.is_none()) else {
            return Err(self.fault(id, "only has, all, exists and exists_one are supported"));
        };
        self.local = Some((repeated.iter_var.clone(), element));
        let part = self.part(condition)?;
        self.local = None;
        if part.kind != Kind::Bool {
            let why =
                format!("the condition has to come to true or false, and comes to a {}", part.kind);
            return Err(self.fault(condition.id, why));
        }
        // Between it and the condition there is the step that looks at one element.
        Ok(Part { kind: Kind::Bool, levels: 2 + range.levels.max(part.levels) })
    }

    fn note(&mut self, one: Use) {
        if !self.uses.contains(&one) {
            self.uses.push(one);
        }
    }

    fn fault(&self, id: u64, why: impl Into<String>) -> Fault {
        let byte = self.source.offset_for(id).map_or(0, |(start, _)| start);
        Fault::in_text(&self.source.source, usize::try_from(byte).unwrap_or(0), why)
    }
}

/// The names that a node puts together with points, with where the first of them is.
fn path(node: &Node) -> Option<(u64, Vec<String>)> {
    let mut path = Vec::new();
    let mut node = node;
    loop {
        match &node.expr {
            Expr::Ident(name) => {
                path.push(name.clone());
                path.reverse();
                return Some((node.id, path));
            }
            // Only the outermost can ask whether something is there.
            Expr::Select(select) if path.is_empty() || !select.test => {
                path.push(select.field.clone());
                node = &select.operand;
            }
            _ => return None,
        }
    }
}

/// The label that is asked for, if it is written down.
fn label_of(labels: &Node, label: &Node) -> Option<Use> {
    match (&labels.expr, &label.expr) {
        (Expr::Ident(name), Expr::Literal(LiteralValue::String(label))) => {
            Some(Use { fact: Fact::named(name)?, label: Some(label.inner().to_owned()) })
        }
        _ => None,
    }
}

/// Makes two numbers of different kinds two of one kind.
fn align(one: (&mut Node, &mut Part), other: (&mut Node, &mut Part)) {
    match (&one.1.kind, &other.1.kind) {
        (Kind::Int, Kind::Double) => widen(one.0, one.1),
        (Kind::Double, Kind::Int) => widen(other.0, other.1),
        _ => {}
    }
}

/// Makes a whole number one with a fraction.
fn widen(node: &mut Node, part: &mut Part) {
    if part.kind != Kind::Int {
        return;
    }
    part.kind = Kind::Double;
    if let Expr::Literal(LiteralValue::Int(number)) = &node.expr {
        let number = CelDouble::from(*number.inner() as f64);
        node.expr = Expr::Literal(LiteralValue::Double(number));
        return;
    }
    part.levels += 1;
    let whole = Node { id: node.id, expr: mem::take(&mut node.expr) };
    node.expr = call("double", vec![whole]);
}

fn call(name: &str, args: Vec<Node>) -> Expr {
    Expr::Call(CallExpr { func_name: name.to_owned(), target: None, args })
}
