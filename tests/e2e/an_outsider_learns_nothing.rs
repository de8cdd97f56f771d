//! Somebody from another account, with a token that is as good as anybody's: whatever they ask about keys that
//! are not theirs, the answer is the same, and so is what was done to find it.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use http::Method;
use keysync::key::{EpochMillis, InstanceId};
use keysync_testkit::{
    Client, Response,
    iam::{Identity, Instance, Role},
    journal::Part,
};
use uuid::Uuid;

use crate::support::{HOUR, World, text, world, world_at};

const NOWHERE: &str = "02fd6835-6001-4482-a892-13bd2085f75d";
const RING: &str = "x-kms-key-ring";
const INSTANCE: &str = "bluemix-instance";

/// The harness's world, and somebody who has an instance in another account, with a key in it.
struct Neighbours {
    world: World,
    outsider: Client,
    theirs: InstanceId,
    their_key: String,
}

impl Neighbours {
    async fn new() -> Self {
        let world = world().await;
        let iam = world.harness.iam();
        let theirs: InstanceId = Uuid::new_v4().to_string().parse().unwrap();
        let (id, account) = ("IBMid-outsider".to_owned(), "another0account".to_owned());
        let instance = iam.instance(world.harness.instance()).unwrap();
        iam.add_instance(Instance { id: theirs, account: account.clone(), ..instance });
        let api_key = "the outsider's own API key".to_owned();
        iam.add_identity(Identity { iam_id: id.clone(), account, api_key: api_key.clone() });
        iam.grant(&id, theirs, Role::Manager);
        // A grant in somebody else's account is none.
        iam.grant(&id, world.harness.instance(), Role::Manager);
        let outsider = Client::log_in(&world.harness, &api_key).await.unwrap();
        let mut neighbours = Self { world, outsider, theirs, their_key: String::new() };
        let body = r#"{"resources":[{"type":"application/vnd.ibm.kms.key+json","name":"theirs","extractable":false}]}"#;
        let made = neighbours.ask_with(Method::POST, "/api/v2/keys", neighbours.theirs, &[], body).await;
        neighbours.their_key = text(&made.body["resources"][0]["id"]);
        neighbours
    }

    /// What the outsider is answered, asking for `path` in `instance`.
    async fn ask_with(
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
        self.ask_with(Method::POST, &path, instance, headers, "").await
    }

    fn ours(&self) -> InstanceId {
        self.world.harness.instance()
    }

    /// How often IAM and DynamoDB were asked so far.
    fn calls(&self) -> (usize, usize) {
        let exchanges = self.world.harness.journal().exchanges();
        let decisions = exchanges.iter().filter(|asked| asked.to == Part::Iam && asked.path == "/v2/authz");
        (decisions.count(), self.world.harness.dynamodb().proxy().calls().len())
    }
}

/// Whether a key exists, what state it is in, whether its window is closed, what it is called: for an outsider
/// there is one answer, and the way to it is as long: one question to IAM, and none to the table.
#[tokio::test]
async fn the_same_answer_after_the_same_calls_whatever_there_is() {
    let neighbours = Neighbours::new().await;
    let Neighbours { world, .. } = &neighbours;
    world.take("aliases/invoices").await;
    let closed = world.another_key().await;
    assert_eq!(world.manager.sync(&closed).await.unwrap().status, 204);
    let deleted = world.another_key().await;
    let path = format!("/api/v2/keys/{deleted}?force=true");
    world.manager.send(world.manager.request(Method::DELETE, &path)).await.unwrap().assert_status(204);
    let (_, standard) = world.harness.sample_keys().await.unwrap();
    let before = world.everything().await;
    let long = "a".repeat(90);
    let mut answers = Vec::new();
    for (key, headers) in [
        (world.key.as_str(), &[][..]),
        (NOWHERE, &[]),
        (&closed, &[]),
        (&deleted, &[]),
        (&standard, &[]),
        (&neighbours.their_key, &[]),
        ("invoices", &[]),
        ("no-such-alias", &[]),
        (&long, &[]),
        (&world.key, &[(RING, "default")]),
        (&world.key, &[(RING, "no-such-ring")]),
        (NOWHERE, &[(RING, "default")]),
    ] {
        let (decisions, calls) = neighbours.calls();
        let answer = neighbours.sync(key, neighbours.ours(), headers).await;
        // Denials are remembered by instance for aliases, so a second one is not asked again.
        let asked = neighbours.calls().0 - decisions;
        assert!(asked <= 1, "{key}: {asked} questions to IAM");
        assert_eq!(neighbours.calls().1, calls, "{key}: DynamoDB was asked");
        let mut headers = answer.headers.clone();
        for name in ["correlation-id", "date"] {
            headers.remove(name);
        }
        answers.push((key, headers, answer.status, answer.body));
    }
    for (key, headers, status, body) in &answers {
        assert_eq!((headers, status, body), (&answers[0].1, &answers[0].2, &answers[0].3), "{key}");
        assert_eq!(status.as_u16(), 401, "{key}");
    }
    assert_eq!(world.everything().await, before);
}

