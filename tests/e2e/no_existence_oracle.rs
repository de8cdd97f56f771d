//! A caller of another account with a valid token gets the same response for every key, after the
//! same calls to IAM and DynamoDB: existence and state of a key cannot be inferred.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use http::Method;
use keysync::domain::{EpochMillis, InstanceId};
use keysync_testkit::{
    Client, Response,
    iam::{Identity, Instance, Role},
    journal::Part,
};
use uuid::Uuid;

use crate::support::{HOUR, World, text, world, world_at};

const UNKNOWN_KEY: &str = "02fd6835-6001-4482-a892-13bd2085f75d";
const RING: &str = "x-kms-key-ring";
const INSTANCE: &str = "bluemix-instance";

/// The harness's world, and a caller of another account with an instance and a key there.
struct TwoAccounts {
    world: World,
    outsider: Client,
    outsider_instance: InstanceId,
    outsider_key: String,
}

impl TwoAccounts {
    async fn new() -> Self {
        let world = world().await;
        let iam = world.harness.iam();
        let outsider_instance: InstanceId = Uuid::new_v4().to_string().parse().unwrap();
        let (id, account) = ("IBMid-outsider".to_owned(), "another0account".to_owned());
        let instance = iam.instance(world.harness.instance()).unwrap();
        iam.add_instance(Instance { id: outsider_instance, account: account.clone(), ..instance });
        let api_key = "the outsider's API key".to_owned();
        iam.add_identity(Identity { iam_id: id.clone(), account, api_key: api_key.clone() });
        iam.grant(&id, outsider_instance, Role::Manager);
        // A grant on an instance of another account has no effect.
        iam.grant(&id, world.harness.instance(), Role::Manager);
        let outsider = Client::log_in(&world.harness, &api_key).await.unwrap();
        let mut accounts = Self { world, outsider, outsider_instance, outsider_key: String::new() };
        let body = r#"{"resources":[{"type":"application/vnd.ibm.kms.key+json","name":"outsider's","extractable":false}]}"#;
        let created =
            accounts.request(Method::POST, "/api/v2/keys", accounts.outsider_instance, &[], body).await;
        accounts.outsider_key = text(&created.body["resources"][0]["id"]);
        accounts
    }

