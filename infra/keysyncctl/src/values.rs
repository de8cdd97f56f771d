//! Values of command line options.

use std::time::Duration;

use jiff::SignedDuration;
use url::{Host, Url};

/// The maximum of a duration: sums and multiples of it are valid durations and instants.
const MAX_DURATION: Duration = Duration::from_hours(366 * 24);

/// Parses a duration such as `30s`, `500ms` or `1h30m`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok());
    parsed
        .filter(|duration| *duration <= MAX_DURATION)
        .ok_or_else(|| "must be a duration of at most 366 days, such as 500ms, 30s or 1h30m".to_owned())
}

/// Parses the base URL of a server that receives a secret: `https`, or `http` on this machine.
pub(crate) fn base_url(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|_| "must be a URL, such as https://us-south.kms.cloud.ibm.com")?;
    let is_loopback = match url.host() {
        None => return Err("must have a host".to_owned()),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
    };
    match url.scheme() {
        "https" => {}
        "http" if is_loopback => {}
        _ => return Err("must start with https:// (or http:// on this machine)".to_owned()),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain a user name or password".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not contain a query or fragment".to_owned());
    }
    Ok(url)
}

/// `url` with `segments` appended to its path, each percent-encoded.
pub(crate) fn join(url: &Url, segments: &[&str]) -> Url {
    let mut url = url.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// A duration for humans: its two largest units.
pub(crate) fn age(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_is_sent_over_https_or_loopback_only() {
        for good in ["https://us-south.kms.cloud.ibm.com", "http://127.0.0.1:8080", "http://a.localhost:1/x"]
        {
            assert!(base_url(good).is_ok(), "{good}");
        }
        for bad in
            ["", "us-south", "http://kms.example", "ftp://a", "https://u:p@a", "https://a?b", "https://a#b"]
        {
            assert!(base_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn path_segments_are_encoded() {
        let base = base_url("https://a.example/kms/").unwrap();
        assert_eq!(join(&base, &["api", "a/b?c"]).as_str(), "https://a.example/kms/api/a%2Fb%3Fc");
    }

    #[test]
    fn durations_are_positive() {
        assert_eq!(duration("1h30m"), Ok(Duration::from_mins(90)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for bad in ["", "5", "-5s", "soon", "8785h", "9999999999999h"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert_eq!(age(Duration::from_hours(25)), "1d01h");
    }
}