#[tokio::test]
async fn a_key_of_one_instance_is_not_there_in_another() {
    let neighbours = Neighbours::new().await;
    let Neighbours { world, theirs, their_key, .. } = &neighbours;
    world.take("aliases/invoices").await;
    let before = world.everything().await;
    for key in [world.key.as_str(), "invoices", NOWHERE, "no-such-alias"] {
        let answer = neighbours.sync(key, *theirs, &[]).await;
        answer.assert_error(404, "KEY_NOT_FOUND_ERR");
        assert!(answer.message() == "Key does not exist in this instance or key ring", "{key}");
    }
    assert_eq!(world.everything().await, before);

    // An alias of the same name is another's key.
    let path = format!("/api/v2/keys/{their_key}/aliases/invoices");
    neighbours.ask_with(Method::POST, &path, *theirs, &[], "").await.assert_status(201);
    neighbours.sync("invoices", *theirs, &[]).await.assert_status(204);
    world.manager.sync("invoices").await.unwrap().assert_status(204);
}

#[tokio::test]
async fn host_header_and_token_have_to_agree() {
    let neighbours = Neighbours::new().await;
    let Neighbours { world, theirs, .. } = &neighbours;
    let host_of = |instance: InstanceId| format!("{instance}.api.us-south.hs-crypto.appdomain.cloud");
    let (ours, key) = (neighbours.ours(), world.key.as_str());
    let before = world.everything().await;
    for (host, instance, status, code) in [
        (host_of(ours), *theirs, 400, "INVALID_FIELD_ERR"),
        (host_of(*theirs), ours, 400, "INVALID_FIELD_ERR"),
        (host_of(ours).to_uppercase(), *theirs, 400, "INVALID_FIELD_ERR"),
        (host_of(*theirs).to_uppercase(), *theirs, 404, "KEY_NOT_FOUND_ERR"),
        // The harness takes no name for its own that a web page could come by; the function does not get to see it.
        (host_of(ours).replace("api", "apis"), *theirs, 403, ""),
        (format!("{}.attacker.example", host_of(ours)), *theirs, 403, ""),
        (host_of(ours), ours, 401, "UNAUTHORIZED_ERR"),
        ("us-south.kms.cloud.ibm.com".to_owned(), ours, 401, "UNAUTHORIZED_ERR"),
        (host_of(*theirs), *theirs, 404, "KEY_NOT_FOUND_ERR"),
    ] {
        let answer = neighbours.sync(key, instance, &[("host", &host)]).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (status, code), "{host} {instance}");
    }
    for other in ["x-forwarded-host", "forwarded", "x-original-host", "x-bluemix-instance", "instance"] {
        let answer = neighbours.sync(key, *theirs, &[(other, &host_of(ours))]).await;
        answer.assert_error(404, "KEY_NOT_FOUND_ERR");
    }
    let both = format!("{theirs},{ours}");
    neighbours
        .sync(key, *theirs, &[(INSTANCE, &ours.to_string())])
        .await
        .assert_error(400, "INVALID_FIELD_ERR");
    neighbours.sync(key, *theirs, &[(INSTANCE, &both)]).await.assert_error(400, "INVALID_FIELD_ERR");
    assert_eq!(world.everything().await, before);
}

