//! Both clients of DynamoDB leave the same items and return the same results.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use keysync::{
    domain::{ClaimId, EpochMillis, ServiceName},
    ledger::{ClaimRequest, Claimed, Deadline, DynamoDbClient, Ledger, Notification, Settlement},
};
use serde_json::{Value, json};

use crate::support::{World, world};

const SERVICES: [&str; 2] = ["cloud-object-storage", "databases-for-postgresql"];
/// More than one write of a confirmation.
const MANY: usize = 40;
const START: EpochMillis = EpochMillis::new(1_795_496_400_000);

/// A key of this test and the claims on it.
struct Story<'a> {
    world: &'a World,
    ledger: Ledger,
    key: String,
    /// Results and items, with what differs between two worlds replaced.
    seen: Vec<String>,
}

impl Story<'_> {
    fn note(&mut self, what: &str, seen: &impl std::fmt::Debug) {
        let (instance, account) = (self.world.harness.instance().to_string(), self.world.harness.account());
        let seen = format!("{what}: {seen:?}").replace(&instance, "<instance>");
        self.seen.push(seen.replace(account, "<account>"));
    }

    async fn note_item(&mut self, what: &str) {
        let mut item = self.world.item_of(&self.key).await;
        item.sort_all_objects();
        self.note(what, &item);
    }

    fn request(&self, claim: u32, correlation_id: &str, now: EpochMillis) -> ClaimRequest {
        ClaimRequest {
            key: self.world.crn(&self.key),
            ring: None,
            caller: "IBMid-1".parse().unwrap(),
            correlation_id: correlation_id.parse().unwrap(),
            claim: claim_id(claim),
            now,
            lease: Duration::from_secs(31),
        }
    }

    async fn claim(&mut self, what: &str, request: ClaimRequest) -> Option<Notification> {
        let claimed = self.ledger.claim(&request).await.unwrap();
        self.note(what, &claimed);
        self.note_item(what).await;
        match claimed {
            Claimed::Won(notification) => Some(*notification),
            _ => None,
        }
    }

    /// Confirms the outcome of some services of `notification`.
    async fn confirm(
        &mut self,
        what: &str,
        notification: &Notification,
        outcomes: &[(&str, Value)],
        retry: Option<Value>,
    ) {
        let settlement = |status: &Value| {
            Settlement {
            outcome: serde_json::from_value(json!({
                "event_id": "e", "status": status, "at": START, "attempts": 1, "reason": "a \"reason\"\n\u{e9}",
            }))
            .unwrap(),
            retry: retry.clone().map(|retry| serde_json::from_value(retry).unwrap()),
        }
        };
        let settled: BTreeMap<_, _> =
            outcomes.iter().map(|(name, status)| (name.parse().unwrap(), settlement(status))).collect();
        let acknowledges = |service: &ServiceName| service.to_string() != SERVICES[1];
        let deadline = Deadline::after(notification, notification.at, acknowledges);
        let confirmed = self.ledger.confirm(notification, &settled, deadline.as_ref()).await.unwrap();
        self.note(what, &confirmed);
        self.note_item(what).await;
    }

    async fn set(&self, name: &str, value: AttributeValue) {
        let client = self.world.harness.dynamodb().client();
        let pk = format!("{}#{}", self.world.harness.instance(), self.key);
        let update = client.update_item().table_name(self.world.harness.table());
        let update = update.key("pk", AttributeValue::S(pk)).key("sk", AttributeValue::S("key".to_owned()));
        let update = update.update_expression("SET #name = :value").expression_attribute_names("#name", name);
        update.expression_attribute_values(":value", value).send().await.unwrap();
    }
}

fn claim_id(number: u32) -> ClaimId {
    format!("019aaf60-0000-7000-8000-{number:012}").parse().unwrap()
}

