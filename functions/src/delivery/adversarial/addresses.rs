//! Addresses that no callback may connect to, in every notation. A listener on all addresses of
//! this machine detects a connection.

use futures_util::FutureExt;
use tokio::net::TcpListener;

use super::{
    super::{
        Registry,
        ssrf_guard::{NO_PUBLIC_ADDRESS, SsrfGuard},
    },
    *,
};

/// A listener on all addresses of this machine, and its port.
async fn listen_on_all_addresses() -> (TcpListener, u16) {
    let all = match TcpListener::bind("[::]:0").await {
        Ok(all) => all,
        Err(_) => TcpListener::bind("0.0.0.0:0").await.unwrap(), // without IPv6
    };
    let port = all.local_addr().unwrap().port();
    (all, port)
}

fn has_no_connection(listener: &TcpListener) -> bool {
    listener.accept().now_or_never().is_none()
}

#[tokio::test]
async fn denies_names_that_resolve_to_private_addresses() {
    let (listener, port) = listen_on_all_addresses().await;
    for address in [
        "127.0.0.1",
        "127.0.0.2",
        "127.1.2.3",
        "127.255.255.254",
        "0.0.0.0",
        "0.1.2.3",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "::ffff:0.0.0.0",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::7f00:1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
        "10.0.0.1",
        "10.255.255.255",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "192.168.255.255",
        "::ffff:10.0.0.1",
        "::ffff:192.168.0.1",
        "169.254.169.254",
        "169.254.170.2",
        "169.254.0.1",
        "::ffff:169.254.169.254",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::a9fe:a9fe",
        "fec0::1",
        "fc00::1",
        "fd12:3456:789a::1",
        "100.64.0.1",
        "100.100.100.200",
        "100.127.255.255",
        "192.0.0.192",
        "192.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "192.88.99.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "ff02::1",
        "ff0e::1",
        "2001:db8::1",
        "3fff::1",
        "2001:10::1",
        "5f00::1",
        "100::1",
        "4000::1",
    ] {
        let resolver = MaliciousResolver::always(address.parse().unwrap());
        let http = callback_client(AddressPolicy::PublicOnly, resolver.clone());
        let delivery = call(&http, &format!("https://service.example:{port}/"), TIMEOUT).await;
        assert!(reason(&delivery).contains(NO_PUBLIC_ADDRESS), "{address}: {delivery:?}");
        assert_eq!(resolver.lookups(), 1, "{address}");
    }
    assert!(has_no_connection(&listener));
}

/// The addresses are reachable without the guard: in test mode, the same attempt connects.
#[tokio::test]
async fn same_addresses_are_reachable_in_test_mode() {
    for address in ["127.0.0.1", "127.0.0.2", "::ffff:127.0.0.1"] {
        let (listener, port) = listen_on_all_addresses().await;
        let resolver = MaliciousResolver::always(address.parse().unwrap());
        let http = callback_client(AddressPolicy::LoopbackTest, resolver);
        let url = format!("https://service.example:{port}/");
        let connection = listener.accept().map(drop);
        let (delivery, ()) = tokio::join!(call(&http, &url, TIMEOUT), connection);
        assert!(!reason(&delivery).contains(NO_PUBLIC_ADDRESS), "{address}: {delivery:?}");
    }
}

