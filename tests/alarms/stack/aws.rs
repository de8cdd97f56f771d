//! The metrics of Lambda, DynamoDB and SQS.

use keysync_testkit::dynamodb::{Call, Fault as CallFault};

use super::Stack;
use crate::metrics::MetricId;

impl Stack {
    pub(super) fn count_invocation(&mut self, function: &'static str, has_failed: bool) {
        self.count(function, "Invocations", 1.0);
        self.count(function, "Errors", if has_failed { 1.0 } else { 0.0 });
    }

    /// Counts in a metric of Lambda.
    pub(super) fn count(&mut self, function: &'static str, metric: &str, value: f64) {
        let id = MetricId::new("AWS/Lambda", metric, &[("FunctionName", function)]);
        self.metrics.record(id, self.minute, value);
    }

    /// The metrics of DynamoDB, which has them for failed and throttled calls only.
    pub(super) fn report_calls(&mut self, calls: &[Call]) {
        for call in calls {
            let table = ("TableName", "Table");
            let id = match call.fault {
                Some(CallFault::Fail) => {
                    MetricId::new("AWS/DynamoDB", "SystemErrors", &[table, ("Operation", &call.operation)])
                }
                Some(CallFault::Throttle) => {
                    let is_read = matches!(call.operation.as_str(), "GetItem" | "Query");
                    let name = if is_read { "ReadThrottleEvents" } else { "WriteThrottleEvents" };
                    let index = ("GlobalSecondaryIndexName", "due");
                    let on_index = [table, index];
                    let dimensions = if call.operation == "Query" { &on_index[..] } else { &on_index[..1] };
                    MetricId::new("AWS/DynamoDB", name, dimensions)
                }
                _ => continue,
            };
            self.metrics.record(id, self.minute, 1.0);
        }
    }

    pub(super) fn report_queues(&mut self) {
        let age = self.events.age_of_oldest(self.minute);
        let of_queue = |name: &str| format!("{name}.QueueName");
        let age = age.map(|age| ("ApproximateAgeOfOldestMessage", of_queue("EventQueue"), age));
        let letters = self.dead_letters.iter().filter_map(|(name, queue)| {
            Some(("ApproximateNumberOfMessagesVisible", of_queue(name), queue.visible(self.minute)?))
        });
        for (metric, queue, value) in age.into_iter().chain(letters) {
            let id = MetricId::new("AWS/SQS", metric, &[("QueueName", &queue)]);
            self.metrics.record(id, self.minute, value);
        }
    }
}