    /// The response to the outsider's request for `path` in `instance`.
    async fn request(
        &self,
        method: Method,
        path: &str,
        instance: InstanceId,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut request = http.request(method, format!("{}{path}", self.world.harness.endpoint_url()));
        request = request.bearer_auth(self.outsider.token()).header(INSTANCE, instance.to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.header("content-type", "application/json").body(body.to_owned());
        self.outsider.send(request).await.unwrap()
    }

    async fn sync(&self, key: &str, instance: InstanceId, headers: &[(&str, &str)]) -> Response {
        let path = format!("/api/v2/keys/{key}/actions/sync");
        self.request(Method::POST, &path, instance, headers, "").await
    }

    fn owner_instance(&self) -> InstanceId {
        self.world.harness.instance()
    }

    /// The number of calls to IAM and to DynamoDB so far.
    fn calls(&self) -> (usize, usize) {
        let exchanges = self.world.harness.journal().exchanges();
        let decisions =
            exchanges.iter().filter(|exchange| exchange.to == Part::Iam && exchange.path == "/v2/authz");
        (decisions.count(), self.world.harness.dynamodb().proxy().calls().len())
    }
}

/// Existence, state, window and alias of a key make no difference: one call to IAM, none to
/// DynamoDB.
#[tokio::test]
async fn outsider_gets_identical_response_for_any_key() {
    let accounts = TwoAccounts::new().await;
    let TwoAccounts { world, .. } = &accounts;
    world.take("aliases/invoices").await;
    let closed = world.another_key().await;
    assert_eq!(world.manager.sync(&closed).await.unwrap().status, 204);
    let deleted = world.another_key().await;
    let path = format!("/api/v2/keys/{deleted}?force=true");
    world.manager.send(world.manager.request(Method::DELETE, &path)).await.unwrap().assert_status(204);
    let standard = world.harness.sample_keys().await.unwrap().standard;
    let before = world.all_items().await;
    let long = "a".repeat(90);
    let mut responses = Vec::new();
    for (key, headers) in [
        (world.key.as_str(), &[][..]),
        (UNKNOWN_KEY, &[]),
        (&closed, &[]),
        (&deleted, &[]),
        (&standard, &[]),
        (&accounts.outsider_key, &[]),
        ("invoices", &[]),
        ("no-such-alias", &[]),
        (&long, &[]),
        (&world.key, &[(RING, "default")]),
        (&world.key, &[(RING, "no-such-ring")]),
        (UNKNOWN_KEY, &[(RING, "default")]),
    ] {
        let (decisions, calls) = accounts.calls();
        let response = accounts.sync(key, accounts.owner_instance(), headers).await;
        // A denial for an alias is cached by instance, so a second alias causes no call.
        let calls_to_iam = accounts.calls().0 - decisions;
        assert!(calls_to_iam <= 1, "{key}: {calls_to_iam} calls to IAM");
        assert_eq!(accounts.calls().1, calls, "{key}: DynamoDB was called");
        let mut headers = response.headers.clone();
        for name in ["correlation-id", "date"] {
            headers.remove(name);
        }
        responses.push((key, headers, response.status, response.body));
    }
    for (key, headers, status, body) in &responses {
        assert_eq!((headers, status, body), (&responses[0].1, &responses[0].2, &responses[0].3), "{key}");
        assert_eq!(status.as_u16(), 401, "{key}");
    }
    assert_eq!(world.all_items().await, before);
}

#[tokio::test]
async fn key_is_absent_from_other_instances() {
    let accounts = TwoAccounts::new().await;
    let TwoAccounts { world, outsider_instance, outsider_key, .. } = &accounts;
    world.take("aliases/invoices").await;
    let before = world.all_items().await;
    for key in [world.key.as_str(), "invoices", UNKNOWN_KEY, "no-such-alias"] {
        let response = accounts.sync(key, *outsider_instance, &[]).await;
        response.assert_error(404, "KEY_NOT_FOUND_ERR");
        assert!(response.message() == "Key does not exist in this instance or key ring", "{key}");
    }
    assert_eq!(world.all_items().await, before);

    // The same alias names another key in each instance.
    let path = format!("/api/v2/keys/{outsider_key}/aliases/invoices");
    accounts.request(Method::POST, &path, *outsider_instance, &[], "").await.assert_status(201);
    accounts.sync("invoices", *outsider_instance, &[]).await.assert_status(204);
    world.manager.sync("invoices").await.unwrap().assert_status(204);
}

#[tokio::test]
async fn host_header_and_token_must_agree() {
    let accounts = TwoAccounts::new().await;
    let TwoAccounts { world, outsider_instance, .. } = &accounts;
    let host_of = |instance: InstanceId| format!("{instance}.api.us-south.hs-crypto.appdomain.cloud");
    let (owner_instance, key) = (accounts.owner_instance(), world.key.as_str());
    let before = world.all_items().await;
    for (host, instance, status, code) in [
        (host_of(owner_instance), *outsider_instance, 400, "INVALID_FIELD_ERR"),
        (host_of(*outsider_instance), owner_instance, 400, "INVALID_FIELD_ERR"),
        (host_of(owner_instance).to_uppercase(), *outsider_instance, 400, "INVALID_FIELD_ERR"),
        (host_of(*outsider_instance).to_uppercase(), *outsider_instance, 404, "KEY_NOT_FOUND_ERR"),
        // The harness rejects host names that a web page could use, before the function gets the
        // request.
        (host_of(owner_instance).replace("api", "apis"), *outsider_instance, 403, ""),
        (format!("{}.attacker.example", host_of(owner_instance)), *outsider_instance, 403, ""),
        (host_of(owner_instance), owner_instance, 401, "UNAUTHORIZED_ERR"),
        ("us-south.kms.cloud.ibm.com".to_owned(), owner_instance, 401, "UNAUTHORIZED_ERR"),
        (host_of(*outsider_instance), *outsider_instance, 404, "KEY_NOT_FOUND_ERR"),
    ] {
        let response = accounts.sync(key, instance, &[("host", &host)]).await;
        assert_eq!((response.status.as_u16(), response.code()), (status, code), "{host} {instance}");
    }
    for other in ["x-forwarded-host", "forwarded", "x-original-host", "x-bluemix-instance", "instance"] {
        let response = accounts.sync(key, *outsider_instance, &[(other, &host_of(owner_instance))]).await;
        response.assert_error(404, "KEY_NOT_FOUND_ERR");
    }
    let both = format!("{outsider_instance},{owner_instance}");
    accounts
        .sync(key, *outsider_instance, &[(INSTANCE, &owner_instance.to_string())])
        .await
        .assert_error(400, "INVALID_FIELD_ERR");
    accounts.sync(key, *outsider_instance, &[(INSTANCE, &both)]).await.assert_error(400, "INVALID_FIELD_ERR");
    assert_eq!(world.all_items().await, before);
}

/// A key ring narrows the keys that a request may name; it never widens the permission.
#[tokio::test]
async fn key_ring_never_widens_access() {
    let accounts = TwoAccounts::new().await;
    let TwoAccounts { world, .. } = &accounts;
    let path = format!("/api/v2/keys/{}/actions/sync", world.key);
    let before = world.all_items().await;
    for (ring, status, code) in [
        ("Default", 404, "KEY_NOT_FOUND_ERR"),
        ("default-2", 404, "KEY_NOT_FOUND_ERR"),
        ("", 400, "INVALID_FIELD_ERR"),
        ("*", 400, "INVALID_FIELD_ERR"),
        ("default,another", 400, "INVALID_FIELD_ERR"),
        ("default OR 1=1", 400, "INVALID_FIELD_ERR"),
        ("default#key", 400, "INVALID_FIELD_ERR"),
    ] {
        let request = world.manager.request(Method::POST, &path).header(RING, ring);
        let response = world.manager.send(request).await.unwrap();
        assert_eq!((response.status.as_u16(), response.code()), (status, code), "{ring}");
    }
    assert_eq!(world.all_items().await, before);
    let request = world.manager.request(Method::POST, &path).header(RING, "default");
    world.manager.send(request).await.unwrap().assert_status(204);
}

/// An alias belongs to the instance in its item's key: an item for another instance is
/// not found.
#[tokio::test]
async fn alias_into_another_instance_is_unknown() {
    let accounts = TwoAccounts::new().await;
    let TwoAccounts { world, outsider_instance, .. } = &accounts;
    world.take("aliases/invoices").await;
    let owner_instance = accounts.owner_instance().to_string();
    let items = world.all_items().await;
    let alias = items.iter().find(|item| item["pk"].as_str().unwrap().contains("invoices")).unwrap();
    // The same item under the outsider's instance, as a faulty or hostile event source might write
    // it.
    let mut copy =
        serde_dynamo::to_item::<_, std::collections::HashMap<String, AttributeValue>>(alias).unwrap();
    let pk = alias["pk"].as_str().unwrap().replace(&owner_instance, &outsider_instance.to_string());
    copy.insert("pk".to_owned(), AttributeValue::S(pk));
    let client = world.harness.dynamodb().client();
    client.put_item().table_name(world.harness.table()).set_item(Some(copy)).send().await.unwrap();
    accounts.sync("invoices", *outsider_instance, &[]).await.assert_error(404, "KEY_NOT_FOUND_ERR");
    assert!(world.item().await.get("notified_at").is_none(), "the owner's key is not notified about");
}

/// A cached permit is for one caller and one key and at most an hour, and never outlives the token.
#[tokio::test]
async fn cached_decision_is_scoped_and_expires() {
    let world = world_at(EpochMillis::new(1_700_000_000_000)).await;
    let decisions = || {
        let exchanges = world.harness.journal().exchanges();
        exchanges.iter().filter(|exchange| exchange.to == Part::Iam && exchange.path == "/v2/authz").count()
    };
    let another = world.another_key().await;
    assert_eq!(world.sync().await.status, 204);
    assert_eq!(world.sync().await.status, 409);
    assert_eq!(decisions(), 1, "the permit is cached");
    let reader = Client::log_in(&world.harness, world.harness.reader_api_key()).await.unwrap();
    assert_eq!(reader.sync(&world.key).await.unwrap().status, 401);
    assert_eq!(decisions(), 2, "not for another caller");
    assert_eq!(world.manager.sync(&another).await.unwrap().status, 204);
    assert_eq!(decisions(), 3, "not for another key");

    // The limit is an hour, whatever IAM allows.
    world.harness.iam().set_cache_ages(HOUR * 9, HOUR * 9);
    let third = world.another_key().await;
    assert_eq!(world.manager.sync(&third).await.unwrap().status, 204);
    let first_token = world.manager.token();
    let manager = world.harness.iam().authenticate(&first_token).unwrap();
    world.harness.iam().revoke(&manager.iam_id, world.harness.instance());
    world.advance_clock(HOUR.saturating_sub(Duration::from_millis(1))).await;
    assert_eq!(world.manager.sync(&third).await.unwrap().status, 409, "cached for the whole hour");
    world.advance_clock(Duration::from_mins(1)).await;
    let with_first = world.manager.with_token(&first_token);
    assert_eq!(with_first.sync(&third).await.unwrap().status, 401, "the token has expired");
    assert_eq!(world.manager.sync(&third).await.unwrap().status, 401, "the permit has expired");
}
