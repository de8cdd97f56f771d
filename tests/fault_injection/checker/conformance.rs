//! The traces of the keys, replayed through the model.

use keysync_model::trace;

use super::{Guarantee, Violation};
use crate::history::History;

/// Every step of each key is one that the model allows.
pub(super) fn follows_model(history: &History) -> Vec<Violation> {
    let traces = history.traces.iter().enumerate();
    let impossible = traces.filter_map(|(key, trace)| {
        let impossible = trace::check(trace).err()?;
        let before: Vec<_> = trace[..impossible.step].iter().map(ToString::to_string).collect();
        let before = before.join("\n    ");
        Some(Guarantee::FollowsModel.violated(format!("k{key}: {impossible}\n  after\n    {before}")))
    });
    impossible.collect()
}
