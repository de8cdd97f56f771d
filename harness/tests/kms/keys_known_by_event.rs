//! Keys and registrations that the endpoint did not create, of which it has only the events: it
//! shows the fields that it has, and they hide no other key.

use std::time::Duration;

use http::Method;
use keysync::domain::{
    InstanceCrn, KeyCrn, KeyFacts, KeyId, KeyRing, KeyState, KeyType, KeyVersion, LifecycleAction,
    ResourceCrn,
};
use serde_json::{Value, json};

use crate::{
    kms::{Caller, Endpoint, endpoint, one},
    visitor::Visitor,
    world::text,
};

/// The facts of a key that the endpoint did not create.
fn foreign(endpoint: &Endpoint) -> KeyFacts {
    let instance = endpoint.harness.iam().instance(endpoint.harness.instance()).unwrap();
    let crn = InstanceCrn {
        service: "hs-crypto".to_owned(),
        region: instance.region,
        account: instance.account,
        instance: instance.id,
    };
    let id = KeyId::random();
    let created_at = endpoint.harness.clock().now();
    let version = KeyVersion { id: id.to_string(), created_at };
    KeyFacts {
        crn: crn.key(id),
        key_type: KeyType::Root,
        state: KeyState::Active,
        ring: KeyRing::default(),
        version,
    }
}

async fn take(endpoint: &Endpoint, action: LifecycleAction, key: &KeyFacts) {
    endpoint.harness.events().action(action, key, endpoint.harness.clock().now()).processed().await;
}

fn bucket(name: &str) -> ResourceCrn {
    format!("crn:v1:bluemix:public:cloud-object-storage:global:a/abc123:8c2e:bucket:{name}").parse().unwrap()
}

async fn register(endpoint: &Endpoint, key: &KeyCrn, resource: &ResourceCrn) {
    let now = endpoint.harness.clock().now();
    endpoint.harness.events().registration(key, resource, true, now).processed().await;
}

async fn listed(caller: &Caller, path: &str) -> Vec<Value> {
    let response = caller.get(path).await;
    assert_eq!(response.status, 200, "{path}: {}", response.body);
    response.body["resources"].as_array().unwrap().clone()
}

#[tokio::test]
async fn key_known_by_event_is_listed_without_name() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let own = manager.create_root_key("its own").await;
    endpoint.advance_clock(Duration::from_hours(1)).await;
    let key = foreign(&endpoint);
    take(&endpoint, LifecycleAction::Create, &key).await;

    let id = key.crn.key.to_string();
    let mut both = [own.clone(), id.clone()];
    both.sort();
    assert_eq!(manager.ids("keys").await, both);
    let total = manager.call(Method::HEAD, "keys", None).await;
    assert_eq!(total.header("key-total"), "2");
    for (query, expected) in [
        ("sort=creationDate", vec![&own, &id]),
        ("sort=-lastUpdateDate", vec![&id, &own]),
        ("search=its", vec![&own]),
        (&format!("search={id}"), vec![&id]),
        ("search=not:its", vec![&id]),
        (r#"filter=creationDate=gte:"2027-01-15T08:30:00Z""#, vec![&id]),
    ] {
        let found = manager.ids(&format!("keys?{query}")).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    for path in ["", "/metadata"] {
        let key = listed(manager, &format!("keys/{id}{path}")).await[0].clone();
        for unknown in ["name", "createdBy", "lastRotateDate"] {
            assert_eq!(key.get(unknown), None, "{unknown} {key}");
        }
        assert_eq!((&key["creationDate"], &key["state"]), (&json!("2027-01-15T09:00:00Z"), &json!(1)));
    }
    let version = json!({"id": id, "creationDate": "2027-01-15T09:00:00Z"});
    assert_eq!(listed(manager, &format!("keys/{id}/versions")).await, [version]);
    let events = listed(manager, &format!("keys/{id}/events")).await;
    assert_eq!(events, [json!({"eventType": "create", "occurredAt": "2027-01-15T09:00:00.000Z"})]);

    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/_harness/keys", endpoint.harness.endpoint_url());
    for url in [url.clone(), format!("{url}/{id}")] {
        let response = http.get(&url).send().await.unwrap();
        assert_eq!(response.status(), 200, "{url}");
        assert!(response.text().await.unwrap().contains(&id), "{url}");
    }
}

#[tokio::test]
async fn registration_known_by_its_event_is_listed() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let (own, other) = (manager.create_root_key("its own").await, foreign(&endpoint));
    take(&endpoint, LifecycleAction::Create, &other).await;
    let register_for = |key: &str| {
        let (key, endpoint) = (key.to_owned(), &endpoint);
        async move {
            let crn = KeyCrn { key: key.parse().unwrap(), ..foreign(endpoint).crn };
            register(endpoint, &crn, &bucket(&key)).await;
        }
    };
    let id = other.crn.key.to_string();
    for key in [&own, &id] {
        register_for(key).await;
        let found = listed(manager, &format!("keys/{key}/registrations")).await;
        assert_eq!(found.len(), 1, "{key}");
        assert_eq!(text(&found[0]["resourceCrn"]), bucket(key).to_string());
        assert_eq!((&found[0]["keyId"], &found[0]["preventKeyDeletion"]), (&json!(key), &json!(false)));
        assert_eq!(found[0].get("createdBy"), None);
        assert_eq!(listed(manager, &format!("keys/{key}/notifications")).await.len(), 1);
    }
    assert_eq!(listed(manager, "keys/registrations").await.len(), 2);

    let resource = bucket(&id).to_string().replace(':', "%3A").replace('/', "%2F");
    let path = format!("keys/{id}/registrations/{resource}");
    let fields = one("registration", json!({"description": "known now", "keyVersionId": id}));
    let patched = manager.call(Method::PATCH, &path, Some(fields)).await;
    assert_eq!(
        (patched.status.as_u16(), &patched.body["resources"][0]["keyVersion"]["id"]),
        (200, &json!(id))
    );
    assert_eq!(manager.delete(&path).await.status, 204);
    assert_eq!(listed(manager, "keys/registrations").await.len(), 1);
}

