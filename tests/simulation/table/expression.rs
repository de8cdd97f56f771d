//! The expressions that keysync uses: what they say about an item, or change in it. `parser.rs` has
//! their grammar.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use super::attribute::{Attribute, Item};

#[derive(Debug)]
pub(super) enum Condition {
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Exists(Path),
    NotExists(Path),
    Compare(Operand, String, Operand),
}

/// The names of an attribute and of fields in it.
pub(super) type Path = Vec<String>;

#[derive(Debug)]
pub(super) enum Operand {
    Path(Path),
    Value(String),
    Size(Path),
}

/// The effect of an update.
#[derive(Debug, Default)]
pub(super) struct Effect {
    pub(super) set: Vec<(Path, Sum)>,
    pub(super) remove: Vec<Path>,
}

/// A term, and what is added to it or subtracted from it.
#[derive(Debug)]
pub(super) struct Sum(pub(super) Term, pub(super) Option<(String, Term)>);

#[derive(Debug)]
pub(super) enum Term {
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
