//! Callers without access. Their requests reveal nothing and leave the window open.

use http::Method;
use keysync_testkit::Client;

use crate::runtime::{Context, assert_error};

/// Sends a sync with this `authorization` header, or without one.
async fn sync_as(context: &Context<'_>, authorization: Option<&str>) -> keysync_testkit::Response {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/api/v2/keys/{}/actions/sync", context.harness.endpoint_url(), context.key);
    let mut request = http.post(url).header("bluemix-instance", context.harness.instance().to_string());
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    context.send(request).await
}

async fn assert_window_open(context: &Context<'_>) {
    assert_eq!(context.callback_counts(), (0, 0));
    assert_eq!(context.sync().await.status, 204);
}

pub(super) async fn sync_without_token_returns_401(context: &Context<'_>) {
    let response = sync_as(context, None).await;
    assert_error(&response, 401, "UNAUTHORIZED_ERR");
    assert_eq!(response.header("www-authenticate"), "Bearer");
    assert_window_open(context).await;
}

pub(super) async fn sync_with_malformed_token_returns_400(context: &Context<'_>) {
    for authorization in ["Bearer a.b.c", "Basic dXNlcjpwYXNz"] {
        assert_error(&sync_as(context, Some(authorization)).await, 400, "BEARER_SUB_EXTRACTION_ERR");
    }
    assert_window_open(context).await;
}

pub(super) async fn sync_with_unknown_signing_key_returns_401(context: &Context<'_>) {
    let manager = context.harness.iam().authenticate(&context.manager.token()).unwrap();
    let forged = context.harness.iam().token(&manager.iam_id).signed_with_unknown_key().build().unwrap();
    assert_error(&sync_as(context, Some(&format!("Bearer {forged}"))).await, 401, "UNAUTHORIZED_ERR");
    assert_window_open(context).await;
}

pub(super) async fn sync_without_role_returns_401(context: &Context<'_>) {
    let reader = Client::log_in(context.harness, context.harness.reader_api_key()).await.unwrap();
    for name in [context.key.as_str(), "02fd6835-6001-4482-a892-13bd2085f75d"] {
        assert_error(&reader.sync(name).await.unwrap(), 401, "UNAUTHORIZED_ERR");
    }
    assert_window_open(context).await;
}

pub(super) async fn sync_for_another_instance_returns_401(context: &Context<'_>) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/api/v2/keys/{}/actions/sync", context.harness.endpoint_url(), context.key);
    let request = http.request(Method::POST, url).bearer_auth(context.manager.token());
    let response =
        context.send(request.header("bluemix-instance", "02fd6835-6001-4482-a892-13bd2085f75d")).await;
    assert_error(&response, 401, "UNAUTHORIZED_ERR");
    assert_window_open(context).await;
}
