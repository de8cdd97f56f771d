//! The table, created from a copy of the deployed definition (`infra/table.json`).

use std::{sync::LazyLock, time::Duration};

use aws_sdk_dynamodb::{
    client::Waiters,
    error::{DisplayErrorContext, ProvideErrorMetadata},
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
        ProjectionType, ScalarAttributeType, TimeToLiveSpecification,
    },
};
use serde::Deserialize;

use super::{Dynamo, DynamoError};

/// The definition of the table as a `CreateTable` request: a copy of the deployed one.
pub const DEFINITION: &str = include_str!("../table.json");

/// The table's default name.
pub const TABLE: &str = "keysync";
/// The sparse index of items that are due for redelivery.
///
/// ```
/// assert_eq!(keysync_dynamodb_emulator::DUE_INDEX, "due");
/// ```
pub const DUE_INDEX: &str = "due";

static PARSED: LazyLock<Result<Definition, String>> =
    LazyLock::new(|| serde_json::from_str(DEFINITION).map_err(|error| error.to_string()));

/// The fields of `CreateTable` that the definition uses.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Definition {
    #[expect(dead_code, reason = "each harness names its table")]
    table_name: String,
    billing_mode: String,
    attribute_definitions: Vec<Attribute>,
    key_schema: Vec<Key>,
    global_secondary_indexes: Vec<Index>,
    /// A field of the CloudFormation resource, not of `CreateTable`.
    time_to_live_specification: TimeToLive,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct TimeToLive {
    attribute_name: String,
    enabled: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Attribute {
    attribute_name: String,
    attribute_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Key {
    attribute_name: String,
    key_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Index {
    #[serde(rename = "IndexName")]
    name: String,
    key_schema: Vec<Key>,
    projection: ProjectionOf,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ProjectionOf {
    #[serde(rename = "ProjectionType")]
    kind: String,
    non_key_attributes: Vec<String>,
}

/// Creates the table if it does not exist, and waits until it is active.
pub(super) async fn create_if_absent(dynamo: &Dynamo) -> Result<(), DynamoError> {
    let definition = PARSED.as_ref().map_err(|error| DynamoError::Definition(error.clone()))?;
    let (client, name) = (dynamo.client(), dynamo.table());
    let unusable = |reason: String| DynamoError::Table { url: dynamo.url().to_owned(), reason };
    let created = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::from(definition.billing_mode.as_str()))
        .set_attribute_definitions(Some(all(&definition.attribute_definitions, attribute)?))
        .set_key_schema(Some(all(&definition.key_schema, key)?))
        .set_global_secondary_indexes(Some(all(&definition.global_secondary_indexes, index)?))
        .send()
        .await;
    let is_new = match created {
        Ok(_) => true,
        Err(error) if error.code() == Some("ResourceInUseException") => false, // it exists
        Err(error) => return Err(unusable(DisplayErrorContext(error).to_string())),
    };
    client
        .wait_until_table_exists()
        .table_name(name)
        .wait(Duration::from_secs(20))
        .await
        .map_err(|error| unusable(error.to_string()))?;
    if is_new {
        let TimeToLive { attribute_name, enabled } = &definition.time_to_live_specification;
        let ttl = TimeToLiveSpecification::builder().attribute_name(attribute_name).enabled(*enabled).build();
        client
            .update_time_to_live()
            .table_name(name)
            .set_time_to_live_specification(Some(ttl.map_err(|error| unusable(error.to_string()))?))
            .send()
            .await
            .map_err(|error| unusable(DisplayErrorContext(error).to_string()))?;
    }
    Ok(())
}

fn all<T, U>(parts: &[T], convert: impl Fn(&T) -> Result<U, String>) -> Result<Vec<U>, DynamoError> {
    parts.iter().map(convert).collect::<Result<_, _>>().map_err(DynamoError::Definition)
}

fn attribute(attribute: &Attribute) -> Result<AttributeDefinition, String> {
    AttributeDefinition::builder()
        .attribute_name(&attribute.attribute_name)
        .attribute_type(ScalarAttributeType::from(attribute.attribute_type.as_str()))
        .build()
        .map_err(|error| error.to_string())
}

fn key(key: &Key) -> Result<KeySchemaElement, String> {
    KeySchemaElement::builder()
        .attribute_name(&key.attribute_name)
        .key_type(KeyType::from(key.key_type.as_str()))
        .build()
        .map_err(|error| error.to_string())
}

fn index(index: &Index) -> Result<GlobalSecondaryIndex, String> {
    let projection = Projection::builder()
        .projection_type(ProjectionType::from(index.projection.kind.as_str()))
        .set_non_key_attributes(Some(index.projection.non_key_attributes.clone()))
        .build();
    GlobalSecondaryIndex::builder()
        .index_name(&index.name)
        .set_key_schema(Some(index.key_schema.iter().map(key).collect::<Result<_, _>>()?))
        .projection(projection)
        .build()
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use keysync_browser_guard::Guard;
    use keysync_emulator_support::{clock::HarnessClock, context::Context};

    use super::*;
    use crate::Engine;

    #[tokio::test]
    async fn creates_the_defined_table_once() {
        let context = Context::new(HarnessClock::running(), Guard::default());
        let first = Dynamo::start(Engine::Memory, TABLE, &context).await.unwrap();
        let second = Dynamo::start(Engine::Url(first.url().to_owned()), TABLE, &context).await.unwrap();
        let described = second.client().describe_table().table_name(TABLE).send().await.unwrap();
        let table = described.table.unwrap();
        let keys: Vec<_> = table.key_schema().iter().map(KeySchemaElement::attribute_name).collect();
        assert_eq!(keys, ["pk", "sk"]);
        let [due] = table.global_secondary_indexes() else { panic!("one index") };
        assert_eq!(due.index_name(), Some(DUE_INDEX));
        let keys: Vec<_> = due.key_schema().iter().map(KeySchemaElement::attribute_name).collect();
        assert_eq!(keys, ["due_shard", "due_at"]);
    }
}
