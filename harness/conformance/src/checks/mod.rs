//! The checks, in the order in which they are made.

mod callbacks;
mod connections;
mod order;
mod raw;
mod rotation;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    Error, Options, Rule,
    effects::Effects,
    exchange::{End, Response, Target},
    key_set::KeySet,
    report::{Expected, Recorder},
    sender::{Callback, Ids, Sender},
    vectors::Key,
};

const POLL: Duration = Duration::from_millis(50);

/// The reason of rules about effects without a source of effects.
const NO_EFFECTS: &str = "what the receiver did cannot be seen without --effects-url";

/// A run against one receiver.
pub(crate) struct Run<'a> {
    pub(crate) target: Target,
    pub(crate) sender: Arc<Sender>,
    pub(crate) effects: Option<Effects>,
    pub(crate) recorder: Recorder,
    pub(crate) key_set: &'a KeySet,
    pub(crate) options: &'a Options,
    pub(crate) progress: &'a (dyn Fn(Rule) + Sync),
}

impl Run<'_> {
    /// Makes all checks of the selected rules.
    pub(crate) async fn all(&mut self) -> Result<(), Error> {
        self.wait_until_ready().await?;
        self.callbacks().await?;
        self.order().await?;
        self.connections().await?;
        self.rotation().await
    }

    fn current(&self) -> &Key {
        &self.sender.keys().current
    }

    /// An authentic callback with this sequence.
    fn authentic(&self, ids: &Ids, sequence: u64) -> Callback {
        self.sender.authentic(ids, sequence, &[self.current()])
    }

    async fn send(&self, callback: &Callback) -> Response {
        self.target.send(&callback.request(&self.target), End::Wait).await
    }

    /// Waits until the receiver accepts connections, and then an authentic callback.
    async fn wait_until_ready(&self) -> Result<(), Error> {
        let (started, within) = (Instant::now(), self.options.start_within);
        while let Err(error) = self.target.connect().await {
            let url = self.options.url.to_string();
            if let Some(error) = error.get_ref().and_then(|it| it.downcast_ref::<rustls::Error>()) {
                return Err(Error::Tls { url, error: error.clone() });
            }
            if started.elapsed() > within {
                return Err(Error::NotRunning { url, within, error });
            }
            tokio::time::sleep(POLL).await;
        }
        let response = self.send(&self.authentic(&Ids::unique(), 1)).await;
        Expected::Accepted.check(response).map_err(|_| Error::NotConfigured {
            received: response.to_string(),
            service: self.options.service.clone(),
            public_key: self.current().public.clone(),
            key_set: self.key_set.url(),
        })
    }

    /// The number of events that the receiver has acted on, if it says so.
    async fn effects(&self) -> Result<Option<u64>, Error> {
        match &self.effects {
            Some(effects) => effects.count().await.map(Some).map_err(Error::Effects),
            None => Ok(None),
        }
    }

    /// Sends an authentic callback about a new key, waits for its effect, and records that nothing
    /// else had one since there were `before`. The receiver processes callbacks in order, so that
    /// an effect of what was sent before would be visible.
    async fn no_effect_since(
        &mut self,
        before: Option<u64>,
        rule: Rule,
        check: &str,
        sent: &str,
    ) -> Result<(), Error> {
        let (Some(before), Some(effects)) = (before, &self.effects) else { return Ok(()) };
        self.send(&self.authentic(&Ids::unique(), 1)).await;
        let expected = before + 1;
        let count = effects.wait_for(expected).await.map_err(Error::Effects)?;
        let result = if count == expected {
            Ok(())
        } else {
            let received = format!("{count} events were acted on after {before}");
            Err((
                format!("one more event acted on, by the authentic callback that followed ({expected})"),
                received,
            ))
        };
        self.recorder.check(rule, check, sent, result);
        Ok(())
    }
}
