//! The local host name of an instance.

use crate::world::world;

#[tokio::test]
async fn local_host_name_reaches_the_endpoint() {
    let world = world().await;
    let port = world.harness.endpoint_url().rsplit(':').next().unwrap().parse().unwrap();
    let name = format!("{}.api.us-south.hs-crypto.localhost", world.harness.instance());
    // curl and browsers resolve *.localhost; this client needs the address.
    let http =
        reqwest::Client::builder().no_proxy().resolve(&name, ([127, 0, 0, 1], port).into()).build().unwrap();
    let response = http
        .get(format!("{}/api/v2/keys", world.harness.instance_url()))
        .bearer_auth(world.manager.token())
        .header("bluemix-instance", world.harness.instance().to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
}
