//! A signed test event to each service: an authentic callback about a key that does not exist.
//!
//! It is active and was just created, no resource uses it, and its key and instance ids are random.
//! A receiver has to verify it, accept it with 2xx, and has nothing to do. The functions' own
//! client sends it, so name resolution, TLS, signatures, time limits and the event are those of a
//! real one.

use std::collections::BTreeMap;

use keysync::{
    Clock,
    config::{self, CommonConfig},
    delivery::Notifier,
    domain::{ClaimId, KeyId, ServiceName},
    http_client::aws,
    ledger::{KeyRecord, Notification, Pauses, item::OutcomeStatus},
    trace_context::TraceContext,
};
use serde_json::json;
use tokio::time::Instant;

use crate::failure::Failure;

/// Sends a test event to these services of the registry `json`. The result for each: `None`, or why
/// it was not accepted.
pub(super) async fn send(
    json: &str,
    args: &super::RegistryArgs,
    services: impl Iterator<Item = ServiceName>,
) -> Result<BTreeMap<ServiceName, Option<String>>, Failure> {
    let setting = |name: &str| match name {
        config::SERVICES => Some(json.to_owned()),
        config::LOOPBACK_TEST_MODE if args.loopback_test_mode => Some("on".to_owned()),
        other => config::environment(other),
    };
    let config = CommonConfig::read(setting).map_err(|error| Failure::Usage(error.to_string()))?;
    let aws = aws::config().await;
    let keys = config.signing_keys.fetch(&aws).await.map_err(Failure::stopped)?;
    let notifier = Notifier::new(config.registry, keys, config.addresses, args.timeout, Clock::system());
    let notification = notification(services)?;
    // An attempt ends after its own time limit.
    let (trace, until) = (TraceContext::from_xray(None), Instant::now() + 2 * args.timeout);
    let settled = notifier.deliver(&notification, &trace, until, None, &Pauses::default()).await;
    let results = settled.into_iter().map(|(service, settlement)| {
        let problem = match settlement.outcome {
            Some(outcome) if outcome.status == OutcomeStatus::Delivered => None,
            Some(outcome) => Some(outcome.reason.unwrap_or_else(|| "responded with 410".to_owned())),
            None => Some("no attempt was made".to_owned()),
        };
        (service, problem)
    });
    Ok(results.collect())
}

/// The first notification of a key that no resource uses.
fn notification(services: impl Iterator<Item = ServiceName>) -> Result<Notification, Failure> {
    // The instance's id is a UUID, too.
    let (instance, key, claim) = (KeyId::random(), KeyId::random(), ClaimId::unique());
    let now = Clock::system().now();
    let record: KeyRecord = serde_json::from_value(json!({
        "crn": format!("crn:v1:bluemix:public:kms:us-south:a/00000000000000000000000000000000:{instance}:key:{key}"),
        "key_type": "root",
        "state": 1,
        "ring": "default",
        "version": {"id": key, "created_at": now.get()},
        "event": {"action": "create", "at": now.get()},
        "pending": services.map(|service| (service.to_string(), 0)).collect::<BTreeMap<_, _>>(),
    }))
    .map_err(Failure::stopped)?;
    Ok(Notification { claim, lease: claim.into(), at: now, sequence: 1, renotification: false, key: record })
}
