//! Resource list: the instances of key-management services in the account.

use axum::extract::State;
use maud::{Markup, html};

use super::{frame, keys};
use crate::{
    Console,
    api::Instance,
    failure::Failure,
    signed_in::SignedIn,
    view::{Column, DataTable, Page, Tag, copy_id, data_table, empty_state, name, tag},
};

/// `GET /console/resources`
pub(crate) async fn show(
    State(console): State<Console>,
    SignedIn(session): SignedIn,
) -> Result<Markup, Failure> {
    let instances = console.instances(&session).await?;
    let lead = html! { "Choose an instance to see its keys." };
    let content = table(&instances);
    Ok(Page { lead: Some(lead), content, ..frame::page(&session, "Resource list") }.render())
}

fn table(instances: &[Instance]) -> Markup {
    let columns = ["Name", "Service", "Region", "Status", "Instance ID"]
        .map(|label| Column { label, ..Column::default() });
    let nothing = html! { p { "This account has no instances, or you have no access to them. Ask the administrator of the account." } };
    data_table(DataTable {
        id: "instances",
        title: "Key management",
        columns: &columns,
        rows: instances.iter().map(row).collect(),
        empty: Some(empty_state("No instances", nothing, None)),
        ..DataTable::default()
    })
}

fn row(instance: &Instance) -> Vec<Markup> {
    let service = match instance.service() {
        "hs-crypto" => "Hyper Protect Crypto Services",
        "kms" => "Key Protect",
        other => other,
    };
    let status = match instance.state.as_str() {
        "active" => tag(Tag::Active, "Active"),
        "" => tag(Tag::Plain, "Unknown"),
        other => tag(Tag::Plain, other),
    };
    vec![
        html! { a href=(keys::path(instance.id)) { (name(&instance.name)) } },
        html! { (service) },
        html! { (instance.region) },
        status,
        copy_id(&instance.id.to_string(), "instance ID"),
    ]
}
