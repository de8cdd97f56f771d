//! The command line of `keysyncctl dlq`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use url::Url;

use super::queue::Queue;
use crate::{failure::Failure, values};

#[derive(Args, Debug)]
pub(crate) struct DeadLetterArgs {
    #[command(subcommand)]
    pub(super) command: DeadLetterCommand,
}

#[derive(Subcommand, Debug)]
pub(crate) enum DeadLetterCommand {
    /// List the messages of a queue. They stay in it.
    ///
    /// Reading hides a message from others for a moment and increases its receive count.
    List(ListArgs),
    /// Show one message with its reason. It stays in the queue.
    Show(ShowArgs),
    /// Send messages to the queue of lifecycle events unchanged, and delete them here.
    ///
    /// A message whose event is malformed would return, so it is skipped: correct it with `dlq
    /// edit`. A message is sent before it is deleted, so after an interruption it may be sent
    /// twice, which changes nothing: events may arrive repeatedly.
    #[command(after_help = "Examples:\n  \
        keysyncctl dlq redrive stuck --all --dry-run\n  \
        keysyncctl dlq redrive malformed 6a7e8400-e29b-41d4-a716-446655440000")]
    Redrive(RedriveArgs),
    /// Replace the event of a message, send it to the queue of lifecycle events, and delete the
    /// message.
    #[command(after_help = "Example:\n  \
        keysyncctl dlq show malformed ID --body > event.json\n  \
        $EDITOR event.json\n  \
        keysyncctl dlq edit malformed ID --body event.json --dry-run\n  \
        keysyncctl dlq edit malformed ID --body event.json")]
    Edit(EditArgs),
}

#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(super) queue: QueueArgs,
    /// Messages to read.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = parse_max)]
    pub(super) max: usize,
}

#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(super) queue: QueueArgs,
    /// The id of the message.
    pub(super) id: String,
    /// Print only the event, byte for byte.
    #[arg(long, conflicts_with = "json")]
    pub(super) body: bool,
    /// Messages to read in search of it.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = parse_max)]
    pub(super) max: usize,
}

#[derive(Args, Debug)]
pub(crate) struct RedriveArgs {
    #[command(flatten)]
    pub(super) queue: QueueArgs,
    /// The ids of the messages.
    #[arg(required_unless_present = "all")]
    pub(super) id: Vec<String>,
    /// All messages of the queue.
    #[arg(long, conflicts_with = "id")]
    pub(super) all: bool,
    /// Print what would be sent, and change nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Messages to read.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = parse_max)]
    pub(super) max: usize,
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

#[derive(Args, Debug)]
pub(crate) struct EditArgs {
    #[command(flatten)]
    pub(super) queue: QueueArgs,
    /// The id of the message.
    pub(super) id: String,
    /// File with the corrected event; `-` for standard input.
    #[arg(long, value_name = "FILE")]
    pub(super) body: PathBuf,
    /// Check the event, and change nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Messages to read in search of it.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = parse_max)]
    pub(super) max: usize,
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

fn parse_max(text: &str) -> Result<usize, String> {
    let parsed = text.parse().ok().filter(|number| (1..=100_000).contains(number));
    parsed.ok_or_else(|| "must be an integer from 1 to 100000".to_owned())
}

/// The dead-letter queues of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum QueueName {
    /// Events that can never be processed, each with the reason.
    Malformed,
    /// Events that `lifecycle` failed to process for 25 hours.
    Stuck,
    /// Events that EventBridge could not deliver for 24 hours.
    Undelivered,
}

#[derive(Args, Debug)]
pub(super) struct QueueArgs {
    /// The dead-letter queue.
    pub(super) queue: QueueName,
    /// URL of the queue of malformed events: the output `MalformedEventQueueUrl` of the stack.
    #[arg(long, value_name = "URL", env = "KEYSYNCCTL_MALFORMED_QUEUE", value_parser = values::base_url, help_heading = "Deployment")]
    malformed_queue: Option<Url>,
    /// URL of the queue of stuck events: the output `StuckQueueUrl`.
    #[arg(long, value_name = "URL", env = "KEYSYNCCTL_STUCK_QUEUE", value_parser = values::base_url, help_heading = "Deployment")]
    stuck_queue: Option<Url>,
    /// URL of the queue of undelivered events: the output `UndeliveredQueueUrl`.
    #[arg(long, value_name = "URL", env = "KEYSYNCCTL_UNDELIVERED_QUEUE", value_parser = values::base_url, help_heading = "Deployment")]
    undelivered_queue: Option<Url>,
}

#[derive(Args, Debug)]
pub(super) struct TargetArgs {
    /// URL of the queue of lifecycle events: the output `EventQueueUrl` of the stack.
    #[arg(long, value_name = "URL", env = "KEYSYNCCTL_EVENT_QUEUE", value_parser = values::base_url, help_heading = "Deployment")]
    event_queue: Url,
}

impl QueueArgs {
    /// The queue.
    pub(super) async fn open(&self) -> Result<Queue, Failure> {
        let (url, option) = match self.queue {
            QueueName::Malformed => (&self.malformed_queue, "--malformed-queue"),
            QueueName::Stuck => (&self.stuck_queue, "--stuck-queue"),
            QueueName::Undelivered => (&self.undelivered_queue, "--undelivered-queue"),
        };
        let Some(url) = url else {
            let variable = option.trim_start_matches("--").replace('-', "_").to_uppercase();
            return Err(Failure::Usage(format!(
                "the URL of the queue is missing: set {option}, or the environment variable KEYSYNCCTL_{variable}"
            )));
        };
        Queue::open(url).await
    }
}

impl TargetArgs {
    /// The queue of lifecycle events.
    pub(super) async fn open(&self) -> Result<Queue, Failure> {
        Queue::open(&self.event_queue).await
    }
}
