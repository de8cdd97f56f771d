//! A client of the endpoint, as the harness's own stories and tests need it: plain HTTP, every answer
//! kept whole.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

use crate::{Harness, HarnessError, iam::Iam};

/// Somebody who calls the endpoint with a token.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    endpoint: String,
    instance: String,
    token: Arc<Mutex<String>>,
    /// Who it renews its token for, as public clients do; `None` where it was given one to use.
    renews: Option<(Iam, String)>,
}

/// An answer, whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; null where it is empty or no JSON.
    pub body: Value,
}

impl Answer {
    /// A header's value, or nothing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// `reasons[0].code` of an error document, or nothing.
    #[must_use]
    pub fn code(&self) -> &str {
        self.body["resources"][0]["reasons"][0]["code"].as_str().unwrap_or_default()
    }

    /// `reasons[0].message` of an error document, or nothing.
    #[must_use]
    pub fn message(&self) -> &str {
        self.body["resources"][0]["reasons"][0]["message"].as_str().unwrap_or_default()
    }
}

impl Client {
    /// A client of `harness` with the token that IAM gives for `api_key`.
    pub async fn log_in(harness: &Harness, api_key: &str) -> Result<Self, HarnessError> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let form = [("grant_type", "urn:ibm:params:oauth:grant-type:apikey"), ("apikey", api_key)];
        let answer = http.post(format!("{}/identity/token", harness.iam_url())).form(&form).send().await?;
        let answer: Value = answer.error_for_status()?.json().await?;
        let token = answer["access_token"].as_str().unwrap_or_default().to_owned();
        let iam = harness.iam().clone();
        let renews = iam.authenticate(&token).ok().map(|principal| (iam, principal.iam_id));
        let (endpoint, instance) = (harness.endpoint_url(), harness.instance().to_string());
        Ok(Self { http, endpoint, instance, token: Arc::new(Mutex::new(token)), renews })
    }

    /// The same client with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Arc::new(Mutex::new(token.to_owned())), renews: None, ..self.clone() }
    }

    /// Its token, renewed where the harness's clock has left it behind. A secret, though of this
    /// harness only.
    #[must_use]
    pub fn token(&self) -> String {
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((iam, iam_id)) = &self.renews
            && iam.authenticate(&token).is_err()
            && let Ok(renewed) = iam.token(iam_id).build()
        {
            *token = renewed;
        }
        token.clone()
    }

    /// A request with the headers that every call bears. `path` starts with a slash.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.endpoint))
            .bearer_auth(self.token())
            .header("bluemix-instance", &self.instance)
    }

    /// Sends a request and takes its answer whole.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answer, HarnessError> {
        let answer = request.send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = serde_json::from_slice(&answer.bytes().await?).unwrap_or_default();
        Ok(Answer { status, headers, body })
    }

    /// `POST` with no body.
    pub async fn post(&self, path: &str) -> Result<Answer, HarnessError> {
        self.send(self.request(Method::POST, path)).await
    }

    /// `POST …/actions/sync`: the call that all of this is about.
    pub async fn sync(&self, key: &str) -> Result<Answer, HarnessError> {
        self.post(&format!("/api/v2/keys/{key}/actions/sync")).await
    }

    /// Makes a key and returns its id.
    pub async fn create_key(&self, name: &str, extractable: bool) -> Result<String, HarnessError> {
        let body = json!({
            "metadata": {"collectionType": "application/vnd.ibm.kms.key+json", "collectionTotal": 1},
            "resources": [{"type": "application/vnd.ibm.kms.key+json", "name": name, "extractable": extractable}],
        });
        let answer = self.send(self.request(Method::POST, "/api/v2/keys").json(&body)).await?;
        match answer.body["resources"][0]["id"].as_str() {
            Some(id) => Ok(id.to_owned()),
            None => Err(HarnessError::unexpected("making a key", &answer)),
        }
    }

    /// Registers a resource with a key, as the service that owns the resource does.
    pub async fn register(&self, key: &str, resource_crn: &str) -> Result<(), HarnessError> {
        let encoded = resource_crn.replace(':', "%3A").replace('/', "%2F");
        let body = json!({
            "metadata": {"collectionType": "application/vnd.ibm.kms.registration_input+json", "collectionTotal": 1},
            "resources": [{"preventKeyDeletion": false, "description": "registered by its service"}],
        });
        let request =
            self.request(Method::POST, &format!("/api/v2/keys/{key}/registrations/{encoded}")).json(&body);
        let answer = self.send(request).await?;
        if answer.status == StatusCode::CREATED {
            Ok(())
        } else {
            Err(HarnessError::unexpected("registering a resource", &answer))
        }
    }

    /// Deletes a key, whatever it protects.
    pub async fn delete(&self, key: &str) -> Result<Answer, HarnessError> {
        self.send(self.request(Method::DELETE, &format!("/api/v2/keys/{key}?force=true"))).await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({}, a token that is not shown)", self.endpoint)
    }
}
