//! Whom a callback is told: the one whose certificate names the host, is in time, and comes from somebody trusted.
//! To everybody else no byte of it goes out.

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

use super::{
    super::{AddressPolicy, client},
    *,
};
use crate::http_client::tls::trusting;

const HOST: &str = "service.example";

/// A certificate authority.
type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "An authority");
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn named(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
}

/// A service with this certificate.
fn service(certificate: &Certificate, key: &KeyPair) -> TlsAcceptor {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Calls `service` at its name, and returns what came of it and what the service could read.
async fn called(http: &Client, service: &TlsAcceptor) -> (Delivery, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{HOST}:{}/", listener.local_addr().unwrap().port());
    let heard = Mutex::new(String::new());
    let serve = async {
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            // A client that turns away has ended the handshake.
            let Ok(mut connection) = service.accept(connection).await else { continue };
            let mut bytes = vec![0; 4096];
            while let Ok(count @ 1..) = connection.read(&mut bytes).await {
                heard.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
                if heard.lock().unwrap().ends_with("{}") {
                    let _ = connection.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
                }
            }
        }
    };
    let delivery = tokio::select! {
        delivery = call(http, &url, TIMEOUT) => delivery,
        () = serve => unreachable!(),
    };
    (delivery, heard.into_inner().unwrap())
}

/// The client of callbacks, but for what it trusts.
fn client_that_trusts(authority: &Authority) -> Client {
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let loopback = Names::all("127.0.0.1".parse().unwrap());
    let client = client(AddressPolicy::LoopbackTest, loopback).tls_backend_preconfigured(trusting(roots));
    client.build().unwrap()
}

#[tokio::test]
async fn who_has_the_certificate_is_told() {
    let (trusted, key) = (authority(), KeyPair::generate().unwrap());
    let certificate = named(&["another.example", HOST]).signed_by(&key, &trusted).unwrap();
    let (delivery, heard) = called(&client_that_trusts(&trusted), &service(&certificate, &key)).await;
    assert_eq!(delivery, Delivery::Delivered);
    assert!(heard.starts_with("POST / HTTP/1.1\r\n"), "{heard}");
}

#[tokio::test]
async fn nobody_else_is() {
    let (trusted, other, key) = (authority(), authority(), KeyPair::generate().unwrap());
    let http = client_that_trusts(&trusted);
    let (mut expired, mut early, mut nameless) = (named(&[HOST]), named(&[HOST]), named(&[]));
    expired.not_after = date_time_ymd(2020, 1, 1);
    early.not_before = date_time_ymd(2999, 1, 1);
    nameless.distinguished_name.push(DnType::CommonName, HOST);
    let by = |params: CertificateParams| params.signed_by(&key, &trusted).unwrap();
    for (what, certificate) in [
        ("expired", by(expired)),
        ("not valid yet", by(early)),
        ("another's", by(named(&["service.example.attacker.example"]))),
        ("of a part of the name", by(named(&["example"]))),
        ("of too many names", by(named(&["*"]))),
        ("of a deeper name", by(named(&["*.service.example"]))),
        ("of an address", by(named(&["127.0.0.1"]))),
        ("with a common name only", by(nameless)),
        ("by nobody we trust", named(&[HOST]).signed_by(&key, &other).unwrap()),
        ("by itself", named(&[HOST]).self_signed(&key).unwrap()),
    ] {
        let (delivery, heard) = called(&http, &service(&certificate, &key)).await;
        assert!(reason(&delivery).contains("certificate"), "{what}: {delivery:?}");
        assert_eq!(heard, "", "{what}");
    }
}

/// What is compiled in is Mozilla's list, and not the machine's, which a test or an image may have added to.
#[tokio::test]
async fn whom_the_deployed_client_trusts() {
    let (unknown, key) = (authority(), KeyPair::generate().unwrap());
    let certificate = named(&[HOST]).signed_by(&key, &unknown).unwrap();
    let names = Names::all("127.0.0.1".parse().unwrap());
    let http = client(AddressPolicy::LoopbackTest, names).build().unwrap();
    let (delivery, heard) = called(&http, &service(&certificate, &key)).await;
    assert!(reason(&delivery).contains("UnknownIssuer") && heard.is_empty(), "{delivery:?}");
}

#[tokio::test]
async fn a_service_that_speaks_no_tls_hears_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let names = Names::all("127.0.0.1".parse().unwrap());
    let http = client(AddressPolicy::LoopbackTest, names).build().unwrap();
    let url = format!("https://{HOST}:{}/", listener.local_addr().unwrap().port());
    let serve = async {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut heard = vec![0; 4096];
        let count = connection.read(&mut heard).await.unwrap();
        connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        heard.truncate(count);
        heard
    };
    let (delivery, heard) = tokio::join!(call(&http, &url, TIMEOUT), serve);
    assert!(matches!(delivery, Delivery::Failed { is_down: true, .. }), "{delivery:?}");
    assert!(heard.starts_with(&[22, 3]), "a TLS handshake, and nothing else: {heard:?}");
}

/// The registry takes no such address where it is deployed; nor does the client.
#[tokio::test]
async fn nothing_goes_out_in_the_open() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let names = Names::all("127.0.0.1".parse().unwrap());
    let http = client(AddressPolicy::PublicOnly, names.clone()).build().unwrap();
    let url = format!("http://{HOST}:{}/", listener.local_addr().unwrap().port());
    let delivery = call(&http, &url, TIMEOUT).await;
    assert!(reason(&delivery).contains("URL scheme is not allowed"), "{delivery:?}");
    assert_eq!(names.audited(), 0);
}
