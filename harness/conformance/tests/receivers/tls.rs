//! Receivers behind TLS.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use keysync_receiver_conformance::{Conformance, Error, Options, Rule, Verdict};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use super::{
    REQUEST_TIMEOUT, SERVICE, broken, broken::Defect, conformance, failures, fixed, followed, names, options,
    serve, service,
};

/// A certificate authority.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its certificate, as a file for `--ca`.
    fn pem(&self) -> Vec<u8> {
        let der = BASE64_STANDARD.encode(self.0.der());
        format!("-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n").into_bytes()
    }

    /// The TLS of a server with a certificate of this authority.
    fn server(&self, certificate: &CertificateParams) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let certificate = certificate.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

fn certificate_for(name: &str) -> CertificateParams {
    CertificateParams::new([name.to_owned()]).unwrap()
}

/// A proxy that terminates TLS in front of a receiver.
struct Proxy {
    address: String,
    /// The number of complete handshakes.
    handshakes: Arc<AtomicUsize>,
}

impl Proxy {
    async fn start(tls: TlsAcceptor, receiver: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("https://{}", listener.local_addr().unwrap());
        let receiver = receiver.trim_start_matches("http://").to_owned();
        let handshakes = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&handshakes);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (tls, receiver, counter) = (tls.clone(), receiver.clone(), Arc::clone(&counter));
                tokio::spawn(async move {
                    let mut client = tls.accept(client).await?;
                    counter.fetch_add(1, Ordering::Relaxed);
                    copy_bidirectional(&mut client, &mut TcpStream::connect(receiver).await?).await
                });
            }
        });
        Self { address, handshakes }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn receiver_behind_tls_follows_all_rules() {
    let (conformance, authority) = (conformance().await, Authority::new());
    let receiver = serve(service::routes(followed(&conformance), None, REQUEST_TIMEOUT)).await;
    let proxy = Proxy::start(authority.server(&certificate_for("127.0.0.1")), &receiver).await;
    let options = Options { ca: Some(authority.pem()), ..options(&proxy.address) };
    let report = conformance.check(&options, &|_| ()).await.unwrap();
    assert_eq!(failures(&report), [""; 0]);
    assert_eq!(names(&report, Verdict::Passed).len(), Rule::ALL.len());
}

/// The rules of `rules` that a receiver behind TLS breaks.
async fn broken_rules(conformance: &Conformance, receiver: &str, rules: &[Rule]) -> Vec<&'static str> {
    let authority = Authority::new();
    let proxy = Proxy::start(authority.server(&certificate_for("127.0.0.1")), receiver).await;
    let options = Options {
        ca: Some(authority.pem()),
        rules: rules.to_vec(),
        response_within: Duration::from_secs(3),
        slow_within: Duration::from_secs(4),
        ..options(&proxy.address)
    };
    names(&conformance.check(&options, &|_| ()).await.unwrap(), Verdict::Failed)
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_receivers_behind_tls_are_caught() {
    let conformance = conformance().await;
    let receiver =
        |defect| broken::Receiver::new(defect, followed(&conformance), fixed(&conformance, SERVICE)).routes();
    let address = serve(receiver(Defect::ActsOnRepeat)).await;
    let rules = [Rule::RepeatAccepted, Rule::RepeatWithoutEffect];
    assert_eq!(broken_rules(&conformance, &address, &rules).await, ["repeat-without-effect"]);

    let address = broken::serve_one_at_a_time(receiver(Defect::KeepsFirstKeySet)).await;
    let rules = [Rule::SlowClientsDoNotBlock, Rule::SlowClientsDisconnected];
    let broken = ["slow-clients-do-not-block", "slow-clients-disconnected"];
    assert_eq!(broken_rules(&conformance, &address, &rules).await, broken);
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_certificate_is_an_error_before_requests() {
    let (conformance, authority, other) = (conformance().await, Authority::new(), Authority::new());
    let receiver = serve(service::routes(followed(&conformance), None, REQUEST_TIMEOUT)).await;
    let mut expired = certificate_for("127.0.0.1");
    expired.not_after = date_time_ymd(2020, 1, 1);
    for (case, certificate, ca) in [
        ("private authority", certificate_for("127.0.0.1"), None),
        ("other authority", certificate_for("127.0.0.1"), Some(other.pem())),
        ("other name", certificate_for("receiver.example"), Some(authority.pem())),
        ("expired", expired, Some(authority.pem())),
    ] {
        let proxy = Proxy::start(authority.server(&certificate), &receiver).await;
        let options = Options { ca, ..options(&proxy.address) };
        let error = conformance.check(&options, &|_| ()).await.unwrap_err();
        assert!(
            matches!(&error, Error::Tls { error: rustls::Error::InvalidCertificate(_), .. }),
            "{case}: {error}"
        );
        assert_eq!(proxy.handshakes.load(Ordering::Relaxed), 0, "{case}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn receiver_without_tls_is_an_error() {
    let conformance = conformance().await;
    let receiver = serve(service::routes(followed(&conformance), None, REQUEST_TIMEOUT)).await;
    let url = receiver.replace("http://", "https://");
    let error = conformance.check(&options(&url), &|_| ()).await.unwrap_err();
    assert!(matches!(error, Error::Tls { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stalled_handshake_ends_in_time() {
    let conformance = conformance().await;
    // Accepts connections in the kernel, and never reads from them.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = Options {
        response_within: Duration::from_millis(100),
        start_within: Duration::from_millis(300),
        ..options(&format!("https://{}", listener.local_addr().unwrap()))
    };
    let error = conformance.check(&options, &|_| ()).await.unwrap_err();
    assert!(matches!(error, Error::NotRunning { .. }), "{error}");
}
