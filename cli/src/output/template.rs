//! The part of Go's `text/template` that people use with docker: fields, `json` and a few other functions, `if` and `range`.
//!
//! A template is read once and then printed for one value after another. What is not understood is refused when the
//! template is read, and a field that is not there when it is printed, so that a typing error never prints nothing.

mod parse;
mod print;

pub(crate) use print::pretty;
use serde_json::Value;

use crate::error::TemplateError;

/// A template that has been read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Node>);

/// A part of a template.
#[derive(Debug, PartialEq, Eq)]
enum Node {
    /// Printed as it is.
    Text(String),
    /// `{{expression}}`.
    Print(Expression),
    /// `{{if expression}}then{{else}}otherwise{{end}}`.
    If(Expression, Vec<Self>, Vec<Self>),
    /// `{{range expression}}each{{else}}empty{{end}}`.
    Range(Expression, Vec<Self>, Vec<Self>),
}

/// What stands between braces.
#[derive(Debug, PartialEq, Eq)]
enum Expression {
    /// `.A.B`; no names is `.` itself.
    Field(Vec<String>),
    /// `"text"` or a number.
    Literal(Value),
    /// `function argument...`, and what `argument | function` stands for.
    Call(Function, Vec<Self>),
}

/// The functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Json,
    Upper,
    Lower,
    Title,
    Join,
    Len,
    Index,
    Println,
    Not,
    Eq,
    Ne,
}

impl Function {
    const ALL: [(&'static str, Self); 11] = [
        ("json", Self::Json),
        ("upper", Self::Upper),
        ("lower", Self::Lower),
        ("title", Self::Title),
        ("join", Self::Join),
        ("len", Self::Len),
        ("index", Self::Index),
        ("println", Self::Println),
        ("not", Self::Not),
        ("eq", Self::Eq),
        ("ne", Self::Ne),
    ];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, function)| function)
    }
}

impl Template {
    /// Reads a template. `\t` and `\n` written out stand for a tab and a new line, as shells do not pass these on.
    pub(crate) fn parse(text: &str) -> Result<Self, TemplateError> {
        parse::template(&text.replace("\\t", "\t").replace("\\n", "\n"))
            .map(Self)
            .map_err(TemplateError)
    }

    /// Prints a value.
    pub(crate) fn print(&self, value: &Value) -> Result<String, TemplateError> {
        print::nodes(&self.0, value, print::Functions::Applied).map_err(TemplateError)
    }

    /// Prints the headings of a table: functions leave them as they are.
    pub(crate) fn print_headings(&self, headings: &Value) -> Result<String, TemplateError> {
        print::nodes(&self.0, headings, print::Functions::Ignored).map_err(TemplateError)
    }
}

#[cfg(test)]
mod tests;
