//! The acknowledgement of a notification.

use http::{Method, Request, header};
use serde_json::json;

use crate::Notification;

/// The report that the service acted on a notification (`kms.secrets-event.ack`), due within four
/// hours of it.
///
/// This crate has no HTTP client: send the [`request`](Self::request) with yours, and expect the
/// status 204.
///
/// ```
/// use keysync_receiver::{Acknowledgement, Verifier, sample};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = Verifier::new(sample::SERVICE, [sample::PUBLIC_KEY])?;
/// let notification = verifier.verify(&sample::headers(), sample::BODY, sample::signed_at())?;
/// let request = Acknowledgement::new(&notification, "DEK_DISABLED", "2026-11-24T05:10:00Z")
///     .request("https://us-south.kms.cloud.ibm.com", "an IAM access token")?;
/// assert_eq!(request.uri().path(), "/api/v2/event_ack");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Acknowledgement<'a> {
    notification: &'a Notification,
    key_state: &'a str,
    at: String,
    resource_crn: Option<&'a str>,
}

impl<'a> Acknowledgement<'a> {
    /// An acknowledgement for all resources. `key_state` is your own name for the state of the
    /// resources that the key protects, `at` the RFC 3339 time when you acted.
    ///
    /// ```
    /// use keysync_receiver::{Acknowledgement, Notification};
    ///
    /// fn suspended(notification: &Notification) -> Acknowledgement<'_> {
    ///     Acknowledgement::new(notification, "DEK_DISABLED", "2026-11-24T05:10:00Z")
    /// }
    /// ```
    #[must_use]
    pub fn new(notification: &'a Notification, key_state: &'a str, at: impl Into<String>) -> Self {
        Self { notification, key_state, at: at.into(), resource_crn: None }
    }

    /// Limits the acknowledgement to one resource.
    ///
    /// ```
    /// use keysync_receiver::{Acknowledgement, Notification};
    ///
    /// fn one<'a>(notification: &'a Notification, crn: &'a str) -> Acknowledgement<'a> {
    ///     Acknowledgement::new(notification, "DEK_DISABLED", "2026-11-24T05:10:00Z").for_resource(crn)
    /// }
    /// ```
    #[must_use]
    pub fn for_resource(self, crn: &'a str) -> Self {
        Self { resource_crn: Some(crn), ..self }
    }

    /// The request to the key-management `endpoint`, with an IAM access token.
    ///
    /// ```
    /// use keysync_receiver::{Acknowledgement, Notification};
    ///
    /// fn request(notification: &Notification, token: &str) -> http::Result<http::Request<Vec<u8>>> {
    ///     let acted = Acknowledgement::new(notification, "DEK_DISABLED", "2026-11-24T05:10:00Z");
    ///     acted.request("https://us-south.kms.cloud.ibm.com", token)
    /// }
    /// ```
    pub fn request(&self, endpoint: &str, token: &str) -> http::Result<Request<Vec<u8>>> {
        let Notification { event_id, source, .. } = self.notification;
        let mut resource =
            json!({"eventId": event_id, "adopterKeyState": self.key_state, "timestamp": self.at});
        if let Some(crn) = self.resource_crn {
            resource["resourceCrn"] = crn.into();
        }
        let metadata = json!({
            "collectionType": "application/vnd.ibm.kms.event_acknowledge+json",
            "collectionTotal": 1,
        });
        let body = json!({"metadata": metadata, "resources": [resource]});
        Request::builder()
            .method(Method::POST)
            .uri(format!("{}/api/v2/event_ack", endpoint.trim_end_matches('/')))
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header("bluemix-instance", source.split(':').nth(7).unwrap_or_default())
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.to_string().into_bytes())
    }
}
