//! The simulated failures.

use keysync_testkit::dynamodb;

/// A failure and its duration.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// What failed, for the table.
    pub(crate) title: &'static str,
    pub(crate) fault: Fault,
    /// How long it lasts, in minutes.
    pub(crate) minutes: i64,
}

/// The cause of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Nothing,
    /// A service responds with 503, and this many keys are rotated when it begins to.
    ServiceDown {
        keys: usize,
    },
    /// A service acts and does not acknowledge it.
    NoAcknowledgement,
    /// A service acknowledges a key state that contradicts the key's.
    ContradictingAcknowledgement,
    /// Every call of every function to DynamoDB fails.
    DynamoDb(dynamodb::Fault),
    /// Every call of `lifecycle` to DynamoDB fails.
    LedgerOfLifecycle,
    /// A malformed event is published.
    MalformedEvent,
    /// An event about a key is published whose first event never is.
    UnknownKey,
    /// A malformed event is published, and the dead-letter queue does not accept it.
    DeadLetterQueueDown,
    /// IAM responds with 503.
    IamDown,
    /// The schedule of `redeliver` does not invoke it.
    NotInvoked,
    /// Lambda throttles every invocation.
    Throttled,
    /// The init of every function fails.
    DoesNotStart,
    /// An event is published with which `lifecycle` times out.
    TimesOut,
    /// The event source mapping is disabled.
    MappingDisabled,
    /// The queue rejects `EventBridge`, because of its policy or encryption key.
    BusIsRejected,
    /// `EventBridge` gets no response from the queue.
    BusCannotDeliver,
}

impl Fault {
    /// Whether one event is published when the failure begins, and none while it lasts: alarms
    /// must ring for a single one.
    pub(crate) fn has_one_event(self) -> bool {
        use Fault::{DeadLetterQueueDown, DynamoDb, LedgerOfLifecycle};
        matches!(self, DynamoDb(_) | LedgerOfLifecycle | DeadLetterQueueDown)
    }

    /// Whether the service that fails has to acknowledge its notifications.
    pub(crate) fn is_of_acknowledgements(self) -> bool {
        matches!(self, Self::NoAcknowledgement | Self::ContradictingAcknowledgement)
    }

    /// Whether a service fails, which the last notifications of its keys show.
    pub(crate) fn is_of_service(self) -> bool {
        matches!(self, Self::ServiceDown { .. }) || self.is_of_acknowledgements()
    }

    /// Whether calls of the functions fail on purpose.
    pub(crate) fn fails_calls(self) -> bool {
        self.has_one_event() || self == Self::IamDown
    }
}

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;

/// All failures. Each lasts for a day or, if a limit is a little longer, until an hour after that.
pub(crate) fn failures() -> Vec<Failure> {
    let failure = |title, minutes, fault| Failure { title, fault, minutes };
    vec![
        failure("nothing", DAY, Fault::Nothing),
        failure("DynamoDB fails for 1 min", 1, Fault::DynamoDb(dynamodb::Fault::Fail)),
        failure("DynamoDB fails", DAY, Fault::DynamoDb(dynamodb::Fault::Fail)),
        failure("DynamoDB throttles all calls", DAY, Fault::DynamoDb(dynamodb::Fault::Throttle)),
        failure("DynamoDB fails for `lifecycle`", DAY + 2 * HOUR, Fault::LedgerOfLifecycle),
        failure("a malformed event", DAY, Fault::MalformedEvent),
        failure("an event whose key stays unknown", DAY, Fault::UnknownKey),
        failure("a malformed event, and its dead-letter queue is down", DAY, Fault::DeadLetterQueueDown),
        failure("IAM is down", DAY, Fault::IamDown),
        failure("`redeliver` is not invoked", DAY, Fault::NotInvoked),
        failure("all functions are throttled", DAY, Fault::Throttled),
        failure("no function starts", DAY, Fault::DoesNotStart),
        failure("an event with which `lifecycle` times out", DAY, Fault::TimesOut),
        failure("the event source mapping is disabled", DAY, Fault::MappingDisabled),
        failure("SQS rejects events of EventBridge", DAY, Fault::BusIsRejected),
        failure("SQS does not respond to EventBridge", DAY + HOUR, Fault::BusCannotDeliver),
        failure("a service is down, 1 key pending", DAY + HOUR, Fault::ServiceDown { keys: 1 }),
        failure("a service is down, 2 keys pending", DAY + HOUR, Fault::ServiceDown { keys: 2 }),
        failure("a service is down, 1,000 keys pending", DAY + HOUR, Fault::ServiceDown { keys: 1000 }),
        failure("a service does not acknowledge", DAY, Fault::NoAcknowledgement),
        failure("a service contradicts the key's state", DAY, Fault::ContradictingAcknowledgement),
    ]
}