/// The ring narrows down what is meant, and never widens what is permitted.
#[tokio::test]
async fn no_ring_opens_a_key() {
    let neighbours = Neighbours::new().await;
    let Neighbours { world, .. } = &neighbours;
    let path = format!("/api/v2/keys/{}/actions/sync", world.key);
    let before = world.everything().await;
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
        let answer = world.manager.send(request).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.code()), (status, code), "{ring}");
    }
    assert_eq!(world.everything().await, before);
    let request = world.manager.request(Method::POST, &path).header(RING, "default");
    world.manager.send(request).await.unwrap().assert_status(204);
}

/// An alias is a name in its instance. What it stands for is looked up by the key of its item, so an item that
/// was put there for another instance stands for nothing in this one.
#[tokio::test]
async fn an_alias_that_points_into_another_instance_stands_for_nothing() {
    let neighbours = Neighbours::new().await;
    let Neighbours { world, theirs, .. } = &neighbours;
    world.take("aliases/invoices").await;
    let ours = neighbours.ours().to_string();
    let items = world.everything().await;
    let alias = items.iter().find(|item| item["pk"].as_str().unwrap().contains("invoices")).unwrap();
    // The same item under the outsider's instance, as a faulty or hostile event source might write it.
    let mut copy =
        serde_dynamo::to_item::<_, std::collections::HashMap<String, AttributeValue>>(alias).unwrap();
    let pk = alias["pk"].as_str().unwrap().replace(&ours, &theirs.to_string());
    copy.insert("pk".to_owned(), AttributeValue::S(pk));
    let client = world.harness.dynamodb().client();
    client.put_item().table_name(world.harness.table()).set_item(Some(copy)).send().await.unwrap();
    neighbours.sync("invoices", *theirs, &[]).await.assert_error(404, "KEY_NOT_FOUND_ERR");
    assert!(world.item().await.get("notified_at").is_none(), "nobody was notified of ours");
}

/// What IAM permitted somebody is theirs alone, for this key alone, and as long as it said, and a token that has
/// run out is not let in by what is remembered.
#[tokio::test]
async fn what_is_remembered_serves_nobody_else_and_nothing_else_and_ends() {
    let world = world_at(EpochMillis::new(1_700_000_000_000)).await;
    let decisions = || {
        let exchanges = world.harness.journal().exchanges();
        exchanges.iter().filter(|asked| asked.to == Part::Iam && asked.path == "/v2/authz").count()
    };
    let another = world.another_key().await;
    assert_eq!(world.sync().await.status, 204);
    assert_eq!(world.sync().await.status, 409);
    assert_eq!(decisions(), 1, "remembered");
    let reader = Client::log_in(&world.harness, world.harness.reader_api_key()).await.unwrap();
    assert_eq!(reader.sync(&world.key).await.unwrap().status, 401);
    assert_eq!(decisions(), 2, "not for somebody else");
    assert_eq!(world.manager.sync(&another).await.unwrap().status, 204);
    assert_eq!(decisions(), 3, "not for another key");

    // Whatever IAM allows, an hour is the longest.
    world.harness.iam().set_cache_ages(HOUR * 9, HOUR * 9);
    let third = world.another_key().await;
    assert_eq!(world.manager.sync(&third).await.unwrap().status, 204);
    let first_token = world.manager.token();
    let manager = world.harness.iam().authenticate(&first_token).unwrap();
    world.harness.iam().revoke(&manager.iam_id, world.harness.instance());
    world.advance_clock(HOUR.saturating_sub(Duration::from_millis(1))).await;
    assert_eq!(world.manager.sync(&third).await.unwrap().status, 409, "remembered to the end");
    world.advance_clock(Duration::from_mins(1)).await;
    let with_first = world.manager.with_token(&first_token);
    assert_eq!(with_first.sync(&third).await.unwrap().status, 401, "its token has run out");
    assert_eq!(world.manager.sync(&third).await.unwrap().status, 401, "and so has the permit");
}
