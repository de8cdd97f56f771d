//! The harness's copy of the table's definition is the one that is deployed.

#[test]
fn harness_table_equals_deployed_table() {
    let deployed = include_str!("../../infra/table.json");
    assert_eq!(
        keysync_testkit::dynamodb::DEFINITION,
        deployed,
        "copy infra/table.json to harness/dynamodb/table.json"
    );
}
