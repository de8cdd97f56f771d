//! Server authentication: a callback is sent only to a server whose certificate is valid for the
//! host and issued by a trusted authority. Any other server receives no byte of it.

use std::sync::{Arc, Mutex};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::{RootCertStore, ServerConfig, pki_types::PrivateKeyDer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use super::{super::client::FailureScope, *};
use crate::http_client::tls::client_config;

const HOST: &str = "service.example";

/// A certificate authority.
type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "Test authority");
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn certificate_for(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
}

/// The TLS acceptor of a server with this certificate.
fn server(certificate: &Certificate, key: &KeyPair) -> TlsAcceptor {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Sends a callback to the server at [`HOST`]. Returns the result and what the server received.
async fn send_to(http: &HttpClient, server: &TlsAcceptor) -> (Delivery, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{HOST}:{}/", listener.local_addr().unwrap().port());
    let received = Mutex::new(String::new());
    let serve = async {
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            // A client that rejects the certificate ends the handshake.
            let Ok(mut connection) = server.accept(connection).await else { continue };
            let mut bytes = vec![0; 4096];
            while let Ok(count @ 1..) = connection.read(&mut bytes).await {
                received.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
                if received.lock().unwrap().ends_with("{}") {
                    let _ = connection.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
                }
            }
        }
    };
    let delivery = tokio::select! {
        delivery = call(http, &url, TIMEOUT) => delivery,
        () = serve => unreachable!(),
    };
    (delivery, received.into_inner().unwrap())
}

/// The callback client, trusting only `authority`.
fn client_that_trusts(authority: &Authority) -> HttpClient {
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let loopback = MaliciousResolver::always("127.0.0.1".parse().unwrap());
    HttpClient::connecting(|pool| {
        guarded(pool, AddressPolicy::LoopbackTest, loopback).tls(client_config(roots))
    })
}

#[tokio::test]
async fn delivers_to_server_with_valid_certificate() {
    let (trusted, key) = (authority(), KeyPair::generate().unwrap());
    let certificate = certificate_for(&["another.example", HOST]).signed_by(&key, &trusted).unwrap();
    let (delivery, received) = send_to(&client_that_trusts(&trusted), &server(&certificate, &key)).await;
    assert_eq!(delivery, Delivery::Delivered);
    assert!(received.starts_with("POST / HTTP/1.1\r\n"), "{received}");
}

#[tokio::test]
async fn sends_nothing_to_server_with_invalid_certificate() {
    let (trusted, other, key) = (authority(), authority(), KeyPair::generate().unwrap());
    let http = client_that_trusts(&trusted);
    let (mut expired, mut not_yet_valid, mut common_name_only) =
        (certificate_for(&[HOST]), certificate_for(&[HOST]), certificate_for(&[]));
    expired.not_after = date_time_ymd(2020, 1, 1);
    not_yet_valid.not_before = date_time_ymd(2999, 1, 1);
    common_name_only.distinguished_name.push(DnType::CommonName, HOST);
    let signed = |params: CertificateParams| params.signed_by(&key, &trusted).unwrap();
    for (case, certificate) in [
        ("expired", signed(expired)),
        ("not yet valid", signed(not_yet_valid)),
        ("for another host", signed(certificate_for(&["service.example.attacker.example"]))),
        ("for the parent domain", signed(certificate_for(&["example"]))),
        ("for a wildcard of all names", signed(certificate_for(&["*"]))),
        ("for a wildcard of subdomains", signed(certificate_for(&["*.service.example"]))),
        ("for an IP address", signed(certificate_for(&["127.0.0.1"]))),
        ("with a common name only", signed(common_name_only)),
        ("by an untrusted authority", certificate_for(&[HOST]).signed_by(&key, &other).unwrap()),
        ("self-signed", certificate_for(&[HOST]).self_signed(&key).unwrap()),
    ] {
        let (delivery, received) = send_to(&http, &server(&certificate, &key)).await;
        assert!(reason(&delivery).contains("certificate"), "{case}: {delivery:?}");
        assert_eq!(received, "", "{case}");
    }
}

/// The deployed client trusts Mozilla's list only, not the certificates of the machine.
#[tokio::test]
async fn deployed_client_rejects_unknown_authority() {
    let (unknown, key) = (authority(), KeyPair::generate().unwrap());
    let certificate = certificate_for(&[HOST]).signed_by(&key, &unknown).unwrap();
    let resolver = MaliciousResolver::always("127.0.0.1".parse().unwrap());
    let http = callback_client(AddressPolicy::LoopbackTest, resolver);
    let (delivery, received) = send_to(&http, &server(&certificate, &key)).await;
    assert!(reason(&delivery).contains("UnknownIssuer") && received.is_empty(), "{delivery:?}");
}

#[tokio::test]
async fn server_without_tls_receives_only_a_handshake() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let resolver = MaliciousResolver::always("127.0.0.1".parse().unwrap());
    let http = callback_client(AddressPolicy::LoopbackTest, resolver);
    let url = format!("https://{HOST}:{}/", listener.local_addr().unwrap().port());
    let serve = async {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut received = vec![0; 4096];
        let count = connection.read(&mut received).await.unwrap();
        connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        received.truncate(count);
        received
    };
    let (delivery, received) = tokio::join!(call(&http, &url, TIMEOUT), serve);
    assert!(matches!(delivery, Delivery::Failed { scope: FailureScope::Service, .. }), "{delivery:?}");
    assert!(received.starts_with(&[22, 3]), "a TLS handshake, and nothing else: {received:?}");
}

/// The registry rejects `http` URLs outside the test mode, and so does the client.
#[tokio::test]
async fn client_rejects_unencrypted_http() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let resolver = MaliciousResolver::always("127.0.0.1".parse().unwrap());
    let http = callback_client(AddressPolicy::PublicOnly, resolver.clone());
    let url = format!("http://{HOST}:{}/", listener.local_addr().unwrap().port());
    let delivery = call(&http, &url, TIMEOUT).await;
    assert!(reason(&delivery).contains("the URL is not https"), "{delivery:?}");
    assert_eq!(resolver.lookups(), 0);
}
