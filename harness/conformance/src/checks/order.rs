//! Repeats and order: a callback that comes twice, an older one after a newer one.

use super::{NO_EFFECTS, Run};
use crate::{Error, Rule, report::Expected, sender::Ids};

const ABOUT_EFFECTS: [Rule; 3] = [Rule::RepeatWithoutEffect, Rule::StaleWithoutEffect, Rule::NewerActedOn];

impl Run<'_> {
    pub(super) async fn order(&mut self) -> Result<(), Error> {
        if self.effects.is_none() {
            self.recorder.not_checked(&ABOUT_EFFECTS, NO_EFFECTS);
        }
        if self.recorder.wants(&[Rule::RepeatAccepted, Rule::RepeatWithoutEffect]) {
            self.repeats().await?;
        }
        if self.recorder.wants(&[Rule::StaleAccepted, Rule::StaleWithoutEffect]) {
            self.stale().await?;
        }
        if self.recorder.wants(&[Rule::NewerActedOn]) {
            self.newer().await?;
        }
        Ok(())
    }

    async fn repeats(&mut self) -> Result<(), Error> {
        (self.progress)(Rule::RepeatAccepted);
        let ids = Ids::unique();
        let first = self.authentic(&ids, 3);
        let before = self.effect_of(&ids, 3).await?;
        for (check, callback, sent) in [
            ("same-attempt", first, "the same callback again, with the same bytes"),
            (
                "next-attempt",
                self.authentic(&ids, 3),
                "the same event again, with a new timestamp and signature",
            ),
        ] {
            let response = self.send(&callback).await;
            self.recorder.response(Rule::RepeatAccepted, check, sent, Expected::Accepted, response);
        }
        let sent = "the same event three times, then another key's";
        self.no_effect_since(before, Rule::RepeatWithoutEffect, "three-times", sent).await
    }

    async fn stale(&mut self) -> Result<(), Error> {
        (self.progress)(Rule::StaleAccepted);
        let newer = Ids::unique();
        let before = self.effect_of(&newer, 10).await?;
        for (check, sequence, sent) in [
            ("one-less", 9, "sequence 9 after 10, with an id that was not seen before"),
            ("first", 1, "sequence 1 after 10, with an id that was not seen before"),
            (
                "fewer-digits",
                2,
                "sequence 2 after 10, which is greater if compared as text without leading zeros",
            ),
        ] {
            let response = self.send(&self.authentic(&newer.next(), sequence)).await;
            self.recorder.response(Rule::StaleAccepted, check, sent, Expected::Accepted, response);
        }
        let sent = "sequences 9, 1 and 2 after 10, then another key's event";
        self.no_effect_since(before, Rule::StaleWithoutEffect, "older-after-newer", sent).await
    }

    async fn newer(&mut self) -> Result<(), Error> {
        (self.progress)(Rule::NewerActedOn);
        let ids = Ids::unique();
        for (check, ids, sequence, sent) in [
            ("first", ids.clone(), 1, "the first event about a key"),
            ("next", ids.next(), 2, "sequence 2 after 1"),
            ("gap", ids.next(), 10, "sequence 10 after 2: those between were replaced before their delivery"),
        ] {
            let Some(before) = self.effects().await? else { return Ok(()) };
            let after = self.effect_of(&ids, sequence).await?.unwrap_or_default();
            let received = || format!("{} events were acted on", after.saturating_sub(before));
            let result = if after == before + 1 {
                Ok(())
            } else {
                Err(("one more event acted on".to_owned(), received()))
            };
            self.recorder.check(Rule::NewerActedOn, check, sent, result);
        }
        Ok(())
    }

    /// Sends an authentic callback, waits for its effect and returns the number of effects.
    async fn effect_of(&self, ids: &Ids, sequence: u64) -> Result<Option<u64>, Error> {
        let before = self.effects().await?;
        self.send(&self.authentic(ids, sequence)).await;
        match (&self.effects, before) {
            (Some(effects), Some(before)) => {
                effects.wait_for(before + 1).await.map(Some).map_err(Error::Effects)
            }
            _ => Ok(None),
        }
    }
}