/// Everything that claims and confirmations do, with `client`.
async fn story(client: DynamoDbClient) -> Vec<String> {
    let world = world().await;
    let ledger = Ledger::new(&world.harness.dynamodb().sdk_config(), world.harness.table().to_owned());
    let key = "02fd6835-6001-4482-a892-13bd2085f75d";
    let mut story =
        Story { world: &world, ledger: ledger.with_client(client), key: key.to_owned(), seen: Vec::new() };
    let absent = story.ledger.claim(&story.request(0, "c-0", START)).await.unwrap();
    story.note("absent", &absent);
    world.plant_as(key.parse().unwrap(), &SERVICES, START.minus(Duration::from_hours(2))).await;
    story.set("claim", AttributeValue::S(claim_id(0).to_string())).await;
    story.set("lease", AttributeValue::S(claim_id(0).to_string())).await;

    let request = story.request(1, "c-1", START);
    let other = request.key.to_string().replace(world.harness.account(), "other");
    story.claim("other account", ClaimRequest { key: other.parse().unwrap(), ..request.clone() }).await;
    let ring = Some("another".parse().unwrap());
    story.claim("other ring", ClaimRequest { ring, ..request.clone() }).await;
    let ring = Some("default".parse().unwrap());
    let first = story.claim("won", ClaimRequest { ring, ..request.clone() }).await.unwrap();
    assert!(story.claim("own claim", request).await.is_some());
    assert!(story.claim("replayed", story.request(2, "c-1", START)).await.is_none());
    assert!(story.claim("too early", story.request(3, "c-3", START)).await.is_none());

    let retry = json!({"attempts": 1, "next_at": START.plus(Duration::from_mins(1))});
    story.confirm("retrying", &first, &[(SERVICES[0], json!("retrying"))], Some(retry)).await;
    let settled = [(SERVICES[0], json!("delivered")), (SERVICES[1], json!("refused"))];
    story.confirm("settled", &first, &settled, None).await;
    let later = START.plus(Duration::from_hours(1)).plus(Duration::from_millis(1));
    let second = story.claim("won again", story.request(4, "c-4", later)).await.unwrap();
    story.confirm("superseded", &first, &settled, None).await;
    story.confirm("failed", &second, &[(SERVICES[1], json!("failed"))], None).await;

    let many: Vec<_> = (0..MANY).map(|n| format!("service-{n}")).collect();
    let counts = many.iter().map(|name| (name.clone(), AttributeValue::N("1".to_owned())));
    story.set("services", AttributeValue::M(counts.collect())).await;
    let third =
        story.claim("many", story.request(5, "c-5", later.plus(Duration::from_hours(2)))).await.unwrap();
    let outcomes: Vec<_> = many.iter().map(|name| (name.as_str(), json!("delivered"))).collect();
    story.confirm("many", &third, &outcomes, None).await;

    let replay = json!({"claim": third.claim, "at": START, "services": [], "operator": "o", "reason": "r"});
    story.set("replay", serde_dynamo::to_attribute_value(replay).unwrap()).await;
    story.confirm("replayed meanwhile", &third, &outcomes, None).await;
    let gone = json!({
        "sequence": 1, "first_at": START, "counted": {"at": START, "key_state": "DEK_DISABLED"},
    });
    story.set("acknowledged", serde_dynamo::to_attribute_value(json!({"gone": gone})).unwrap()).await;
    let request = story.request(8, "c-8", later.plus(Duration::from_hours(4)));
    let fourth = story.claim("unacknowledged", request).await.unwrap();
    story.confirm("forgets acknowledgement", &fourth, &outcomes, None).await;

    let next = later.plus(Duration::from_hours(6));
    story.set("key_type", AttributeValue::S("standard".to_owned())).await;
    story.claim("standard key", story.request(6, "c-6", next)).await;
    story.set("purged_at", AttributeValue::N("1".to_owned())).await;
    story.claim("purged", story.request(7, "c-7", next)).await;
    story.seen
}

#[tokio::test]
async fn both_clients_leave_the_same_items() {
    let (thin, sdk) = (story(DynamoDbClient::Thin).await, story(DynamoDbClient::Sdk).await);
    assert_eq!(thin, sdk);
    assert!(thin.len() > 25, "{}", thin.len());
}
