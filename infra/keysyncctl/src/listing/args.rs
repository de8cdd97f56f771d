//! The command lines of the lists.

use std::time::Duration;

use clap::Args;
use keysync::domain::{EpochMillis, InstanceId, ServiceName};

use super::Listed;
use crate::{table::TableArgs, values};

#[derive(Args, Debug)]
pub(crate) struct IndexArgs {
    #[command(flatten)]
    pub(super) filter: Filter,
    #[command(flatten)]
    pub(super) table: TableArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ScanArgs {
    #[command(flatten)]
    pub(super) filter: Filter,
    /// Pages of 1 MB to read, 128 read units each. Without an index, all of the table is read.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(super) max_pages: usize,
    #[command(flatten)]
    pub(super) table: TableArgs,
}

/// The selected notifications.
#[derive(Args, Debug)]
pub(crate) struct Filter {
    /// Only this service, by its CRN service name. Repeatable.
    #[arg(long, value_name = "NAME")]
    service: Vec<ServiceName>,
    /// Only notifications that were claimed at least this long ago.
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    older_than: Option<Duration>,
    /// Only keys of this instance.
    #[arg(long, value_name = "UUID")]
    pub(super) instance: Option<InstanceId>,
    /// Print only the keys, one per line, as `keysyncctl replay --keys -` reads them.
    #[arg(long, short, conflicts_with = "json")]
    pub(super) quiet: bool,
}

impl Filter {
    /// Whether a notification is selected at `now`.
    pub(super) fn selects(&self, row: &Listed, now: EpochMillis) -> bool {
        (self.service.is_empty() || self.service.iter().any(|service| service.to_string() == row.service))
            && self.older_than.is_none_or(|age| now.since(row.notified_at) >= age)
            && self.instance.is_none_or(|instance| instance == row.key.instance)
    }
}
