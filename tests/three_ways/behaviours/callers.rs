//! Who asks. None of them learns anything, and none closes the window.

use http::Method;
use keysync_testkit::Client;

use crate::way::{World, refused};

/// A request with this `authorization`, where there is any.
async fn sync_as(world: &World<'_>, authorization: Option<&str>) -> keysync_testkit::Response {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/api/v2/keys/{}/actions/sync", world.harness.endpoint_url(), world.key);
    let mut request = http.post(url).header("bluemix-instance", world.harness.instance().to_string());
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    world.send(request).await
}

async fn window_is_open(world: &World<'_>) {
    assert_eq!(world.times_told(), (0, 0));
    assert_eq!(world.sync().await.status, 204);
}

pub(super) async fn without_a_token(world: &World<'_>) {
    let answer = sync_as(world, None).await;
    refused(&answer, 401, "UNAUTHORIZED_ERR");
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    window_is_open(world).await;
}

pub(super) async fn with_a_token_that_is_none(world: &World<'_>) {
    for authorization in ["Bearer a.b.c", "Basic dXNlcjpwYXNz"] {
        refused(&sync_as(world, Some(authorization)).await, 400, "BEARER_SUB_EXTRACTION_ERR");
    }
    window_is_open(world).await;
}

pub(super) async fn with_a_token_of_a_stranger(world: &World<'_>) {
    let manager = world.harness.iam().authenticate(&world.manager.token()).unwrap();
    let forged = world.harness.iam().token(&manager.iam_id).signed_with_unknown_key().build().unwrap();
    refused(&sync_as(world, Some(&format!("Bearer {forged}"))).await, 401, "UNAUTHORIZED_ERR");
    window_is_open(world).await;
}

pub(super) async fn without_the_role(world: &World<'_>) {
    let reader = Client::log_in(world.harness, world.harness.reader_api_key()).await.unwrap();
    for name in [world.key.as_str(), "02fd6835-6001-4482-a892-13bd2085f75d"] {
        refused(&reader.sync(name).await.unwrap(), 401, "UNAUTHORIZED_ERR");
    }
    window_is_open(world).await;
}

pub(super) async fn of_another_instance(world: &World<'_>) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/api/v2/keys/{}/actions/sync", world.harness.endpoint_url(), world.key);
    let request = http.request(Method::POST, url).bearer_auth(world.manager.token());
    let answer = world.send(request.header("bluemix-instance", "02fd6835-6001-4482-a892-13bd2085f75d")).await;
    refused(&answer, 401, "UNAUTHORIZED_ERR");
    window_is_open(world).await;
}
