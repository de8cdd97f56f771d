//! `keysyncctl check-registry`: whether the callback addresses can be reached as the functions
//! reach them.
//!
//! A `HEAD` request shows that the name resolves to public addresses, the server listens, and its
//! certificate is valid; any response counts. A service with `handshake` gets an `OPTIONS` request
//! in its place, and has to allow the sender. On request, each service that passed gets a signed
//! test event, and has to accept it.

mod handshake;
mod test_event;

use std::{net::IpAddr, path::PathBuf, time::Duration};

use clap::Args;
use futures_util::future::join_all;
use handshake::{Handshake, parse_origin};
use http::Method;
use keysync::{
    config::SERVICES,
    delivery::{AddressPolicy, Registry, Service, callback_client},
    domain::ServiceName,
    http_client::{HttpClient, Request},
};
use serde::Serialize;

use crate::{
    cli::output,
    failure::{Failure, Finished},
    input, values,
};

#[derive(Args, Debug)]
pub(crate) struct RegistryArgs {
    /// File with the registry, a JSON object of service name → settings; `-` for standard input.
    /// Without it, the registry is read from the environment variable `KEYSYNC_SERVICES`, as the
    /// functions read it.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Time limit of each request.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = values::duration)]
    timeout: Duration,
    /// DNS name of the sender in handshakes. Required if a service has `handshake`.
    #[arg(long, value_name = "NAME", value_parser = parse_origin)]
    origin: Option<String>,
    /// Also send a signed test event: an authentic callback about a key that does not exist. Needs
    /// the settings of the signing key, as the functions have them, and permission to read its
    /// secret.
    #[arg(long)]
    send_test_event: bool,
    /// Allow plain HTTP and loopback addresses, as the functions do in loopback test mode.
    #[arg(long)]
    loopback_test_mode: bool,
}

/// The result for one service.
#[derive(Debug, Serialize)]
struct Checked {
    service: ServiceName,
    /// The host; the rest of the URL may contain a secret.
    host: String,
    addresses: Vec<IpAddr>,
    /// The addresses that callbacks never connect to.
    rejected_addresses: Vec<IpAddr>,
    /// The status of the response to `HEAD` or `OPTIONS`.
    status: Option<u16>,
    /// The result of the handshake, if the service takes part in it.
    handshake: Option<Handshake>,
    /// Whether the service accepted the test event; `None` if none was sent.
    accepted_test_event: Option<bool>,
    problem: Option<String>,
}

/// Runs `keysyncctl check-registry`.
pub(crate) async fn run(args: RegistryArgs, as_json: bool) -> Result<Finished, Failure> {
    let json = match &args.file {
        Some(path) => input::read(path)?,
        None => std::env::var(SERVICES).map_err(|_| {
            Failure::Usage(format!(
                "the registry is missing: set --file, or the environment variable {SERVICES}"
            ))
        })?,
    };
    let policy =
        if args.loopback_test_mode { AddressPolicy::LoopbackTest } else { AddressPolicy::PublicOnly };
    let registry = Registry::from_json(&json, policy)
        .map_err(|error| Failure::Usage(format!("the registry is invalid: {error}")))?;
    let needs_origin = registry.services().any(|(_, service)| service.handshake);
    if needs_origin && args.origin.is_none() {
        return Err(Failure::Usage(
            "a service has `handshake`: set --origin to the name of the sender".to_owned(),
        ));
    }
    let http = callback_client(policy);
    let checks = registry.services().map(|(name, service)| check(&http, policy, name, service, &args));
    let mut checked = join_all(checks).await;
    if args.send_test_event {
        let passed = checked.iter().filter(|checked| checked.problem.is_none());
        let mut results = test_event::send(&json, &args, passed.map(|it| it.service.clone())).await?;
        for checked in &mut checked {
            if let Some(problem) = results.remove(&checked.service) {
                checked.accepted_test_event = Some(problem.is_none());
                checked.problem = problem.map(|reason| format!("test event not accepted: {reason}"));
            }
        }
    }
    let some_failed = checked.iter().any(|checked| checked.problem.is_some());
    if as_json {
        output::json(&checked)?;
    } else {
        let shown =
            |addresses: &[IpAddr]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let rows = checked.iter().map(|checked| {
            let response = checked.status.map_or_else(|| "none".to_owned(), |status| status.to_string());
            let problem = checked.problem.clone().unwrap_or_else(|| "none".to_owned());
            [checked.service.to_string(), checked.host.clone(), shown(&checked.addresses), response, problem]
        });
        output::table(["service", "host", "addresses", "response", "problem"], rows)?;
    }
    Ok(Finished::unless(some_failed))
}

async fn check(
    http: &HttpClient,
    policy: AddressPolicy,
    name: &ServiceName,
    service: &Service,
    args: &RegistryArgs,
) -> Checked {
    let (url, timeout) = (&service.url, args.timeout);
    let host = url.host_str().unwrap_or_default().to_owned();
    let port = url.port_or_known_default().unwrap_or(443);
    let target = (host.trim_matches(['[', ']']).to_owned(), port);
    let resolved = tokio::time::timeout(timeout, tokio::net::lookup_host(target)).await;
    let mut checked = Checked {
        service: name.clone(),
        host,
        addresses: Vec::new(),
        rejected_addresses: Vec::new(),
        status: None,
        handshake: None,
        accepted_test_event: None,
        problem: None,
    };
    match resolved {
        Err(_) => checked.problem = Some("the name was not resolved in time".to_owned()),
        Ok(Err(error)) => checked.problem = Some(format!("the name does not resolve: {error}")),
        Ok(Ok(addresses)) => {
            let mut addresses: Vec<IpAddr> = addresses.map(|address| address.ip()).collect();
            addresses.sort_unstable();
            addresses.dedup();
            (checked.addresses, checked.rejected_addresses) =
                addresses.into_iter().partition(|address| policy.allows(*address));
        }
    }
    if checked.problem.is_some() {
        return checked;
    }
    if let Some(origin) = args.origin.as_deref().filter(|_| service.handshake) {
        match handshake::make(http, url, origin, timeout).await {
            Ok((status, handshake)) => {
                checked.problem = handshake.problem(status, origin);
                (checked.status, checked.handshake) = (Some(status), Some(handshake));
            }
            Err(reason) => checked.problem = Some(reason),
        }
    } else {
        match http.send_once(Request::new(Method::HEAD, url), timeout).await {
            Ok(response) => checked.status = Some(response.status().as_u16()),
            Err(error) => checked.problem = Some(error.to_string()),
        }
    }
    if !checked.rejected_addresses.is_empty() && checked.problem.is_none() {
        let rejected: Vec<_> = checked.rejected_addresses.iter().map(ToString::to_string).collect();
        checked.problem = Some(format!("some addresses are not public: {}", rejected.join(" ")));
    }
    checked
}
