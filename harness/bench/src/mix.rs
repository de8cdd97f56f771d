//! The measured kinds of requests.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::{
    BenchError,
    keys::BenchKey,
    load::{self, Load},
    stage::{self, Stage},
};
use keysync_lambda_emulator::ProcessFunction;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Mix {
    /// 204, by key id, from a caller with a cached IAM decision.
    Notified,
    /// 204 from a new caller, without a cached IAM decision.
    NewCaller,
    /// 204, by alias.
    ByAlias,
    /// 409: the window is closed.
    TooEarly,
    /// 401: the token's signature is invalid.
    BadToken,
}

/// All kinds.
pub(super) const ALL: [Mix; 5] = [Mix::Notified, Mix::NewCaller, Mix::ByAlias, Mix::TooEarly, Mix::BadToken];

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Notified => "204",
            Self::NewCaller => "204, new caller",
            Self::ByAlias => "204, by alias",
            Self::TooEarly => "409",
            Self::BadToken => "401",
        })
    }
}

impl Mix {
    fn status(self) -> u16 {
        match self {
            Self::Notified | Self::NewCaller | Self::ByAlias => 204,
            Self::TooEarly => 409,
            Self::BadToken => 401,
        }
    }

    /// Whether the request needs an open window.
    fn needs_open_window(self) -> bool {
        self.status() == 204
    }

    /// The events of a round: one per key.
    async fn events(self, stage: &Stage, keys: &[BenchKey], token: &str) -> Result<Vec<Value>, BenchError> {
        let token = match self {
            Self::NewCaller => stage.token().await?,
            Self::BadToken => with_invalid_signature(token),
            _ => token.to_owned(),
        };
        let name = |key: &BenchKey| if self == Self::ByAlias { key.alias() } else { key.id.to_string() };
        Ok(keys.iter().map(|key| stage.event(&name(key), &token)).collect())
    }

    /// Makes `count` requests, `at_once` of them concurrently, in rounds over `keys`.
    pub(super) async fn measure(
        self,
        stage: &Stage,
        function: &ProcessFunction,
        keys: &[BenchKey],
        token: &str,
        (count, at_once): (usize, usize),
    ) -> Result<Load, BenchError> {
        let mut all = Load::new()?;
        while all.count() < count {
            let keys = &keys[..keys.len().min(count - all.count())];
            if self.needs_open_window() {
                stage.table().open_windows(keys).await?;
            }
            let events = self.events(stage, keys, token).await?;
            all.add(&round(function, events, at_once, self.status()).await?)?;
        }
        Ok(all)
    }
}

/// Makes one request per event.
pub(super) async fn round(
    function: &ProcessFunction,
    events: Vec<Value>,
    at_once: usize,
    expected: u16,
) -> Result<Load, BenchError> {
    let (function, events) = (function.invoker(), std::sync::Arc::new(events));
    let count = events.len();
    load::run(count, at_once, move |n| {
        let (function, events) = (function.clone(), events.clone());
        async move {
            let response = function.response(&events[n]).await.ok_or(BenchError::Failed)?;
            match stage::status(&response) {
                Some(status) if status == expected => Ok(()),
                _ => {
                    Err(BenchError::Status { expected, got: String::from_utf8_lossy(&response).into_owned() })
                }
            }
        }
    })
    .await
}

/// The token with an invalid, well-formed signature: one letter in its middle is replaced.
fn with_invalid_signature(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap_or((token, ""));
    let (front, back) = signature.split_at(signature.len() / 2);
    let other = if back.starts_with('A') { 'B' } else { 'A' };
    format!("{signed}.{front}{other}{}", back.get(1..).unwrap_or_default())
}
