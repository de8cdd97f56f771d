//! The simulated table: items in memory, and the calls that a round makes.
//!
//! The embedded engine stores each item as a row of SQLite and parses each expression several
//! times, which takes longer than everything else in a round. This table executes the same calls
//! with the same results. In some rounds the engine executes each call, too, and a difference is a
//! violation (`regions.rs`). So is a call, parameter or expression that this table does not know.

mod attribute;
mod expression;
mod messages;
mod parser;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use keysync_dynamodb_emulator::{DUE_INDEX, TABLE};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

pub(crate) use self::attribute::{Attribute, Item, plain};
use self::{
    expression::{Condition, Effect, Placeholders},
    messages::{Found, GetItem, Page, PutItem, Query, Transaction, UpdateItem, Updated, Write},
    parser::Parsed,
};

/// The attributes in the index: the keys, and what it includes.
const INDEXED: [&str; 6] = ["pk", "sk", "due_shard", "due_at", "notified_at", "pending"];
/// The keys of the index, which are numbers.
const INDEX_KEYS: [&str; 2] = ["due_shard", "due_at"];

/// The partition and sort key of an item.
type Key = (String, String);

/// The table.
#[derive(Debug, Default)]
pub(crate) struct Table {
    items: BTreeMap<Key, Item>,
    /// The tokens of the transactions that were applied.
    tokens: HashSet<String>,
    conditions: HashMap<String, Arc<Parsed<Condition>>>,
    effects: HashMap<String, Arc<Parsed<Effect>>>,
}

