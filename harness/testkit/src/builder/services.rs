//! The services of a harness: their receivers, and their settings in the functions' registry.

use serde_json::Value;

use super::HarnessBuilder;

/// The receiver of a service's callbacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Receiver {
    /// An emulated service of the harness.
    Emulated,
    /// An `httpmock` server.
    Mock,
    /// A service at this URL.
    At(String),
}

impl HarnessBuilder {
    /// Adds an emulated service, by its CRN service name.
    ///
    /// ```
    /// let builder = keysync_testkit::Harness::builder().service("data-catalog");
    /// ```
    pub fn service(self, name: &str) -> Self {
        self.receiver(name, Receiver::Emulated)
    }

    /// Adds your own service with its callback URL: `https`, or `http` on loopback. It replaces an
    /// emulated service of the same name.
    ///
    /// ```
    /// let builder = keysync_testkit::Harness::builder()
    ///     .service_at("cloud-object-storage", "http://127.0.0.1:5000/callbacks");
    /// ```
    pub fn service_at(self, name: &str, callback_url: &str) -> Self {
        self.receiver(name, Receiver::At(callback_url.to_owned()))
    }

    /// Makes the emulated services acknowledge when they act, and the functions expect it within
    /// four hours (`acknowledges` in `KEYSYNC_SERVICES`). By default, no service acknowledges.
    ///
    /// ```
    /// let builder = keysync_testkit::Harness::builder().acknowledging();
    /// ```
    pub fn acknowledging(self) -> Self {
        Self { acknowledging: true, ..self }
    }

    /// Sets a field of a service in the functions' registry (`KEYSYNC_SERVICES`):
    /// `docs/reference/configuration.md` lists them.
    ///
    /// ```
    /// let builder = keysync_testkit::Harness::builder()
    ///     .service_setting("cloud-object-storage", "timeoutSeconds", 2);
    /// ```
    pub fn service_setting(mut self, name: &str, field: &str, value: impl Into<Value>) -> Self {
        self.service_settings.push((name.to_owned(), field.to_owned(), value.into()));
        self
    }

    /// Adds a symmetric secret of a service: `whsec_` and the base64 of 24 to 64 bytes. Its
    /// callbacks have an additional signature `v1`, which the libraries of Standard Webhooks
    /// verify. With two secrets, as in a rotation, there are two. The functions fetch them from
    /// [`Harness::secrets`](crate::Harness::secrets).
    ///
    /// ```
    /// let builder = keysync_testkit::Harness::builder()
    ///     .symmetric_secret("cloud-object-storage", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    /// ```
    pub fn symmetric_secret(mut self, service: &str, secret: &str) -> Self {
        self.symmetric_secrets.push((service.to_owned(), secret.to_owned()));
        self
    }

    /// Adds a service that is an `httpmock` server, for custom expectations:
    /// [`Harness::mock`](crate::Harness::mock) returns it. A test process has at most 25 of these
    /// (`HTTPMOCK_MAX_SERVERS`); the start of another one waits until one is free.
    ///
    /// ```
    /// let builder = keysync_testkit::Harness::builder().mock("ledgers");
    /// ```
    pub fn mock(self, name: &str) -> Self {
        self.receiver(name, Receiver::Mock)
    }

    fn receiver(mut self, name: &str, receiver: Receiver) -> Self {
        self.services.retain(|(other, _)| other != name);
        self.services.push((name.to_owned(), receiver));
        self
    }
}
