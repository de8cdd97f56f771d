//! The parser of the part of DynamoDB's expressions that keysync uses.
//!
//! ```text
//! condition  = conjunct { OR conjunct }        conjunct = test { AND test }
//! test       = ( condition ) | attribute_exists(path) | attribute_not_exists(path)
//!            | operand comparator operand      operand  = path | :value | size(path)
//! effect     = SET path = sum { , path = sum } REMOVE path { , path }
//! sum        = term [ + term | - term ]        term     = path | :value | if_not_exists(path, term)
//! ```

use std::collections::BTreeSet;

use super::expression::{Condition, Effect, Operand, Path, Sum, Term};

/// An expression, and the placeholders in it.
#[derive(Debug)]
pub(super) struct Parsed<T> {
    pub(super) expression: T,
    /// `#name` and `:value`.
    pub(super) placeholders: BTreeSet<String>,
}

/// Parses a condition.
pub(super) fn condition(text: &str) -> Result<Parsed<Condition>, String> {
    parse(text, Parser::condition)
}

/// Parses the expression of an update.
pub(super) fn effect(text: &str) -> Result<Parsed<Effect>, String> {
    parse(text, Parser::effect)
}

struct Parser<'a> {
    tokens: std::iter::Peekable<std::vec::IntoIter<&'a str>>,
    placeholders: BTreeSet<String>,
}

fn parse<'a, T>(
    text: &'a str,
    parse: impl FnOnce(&mut Parser<'a>) -> Result<T, String>,
) -> Result<Parsed<T>, String> {
    let mut parser = Parser { tokens: tokens(text).into_iter().peekable(), placeholders: BTreeSet::new() };
    let expression = parse(&mut parser)?;
    match parser.tokens.next() {
        None => Ok(Parsed { expression, placeholders: parser.placeholders }),
        Some(token) => Err(format!("unexpected `{token}` in `{text}`")),
    }
}

/// Words, including paths, and symbols.
fn tokens(text: &str) -> Vec<&str> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"_#:.".contains(&byte);
    let (bytes, mut tokens, mut start) = (text.as_bytes(), Vec::new(), 0);
    while start < bytes.len() {
        let is_same: &dyn Fn(u8) -> bool = match bytes[start] {
            byte if is_word(byte) => &is_word,
            b'<' | b'>' | b'=' => &|byte| b"<>=".contains(&byte),
            _ => &|_| false,
        };
        let length = 1 + bytes[start + 1..].iter().take_while(|byte| is_same(**byte)).count();
        let token = &text[start..start + length];
        if !token.trim().is_empty() {
            tokens.push(token);
        }
        start += length;
    }
    tokens
}

impl Parser<'_> {
    fn next_if(&mut self, token: &str) -> bool {
        self.tokens.next_if(|next| *next == token).is_some()
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.next_if(token) {
            Ok(())
        } else {
            Err(format!("expected `{token}`: got {:?}", self.tokens.peek()))
        }
    }

    fn word(&mut self) -> Result<String, String> {
        let word = self.tokens.next().ok_or("the expression ends too early")?;
        let placeholders = word.split('.').filter(|name| name.starts_with(['#', ':']));
        self.placeholders.extend(placeholders.map(str::to_owned));
        Ok(word.to_owned())
    }

    fn path(&mut self) -> Result<Path, String> {
        Ok(self.word()?.split('.').map(str::to_owned).collect())
    }

    /// A path in parentheses.
    fn argument(&mut self) -> Result<Path, String> {
        self.expect("(")?;
        let path = self.path()?;
        self.expect(")")?;
        Ok(path)
    }

    fn condition(&mut self) -> Result<Condition, String> {
        let mut condition = self.conjunct()?;
        while self.next_if("OR") {
            condition = Condition::Or(condition.into(), self.conjunct()?.into());
        }
        Ok(condition)
    }

    fn conjunct(&mut self) -> Result<Condition, String> {
        let mut condition = self.test()?;
        while self.next_if("AND") {
            condition = Condition::And(condition.into(), self.test()?.into());
        }
        Ok(condition)
    }

    fn test(&mut self) -> Result<Condition, String> {
        if self.next_if("(") {
            let condition = self.condition()?;
            self.expect(")")?;
            return Ok(condition);
        }
        if self.next_if("attribute_exists") {
            return Ok(Condition::Exists(self.argument()?));
        }
        if self.next_if("attribute_not_exists") {
            return Ok(Condition::NotExists(self.argument()?));
        }
        let one = self.operand()?;
        let comparator = self.word()?;
        Ok(Condition::Compare(one, comparator, self.operand()?))
    }

    fn operand(&mut self) -> Result<Operand, String> {
        if self.next_if("size") {
            return Ok(Operand::Size(self.argument()?));
        }
        let path = self.path()?;
        Ok(if path[0].starts_with(':') { Operand::Value(path.concat()) } else { Operand::Path(path) })
    }

    fn effect(&mut self) -> Result<Effect, String> {
        let mut effect = Effect::default();
        if self.next_if("SET") {
            while effect.set.is_empty() || self.next_if(",") {
                let path = self.path()?;
                self.expect("=")?;
                effect.set.push((path, self.sum()?));
            }
        }
        if self.next_if("REMOVE") {
            while effect.remove.is_empty() || self.next_if(",") {
                effect.remove.push(self.path()?);
            }
        }
        Ok(effect)
    }

    fn sum(&mut self) -> Result<Sum, String> {
        let first = self.term()?;
        let sign = ["+", "-"].into_iter().find(|sign| self.next_if(sign));
        let second = sign.map(|sign| Ok::<_, String>((sign.to_owned(), self.term()?))).transpose()?;
        Ok(Sum(first, second))
    }

    fn term(&mut self) -> Result<Term, String> {
        if self.next_if("if_not_exists") {
            self.expect("(")?;
            let path = self.path()?;
            self.expect(",")?;
            let otherwise = self.term()?;
            self.expect(")")?;
            return Ok(Term::IfNotExists(path, otherwise.into()));
        }
        let path = self.path()?;
        Ok(if path[0].starts_with(':') { Term::Value(path.concat()) } else { Term::Path(path) })
    }
}
