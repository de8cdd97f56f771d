//! What requests are measured: the kinds that a deployment sees.

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
    /// 204, by the key's id, from a caller whom IAM has decided about before.
    Notified,
    /// The same from somebody new: IAM is asked.
    FirstOfACaller,
    /// The same by the key's alias.
    ByAlias,
    /// 409: the window is closed.
    TooEarly,
    /// 401: the token's signature is not IAM's.
    BadToken,
}

/// All of them.
pub(super) const ALL: [Mix; 5] =
    [Mix::Notified, Mix::FirstOfACaller, Mix::ByAlias, Mix::TooEarly, Mix::BadToken];

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Notified => "204",
            Self::FirstOfACaller => "204, new caller",
            Self::ByAlias => "204, by alias",
            Self::TooEarly => "409",
            Self::BadToken => "401",
        })
    }
}

impl Mix {
    fn status(self) -> u16 {
        match self {
            Self::Notified | Self::FirstOfACaller | Self::ByAlias => 204,
            Self::TooEarly => 409,
            Self::BadToken => 401,
        }
    }

    /// Whether a window has to be open for it.
    fn takes_windows(self) -> bool {
        self.status() == 204
    }

    /// The events for a round over `keys`.
    async fn events(self, stage: &Stage, keys: &[BenchKey], token: &str) -> Result<Vec<Value>, BenchError> {
        let token = match self {
            Self::FirstOfACaller => stage.token().await?,
            Self::BadToken => broken(token),
            _ => token.to_owned(),
        };
        let name = |key: &BenchKey| if self == Self::ByAlias { key.alias() } else { key.id.to_string() };
        Ok(keys.iter().map(|key| stage.event(&name(key), &token)).collect())
    }

    /// Makes requests until there are `count`, `at_once` of them at any time, a round over `keys` after the other.
    pub(super) async fn measure(
        self,
        stage: &Stage,
        function: &ProcessFunction,
        keys: &[BenchKey],
        token: &str,
        (count, at_once): (usize, usize),
    ) -> Result<Load, BenchError> {
        let mut all = Load::new()?;
        while all.made() < count {
            let keys = &keys[..keys.len().min(count - all.made())];
            if self.takes_windows() {
                stage.table().open_windows(keys).await?;
            }
            let events = self.events(stage, keys, token).await?;
            all.add(&round(function, events, at_once, self.status()).await?)?;
        }
        Ok(all)
    }
}

/// One request for each event.
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
            let answer = function.answer(&events[n]).await.ok_or(BenchError::Failed)?;
            match stage::status(&answer) {
                Some(status) if status == expected => Ok(()),
                _ => Err(BenchError::Answer { expected, got: String::from_utf8_lossy(&answer).into_owned() }),
            }
        }
    })
    .await
}

/// The token with a signature that is not IAM's: another letter in its middle, so that it is well-formed.
fn broken(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap_or((token, ""));
    let (front, back) = signature.split_at(signature.len() / 2);
    let other = if back.starts_with('A') { 'B' } else { 'A' };
    format!("{signed}.{front}{other}{}", back.get(1..).unwrap_or_default())
}
