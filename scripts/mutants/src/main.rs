//! Weaves mutations into Rust source: each stands beside the original, and runs where the environment names its number.
//!
//! `imgnet-mutants SOURCE WOVEN` reads a JSON object from standard input:
//!
//! | key | what |
//! |---|---|
//! | `files` | paths below the folders SOURCE (read) and WOVEN (written) |
//! | `lines` | of a file: the lines that count; a file that is not named here counts whole; absent: all do |
//! | `most` | so many places at most, spread over all of them |
//! | `leave` | numbers that are not woven in, because they do not compile |
//!
//! Standard output has one JSON object a line for each mutation: its number, file, line, function, what was and what is there now,
//! and where it stands in the woven file (bytes). A number depends on `files` and `lines` alone.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::Path;

use proc_macro2::Span;
use serde_json::{Value, json};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{BinOp, Expr, ReturnType, Type, UnOp};

/// One change of one place.
struct Mutation {
    line: usize,
    function: String,
    was: String,
    now: String,
    /// What to put in, and where.
    place: Place,
}

enum Place {
    /// In place of the bytes of an expression: with the same number, all changes of one expression.
    Expression { start: usize, end: usize },
    /// Behind the brace that opens a body.
    Body { at: usize },
}

/// Finds the places of one file.
struct Finder<'a> {
    text: &'a str,
    lines: Option<&'a BTreeSet<usize>>,
    path: Vec<String>,
    found: Vec<Mutation>,
}

impl Finder<'_> {
    fn source(&self, span: Span) -> &str {
        &self.text[span.byte_range()]
    }

    fn counts(&self, from: usize, to: usize) -> bool {
        self.lines
            .is_none_or(|lines| lines.range(from..=to).next().is_some())
    }

    fn add(&mut self, line: usize, was: &str, now: String, place: Place) {
        self.found.push(Mutation {
            line,
            function: self.path.join("::"),
            was: was.split_whitespace().collect::<Vec<_>>().join(" "),
            now,
            place,
        });
    }

    fn body(&mut self, signature: &syn::Signature, block: &syn::Block) {
        if signature.constness.is_some() || signature.asyncness.is_some() || block.stmts.is_empty()
        {
            return;
        }
        let at = block.brace_token.span.open().byte_range().end;
        let line = signature.ident.span().start().line;
        if !self.counts(line, block.span().end().line) {
            return;
        }
        for value in values(&signature.output) {
            let now = format!("return {value};");
            self.add(line, "the body", now, Place::Body { at });
        }
    }

    fn within(&mut self, name: String, go: impl FnOnce(&mut Self)) {
        self.path.push(name);
        go(self);
        self.path.pop();
    }
}

/// Values that a function can give back in place of what it finds out.
fn values(output: &ReturnType) -> Vec<String> {
    match output {
        ReturnType::Default => vec!["()".to_owned()],
        ReturnType::Type(_, given) => values_of(given),
    }
}

