//! `keysyncctl verify`: compares table and endpoint, and names each difference.
//!
//! Both sides are read page by page into digests. Keys whose digests differ are read again, one by
//! one and from both sides at nearly the same time: so a change that happened in between is no
//! difference.

use futures_util::{StreamExt, stream};
use http::StatusCode;
use keysync::{
    domain::{InstanceId, KeyId},
    ledger::{Ledger, Stored},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    args::VerifyArgs,
    difference::{AtEndpoint, Difference, differences},
    digest::{Digests, Side},
    facts,
};
use crate::{
    cli::output,
    endpoint::{Call, Endpoint, ErrorDocument, KeyRow, Paging, RegistrationRow},
    failure::{Failure, Finished},
    progress,
    table::KeyRef,
};

/// Runs `keysyncctl verify`.
pub(crate) async fn run(args: VerifyArgs, as_json: bool) -> Result<Finished, Failure> {
    let instance = args.endpoint.instance()?;
    let (endpoint, ledger) = (args.endpoint.connect()?, args.table.open().await?);
    let mut digests = Digests::default();
    let invalid = read_endpoint(&endpoint, instance, args.page_size, &mut digests).await?;
    read_table(&ledger, instance, &mut digests).await?;

    let mut candidates: Vec<KeyId> = digests.differing().collect();
    candidates.sort_unstable();
    let (compared, left) = (digests.len(), candidates.len().saturating_sub(args.max_keys));
    candidates.truncate(args.max_keys);
    drop(digests);
    let found = compare(&endpoint, &ledger, instance, candidates, &args).await?;

    if as_json {
        output::json(&json!({"keys": compared, "differences": found, "not-looked-at": left}))?;
    } else {
        show(&found, compared)?;
    }
    if left > 0 {
        output::remark(format!("{left} more keys seem to differ; raise --max-keys to look at them"));
    }
    Ok(Finished::unless(!found.is_empty() || left > 0 || invalid > 0))
}

/// Adds what the endpoint has. Returns the number of elements that cannot be compared.
async fn read_endpoint(
    endpoint: &Endpoint,
    instance: InstanceId,
    page: usize,
    digests: &mut Digests,
) -> Result<usize, Failure> {
    let mut invalid = 0;
    let mut skip = |identity: &str, reason: &str| {
        invalid += 1;
        output::remark(format!("{identity} cannot be compared: {reason}"));
    };
    let progress = progress::counter("reading keys of the endpoint");
    let mut keys = Paging::keys(instance, None, page);
    while let Some(rows) = keys.next::<KeyRow>(endpoint).await? {
        progress.inc(rows.len() as u64);
        for row in rows {
            match row {
                Ok(row) => match facts::of(&row) {
                    Ok((facts, _)) => digests.add_key(&facts),
                    Err(reason) => skip(&row.id.to_string(), &reason),
                },
                Err(row) => skip(&row.identity, &row.reason),
            }
        }
    }
    progress.set_message("reading registrations of the endpoint");
    progress.reset();
    let mut registrations = Paging::registrations(instance, page);
    while let Some(rows) = registrations.next::<RegistrationRow>(endpoint).await? {
        progress.inc(rows.len() as u64);
        for row in rows {
            match row {
                Ok(row) => digests.add_registration(Side::Endpoint, row.key_id, &row.resource_crn),
                Err(row) => skip(&row.identity, &row.reason),
            }
        }
    }
    progress.finish_and_clear();
    Ok(invalid)
}

/// Subtracts what the table has.
async fn read_table(ledger: &Ledger, instance: InstanceId, digests: &mut Digests) -> Result<(), Failure> {
    let progress = progress::counter("reading items of the table");
    let mut start = None;
    loop {
        let page = ledger.scan(Some(instance), start).await.map_err(Failure::stopped)?;
        progress.inc(page.scanned as u64);
        for item in page.items {
            match item {
                Stored::Key(stored) if stored.record.purged_at.is_some() => {}
                Stored::Key(stored) => digests.add_stored(&stored),
                Stored::Registration { key, resource } => {
                    digests.add_registration(Side::Table, key, &resource);
                }
            }
        }
        start = page.next;
        if start.is_none() {
            progress.finish_and_clear();
            return Ok(());
        }
    }
}

/// Reads keys from both sides and compares them.
async fn compare(
    endpoint: &Endpoint,
    ledger: &Ledger,
    instance: InstanceId,
    keys: Vec<KeyId>,
    args: &VerifyArgs,
) -> Result<Vec<Difference>, Failure> {
    let progress = progress::bar(keys.len(), "comparing keys");
    let mut compared = stream::iter(keys)
        .map(async |key| {
            let at_endpoint = read_key(endpoint, instance, key, args.page_size).await?;
            let in_table = ledger.partition(instance, key).await.map_err(Failure::stopped)?;
            Ok::<_, Failure>(differences(KeyRef { instance, key }, &in_table, &at_endpoint))
        })
        .buffered(args.concurrency);
    let mut found = Vec::new();
    while let Some(differences) = compared.next().await {
        found.extend(differences?);
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(found)
}

/// The metadata of one key.
#[derive(Deserialize)]
struct Metadata {
    resources: Vec<KeyRow>,
}

async fn read_key(
    endpoint: &Endpoint,
    instance: InstanceId,
    key: KeyId,
    page: usize,
) -> Result<AtEndpoint, Failure> {
    let id = key.to_string();
    let shown = format!("GET /api/v2/keys/{id}/metadata");
    let path = ["keys", &id, "metadata"];
    let reply =
        endpoint.send(&Call::get(&path, instance)).await.map_err(|error| error.into_failure(&shown))?;
    if reply.status == StatusCode::NOT_FOUND {
        return Ok(AtEndpoint { facts: None, registrations: [].into() });
    }
    if reply.status != StatusCode::OK {
        let document = ErrorDocument::read(&reply.body);
        return Err(Failure::Stopped(format!("{shown}: {}{document}", reply.status)));
    }
    let metadata: Metadata = serde_json::from_slice(&reply.body)
        .map_err(|error| Failure::Stopped(format!("{shown}: the response is invalid: {error}")))?;
    let row = metadata.resources.into_iter().next();
    let facts = row.as_ref().and_then(|row| facts::of(row).ok()).map(|(facts, _)| facts);
    let path = ["keys", &id, "registrations"];
    let mut paging = Paging::registrations_of(&path, instance, page);
    let mut registrations = std::collections::BTreeSet::new();
    while let Some(rows) = paging.next::<RegistrationRow>(endpoint).await? {
        registrations.extend(rows.into_iter().flatten().map(|row| row.resource_crn));
    }
    Ok(AtEndpoint { facts, registrations })
}

fn show(found: &[Difference], compared: usize) -> Result<(), Failure> {
    if !found.is_empty() {
        let rows = found.iter().map(|difference| {
            let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "missing".to_owned());
            [
                difference.key.to_string(),
                difference.what.clone(),
                shown(&difference.table),
                shown(&difference.endpoint),
            ]
        });
        output::table(["key", "what", "table", "endpoint"], rows)?;
    }
    Ok(output::line(format!("{compared} keys compared, {} differences", found.len()))?)
}
