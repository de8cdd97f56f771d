//! The part of DynamoDB's expressions that keysync uses.
//!
//! ```text
//! condition  = conjunct { OR conjunct }        conjunct = test { AND test }
//! test       = ( condition ) | attribute_exists(path) | attribute_not_exists(path)
//!            | operand comparator operand      operand  = path | :value | size(path)
//! effect     = SET path = sum { , path = sum } REMOVE path { , path }
//! sum        = term [ + term | - term ]        term     = path | :value | if_not_exists(path, term)
//! ```

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use super::attribute::{Attribute, Item};

/// A value that an expression has parsed, and the placeholders in it.
#[derive(Debug)]
pub(super) struct Parsed<T> {
    pub(super) expression: T,
    /// `#name` and `:value`.
    pub(super) placeholders: BTreeSet<String>,
}

#[derive(Debug)]
pub(super) enum Condition {
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Exists(Path),
    NotExists(Path),
    Compare(Operand, String, Operand),
}

/// The names of an attribute and of fields in it.
type Path = Vec<String>;

#[derive(Debug)]
pub(super) enum Operand {
    Path(Path),
    Value(String),
    Size(Path),
}

/// The effect of an update.
#[derive(Debug, Default)]
pub(super) struct Effect {
    set: Vec<(Path, Sum)>,
    remove: Vec<Path>,
}

/// A term, and what is added to it or subtracted from it.
#[derive(Debug)]
struct Sum(Term, Option<(String, Term)>);

#[derive(Debug)]
enum Term {
    Path(Path),
    Value(String),
    IfNotExists(Path, Box<Term>),
}

/// What the placeholders of a request mean.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placeholders<'a> {
    pub(super) names: &'a BTreeMap<String, String>,
    pub(super) values: &'a Item,
}

impl Placeholders<'_> {
    /// An error if one is undefined, or defined and in none of the expressions that have these.
    pub(super) fn check(&self, used: &[&BTreeSet<String>]) -> Result<(), String> {
        let is_defined = |name: &String| self.names.contains_key(name) || self.values.contains_key(name);
        if let Some(name) = used.iter().copied().flatten().find(|name| !is_defined(name)) {
            return Err(format!("{name} is not defined"));
        }
        let is_used = |name: &&String| used.iter().any(|used| used.contains(*name));
        match self.names.keys().chain(self.values.keys()).find(|name| !is_used(name)) {
            Some(name) => Err(format!("{name} is unused")),
            None => Ok(()),
        }
    }

    fn name<'a>(&'a self, name: &'a str) -> Result<&'a str, String> {
        if !name.starts_with('#') {
            return Ok(name);
        }
        self.names.get(name).map(String::as_str).ok_or_else(|| format!("{name} is not defined"))
    }

    fn value(&self, name: &str) -> Result<&Attribute, String> {
        self.values.get(name).ok_or_else(|| format!("{name} is not defined"))
    }

    /// The value at a path; `None` if there is none.
    fn find<'a>(&self, path: &Path, item: &'a Item) -> Result<Option<&'a Attribute>, String> {
        let (first, rest) = path.split_first().ok_or("an empty path")?;
        let mut found = item.get(self.name(first)?);
        for name in rest {
            let name = self.name(name)?;
            found = found
                .and_then(|found| if let Attribute::Map(fields) = found { fields.get(name) } else { None });
        }
        Ok(found)
    }

    /// The map with the last name of a path, and that name.
    fn parent<'a>(&self, path: &Path, item: &'a mut Item) -> Result<(&'a mut Item, String), String> {
        let (last, parents) = path.split_last().ok_or("an empty path")?;
        let mut map = item;
        for name in parents {
            let Some(Attribute::Map(fields)) = map.get_mut(self.name(name)?) else {
                return Err(
                    "The document path provided in the update expression is invalid for update".into()
                );
            };
            map = fields;
        }
        Ok((map, self.name(last)?.to_owned()))
    }
}

impl Condition {
    pub(super) fn parse(text: &str) -> Result<Parsed<Self>, String> {
        parse(text, Parser::condition)
    }

    /// Whether the condition holds for an item.
    pub(super) fn holds(&self, item: &Item, given: Placeholders<'_>) -> Result<bool, String> {
        Ok(match self {
            Self::And(one, other) => one.holds(item, given)? && other.holds(item, given)?,
            Self::Or(one, other) => one.holds(item, given)? || other.holds(item, given)?,
            Self::Exists(path) => given.find(path, item)?.is_some(),
            Self::NotExists(path) => given.find(path, item)?.is_none(),
            Self::Compare(one, comparator, other) => {
                let (Some(one), Some(other)) = (one.value(item, given)?, other.value(item, given)?) else {
                    return Ok(comparator == "<>");
                };
                let order = one.compare(&other);
                match comparator.as_str() {
                    "=" => one == other,
                    "<>" => one != other,
                    "<" => order == Some(Ordering::Less),
                    "<=" => matches!(order, Some(Ordering::Less | Ordering::Equal)),
                    ">" => order == Some(Ordering::Greater),
                    ">=" => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
                    _ => return Err(format!("unknown comparator {comparator}")),
                }
            }
        })
    }
}

impl Operand {
    fn value(&self, item: &Item, given: Placeholders<'_>) -> Result<Option<Attribute>, String> {
        Ok(match self {
            Self::Path(path) => given.find(path, item)?.cloned(),
            Self::Value(name) => Some(given.value(name)?.clone()),
            Self::Size(path) => {
                let size = given.find(path, item)?.and_then(Attribute::size);
                size.map(|size| Attribute::Number(size.to_string()))
            }
        })
    }
}

impl Effect {
    pub(super) fn parse(text: &str) -> Result<Parsed<Self>, String> {
        parse(text, Parser::effect)
    }

    /// Applies the effect. Each value is that before the update.
    pub(super) fn apply(&self, item: &mut Item, given: Placeholders<'_>) -> Result<(), String> {
        let set: Result<Vec<_>, String> =
            self.set.iter().map(|(path, sum)| Ok((path, sum.value(item, given)?))).collect();
        for (path, value) in set? {
            let (map, name) = given.parent(path, item)?;
            map.insert(name, value);
        }
        for path in &self.remove {
            let (map, name) = given.parent(path, item)?;
            map.remove(&name);
        }
        Ok(())
    }
}

impl Sum {
    fn value(&self, item: &Item, given: Placeholders<'_>) -> Result<Attribute, String> {
        let Self(first, second) = self;
        let first = first.value(item, given)?;
        let Some((sign, second)) = second else { return Ok(first) };
        let integers = first.integer().zip(second.value(item, given)?.integer());
        let (first, second) =
            integers.ok_or("An operand in the update expression has an incorrect data type")?;
        let sum = if sign == "+" { first + second } else { first - second };
        Ok(Attribute::Number(sum.to_string()))
    }
}

impl Term {
    fn value(&self, item: &Item, given: Placeholders<'_>) -> Result<Attribute, String> {
        let missing = "The provided expression refers to an attribute that does not exist in the item";
        match self {
            Self::Path(path) => Ok(given.find(path, item)?.ok_or(missing)?.clone()),
            Self::Value(name) => given.value(name).cloned(),
            Self::IfNotExists(path, otherwise) => match given.find(path, item)? {
                Some(found) => Ok(found.clone()),
                None => otherwise.value(item, given),
            },
        }
    }
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