/// Why a call has failed.
#[derive(Debug)]
enum Failure {
    ConditionFailed(Option<Item>),
    /// A transaction was cancelled. The code of each of its writes.
    Cancelled(Vec<&'static str>),
    Invalid(String),
    /// This table does not know the call.
    Unknown(String),
}

impl Table {
    /// The status and the body of the response to a call. An error if this table does not know it.
    pub(crate) fn call(&mut self, operation: &str, body: &[u8]) -> Result<(u16, String), String> {
        let (kind, error) = match self.execute(operation, body) {
            Ok(body) => return Ok((200, body)),
            Err(Failure::Unknown(reason)) => return Err(format!("{operation}: {reason}")),
            Err(Failure::Invalid(reason)) => {
                ("com.amazon.coral.validate#ValidationException", json!({"message": reason}))
            }
            Err(Failure::ConditionFailed(item)) => {
                let mut error = json!({"message": "The conditional request failed"});
                if let Some(item) = item {
                    error["Item"] = json!(item);
                }
                ("com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", error)
            }
            Err(Failure::Cancelled(codes)) => {
                let reasons: Vec<_> = codes.iter().map(|code| json!({"Code": code})).collect();
                let message = format!("Transaction cancelled [{}]", codes.join(", "));
                let error = json!({"Message": message, "CancellationReasons": reasons});
                ("com.amazonaws.dynamodb.v20120810#TransactionCanceledException", error)
            }
        };
        // The kind comes first, as in the engine's responses.
        let error = error.to_string();
        Ok((400, format!(r#"{{"__type":"{kind}",{}"#, &error[1..])))
    }

    /// The item with these keys.
    pub(crate) fn item(&self, key: &Key) -> Option<&Item> {
        self.items.get(key)
    }

    /// Deletes all items.
    pub(crate) fn clear(&mut self) {
        self.items.clear();
        self.tokens.clear();
    }

    fn execute(&mut self, operation: &str, body: &[u8]) -> Result<String, Failure> {
        match operation {
            "GetItem" => {
                let GetItem { table_name, key, .. } = parse(body)?;
                is_table(&table_name)?;
                to_json(&Found { item: self.items.get(&key_of(&key)?) })
            }
            "PutItem" => {
                let PutItem { table_name, item } = parse(body)?;
                is_table(&table_name)?;
                self.items.insert(key_of(&item)?, item);
                Ok("{}".to_owned())
            }
            "Query" => self.query(&parse(body)?),
            "UpdateItem" => {
                let update: UpdateItem = parse(body)?;
                let item = self.updated(&update)?;
                let attributes = match update.return_values.as_deref() {
                    None => None,
                    Some("ALL_NEW") => Some(&item),
                    Some(other) => return Err(Failure::Unknown(format!("ReturnValues {other}"))),
                };
                let response = to_json(&Updated { attributes });
                self.items.insert(key_of(&update.key)?, item);
                response
            }
            "TransactWriteItems" => self.transact(parse(body)?),
            _ => Err(Failure::Unknown("no such operation".to_owned())),
        }
    }

    fn query(&mut self, query: &Query) -> Result<String, Failure> {
        is_table(&query.table_name)?;
        let condition = self.condition(&query.key_condition_expression)?;
        let given = Placeholders {
            names: &query.expression_attribute_names,
            values: &query.expression_attribute_values,
        };
        given.check(&[&condition.placeholders]).map_err(Failure::Invalid)?;
        let is_index = match query.index_name.as_deref() {
            None => false,
            Some(DUE_INDEX) => true,
            Some(other) => return Err(Failure::Unknown(format!("index {other}"))),
        };
        let mut found = Vec::new();
        for item in self
            .items
            .values()
            .filter(|item| !is_index || INDEX_KEYS.iter().all(|key| item.contains_key(*key)))
        {
            if condition.expression.holds(item, given).map_err(Failure::Invalid)? {
                found.push(item);
            }
        }
        if is_index {
            // The order of items that are due at the same time is that of their keys.
            found.sort_by_key(|item| item.get("due_at").and_then(Attribute::integer));
        }
        if query.limit.is_some_and(|limit| found.len() >= limit) {
            return Err(Failure::Unknown("more than one page".to_owned()));
        }
        let projected: Option<Vec<&str>> =
            query.projection_expression.as_ref().map(|names| names.split(',').map(str::trim).collect());
        let is_shown = |name: &String| {
            (!is_index || INDEXED.contains(&&**name))
                && projected.as_ref().is_none_or(|projected| projected.contains(&&**name))
        };
        let items: Vec<_> =
            found.into_iter().map(|item| item.iter().filter(|(name, _)| is_shown(name)).collect()).collect();
        to_json(&Page { count: items.len(), scanned_count: items.len(), items })
    }

    /// The item after an update.
    fn updated(&mut self, update: &UpdateItem) -> Result<Item, Failure> {
        is_table(&update.table_name)?;
        let condition = update.condition_expression.as_ref().map(|text| self.condition(text)).transpose()?;
        let effect = self.effect(&update.update_expression)?;
        let given = Placeholders {
            names: &update.expression_attribute_names,
            values: &update.expression_attribute_values,
        };
        let used: Vec<_> =
            condition.iter().map(|condition| &condition.placeholders).chain([&effect.placeholders]).collect();
        given.check(&used).map_err(Failure::Invalid)?;
        let (stored, absent) = (self.items.get(&key_of(&update.key)?), Item::new());
        if let Some(condition) = condition
            && !condition.expression.holds(stored.unwrap_or(&absent), given).map_err(Failure::Invalid)?
        {
            let is_returned = match update.return_values_on_condition_check_failure.as_deref() {
                None => false,
                Some("ALL_OLD") => true,
                Some(other) => {
                    return Err(Failure::Unknown(format!("ReturnValuesOnConditionCheckFailure {other}")));
                }
            };
            return Err(Failure::ConditionFailed(stored.filter(|_| is_returned).cloned()));
        }
        let mut item = stored.unwrap_or(&update.key).clone();
        effect.expression.apply(&mut item, given).map_err(Failure::Invalid)?;
        let keys = ["pk", "sk"].map(|name| item.get(name) == update.key.get(name));
        let index_keys = INDEX_KEYS.map(|name| item.get(name).is_none_or(|key| key.integer().is_some()));
        if keys.contains(&false) || index_keys.contains(&false) {
            return Err(Failure::Invalid("a key has another value or type".to_owned()));
        }
        Ok(item)
    }

    fn transact(&mut self, transaction: Transaction) -> Result<String, Failure> {
        if transaction.client_request_token.as_ref().is_some_and(|token| self.tokens.contains(token)) {
            return Ok("{}".to_owned()); // applied before
        }
        let (mut codes, mut items) = (Vec::new(), BTreeMap::new());
        for Write { update } in &transaction.transact_items {
            codes.push(match self.updated(update) {
                Ok(item) => {
                    items.insert(key_of(&update.key)?, item);
                    "None"
                }
                Err(Failure::ConditionFailed(_)) => "ConditionalCheckFailed",
                Err(Failure::Invalid(_)) => "ValidationError",
                Err(other) => return Err(other),
            });
        }
        if codes.iter().any(|code| *code != "None") {
            return Err(Failure::Cancelled(codes));
        }
        self.items.extend(items);
        self.tokens.extend(transaction.client_request_token);
        Ok("{}".to_owned())
    }

    fn condition(&mut self, text: &str) -> Result<Arc<Parsed<Condition>>, Failure> {
        known(&mut self.conditions, text, parser::condition)
    }

    fn effect(&mut self, text: &str) -> Result<Arc<Parsed<Effect>>, Failure> {
        known(&mut self.effects, text, parser::effect)
    }
}

/// The parsed expression, which is parsed once.
fn known<T>(
    parsed: &mut HashMap<String, Arc<Parsed<T>>>,
    text: &str,
    parse: impl FnOnce(&str) -> Result<Parsed<T>, String>,
) -> Result<Arc<Parsed<T>>, Failure> {
    if let Some(known) = parsed.get(text) {
        return Ok(known.clone());
    }
    let new = Arc::new(parse(text).map_err(Failure::Unknown)?);
    parsed.insert(text.to_owned(), new.clone());
    Ok(new)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| Failure::Unknown(error.to_string()))
}

fn to_json(response: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(response).map_err(|error| Failure::Unknown(error.to_string()))
}

fn is_table(name: &str) -> Result<(), Failure> {
    if name == TABLE { Ok(()) } else { Err(Failure::Unknown(format!("table {name}"))) }
}

fn key_of(item: &Item) -> Result<Key, Failure> {
    match (item.get("pk"), item.get("sk")) {
        (Some(Attribute::Text(pk)), Some(Attribute::Text(sk))) => Ok((pk.clone(), sk.clone())),
        _ => Err(Failure::Invalid("no key".to_owned())),
    }
}

/// A response without what is only read by people.
pub(crate) fn comparable(status: u16, body: &str) -> (u16, Value) {
    let mut body: Value = serde_json::from_str(body).unwrap_or_default();
    let reasons = body.get_mut("CancellationReasons").and_then(Value::as_array_mut);
    for message in reasons.into_iter().flatten().filter_map(Value::as_object_mut) {
        message.remove("Message");
    }
    if let Some(body) = body.as_object_mut().filter(|_| status != 200) {
        body.remove("message");
        body.remove("Message");
    }
    (status, body)
}

#[cfg(test)]
mod tests;