/// Literal addresses are never resolved, so the registry rejects them in every notation. What it
/// parses as a name is denied when the name is resolved.
#[tokio::test]
async fn denies_literal_addresses_in_every_notation() {
    let (listener, port) = listen_on_all_addresses().await;
    for host in [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "127.0.1",
        "2130706433",
        "017700000001",
        "0x7f000001",
        "0x7F.1",
        "0177.0.0.1",
        "0x7f.0x0.0x0.0x1",
        "127.0.0.0x1",
        "127.0.0.1%2e",
        "127%2e0%2e0%2e1",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "127。0。0。1",
        "①②⑦.⓪.⓪.①",
        "127.0.0.1\t",
        "user@127.0.0.1",
        "user:pass@127.0.0.1",
        "service.example@127.0.0.1",
        "0",
        "0.0.0.0",
        "0x0",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[0000::0001]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[::]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[64:ff9b::7f00:1]",
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "10.0.0.1",
        "167772161",
        "012.0.0.1",
        "192.168.1",
        "3232235777",
        "172.16.1",
        "localhost",
        "LOCALHOST",
        "loc%61lhost",
        "ｌｏｃａｌｈｏｓｔ",
        "loca\u{ad}lhost",
        "local\u{200b}host",
        "[::1%25lo]",
        "[fe80::1%eth0]",
        "127.0.0.1\\@service.example",
        "127.0.0.1#@service.example",
        "127.0.0.1?@service.example",
        "127.0.0.1:443\u{0}",
        "256.256.256.256",
        "1.2.3.4.5",
        "127.0.0.08",
        "",
    ] {
        let with_port = if host.contains(['#', '?', '\\', '\u{0}']) {
            format!("https://{host}")
        } else {
            format!("https://{host}:{port}/")
        };
        let json = serde_json::json!({"databases": {"url": with_port}}).to_string();
        let Ok(registry) = Registry::from_json(&json, AddressPolicy::PublicOnly) else { continue };
        let url = registry.get(&"databases".parse().unwrap()).unwrap().url.to_string();
        assert!(url.contains("localhost"), "{host} was accepted as a name: {url}");
        let http = callback_client(AddressPolicy::PublicOnly, SystemResolver);
        let delivery = call(&http, &url, TIMEOUT).await;
        assert!(reason(&delivery).contains(NO_PUBLIC_ADDRESS), "{host}: {delivery:?}");
    }
    assert!(has_no_connection(&listener));
}

/// DNS rebinding: a name is resolved once per connection, and the client connects to the checked
/// address.
#[tokio::test]
async fn denies_name_that_resolves_to_private_address_later() {
    let (listener, port) = listen_on_all_addresses().await;
    let [loopback, private] = ["127.0.0.1", "10.0.0.1"].map(|address| address.parse().unwrap());
    let resolver = MaliciousResolver::with_results(vec![vec![loopback], vec![private]]);
    // In test mode, because loopback is the only reachable address.
    let http = callback_client(AddressPolicy::LoopbackTest, resolver.clone());
    let url = format!("http://service.example:{port}/");
    let (delivery, ()) = tokio::join!(
        call(&http, &url, TIMEOUT),
        responses::serve_one(&listener, b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
    );
    assert_eq!((delivery, resolver.lookups()), (Delivery::Delivered, 1));
    let delivery = call(&http, &url, TIMEOUT).await;
    assert!(reason(&delivery).contains(NO_PUBLIC_ADDRESS) && resolver.lookups() == 2, "{delivery:?}");
    assert!(has_no_connection(&listener));
}

#[tokio::test]
async fn keeps_only_public_addresses_of_a_name() {
    let addresses = ["127.0.0.1", "1.1.1.1", "::ffff:10.0.0.1", "2606:4700::1111", "169.254.169.254"];
    let resolver = MaliciousResolver::with_results(vec![
        addresses.iter().map(|address| address.parse().unwrap()).collect(),
    ]);
    let ssrf_guard = SsrfGuard::new(AddressPolicy::PublicOnly, resolver);
    let allowed = Arc::new(ssrf_guard).resolve("service.example".to_owned()).await.unwrap();
    let allowed: Vec<String> = allowed.iter().map(|address| address.ip().to_string()).collect();
    assert_eq!(allowed, ["1.1.1.1", "2606:4700::1111"]);
}

#[tokio::test]
async fn reports_name_without_addresses() {
    let http = callback_client(AddressPolicy::PublicOnly, MaliciousResolver::with_results(vec![vec![]]));
    let delivery = call(&http, "https://service.example/", TIMEOUT).await;
    assert!(reason(&delivery).contains(NO_PUBLIC_ADDRESS), "{delivery:?}");
}

#[tokio::test]
async fn client_of_callbacks_is_guarded() {
    let http = super::super::callback_client(AddressPolicy::PublicOnly);
    let delivery = call(&http, "https://localhost:9/", TIMEOUT).await;
    assert!(reason(&delivery).contains(NO_PUBLIC_ADDRESS), "{delivery:?}");
}
