//! The behaviours that a test has planned for the callbacks of a service.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AssociatedService, Behaviour, Condition};

/// The planned behaviours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Plan {
    default: Behaviour,
    /// Behaviours for callbacks that meet a condition.
    conditional: Vec<Conditional>,
    /// Behaviours for the next callbacks.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Next>))]
    next: VecDeque<Next>,
    /// Generator that selects the failures of a flaky service.
    #[serde(with = "rng")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    rng: fastrand::Rng,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
struct Conditional {
    when: Condition,
    /// The number of callbacks that are left; all of them if this is null.
    left: Option<usize>,
    behaviour: Behaviour,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
struct Next {
    /// The number of callbacks that are left.
    left: usize,
    behaviour: Behaviour,
}

/// The state of a generator as text: a number in JSON would lose digits in JavaScript.
mod rng {
    use fastrand::Rng;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(rng: &Rng, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&rng.get_seed())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Rng, D::Error> {
        let seed = String::deserialize(deserializer)?.parse();
        seed.map(Rng::with_seed).map_err(|_| D::Error::custom("`rng` must be a number as text"))
    }
}

impl AssociatedService {
    /// Sets the behaviour for all later callbacks, and forgets all that were set before.
    pub fn behave(&self, behaviour: Behaviour) {
        self.plan(|plan| {
            if let Behaviour::Flaky { seed, .. } = behaviour {
                plan.rng = fastrand::Rng::with_seed(seed);
            }
            plan.default = behaviour;
            plan.next.clear();
            plan.conditional.clear();
        });
    }

    /// Sets the behaviour for the next `times` callbacks, after any that were set before.
    pub fn behave_next(&self, times: usize, behaviour: Behaviour) {
        if times > 0 {
            self.plan(|plan| plan.next.push_back(Next { left: times, behaviour }));
        }
    }

    /// Sets the behaviours for the next callbacks, one for each, after any that were set before.
    ///
    /// ```
    /// use keysync_service_emulator::{AssociatedService, Behaviour};
    /// # fn of(service: &AssociatedService) {
    /// service.behave_in_turn([Behaviour::respond(503), Behaviour::Hang, Behaviour::Act]);
    /// # }
    /// ```
    pub fn behave_in_turn(&self, behaviours: impl IntoIterator<Item = Behaviour>) {
        for behaviour in behaviours {
            self.behave_next(1, behaviour);
        }
    }

    /// Sets the behaviour for callbacks that meet `condition`: the next `times`, or all if that is
    /// `None`. It precedes other behaviours; of several conditions that are met, the one that was
    /// set first applies.
    ///
    /// ```
    /// use keysync_service_emulator::{AssociatedService, Behaviour, Condition};
    /// # fn of(service: &AssociatedService) {
    /// service.behave_when(Condition::default().renotification(true), None, Behaviour::respond(503));
    /// # }
    /// ```
    pub fn behave_when(&self, condition: Condition, times: Option<usize>, behaviour: Behaviour) {
        if times != Some(0) {
            self.plan(|plan| plan.conditional.push(Conditional { when: condition, left: times, behaviour }));
        }
    }
}

impl Plan {
    /// The behaviour for the callback with this event.
    pub(super) fn next(&mut self, event: &Value) -> Behaviour {
        let behaviour = self.take_conditional(event).or_else(|| self.take_next());
        match behaviour.unwrap_or_else(|| self.default.clone()) {
            Behaviour::Flaky { percent, .. } if self.rng.u8(..100) < percent => Behaviour::respond(503),
            Behaviour::Flaky { .. } => Behaviour::Act,
            behaviour => behaviour,
        }
    }

    /// Takes the first conditional behaviour whose condition an event meets.
    fn take_conditional(&mut self, event: &Value) -> Option<Behaviour> {
        let index = self.conditional.iter().position(|conditional| conditional.when.selects(event))?;
        let Conditional { left, behaviour, .. } = &mut self.conditional[index];
        let behaviour = behaviour.clone();
        if let Some(left) = left {
            *left -= 1;
            if *left == 0 {
                self.conditional.remove(index);
            }
        }
        Some(behaviour)
    }

    /// Takes the behaviour for the next callback, if one is planned.
    fn take_next(&mut self) -> Option<Behaviour> {
        let Next { left, behaviour } = self.next.front_mut()?;
        if *left > 1 {
            *left -= 1;
            return Some(behaviour.clone());
        }
        self.next.pop_front().map(|next| next.behaviour)
    }
}

#[cfg(test)]
mod tests {
    use keysync::{Clock, domain::LifecycleAction};
    use keysync_emulator_support::journal::Journal;
    use serde_json::json;

    use super::*;

    const UNAVAILABLE: Behaviour = Behaviour::Respond { status: 503, retry_after: None };

    fn service() -> AssociatedService {
        AssociatedService::new("a-service", Journal::new(Clock::system()))
    }

    fn event(key: &str, action: &str, renotification: bool) -> Value {
        json!({"subject": key, "data": {"eventType": action, "renotification": renotification}})
    }

    #[test]
    fn next_behaviours_apply_in_order() {
        let service = service();
        service.behave_next(0, Behaviour::Hang);
        service.behave_next(2, Behaviour::Reset);
        service.behave_in_turn([UNAVAILABLE, Behaviour::Hang]);
        service.behave_next(usize::MAX, Behaviour::AckWithoutActing);
        service.behave_next(1, Behaviour::Hang);
        let next: Vec<_> = (0..6).map(|_| service.next_behaviour(&Value::Null)).collect();
        let [reset, ack] = [Behaviour::Reset, Behaviour::AckWithoutActing];
        assert_eq!(next, [reset.clone(), reset, UNAVAILABLE, Behaviour::Hang, ack.clone(), ack]);
        service.behave(Behaviour::Act);
        let next = service.next_behaviour(&Value::Null);
        assert_eq!(next, Behaviour::Act, "a new default behaviour discards the others");
    }

    #[test]
    fn conditional_behaviour_applies_to_matching_callbacks_only() {
        let service = service();
        let condition =
            Condition::default().key("k").event_type(LifecycleAction::Delete).renotification(true);
        service.behave_when(condition, Some(2), UNAVAILABLE);
        service.behave_next(1, Behaviour::Hang);
        let other = [event("j", "delete", true), event("k", "rotate", true), event("k", "delete", false)];
        let expected = [Behaviour::Hang, Behaviour::Act, Behaviour::Act];
        assert_eq!(other.map(|event| service.next_behaviour(&event)), expected);
        let matching: Vec<_> = (0..3).map(|_| service.next_behaviour(&event("k", "delete", true))).collect();
        assert_eq!(matching, [UNAVAILABLE, UNAVAILABLE, Behaviour::Act]);
    }

    #[test]
    fn first_met_condition_without_limit_always_applies() {
        let service = service();
        service.behave_when(Condition::default().key("k"), None, UNAVAILABLE);
        service.behave_when(Condition::default(), None, Behaviour::Hang);
        let [mine, other] = [event("k", "rotate", false), event("j", "rotate", false)];
        for _ in 0..3 {
            assert_eq!(service.next_behaviour(&mine), UNAVAILABLE);
            assert_eq!(service.next_behaviour(&other), Behaviour::Hang);
        }
        service.behave(Behaviour::Act);
        assert_eq!(service.next_behaviour(&mine), Behaviour::Act);
    }
}
