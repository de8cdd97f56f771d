//! Clients that disconnect in the middle of a request, stall, or send slowly.

use std::time::Duration;

use tokio::{
    io::split,
    task::JoinSet,
    time::{interval, timeout},
};

use super::Run;
use crate::{
    Error, Rule,
    exchange::{Response, Target, response, write},
    report::Expected,
    sender::Ids,
};

/// Slow clients of each kind at the same time.
const CLIENTS: usize = 4;
/// The pause between two bytes of a client that sends slowly.
const PACE: Duration = Duration::from_millis(500);

/// A slow client.
#[derive(Clone, Copy)]
struct SlowClient {
    check: &'static str,
    sent: &'static str,
    /// How much of a callback it sends at once: nothing, the start of the head, or half of the
    /// body.
    at_once: fn(head: usize, total: usize) -> usize,
    /// Whether it goes on with a byte at a time.
    trickles: bool,
}

const SLOW_CLIENTS: [SlowClient; 4] = [
    SlowClient {
        check: "stalled-head",
        sent: "half of the head, and then nothing",
        at_once: |head, _| head / 2,
        trickles: false,
    },
    SlowClient {
        check: "stalled-body",
        sent: "half of the body, and then nothing",
        at_once: |head, total| usize::midpoint(head, total),
        trickles: false,
    },
    SlowClient {
        check: "slow-head",
        sent: "half of the head, and then two bytes per second",
        at_once: |head, _| head / 2,
        trickles: true,
    },
    SlowClient {
        check: "slow-body",
        sent: "half of the body, and then two bytes per second",
        at_once: |head, total| usize::midpoint(head, total),
        trickles: true,
    },
];

impl Run<'_> {
    pub(super) async fn connections(&mut self) -> Result<(), Error> {
        if self.recorder.wants(&[Rule::CutConnectionsSurvived]) {
            self.cut().await?;
        }
        if self.recorder.wants(&[Rule::SlowClientsDoNotBlock, Rule::SlowClientsDisconnected]) {
            self.slow().await;
        }
        Ok(())
    }

    async fn cut(&mut self) -> Result<(), Error> {
        let rule = Rule::CutConnectionsSurvived;
        (self.progress)(rule);
        let before = self.effects().await?;
        for _ in 0..CLIENTS {
            let request = self.authentic(&Ids::unique(), 1).request(&self.target);
            let (head, total) = (head_of(&request), request.len());
            for sent in [0, head / 2, head, usize::midpoint(head, total), total - 1] {
                if let Ok(mut stream) = self.target.connect().await {
                    drop(write(&mut stream, &request[..sent]).await);
                }
            }
        }
        let response = self.send(&self.authentic(&Ids::unique(), 1)).await;
        let sent = "an authentic callback, after others whose connections ended in head and body";
        self.recorder.response(rule, "callback-after-cuts", sent, Expected::Accepted, response);
        let sent = "callbacks whose connections ended before their last byte, then two complete ones";
        self.no_effect_since(before.map(|before| before + 1), rule, "cut-without-effect", sent).await
    }

    async fn slow(&mut self) {
        (self.progress)(Rule::SlowClientsDoNotBlock);
        let mut clients = JoinSet::new();
        for client in SLOW_CLIENTS {
            for _ in 0..CLIENTS {
                let request = self.authentic(&Ids::unique(), 1).request(&self.target);
                let (target, within) = (self.target.clone(), self.options.slow_within);
                clients.spawn(async move { (client, disconnected(target, client, &request, within).await) });
            }
        }
        // The clients have sent what they send at once before the receiver gets the callback.
        tokio::time::sleep(PACE).await;
        let response = self.send(&self.authentic(&Ids::unique(), 1)).await;
        let sent = "an authentic callback while other clients stall or send slowly";
        self.recorder.response(
            Rule::SlowClientsDoNotBlock,
            "callback-meanwhile",
            sent,
            Expected::Accepted,
            response,
        );
        if !self.recorder.wants(&[Rule::SlowClientsDisconnected]) {
            return;
        }
        (self.progress)(Rule::SlowClientsDisconnected);
        while let Some(ended) = clients.join_next().await {
            let Ok((client, response)) = ended else { continue };
            let result = Expected::Rejected.check(response).map_err(|_| {
                let seconds = self.options.slow_within.as_secs();
                (
                    format!("status 408, or that the connection is closed, within {seconds} s"),
                    response.to_string(),
                )
            });
            self.recorder.check(Rule::SlowClientsDisconnected, client.check, client.sent, result);
        }
    }
}

/// Sends a request slowly. Returns the response, or that the receiver closed the connection.
async fn disconnected(target: Target, client: SlowClient, request: &[u8], within: Duration) -> Response {
    let (head, total) = (head_of(request), request.len());
    let (at_once, rest) = request.split_at((client.at_once)(head, total));
    let exchange = async {
        let Ok(stream) = target.open().await else { return Response::Closed };
        let (mut reader, mut writer) = split(stream);
        let write = async {
            drop(write(&mut writer, at_once).await);
            let mut pace = interval(PACE);
            for byte in rest.iter().filter(|_| client.trickles) {
                pace.tick().await;
                if write(&mut writer, &[*byte]).await.is_err() {
                    break;
                }
            }
            // A client that closes its side would not be slow.
            std::future::pending::<Response>().await
        };
        tokio::select! {
            response = response(&mut reader) => response,
            never = write => never,
        }
    };
    timeout(within, exchange).await.unwrap_or(Response::TimedOut)
}

/// The length of the head.
fn head_of(request: &[u8]) -> usize {
    request.windows(4).position(|window| window == b"\r\n\r\n").map_or(0, |end| end + 4)
}
