//! SQS, as far as alarms see it.

/// The receives after which a message no longer counts in the age of its queue: SQS moves it to the
/// back, "even if the queue has a redrive policy" (SQS developer guide, CloudWatch metrics).
const COUNTED_RECEIVES: u32 = 3;
/// The minutes after its last use in which a queue reports metrics: "active for up to six hours"
/// (SQS developer guide). Assumed here also for a queue with messages.
const ACTIVE_MINUTES: i64 = 360;

#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) body: String,
    sent: i64,
    receives: u32,
    visible_from: i64,
}

/// The queue of lifecycle events.
#[derive(Debug)]
pub(crate) struct EventQueue {
    messages: Vec<Message>,
    sent: usize,
    visibility_timeout: i64,
    max_receives: u32,
}

impl EventQueue {
    /// `visibility_timeout` in minutes.
    pub(crate) fn new(visibility_timeout: i64, max_receives: u32) -> Self {
        Self { messages: Vec::new(), sent: 0, visibility_timeout, max_receives }
    }

    pub(crate) fn send(&mut self, body: String, minute: i64) {
        self.sent += 1;
        let id = format!("message-{}", self.sent);
        self.messages.push(Message { id, body, sent: minute, receives: 0, visible_from: minute });
    }

    /// Receives all visible messages, which are then hidden for the visibility timeout.
    pub(crate) fn receive(&mut self, minute: i64) -> Vec<Message> {
        let mut received = Vec::new();
        for message in self.messages.iter_mut().filter(|message| message.visible_from <= minute) {
            message.receives += 1;
            message.visible_from = minute + self.visibility_timeout;
            received.push(message.clone());
        }
        received
    }

    pub(crate) fn delete(&mut self, id: &str) {
        self.messages.retain(|message| message.id != id);
    }

    /// Removes messages that were received too often, as the redrive policy does on the next
    /// receive. Returns their number.
    pub(crate) fn redrive(&mut self, minute: i64) -> usize {
        let before = self.messages.len();
        let max = self.max_receives;
        self.messages.retain(|message| message.receives < max || message.visible_from > minute);
        before - self.messages.len()
    }

    /// The metric `ApproximateAgeOfOldestMessage`, in seconds.
    pub(crate) fn age_of_oldest(&self, minute: i64) -> Option<f64> {
        let counted = self.messages.iter().filter(|message| message.receives < COUNTED_RECEIVES);
        let oldest = counted.map(|message| message.sent).min()?;
        i32::try_from((minute - oldest) * 60).ok().map(f64::from)
    }
}

/// A dead-letter queue without a consumer.
#[derive(Debug, Default)]
pub(crate) struct DeadLetters {
    messages: usize,
    used: i64,
}

impl DeadLetters {
    pub(crate) fn set(&mut self, messages: usize, minute: i64) {
        if messages != self.messages {
            (self.messages, self.used) = (messages, minute);
        }
    }

    pub(crate) fn add(&mut self, messages: usize, minute: i64) {
        self.set(self.messages + messages, minute);
    }

    /// An operator deletes all messages.
    pub(crate) fn empty(&mut self, minute: i64) {
        (self.messages, self.used) = (0, minute);
    }

    /// The metric `ApproximateNumberOfMessagesVisible`; `None` if the queue is not active.
    pub(crate) fn visible(&self, minute: i64) -> Option<f64> {
        let is_active = minute - self.used <= ACTIVE_MINUTES;
        is_active.then(|| u32::try_from(self.messages).map(f64::from).ok())?
    }
}
