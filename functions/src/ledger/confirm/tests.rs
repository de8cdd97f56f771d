//! Tests of the confirmation.

use serde_json::json;

use super::*;
use crate::ledger::{
    Acknowledgements, DynamoDbClient,
    item::tests::{delivered, notification},
    stub::{Sent, Step, Stub, condition_failed},
};

#[test]
fn service_not_yet_due_keeps_its_due_time() {
    let notification = notification();
    let databases = notification.key.retries.values().next().unwrap().next_at;
    let storage: ServiceName = "cloud-object-storage".parse().unwrap();
    let settled = |retry| Settled::from([(storage.clone(), Settlement { outcome: None, retry })]);
    assert_eq!(next_attempt(&notification, &settled(None)), Some(databases));
    let earlier = EpochMillis::new(1);
    assert_eq!(
        next_attempt(&notification, &settled(Some(Retry { attempts: 1, next_at: earlier }))),
        Some(earlier)
    );
}

#[test]
fn item_stays_due_until_its_deadline_is_checked() {
    let notification = notification();
    let at = EpochMillis::new;
    let shard = deadline_shard(notification.key.crn.key).to_string();
    let scheduled = |next_attempt: Option<u64>, check_at: Option<u64>| {
        let mut effect = Effect::default();
        effect.schedule(&notification, next_attempt.map(at), check_at.map(at));
        let value = |name: &str| {
            let found = effect.values.iter().find(|(placeholder, _)| placeholder == name);
            found.map(|(_, value)| value.as_n().unwrap().clone())
        };
        (value(":due_at"), value(":due_shard"), effect.remove.len())
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(scheduled(Some(5), Some(9)), (some("5"), None, 0));
    assert_eq!(scheduled(Some(9), Some(5)), (some("5"), None, 0), "pending: counts as pending");
    assert_eq!(scheduled(None, Some(5)), (some("5"), Some(shard), 0));
    assert_eq!(scheduled(None, None), (None, None, 2));
}

#[test]
fn outbox_keeps_only_unsettled_services() {
    let notification = notification();
    let [storage, databases] =
        ["cloud-object-storage", "databases-for-postgresql"].map(|name| name.parse::<ServiceName>().unwrap());
    let kept = |settled: Settled| {
        let mut effect = Effect::default();
        effect.update_outbox(&notification, &settled).unwrap();
        let services = |(name, value): (String, AttributeValue)| {
            let mut services: Vec<_> = value.as_m().unwrap().keys().cloned().collect();
            services.sort();
            (name, services.join(" "))
        };
        effect.values.into_iter().map(services).collect::<BTreeMap<_, _>>()
    };
    let outbox = |pending: &str, retries: &str| {
        BTreeMap::from(
            [(":pending", pending), (":retries", retries)].map(|(k, v)| (k.to_owned(), v.to_owned())),
        )
    };
    let delivered = || Settlement { outcome: None, retry: None };
    let failed =
        || Settlement { outcome: None, retry: Some(Retry { attempts: 1, next_at: EpochMillis::new(1) }) };
    let (both, one) = ("cloud-object-storage databases-for-postgresql", "databases-for-postgresql");
    assert_eq!(kept(Settled::from([(storage.clone(), delivered())])), outbox(one, one));
    assert_eq!(kept(Settled::from([(storage.clone(), failed())])), outbox(both, both));
    assert_eq!(kept(Settled::from([(storage, delivered()), (databases, delivered())])), outbox("", ""));
}

#[test]
fn only_acknowledgements_of_services_without_notification_are_removed() {
    let mut notification = notification();
    let [pending, attempted, gone] = ["cloud-object-storage", "databases-for-postgresql", "gone"]
        .map(|name| name.parse::<ServiceName>().unwrap());
    notification.key.outcome = delivered(&notification);
    notification.key.pending.retain(|service, _| *service == pending);
    let acknowledgements: Acknowledgements = serde_json::from_value(json!({
        "sequence": 7, "first_at": 1, "counted": {"at": 1, "key_state": "DEK_DISABLED"},
    }))
    .unwrap();
    for service in [pending, attempted, gone] {
        notification.key.acknowledged.insert(service, acknowledgements.clone());
    }
    let mut effect = Effect::default();
    effect.forget_acknowledgements(&notification);
    assert_eq!(effect.names, [("#a0".to_owned(), "gone".to_owned())]);
    assert_eq!(effect.expression(), "REMOVE #acknowledged.#a0 ");
}

#[test]
fn changed_deadline_is_stored_or_removed() {
    let mut notification = notification();
    let deadline = Deadline::after(&notification, notification.at, |_| true).unwrap();
    let updated = |notification: &Notification, deadline: Option<&Deadline>| {
        let mut effect = Effect::default();
        effect.update_deadline(notification, deadline).unwrap();
        effect.expression()
    };
    assert_eq!(updated(&notification, None), "");
    assert_eq!(updated(&notification, Some(&deadline)), "SET #deadline = :deadline ");
    notification.key.deadline = Some(deadline.clone());
    assert_eq!(updated(&notification, Some(&deadline)), "");
    assert_eq!(updated(&notification, None), "REMOVE #deadline ");
}

#[tokio::test]
async fn many_outcomes_take_two_writes_unless_superseded() {
    let notification = notification();
    let outcome = delivered(&notification).into_values().next().unwrap();
    let settled: Settled = (0..=OUTCOMES_PER_WRITE)
        .map(|n| {
            let service = format!("service-{n}").parse().unwrap();
            (service, Settlement { outcome: Some(outcome.clone()), retry: None })
        })
        .collect();
    for (step, expected, writes) in [
        (Step::Respond(200, json!({})), Confirmed::Recorded, [OUTCOMES_PER_WRITE, 1].as_slice()),
        (condition_failed(None), Confirmed::Superseded, &[OUTCOMES_PER_WRITE]),
    ] {
        let stub = Stub::with([step]);
        let confirmed = stub.ledger(DynamoDbClient::Sdk).confirm(&notification, &settled, None).await;
        assert_eq!(confirmed, Ok(expected));
        let outcomes =
            |sent: &Sent| sent.body["UpdateExpression"].as_str().unwrap().matches("#outcome.").count();
        assert_eq!(stub.take_sent().iter().map(outcomes).collect::<Vec<_>>(), writes);
    }
}
