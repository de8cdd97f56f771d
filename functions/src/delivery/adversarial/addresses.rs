//! Addresses that no callback may reach, in every way to write them down. Where it can be, there is somebody at the
//! address, who sees whether one comes.

use futures_util::FutureExt;
use reqwest::dns::Name;
use tokio::net::TcpListener;

use super::{
    super::{
        AddressPolicy, Registry, client,
        ssrf_guard::{REFUSED, SsrfGuard, System},
    },
    *,
};

/// Listens on all addresses of this machine.
async fn machine() -> (TcpListener, u16) {
    let all = match TcpListener::bind("[::]:0").await {
        Ok(all) => all,
        Err(_) => TcpListener::bind("0.0.0.0:0").await.unwrap(), // without IPv6
    };
    let port = all.local_addr().unwrap().port();
    (all, port)
}

fn nobody_came(machine: &TcpListener) -> bool {
    machine.accept().now_or_never().is_none()
}

#[tokio::test]
async fn no_name_leads_to_an_address_that_is_not_public() {
    let (machine, port) = machine().await;
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
        let names = Names::all(address.parse().unwrap());
        let http = client(AddressPolicy::PublicOnly, names.clone()).build().unwrap();
        let delivery = call(&http, &format!("https://service.example:{port}/"), TIMEOUT).await;
        assert!(reason(&delivery).contains(REFUSED), "{address}: {delivery:?}");
        assert_eq!(names.audited(), 1, "{address}");
    }
    assert!(nobody_came(&machine));
}

/// There is a way there, which the guard is in: in test mode, the same call arrives.
#[tokio::test]
async fn somebody_would_come_without_the_guard() {
    for address in ["127.0.0.1", "127.0.0.2", "::ffff:127.0.0.1"] {
        let (machine, port) = machine().await;
        let http = client(AddressPolicy::LoopbackTest, Names::all(address.parse().unwrap())).build().unwrap();
        let url = format!("https://service.example:{port}/");
        let visit = machine.accept().map(drop);
        let (delivery, ()) = tokio::join!(call(&http, &url, TIMEOUT), visit);
        assert!(!reason(&delivery).contains(REFUSED), "{address}: {delivery:?}");
    }
}

/// An address that is written down passes no resolver: the registry refuses it, whatever its form, and what it takes
/// for a name is refused where it leads.
#[tokio::test]
async fn no_way_to_write_an_address_down_is_another_way_in() {
    let (machine, port) = machine().await;
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
        let json = serde_json::json!({"databases": with_port}).to_string();
        let Ok(registry) = Registry::from_json(&json, AddressPolicy::PublicOnly) else { continue };
        let url = registry.callback(&"databases".parse().unwrap()).unwrap().to_string();
        assert!(url.contains("localhost"), "{host} was taken for a name: {url}");
        let http = client(AddressPolicy::PublicOnly, System).build().unwrap();
        let delivery = call(&http, &url, TIMEOUT).await;
        assert!(reason(&delivery).contains(REFUSED), "{host}: {delivery:?}");
    }
    assert!(nobody_came(&machine));
}

/// DNS rebinding: a name is looked up once for a connection, and what was looked at is what is dialled.
#[tokio::test]
async fn a_name_that_moves_once_it_was_looked_at_gets_nowhere() {
    let (machine, port) = machine().await;
    let [own, inside] = ["127.0.0.1", "10.0.0.1"].map(|address| address.parse().unwrap());
    let names = Names::answering(vec![vec![own], vec![inside]]);
    // In test mode, so that there is an address that is allowed and can be reached.
    let http = client(AddressPolicy::LoopbackTest, names.clone()).build().unwrap();
    let url = format!("http://service.example:{port}/");
    let (delivery, ()) = tokio::join!(
        call(&http, &url, TIMEOUT),
        answers::serve_one(&machine, b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
    );
    assert_eq!((delivery, names.audited()), (Delivery::Delivered, 1));
    let delivery = call(&http, &url, TIMEOUT).await;
    assert!(reason(&delivery).contains(REFUSED) && names.audited() == 2, "{delivery:?}");
    assert!(nobody_came(&machine));
}

/// One good address among bad ones: the good one is left.
#[tokio::test]
async fn of_many_addresses_the_public_ones_are_left() {
    let found = ["127.0.0.1", "1.1.1.1", "::ffff:10.0.0.1", "2606:4700::1111", "169.254.169.254"];
    let names = Names::answering(vec![found.iter().map(|address| address.parse().unwrap()).collect()]);
    let ssrf_guard = SsrfGuard::new(AddressPolicy::PublicOnly, names);
    let name: Name = "service.example".parse().unwrap();
    let left: Vec<String> =
        ssrf_guard.resolve(name).await.unwrap().map(|found| found.ip().to_string()).collect();
    assert_eq!(left, ["1.1.1.1", "2606:4700::1111"]);
}

#[tokio::test]
async fn a_name_that_leads_nowhere_is_said_to() {
    let http = client(AddressPolicy::PublicOnly, Names::answering(vec![vec![]])).build().unwrap();
    let delivery = call(&http, "https://service.example/", TIMEOUT).await;
    assert!(reason(&delivery).contains(REFUSED), "{delivery:?}");
}
