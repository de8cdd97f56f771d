//! The same calls to the table and to the engine.

use keysync_dynamodb_emulator::EmbeddedTable;

use super::*;

/// Updates of one item: condition, effect and values.
const UPDATES: [(&str, &str, &str); 20] = [
    ("attribute_not_exists(#a)", "SET #a = :one, #m = :map", r#"":one": {"N": "1"}, ":map": {"M": {}}"#),
    ("attribute_not_exists(#a)", "SET #a = :one", r#"":one": {"N": "1"}"#),
    ("#a = :one AND (#a < :two OR #a > :two)", "SET #a = :two", r#"":one": {"N": "1"}, ":two": {"N": "2"}"#),
    ("#a < :three AND #a > :one", "SET #b = #a", r#"":one": {"N": "1"}, ":three": {"N": "10"}"#),
    ("#a <= :t AND #a >= :t AND #a <> :o", "SET #b = :o", r#"":t": {"N": "2"}, ":o": {"S": "o"}"#),
    ("attribute_exists(#b)", "SET #a = #a - :one, #b = #a", r#"":one": {"N": "1"}"#),
    ("#b = :b", "SET #m.#x = if_not_exists(#m.#x, :zero) + :b", r#"":b": {"N": "2"}, ":zero": {"N": "0"}"#),
    ("size(#m) < :two", "SET #m.#y = #m.#x REMOVE #m.#x, #b", r#"":two": {"N": "2"}"#),
    ("size(#m) > :none", "SET #s = :s", r#"":none": {"N": "0"}, ":s": {"SS": ["y", "x"]}"#),
    ("attribute_exists(#m.#y) OR #none = :x", "SET #s = :x", r#"":x": {"BOOL": true}"#),
    ("#none <> :x", "SET #s = :x", r#"":x": {"NULL": true}"#),
    ("#none = #other", "REMOVE #s", r#"":unused": {"N": "1"}"#),
    ("#a > :text", "SET #s = :text", r#"":text": {"S": "1"}"#),
    ("#a = :undefined", "REMOVE #s", ""),
    ("attribute_exists(#pk)", "SET #none.#x = :x", r#"":x": {"N": "1"}"#),
    ("attribute_exists(#pk)", "SET #s = #none", ""),
    ("attribute_exists(#pk)", "SET #a = #m + :x", r#"":x": {"N": "1"}"#),
    ("attribute_exists(#pk)", "SET #due_at = :x", r#"":x": {"S": "1"}"#),
    ("attribute_exists(#pk)", "SET #pk = :x", r#"":x": {"S": "1"}"#),
    (
        "attribute_exists(#pk)",
        "SET #l = :l",
        r#"":l": {"L": [{"S": ""}, {"N": "5"}, {"M": {"l": {"L": []}}}]}"#,
    ),
];

struct Both(Table, EmbeddedTable);

impl Both {
    fn new() -> Self {
        Self(Table::default(), EmbeddedTable::in_memory().unwrap())
    }

    /// Calls both. Returns the status of the response, which is the same.
    #[track_caller]
    fn call(&mut self, operation: &str, request: &Value) -> u16 {
        let request = request.to_string();
        let (status, body) = self.0.call(operation, request.as_bytes()).unwrap();
        let (expected, engine) = self.1.call(operation, request.as_bytes());
        assert_eq!(comparable(status, &body), comparable(expected.as_u16(), &engine), "{request}");
        status
    }
}

fn update(key: &str, condition: &str, effect: &str, values: &str) -> Value {
    let words = |text: &str| -> Vec<String> {
        let words = text.split(|of: char| !of.is_ascii_alphanumeric() && of != '_' && of != '#');
        words.filter_map(|word| word.strip_prefix('#')).map(str::to_owned).collect()
    };
    let names = [words(condition), words(effect)].concat();
    let names: BTreeMap<_, _> = names.iter().map(|name| (format!("#{name}"), name)).collect();
    let mut request = json!({
        "TableName": TABLE, "Key": {"pk": {"S": "p"}, "sk": {"S": key}},
        "ConditionExpression": condition, "UpdateExpression": effect, "ExpressionAttributeNames": names,
    });
    if !values.is_empty() {
        request["ExpressionAttributeValues"] = serde_json::from_str(&format!("{{{values}}}")).unwrap();
    }
    request
}

#[test]
fn updates_have_the_engines_results() {
    let mut both = Both::new();
    let mut statuses = Vec::new();
    for (condition, effect, values) in UPDATES {
        let mut request = update("key", condition, effect, values);
        request["ReturnValues"] = "ALL_NEW".into();
        request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD".into();
        statuses.push(both.call("UpdateItem", &request));
        let key = json!({"TableName": TABLE, "Key": request["Key"], "ConsistentRead": true});
        both.call("GetItem", &key);
    }
    let applied = statuses.iter().filter(|status| **status == 200).count();
    assert!(applied >= 10, "{statuses:?}");
    let absent = json!({"TableName": TABLE, "Key": {"pk": {"S": "p"}, "sk": {"S": "other"}}});
    both.call("GetItem", &absent);
}

#[test]
fn queries_have_the_engines_results() {
    let mut both = Both::new();
    for (sk, shard, at) in [("c", "1", "9"), ("a", "1", "10"), ("b", "2", "9"), ("d", "1", "9")] {
        let item = json!({
            "pk": {"S": "p"}, "sk": {"S": sk}, "due_shard": {"N": shard}, "due_at": {"N": at}, "other": {"S": "x"},
            "notified_at": {"N": at}, "pending": {"M": {}},
        });
        both.call("PutItem", &json!({"TableName": TABLE, "Item": item}));
    }
    let unindexed = json!({"pk": {"S": "p"}, "sk": {"S": "e"}, "due_at": {"N": "9"}});
    both.call("PutItem", &json!({"TableName": TABLE, "Item": unindexed}));
    for (condition, values) in [
        ("due_shard = :s AND due_at <= :t", json!({":s": {"N": "1"}, ":t": {"N": "9"}})),
        ("due_shard = :s AND due_at <= :t", json!({":s": {"N": "1"}, ":t": {"N": "10"}})),
        ("due_shard = :s AND due_at > :t", json!({":s": {"N": "1"}, ":t": {"N": "9"}})),
        ("due_shard = :s", json!({":s": {"N": "3"}})),
    ] {
        let mut query = json!({
            "TableName": TABLE, "IndexName": DUE_INDEX, "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values, "Limit": 32,
        });
        both.call("Query", &query);
        query["ProjectionExpression"] = "notified_at".into();
        both.call("Query", &query);
    }
    let partition = json!({
        "TableName": TABLE, "KeyConditionExpression": "pk = :pk", "ConsistentRead": true,
        "ExpressionAttributeValues": {":pk": {"S": "p"}},
    });
    both.call("Query", &partition);
}

#[test]
fn transactions_have_the_engines_results() {
    let mut both = Both::new();
    let first = update("one", "attribute_not_exists(#a)", "SET #a = :x", r#"":x": {"N": "1"}"#);
    let second = update("two", "attribute_exists(#a)", "SET #a = :x", r#"":x": {"N": "1"}"#);
    let invalid = update("two", "attribute_not_exists(#a)", "SET #b.#c = :x", r#"":x": {"N": "1"}"#);
    let mut write = |updates: &[&Value], token: &str| {
        let items: Vec<_> = updates.iter().map(|update| json!({"Update": update})).collect();
        let status =
            both.call("TransactWriteItems", &json!({"TransactItems": items, "ClientRequestToken": token}));
        for sk in ["one", "two"] {
            both.call("GetItem", &json!({"TableName": TABLE, "Key": {"pk": {"S": "p"}, "sk": {"S": sk}}}));
        }
        status
    };
    assert_eq!(write(&[&first, &second], "a"), 400);
    assert_eq!(write(&[&first, &invalid], "b"), 400);
    assert_eq!(write(&[&first], "c"), 200);
    assert_eq!(write(&[&first], "c"), 200, "applied before");
    assert_eq!(write(&[&first], "d"), 400);
}

#[test]
fn unknown_calls_are_reported() {
    let mut table = Table::default();
    for (operation, request) in [
        ("Scan", json!({"TableName": TABLE})),
        ("GetItem", json!({"TableName": "other", "Key": {"pk": {"S": "p"}, "sk": {"S": "s"}}})),
        ("GetItem", json!({"TableName": TABLE, "Key": {}, "ProjectionExpression": "a"})),
        ("UpdateItem", update("s", "contains(#a, :x)", "SET #a = :x", r#"":x": {"N": "1"}"#)),
    ] {
        assert!(table.call(operation, request.to_string().as_bytes()).is_err(), "{operation} {request}");
    }
}
