//! The settings of one service in the registry.

use std::time::Duration;

use serde_json::{Value, value::RawValue};

use super::{
    Members, Service, TIMEOUT_SECONDS, callback_url,
    callback_url::{excerpt_of_url, parse_callback_url},
};
use crate::{delivery::AddressPolicy, excerpt::excerpt};

/// The fields, for an error message.
const FIELDS: &str = "`url`, `acknowledges`, `timeoutSeconds`, `paused`, `symmetricSignature` or `handshake`";

/// Parses the settings of the service `name`, a JSON object. Adds every error to `errors`, each
/// with service, field and value.
pub(super) fn parse(
    name: &str,
    settings: &RawValue,
    policy: AddressPolicy,
    errors: &mut Vec<String>,
) -> Option<Service> {
    let name = excerpt(name);
    let Ok(Members(members)) = serde_json::from_str::<Members<Value>>(settings.get()) else {
        let got = serde_json::from_str(settings.get()).map_or_else(|_| String::new(), |value| shown(&value));
        errors.push(format!("`{name}` must be a JSON object with a `url`: got {got}"));
        return None;
    };
    let errors_before = errors.len();
    let (mut url, mut acknowledges, mut timeout, mut paused) = (None, None, None, None);
    let (mut symmetric, mut handshake) = (None, None);
    for (field, value) in &members {
        let is_duplicate = match field.as_str() {
            "url" => url.replace(value).is_some(),
            "acknowledges" => acknowledges.replace(value).is_some(),
            "timeoutSeconds" => timeout.replace(value).is_some(),
            "paused" => paused.replace(value).is_some(),
            "symmetricSignature" => symmetric.replace(value).is_some(),
            "handshake" => handshake.replace(value).is_some(),
            unknown => {
                errors.push(format!(
                    "`{name}` has the unknown field `{}`: it must be {FIELDS}",
                    excerpt(unknown)
                ));
                false
            }
        };
        if is_duplicate {
            errors.push(format!("`{field}` of `{name}` is given twice: remove one of them"));
        }
    }
    let mut field = Fields { service: &name, errors };
    if url.is_none() {
        field.errors.push(format!("`{}` has no `url`: add the URL of its callbacks", field.service));
    }
    let url = field.read("url", url, |value| callback_url_of(value, policy));
    let service = Service {
        acknowledges: field.read("acknowledges", acknowledges, switch).unwrap_or(false),
        timeout: field.read("timeoutSeconds", timeout, seconds),
        paused: field.read("paused", paused, switch).unwrap_or(false),
        symmetric_signature: field.read("symmetricSignature", symmetric, switch).unwrap_or(false),
        handshake: field.read("handshake", handshake, switch).unwrap_or(false),
        url: url?,
    };
    (errors.len() == errors_before).then_some(service)
}

/// The fields of a service.
struct Fields<'a> {
    service: &'a str,
    errors: &'a mut Vec<String>,
}

impl Fields<'_> {
    /// Reads a field with `parse`, which states the rule that an invalid value breaks. `None` if it
    /// is absent or invalid.
    fn read<T>(
        &mut self,
        field: &str,
        value: Option<&Value>,
        parse: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Option<T> {
        let value = value?;
        let rule = match parse(value) {
            Ok(parsed) => return Some(parsed),
            Err(rule) => rule,
        };
        self.errors.push(format!("`{field}` of `{}` {rule}: got {}", self.service, shown(value)));
        None
    }
}

/// A value for an error message, without the parts that may contain a secret.
fn shown(value: &Value) -> String {
    match value {
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::String(text) => format!("`{}`", excerpt_of_url(text)),
        other => format!("`{other}`"),
    }
}

fn callback_url_of(value: &Value, policy: AddressPolicy) -> Result<url::Url, String> {
    let text = value.as_str().ok_or_else(|| callback_url::RULE.to_owned())?;
    parse_callback_url(text, policy)
}

fn switch(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| "must be `true` or `false`".to_owned())
}

/// Parses an integer of seconds. In JSON Schema, `5.0` is an integer, too, which prints as `5`.
fn seconds(value: &Value) -> Result<Duration, String> {
    let number = value.as_f64().and_then(|number| number.to_string().parse().ok());
    let (min, max) = TIMEOUT_SECONDS.into_inner();
    number
        .filter(|seconds| (min..=max).contains(seconds))
        .map(Duration::from_secs)
        .ok_or_else(|| format!("must be an integer of seconds from {min} to {max}"))
}