fn values_of(given: &Type) -> Vec<String> {
    let of = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    match given {
        Type::Tuple(tuple) if tuple.elems.is_empty() => of(&["()"]),
        Type::Path(path) => {
            let Some(last) = path.path.segments.last() else {
                return Vec::new();
            };
            let name = last.ident.to_string();
            match name.as_str() {
                "bool" => of(&["true", "false"]),
                "u8" | "u16" | "u32" | "u64" | "u128" | "usize" | "i8" | "i16" | "i32" | "i64"
                | "i128" | "isize" => of(&["0", "1"]),
                "f32" | "f64" => of(&["0.0", "1.0"]),
                "String" => of(&["String::new()"]),
                "Vec" => of(&["Vec::new()"]),
                "Option" => of(&["None"]),
                "Result" => {
                    let syn::PathArguments::AngleBracketed(arguments) = &last.arguments else {
                        return Vec::new();
                    };
                    let Some(syn::GenericArgument::Type(first)) = arguments.args.first() else {
                        return Vec::new();
                    };
                    values_of(first)
                        .into_iter()
                        .map(|value| format!("Ok({value})"))
                        .collect()
                }
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}

/// What an operator may be taken for: the neighbour of a bound, and the opposite.
fn others(operator: &BinOp) -> &'static [&'static str] {
    match operator {
        BinOp::Lt(_) => &["<=", ">="],
        BinOp::Le(_) => &["<", ">"],
        BinOp::Gt(_) => &[">=", "<="],
        BinOp::Ge(_) => &[">", "<"],
        BinOp::Eq(_) => &["!="],
        BinOp::Ne(_) => &["=="],
        BinOp::And(_) => &["||"],
        BinOp::Or(_) => &["&&"],
        BinOp::Add(_) => &["-"],
        BinOp::Sub(_) => &["+"],
        BinOp::Mul(_) => &["/"],
        BinOp::Div(_) => &["*"],
        BinOp::Rem(_) => &["/"],
        BinOp::BitAnd(_) => &["|"],
        BinOp::BitOr(_) => &["&"],
        BinOp::BitXor(_) => &["|"],
        BinOp::Shl(_) => &[">>"],
        BinOp::Shr(_) => &["<<"],
        BinOp::AddAssign(_) => &["-="],
        BinOp::SubAssign(_) => &["+="],
        BinOp::MulAssign(_) => &["/="],
        BinOp::DivAssign(_) => &["*="],
        BinOp::BitAndAssign(_) => &["|="],
        BinOp::BitOrAssign(_) => &["&="],
        BinOp::BitXorAssign(_) => &["|="],
        _ => &[],
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && matches!(&attribute.meta, syn::Meta::List(list) if list.tokens.to_string() == "test")
    })
}

/// `let` of a condition cannot be moved out of it.
fn has_let(expression: &Expr) -> bool {
    match expression {
        Expr::Let(_) => true,
        Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        _ => false,
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            self.within(item.ident.to_string(), |this| {
                visit::visit_item_mod(this, item)
            });
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        // How something looks to a developer is held by no test, and wants to be by none.
        let debug = |path: &syn::Path| {
            path.segments
                .last()
                .is_some_and(|last| last.ident == "Debug")
        };
        if is_test(&item.attrs) || item.trait_.as_ref().is_some_and(|(_, path, _)| debug(path)) {
            return;
        }
        let name = self.source(item.self_ty.span()).to_owned();
        self.within(name, |this| visit::visit_item_impl(this, item));
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if is_test(&item.attrs) || item.sig.constness.is_some() {
            return;
        }
        self.within(item.sig.ident.to_string(), |this| {
            this.body(&item.sig, &item.block);
            visit::visit_block(this, &item.block);
        });
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if is_test(&item.attrs) || item.sig.constness.is_some() {
            return;
        }
        self.within(item.sig.ident.to_string(), |this| {
            this.body(&item.sig, &item.block);
            visit::visit_block(this, &item.block);
        });
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        let Some(block) = &item.default else { return };
        self.within(item.sig.ident.to_string(), |this| {
            this.body(&item.sig, block);
            visit::visit_block(this, block);
        });
    }

    // What is worked out when it is compiled cannot be switched when it runs.
    fn visit_item_const(&mut self, _: &'ast syn::ItemConst) {}
    fn visit_impl_item_const(&mut self, _: &'ast syn::ImplItemConst) {}
    fn visit_trait_item_const(&mut self, _: &'ast syn::TraitItemConst) {}
    fn visit_item_static(&mut self, _: &'ast syn::ItemStatic) {}
    fn visit_item_enum(&mut self, _: &'ast syn::ItemEnum) {}
    fn visit_expr_const(&mut self, _: &'ast syn::ExprConst) {}
    fn visit_type(&mut self, _: &'ast Type) {}
    fn visit_pat(&mut self, _: &'ast syn::Pat) {}
    fn visit_generic_argument(&mut self, _: &'ast syn::GenericArgument) {}

    fn visit_expr_repeat(&mut self, repeat: &'ast syn::ExprRepeat) {
        self.visit_expr(&repeat.expr);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        // How much is asked for ahead changes nothing that is seen.
        if !self.source(call.func.span()).ends_with("with_capacity") {
            visit::visit_expr_call(self, call);
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if call.method == "reserve" || call.method == "reserve_exact" {
            self.visit_expr(&call.receiver);
        } else {
            visit::visit_expr_method_call(self, call);
        }
    }

    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        let operator = binary.op.span().byte_range();
        let line = binary.op.span().start().line;
        let whole = binary.span().byte_range();
        let lets = has_let(&binary.left) || has_let(&binary.right);
        if !lets && self.counts(line, line) && !self.path.is_empty() {
            for other in others(&binary.op) {
                let (left, right) = (
                    &self.text[whole.start..operator.start],
                    &self.text[operator.end..whole.end],
                );
                // A compound assignment's left side is a place; parentheses around it would be one, too, but warned of.
                let now = format!("({}) {other} ({})", left.trim(), right.trim());
                let was = self.text[whole.clone()].to_owned();
                self.add(
                    line,
                    &was,
                    now,
                    Place::Expression {
                        start: whole.start,
                        end: whole.end,
                    },
                );
            }
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_unary(&mut self, unary: &'ast syn::ExprUnary) {
        let line = unary.span().start().line;
        if matches!(unary.op, UnOp::Not(_)) && self.counts(line, line) && !self.path.is_empty() {
            let whole = unary.span().byte_range();
            let now = self.source(unary.expr.span()).to_owned();
            let was = self.text[whole.clone()].to_owned();
            self.add(
                line,
                &was,
                now,
                Place::Expression {
                    start: whole.start,
                    end: whole.end,
                },
            );
        }
        visit::visit_expr_unary(self, unary);
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        if let Some((_, guard)) = &arm.guard {
            let line = guard.span().start().line;
            if !has_let(guard) && self.counts(line, line) && !self.path.is_empty() {
                let whole = guard.span().byte_range();
                let was = self.text[whole.clone()].to_owned();
                for now in ["true", "false"] {
                    self.add(
                        line,
                        &was,
                        now.to_owned(),
                        Place::Expression {
                            start: whole.start,
                            end: whole.end,
                        },
                    );
                }
            }
            self.visit_expr(guard);
        }
        self.visit_expr(&arm.body);
    }
}

/// What is put into the text at a place, in the order in which it is to stand there.
struct Piece {
    at: usize,
    /// Ends of expressions before the starts of others; the inner end and the outer start first.
    order: (u8, isize),
    text: String,
    number: Option<usize>,
}

/// The woven text, and where each mutation stands in it.
fn woven(text: &str, wanted: &[(usize, &Mutation)]) -> (String, BTreeMap<usize, (usize, usize)>) {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut sequence = 0_isize;
    let mut at = 0;
    while let Some(&(number, first)) = wanted.get(at) {
        sequence += 1;
        let mut put =
            |at: usize, class: u8, sequence: isize, text: String, number: Option<usize>| {
                pieces.push(Piece {
                    at,
                    order: (class, sequence),
                    text,
                    number,
                });
            };
        match first.place {
            Place::Body { at: start } => {
                let text = format!(" if crate::mutant::on({number}) {{ {} }} ", first.now);
                put(start, 1, sequence, text, Some(number));
                at += 1;
            }
            Place::Expression { start, end } => {
                put(start, 1, sequence, "(".to_owned(), None);
                // All changes of one expression stand beside each other: a change within it comes later.
                while let Some(&(number, other)) = wanted.get(at) {
                    match other.place {
                        Place::Expression {
                            start: from,
                            end: to,
                        } if (from, to) == (start, end) => {
                            let text =
                                format!("if crate::mutant::on({number}) {{ {} }} else ", other.now);
                            put(start, 1, sequence, text, Some(number));
                            at += 1;
                        }
                        _ => break,
                    }
                }
                put(start, 1, sequence, "{ ".to_owned(), None);
                put(end, 0, -sequence, " })".to_owned(), None);
            }
        }
    }
    pieces.sort_by_key(|piece| (piece.at, piece.order));
    let mut out = String::with_capacity(text.len() * 2);
    let mut places = BTreeMap::new();
    let mut copied = 0;
    for piece in pieces {
        out.push_str(&text[copied..piece.at]);
        copied = piece.at;
        if let Some(number) = piece.number {
            places.insert(number, (out.len(), out.len() + piece.text.len()));
        }
        out.push_str(&piece.text);
    }
    out.push_str(&text[copied..]);
    (out, places)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, target] = arguments.as_slice() else {
        return Err("usage: imgnet-mutants SOURCE WOVEN <wanted.json".into());
    };
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input)?;
    let given: Value = serde_json::from_str(&input)?;
    let files: Vec<&str> = given["files"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let numbers = |value: &Value| -> BTreeSet<usize> {
        value
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_u64)
            .filter_map(|number| usize::try_from(number).ok())
            .collect()
    };
    let leave = numbers(&given["leave"]);

    let mut texts = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(Path::new(source).join(file))?;
        let lines = given["lines"].get(file).map(numbers);
        let parsed = syn::parse_file(&text).map_err(|error| format!("{file}: {error}"))?;
        let mut finder = Finder {
            text: &text,
            lines: lines.as_ref(),
            path: Vec::new(),
            found: Vec::new(),
        };
        finder.visit_file(&parsed);
        let found = finder.found;
        texts.push((file, text, found));
    }
    // Numbers from 1 on, over all files; of too many, each so-manieth.
    let all: usize = texts.iter().map(|(_, _, found)| found.len()).sum();
    let most = given["most"]
        .as_u64()
        .and_then(|most| usize::try_from(most).ok())
        .unwrap_or(all)
        .max(1);
    let chosen = |number: usize| all <= most || number * most / all != (number - 1) * most / all;
    let mut number = 0;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for (file, text, found) in &texts {
        let wanted: Vec<(usize, &Mutation)> = found
            .iter()
            .map(|mutation| {
                number += 1;
                (number, mutation)
            })
            .filter(|(number, _)| chosen(*number) && !leave.contains(number))
            .collect();
        let (woven, places) = woven(text, &wanted);
        std::fs::write(Path::new(target).join(file), woven)?;
        for (number, mutation) in wanted {
            let line = json!({
                "number": number, "of": all, "file": file, "line": mutation.line, "function": mutation.function,
                "was": mutation.was, "now": mutation.now, "place": places.get(&number),
            });
            writeln!(out, "{line}")?;
        }
    }
    out.flush()?;
    Ok(())
}
