//! The instance in the host name: a request to the host of another instance is rejected; the shared
//! host names none.

use crate::support::{World, world};

/// Status and reason code of a sync at a host.
async fn sync_at(world: &World, host: &str) -> (u16, String) {
    let path = format!("/api/v2/keys/{}/actions/sync", world.key);
    let request = world.manager.request(http::Method::POST, &path).header("host", host);
    let response = world.manager.send(request).await.unwrap();
    (response.status.as_u16(), response.code().to_owned())
}

#[tokio::test]
async fn host_of_another_instance_returns_400() {
    let world = world().await;
    let instance = world.harness.instance();
    for (host, status) in [
        (format!("{instance}.api.us-south.hs-crypto.appdomain.cloud"), 204),
        (format!("{instance}.api.us-south.hs-crypto.localhost:8080"), 409),
        ("us-south.kms.cloud.ibm.com".to_owned(), 409),
    ] {
        assert_eq!(sync_at(&world, &host).await.0, status, "{host}");
    }
    let other = "02fd6835-6001-4482-a892-13bd2085f75d.api.us-south.hs-crypto.appdomain.cloud";
    assert_eq!(sync_at(&world, other).await, (400, "INVALID_FIELD_ERR".to_owned()));
}
