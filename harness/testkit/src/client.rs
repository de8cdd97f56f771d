//! An HTTP client of the key-management endpoint, with a token.

use std::{fmt, sync::Arc};

use http::{Method, StatusCode};
use keysync::domain::KeyType;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::{Harness, HarnessError, Response, iam::Iam, journal::Journal, parts::Parts, path};

/// An HTTP client of the key-management endpoint, with a token.
///
/// ```
/// use http::Method;
/// use keysync_testkit::Harness;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
/// let harness = Harness::start().await?;
/// let manager = harness.manager().await?;
///
/// let keys = manager.send(manager.request(Method::GET, "/api/v2/keys?limit=10")).await?;
///
/// keys.assert_status(200);
/// assert_eq!(keys.body["metadata"]["collectionTotal"], 0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    endpoint: String,
    instance: String,
    token: Arc<Mutex<String>>,
    /// The identity that the token is renewed for, as public clients do; `None` if the token was
    /// set.
    renews: Option<(Iam, String)>,
    journal: Journal,
}

impl Client {
    /// Creates a client of `harness` with the token that IAM issues for `api_key`.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
    /// use keysync_testkit::{Client, Harness};
    ///
    /// let harness = Harness::start().await?;
    /// let reader = Client::log_in(&harness, harness.reader_api_key()).await?;
    /// reader.sync("some-key").await?.assert_error(401, "UNAUTHORIZED_ERR");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn log_in(harness: &Harness, api_key: &str) -> Result<Self, HarnessError> {
        Self::of(&harness.parts, api_key).await
    }

    pub(crate) async fn of(parts: &Parts, api_key: &str) -> Result<Self, HarnessError> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let form = [("grant_type", "urn:ibm:params:oauth:grant-type:apikey"), ("apikey", api_key)];
        let url = format!("{}/identity/token", parts.iam.url());
        let response = http.post(url).form(&form).send().await?;
        let body: Value = response.error_for_status()?.json().await?;
        let token = body["access_token"].as_str().unwrap_or_default().to_owned();
        let iam = parts.iam.emulator.clone();
        let renews = iam.authenticate(&token).ok().map(|principal| (iam, principal.iam_id));
        let (endpoint, instance) = (parts.kms.url.clone(), parts.instance().to_string());
        let (token, journal) = (Arc::new(Mutex::new(token)), parts.context.journal.clone());
        Ok(Self { http, endpoint, instance, token, renews, journal })
    }

    /// The same client with another token.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
    /// # let harness = keysync_testkit::Harness::start().await?;
    /// let client = harness.manager().await?.with_token("no.token.atall");
    /// client.sync("some-key").await?.assert_error(400, "BEARER_SUB_EXTRACTION_ERR");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Arc::new(Mutex::new(token.to_owned())), renews: None, ..self.clone() }
    }

    /// The token, renewed if it has expired by the harness's clock. A secret, valid in this harness
    /// only.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
    /// # let harness = keysync_testkit::Harness::start().await?;
    /// let token = harness.manager().await?.token();
    /// assert_eq!(token.split('.').count(), 3);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn token(&self) -> String {
        let mut token = self.token.lock();
        if let Some((iam, iam_id)) = &self.renews
            && iam.authenticate(&token).is_err()
            && let Ok(renewed) = iam.token(iam_id).build()
        {
            *token = renewed;
        }
        token.clone()
    }

    /// Builds a request with the headers of every call. `path` starts with a slash.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.endpoint))
            .bearer_auth(self.token())
            .header("bluemix-instance", &self.instance)
    }

    /// Sends a request and reads the complete response.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Result<Response, HarnessError> {
        let (http, request) = request.build_split();
        let request = request?;
        let path = request.url().as_str().trim_start_matches(&self.endpoint);
        let summary = format!("{} {path}", request.method());
        let received = http.execute(request).await?;
        let (status, headers) = (received.status(), received.headers().clone());
        let body = serde_json::from_slice(&received.bytes().await?).unwrap_or_default();
        Ok(Response { status, headers, body, request: summary, journal: self.journal.clone() })
    }

    /// Sends a `POST` without a body.
    pub async fn post(&self, path: &str) -> Result<Response, HarnessError> {
        self.send(self.request(Method::POST, path)).await
    }

    /// Sends `POST …/actions/sync`. `key` is the key's id or an alias.
    pub async fn sync(&self, key: &str) -> Result<Response, HarnessError> {
        self.post(&format!("/api/v2/keys/{key}/actions/sync")).await
    }

    /// Creates a key and returns its id; [`Harness::new_key`] has more options and returns a
    /// handle.
    pub async fn create_key(&self, name: &str, key_type: KeyType) -> Result<String, HarnessError> {
        self.create_key_with(name, key_type, None).await
    }

    /// Creates a key with an alias in one request, so that a rejected alias creates no key.
    pub(crate) async fn create_key_with(
        &self,
        name: &str,
        key_type: KeyType,
        alias: Option<&str>,
    ) -> Result<String, HarnessError> {
        let kind = "application/vnd.ibm.kms.key+json";
        let extractable = key_type == KeyType::Standard;
        let mut key = json!({"type": kind, "name": name, "extractable": extractable});
        if let Some(alias) = alias {
            key["aliases"] = json!([alias]);
        }
        let body = json!({"metadata": {"collectionType": kind, "collectionTotal": 1}, "resources": [key]});
        let response = self.send(self.request(Method::POST, "/api/v2/keys").json(&body)).await?;
        match response.body["resources"][0]["id"].as_str() {
            Some(id) => Ok(id.to_owned()),
            None => Err(HarnessError::unexpected("creating a key", &response)),
        }
    }

    /// Registers a resource, by its CRN, with a key, as the service that owns the resource does.
    pub async fn register(&self, key: &str, resource_crn: &str) -> Result<(), HarnessError> {
        let (key, resource) = (path::segment(key), path::segment(resource_crn));
        let body = json!({
            "metadata": {"collectionType": "application/vnd.ibm.kms.registration_input+json", "collectionTotal": 1},
            "resources": [{"preventKeyDeletion": false, "description": "registered by its service"}],
        });
        let request =
            self.request(Method::POST, &format!("/api/v2/keys/{key}/registrations/{resource}")).json(&body);
        let response = self.send(request).await?;
        if response.status == StatusCode::CREATED {
            Ok(())
        } else {
            Err(HarnessError::unexpected("registering a resource", &response))
        }
    }

    /// Deletes a key with `force=true`, even if it protects resources.
    pub async fn delete(&self, key: &str) -> Result<Response, HarnessError> {
        self.send(self.request(Method::DELETE, &format!("/api/v2/keys/{key}?force=true"))).await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({}, token redacted)", self.endpoint)
    }
}