#[tokio::test]
async fn key_known_by_its_event_takes_actions() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let key = foreign(&endpoint);
    take(&endpoint, LifecycleAction::Create, &key).await;
    let id = key.crn.key.to_string();
    assert_eq!(manager.act(&format!("keys/{id}/actions/sync")).await.status, 204);
    assert_eq!(manager.act(&format!("keys/{id}/aliases/theirs")).await.status, 201);
    assert_eq!(manager.key("theirs").await["aliases"], json!(["theirs"]));
    assert_eq!(manager.act(&format!("keys/{id}/actions/rotate")).await.status, 204);
    assert_eq!(
        listed(manager, &format!("keys/{id}/versions")).await.len(),
        1,
        "the first version is unknown"
    );
    assert_eq!(
        manager.act(&format!("keys/{id}/actions/wrap")).await.status,
        200,
        "with the rotation's material"
    );
    let policies = one("policy", json!({"dualAuthDelete": {"enabled": false}}));
    assert_eq!(manager.call(Method::PUT, &format!("keys/{id}/policies"), Some(policies)).await.status, 200);
    assert_eq!(manager.delete(&format!("keys/{id}")).await.status, 204);
    assert_eq!(manager.ids("keys?state=5").await, [id]);
}

#[tokio::test]
async fn unreadable_item_hides_no_key() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let key = manager.create_root_key("a key").await;
    let instance = endpoint.harness.instance();
    let other = KeyId::random();
    for (sk, more) in
        [("key", json!({"crn": "no CRN"})), ("registration#no-crn", json!({"registered": true}))]
    {
        let mut item = json!({"pk": format!("{instance}#{other}"), "sk": sk});
        item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        endpoint.put_item(item).await;
    }
    assert_eq!(manager.ids("keys").await, [key.as_str()]);
    assert_eq!(listed(manager, "keys/registrations").await.len(), 0);
    assert_eq!(manager.key(&key).await["name"], "a key");
}

#[tokio::test]
async fn console_shows_keys_without_name_by_id() {
    let endpoint = endpoint().await;
    let key = foreign(&endpoint);
    take(&endpoint, LifecycleAction::Create, &key).await;
    register(&endpoint, &key.crn, &bucket("theirs")).await;
    let visitor = Visitor::logged_in(&endpoint.harness, endpoint.harness.api_key()).await;
    let keys = format!("/console/instances/{}/keys", endpoint.harness.instance());
    let of_key = format!("{keys}/{}", key.crn.key);
    for path in [keys, format!("{of_key}/resources"), format!("{of_key}/actions/rotate")] {
        let page = visitor.open(&path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(
            page.text().contains("(no name)") && page.html.contains(&key.crn.key.to_string()),
            "{}",
            page.text()
        );
    }
}
