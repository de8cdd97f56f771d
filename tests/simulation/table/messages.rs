//! Requests and responses in DynamoDB's JSON. A request with another field is unknown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::attribute::{Attribute, Item};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct GetItem {
    pub(super) table_name: String,
    pub(super) key: Item,
    #[serde(rename = "ConsistentRead")]
    _consistent_read: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PutItem {
    pub(super) table_name: String,
    pub(super) item: Item,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Query {
    pub(super) table_name: String,
    pub(super) index_name: Option<String>,
    pub(super) key_condition_expression: String,
    #[serde(default)]
    pub(super) expression_attribute_names: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) expression_attribute_values: Item,
    /// Attributes, separated by commas.
    pub(super) projection_expression: Option<String>,
    pub(super) limit: Option<usize>,
    #[serde(rename = "ConsistentRead")]
    _consistent_read: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct UpdateItem {
    pub(super) table_name: String,
    pub(super) key: Item,
    pub(super) condition_expression: Option<String>,
    pub(super) update_expression: String,
    #[serde(default)]
    pub(super) expression_attribute_names: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) expression_attribute_values: Item,
    pub(super) return_values: Option<String>,
    pub(super) return_values_on_condition_check_failure: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Transaction {
    pub(super) transact_items: Vec<Write>,
    pub(super) client_request_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Write {
    pub(super) update: UpdateItem,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Found<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item: Option<&'a Item>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Page<'a> {
    pub(super) items: Vec<BTreeMap<&'a String, &'a Attribute>>,
    pub(super) count: usize,
    pub(super) scanned_count: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Updated<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attributes: Option<&'a Item>,
}
