//! Recordings of a client's run: its requests to the endpoint, which a harness can send again.

use std::{collections::BTreeMap, fmt, time::Duration};

use http::{HeaderName, HeaderValue, Method};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Parts;
use crate::{
    HarnessError,
    journal::{MAX_BODY_BYTES, Part, RequestFilter},
};

/// The format that this version writes, and the only one that it reads.
const FORMAT: u32 = 1;
/// Headers that belong to a connection or to a harness. A replay sets its own ones.
const NOT_RECORDED: [&str; 6] =
    ["authorization", "bluemix-instance", "connection", "content-length", "host", "transfer-encoding"];
/// Gaps between requests that are shorter are not replayed.
const SHORTEST_GAP: Duration = Duration::from_secs(1);

/// A client's requests to the endpoint, with the statuses of the responses. It has no token, and
/// the instance of its harness only as far as the client put it into a path or a body.
///
/// ```
/// # #[tokio::main]
/// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
/// let harness = keysync_testkit::Harness::start().await?;
/// let key = harness.new_key("invoices").create().await?;
/// key.sync().await?.assert_status(204);
/// let recording = harness.recording()?;
///
/// harness.reset().await?;
/// harness.replay(&recording).await?.assert_same();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "control-api", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// The version of this format.
    format: u32,
    /// The requests, oldest first.
    requests: Vec<Recorded>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "control-api", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
struct Recorded {
    /// The time since the request before, in ms by the harness's clock.
    after_millis: u64,
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: String,
    /// The status of the response.
    status: u16,
    /// The ids in the response. Later requests of a replay have the ids of its own responses.
    ids: Vec<String>,
}

/// A replayed request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "control-api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Replayed {
    /// The method and the path.
    pub request: String,
    /// The recorded status.
    pub recorded: u16,
    /// The status now.
    pub status: u16,
}

/// The result of a replay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "control-api", derive(utoipa::ToSchema))]
#[must_use = "a replay may differ from its recording: call `assert_same`"]
#[non_exhaustive]
pub struct Replay {
    /// The requests, oldest first.
    pub requests: Vec<Replayed>,
}

impl Replay {
    /// The requests whose status differs from the recorded one.
    #[must_use]
    pub fn differences(&self) -> Vec<&Replayed> {
        self.requests.iter().filter(|request| request.status != request.recorded).collect()
    }

    /// Asserts that each request had the recorded status.
    ///
    /// # Panics
    ///
    /// If one had not, with all of those.
    #[track_caller]
    pub fn assert_same(&self) {
        let differences: Vec<_> = self.differences().iter().map(ToString::to_string).collect();
        assert!(differences.is_empty(), "the replay differs:\n{}", differences.join("\n"));
    }
}

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { request, recorded, status } = self;
        write!(f, "{request}: {status}, recorded {recorded}")
    }
}

impl Parts {
    /// The requests to the endpoint since the start or the last reset.
    pub(crate) fn recording(&self) -> Result<Recording, HarnessError> {
        let exchanges = self.context.journal.matching_with_secrets(&RequestFilter::to(Part::Endpoint));
        let (mut requests, mut before) = (Vec::new(), None);
        for exchange in exchanges {
            let (Some(status), Some(response)) = (exchange.status, &exchange.response) else { continue };
            if exchange.request.body_bytes > MAX_BODY_BYTES {
                let reason = format!("the body of {} {} is too long", exchange.method, exchange.path);
                return Err(HarnessError::Recording(reason));
            }
            let at = exchange.at;
            let gap = self.lambda.time_between(before.replace(at).unwrap_or(at), at);
            let mut headers = exchange.request.headers;
            headers.retain(|name, _| !NOT_RECORDED.contains(&name.as_str()));
            requests.push(Recorded {
                after_millis: u64::try_from(gap.as_millis()).unwrap_or(u64::MAX),
                method: exchange.method,
                path: exchange.path,
                headers,
                body: exchange.request.body,
                status,
                ids: ids(&serde_json::from_str(&response.body).unwrap_or_default()),
            });
        }
        Ok(Recording { format: FORMAT, requests })
    }

    /// Sends the requests of a recording again, as the Manager.
    pub(crate) async fn replay(&self, recording: &Recording) -> Result<Replay, HarnessError> {
        if recording.format != FORMAT {
            let reason = format!("its format is {}, and this version reads {FORMAT}", recording.format);
            return Err(HarnessError::Recording(reason));
        }
        let (manager, mut known, mut requests) = (self.manager().await?, Vec::new(), Vec::new());
        for recorded in &recording.requests {
            let gap = Duration::from_millis(recorded.after_millis);
            if gap >= SHORTEST_GAP {
                self.lambda.advance_clock(gap).await?;
            }
            let invalid =
                |part: &str| HarnessError::Recording(format!("invalid {part} of {}", recorded.path));
            let method: Method = recorded.method.parse().map_err(|_| invalid("method"))?;
            if !recorded.path.starts_with('/') {
                return Err(invalid("path"));
            }
            let mut request = manager.request(method.clone(), &with_ids(&recorded.path, &known));
            for (name, value) in &recorded.headers {
                let name: HeaderName = name.parse().map_err(|_| invalid("header"))?;
                let value: HeaderValue = with_ids(value, &known).parse().map_err(|_| invalid("header"))?;
                request = request.header(name, value);
            }
            let response = manager.send(request.body(with_ids(&recorded.body, &known))).await?;
            known.extend(recorded.ids.iter().cloned().zip(ids(&response.body)));
            let status = response.status.as_u16();
            let request = format!("{method} {}", recorded.path);
            requests.push(Replayed { request, recorded: recorded.status, status });
        }
        Ok(Replay { requests })
    }
}

/// The values of all fields `id` in a response, in order.
fn ids(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| match value {
                Value::String(id) if name == "id" => vec![id.clone()],
                value => ids(value),
            })
            .collect(),
        Value::Array(values) => values.iter().flat_map(ids).collect(),
        _ => Vec::new(),
    }
}

/// The text with the ids of this replay in place of the recorded ones.
fn with_ids(text: &str, known: &[(String, String)]) -> String {
    known.iter().fold(text.to_owned(), |text, (recorded, now)| text.replace(recorded, now))
}
