//! The access token: issued by IAM for an API key, and renewed before it expires.

use std::{sync::Arc, time::Duration};

use http::{Method, header::CONTENT_TYPE};
use serde::Deserialize;
use tokio::{sync::Mutex, time::Instant};
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use keysync::http_client::HttpClient;

use crate::{failure::Failure, values};

/// The time limit of one attempt.
const TIMEOUT: Duration = Duration::from_secs(15);
/// The attempts to get a token, and the wait between them.
const ATTEMPTS: u32 = 4;
const WAIT: Duration = Duration::from_secs(1);
/// The maximum size of a response.
const MAX_BYTES: usize = 256 * 1024;
/// A token is renewed when this part of its life is left: 6 minutes of an hour.
const RENEWED_BEFORE: u32 = 10;

/// The tokens of one API key.
#[derive(Debug)]
pub(crate) struct Tokens {
    http: HttpClient,
    url: Url,
    api_key: Zeroizing<String>,
    current: Mutex<Option<Token>>,
}

/// A token that was issued.
#[derive(Clone)]
pub(crate) struct Token {
    /// Sent as a bearer token.
    pub(crate) text: Arc<Zeroizing<String>>,
    renew_at: Instant,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

#[derive(Deserialize)]
struct Issued {
    access_token: String,
    expires_in: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rejected {
    error_code: String,
    #[serde(default)]
    error_message: String,
}

/// The result of one request to IAM.
enum Response {
    Issued(Issued),
    /// Another attempt may succeed.
    Failed(String),
    Rejected(String),
}

impl Tokens {
    pub(crate) fn new(http: HttpClient, iam: &Url, api_key: Zeroizing<String>) -> Self {
        let url = values::join(iam, &["identity", "token"]);
        Self { http, url, api_key, current: Mutex::new(None) }
    }

    /// A valid token. One request at a time gets a new one; the others wait for it.
    pub(crate) async fn get(&self) -> Result<Token, Failure> {
        let mut current = self.current.lock().await;
        if let Some(token) = current.as_ref().filter(|token| Instant::now() < token.renew_at) {
            return Ok(token.clone());
        }
        let token = self.issue().await?;
        *current = Some(token.clone());
        Ok(token)
    }

    /// Discards `token`, which the endpoint did not accept, unless it was renewed meanwhile.
    pub(crate) async fn discard(&self, token: &Token) {
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|current| current.text == token.text) {
            *current = None;
        }
    }

    async fn issue(&self) -> Result<Token, Failure> {
        let mut attempt = 1;
        loop {
            let started = Instant::now();
            match self.request().await {
                Response::Issued(Issued { access_token, expires_in }) => {
                    let life = Duration::from_secs(expires_in);
                    let renew_at = started + life.saturating_sub(life / RENEWED_BEFORE);
                    return Ok(Token { text: Arc::new(Zeroizing::new(access_token)), renew_at });
                }
                Response::Rejected(reason) => {
                    return Err(Failure::Stopped(format!(
                        "IAM rejected the API key: {reason}; correct IBMCLOUD_API_KEY or the file of --api-key-file"
                    )));
                }
                Response::Failed(reason) if attempt == ATTEMPTS => {
                    return Err(Failure::Stopped(format!(
                        "IAM issued no token in {ATTEMPTS} attempts: {reason}"
                    )));
                }
                Response::Failed(_) => tokio::time::sleep(WAIT * attempt).await,
            }
            attempt += 1;
        }
    }

    async fn request(&self) -> Response {
        let form =
            [("grant_type", "urn:ibm:params:oauth:grant-type:apikey"), ("apikey", self.api_key.as_str())];
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = super::request(Method::POST, &self.url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        let (status, body) = match self.http.fetch_once(request, TIMEOUT, MAX_BYTES).await {
            Ok((response, body)) => (response.status, Zeroizing::new(body.unwrap_or_default())),
            Err(error) => return Response::Failed(error.to_string()),
        };
        if status.is_success() {
            let issued = serde_json::from_slice(&body);
            return issued
                .map_or_else(|_| Response::Failed("its response has no token".to_owned()), Response::Issued);
        }
        if status.is_client_error() && status.as_u16() != 429 {
            let reason = serde_json::from_slice(&body).map(|Rejected { error_code, error_message }| {
                format!("{status}, {error_code} {error_message}")
            });
            return Response::Rejected(reason.unwrap_or_else(|_| status.to_string()));
        }
        Response::Failed(status.to_string())
    }
}
