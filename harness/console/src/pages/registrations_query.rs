//! Filter and order of a key's registrations.

use std::{cmp::Ordering, collections::HashMap};

use serde::Deserialize;

use super::{
    paging::Paging,
    sorting::{Property, Sorting},
    words,
};
use crate::api::{LastNotification, NotificationStatus, Registration, Registrations};

/// The columns of the table.
pub(super) const COLUMNS: [&str; 8] =
    ["Resource", "Service", "Type", "Region", "Retention policy", "Key version", "Status", "Since"];

/// Values of the parameter `policy`.
pub(super) const PREVENTS_DELETION: &str = "prevents-deletion";
pub(super) const NO_POLICY: &str = "none";

const PROPERTIES: &[Property] = &[
    Property { name: "resource", label: "Resource" },
    Property { name: "service", label: "Service" },
    Property { name: "type", label: "Type" },
    Property { name: "region", label: "Region" },
    Property { name: "policy", label: "Retention policy" },
    Property { name: "version", label: "Key version" },
    Property { name: "status", label: "Status" },
    Property { name: "since", label: "Since" },
];

/// Query parameters of the table.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ListQuery {
    pub(super) filter: String,
    pub(super) service: String,
    pub(super) policy: String,
    pub(super) status: String,
    sort: String,
    #[serde(flatten)]
    pub(super) paging: Paging,
}

/// A registration that the query selects.
pub(super) struct Selected<'a> {
    pub(super) registration: &'a Registration,
    /// Status of the last notification to its service, if known.
    pub(super) status: Option<NotificationStatus>,
}

impl ListQuery {
    /// The registrations that match all filters, in order.
    pub(super) fn select<'a>(&self, all: &'a Registrations, last: &LastNotification) -> Vec<Selected<'a>> {
        let statuses: HashMap<_, _> = last
            .services()
            .unwrap_or_default()
            .iter()
            .map(|service| (service.service.as_str(), service.status))
            .collect();
        let status_of = |found: &Registration| statuses.get(found.resource().service).copied();
        let all =
            all.found.iter().map(|registration| Selected { registration, status: status_of(registration) });
        let mut selected: Vec<_> = all.filter(|selected| self.matches(selected)).collect();
        let sorting = self.sorting();
        selected.sort_by(|one, other| {
            let order = compare(sorting.property(), one, other);
            if sorting.is_descending() { order.reverse() } else { order }
        });
        selected
    }

    pub(super) fn sorting(&self) -> Sorting {
        Sorting::parse(&self.sort, PROPERTIES, "service")
    }

    /// All parameters but the paging's.
    pub(super) fn parameters(&self) -> [(&str, &str); 5] {
        [
            ("filter", &self.filter),
            ("service", &self.service),
            ("policy", &self.policy),
            ("status", &self.status),
            ("sort", &self.sort),
        ]
    }

    pub(super) fn is_filtered(&self) -> bool {
        [self.filter.trim(), &self.service, &self.policy, &self.status].iter().any(|text| !text.is_empty())
    }

    fn matches(&self, Selected { registration, status }: &Selected<'_>) -> bool {
        let text = format!("{} {}", registration.resource_crn, registration.description).to_lowercase();
        let policy = if registration.prevent_key_deletion { PREVENTS_DELETION } else { NO_POLICY };
        text.contains(&self.filter.trim().to_lowercase())
            && (self.service.is_empty() || self.service == registration.resource().service)
            && (self.policy.is_empty() || self.policy == policy)
            && (self.status.is_empty()
                || status.is_some_and(|status| words::status_name(status) == self.status))
    }
}

fn compare(property: &str, one: &Selected<'_>, other: &Selected<'_>) -> Ordering {
    let (first, second) = (one.registration, other.registration);
    let (a, b) = (first.resource(), second.resource());
    let version = |found: &Registration| found.key_version.as_ref().map(|version| version.id.clone());
    match property {
        "resource" => a.name.cmp(b.name),
        "type" => a.kind.cmp(b.kind),
        "region" => a.region.cmp(b.region),
        // Those that prevent the key's deletion come first.
        "policy" => second.prevent_key_deletion.cmp(&first.prevent_key_deletion),
        "version" => version(first).cmp(&version(second)),
        // Those that need attention come first, and unknown ones last.
        "status" => (one.status.is_none(), one.status).cmp(&(other.status.is_none(), other.status)),
        "since" => first.creation_date.cmp(&second.creation_date),
        // Registrations are ordered by service and resource already, and sorting is stable.
        _ => a.service.cmp(b.service),
    }
}
