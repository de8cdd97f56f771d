//! The evaluation of alarms as CloudWatch documents it (user guide, "Alarm evaluation" and
//! "Configuring how CloudWatch alarms treat missing data").
//!
//! Two things are not documented, and assumed: how many more data points than `EvaluationPeriods`
//! CloudWatch looks at (here two, as in its example), and its delay (here none).

use std::collections::VecDeque;

use crate::{
    definition::{Alarm, Missing},
    metrics::Metrics,
};

/// The data points that an alarm looks at in addition, in case some are missing.
const MORE_POINTS: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    InsufficientData,
    Ok,
    Alarm,
}

/// An alarm that is evaluated every minute.
#[derive(Debug)]
pub(crate) struct Evaluation {
    pub(crate) alarm: Alarm,
    state: State,
    is_warm: bool,
    /// The last minutes, oldest first: whether each breached the threshold.
    points: VecDeque<Option<bool>>,
    /// The minutes in which the alarm began to ring.
    pub(crate) rang: Vec<i64>,
    /// The minutes in which it stopped ringing.
    pub(crate) ended: Vec<i64>,
}

impl Evaluation {
    /// An alarm that was just created.
    pub(crate) fn new(alarm: Alarm) -> Self {
        let is_warm = alarm.warm_up == 0;
        let points = VecDeque::from(vec![None; alarm.minutes + MORE_POINTS]);
        Self { alarm, state: State::InsufficientData, is_warm, points, rang: Vec::new(), ended: Vec::new() }
    }

    /// Evaluates the alarm at the end of a minute, of each one in turn.
    pub(crate) fn evaluate(&mut self, metrics: &Metrics, minute: i64) {
        self.points.pop_front();
        self.points.push_back(self.alarm.breaches(metrics, minute));
        let points = self.points.make_contiguous();
        // Warm-up ends early when the window is full of data.
        let is_full = points.iter().rev().take(self.alarm.minutes).all(Option::is_some);
        self.is_warm |= is_full || minute >= self.alarm.warm_up;
        if !self.is_warm {
            return;
        }
        let state = next(points, self.alarm.minutes, self.alarm.breaching, self.alarm.missing, self.state);
        match (self.state, state) {
            (State::Alarm, State::Alarm) => {}
            (_, State::Alarm) => self.rang.push(minute),
            (State::Alarm, _) => self.ended.push(minute),
            _ => {}
        }
        self.state = state;
    }
}

/// The state after `points`, oldest first, of which each is breaching, not breaching or missing.
fn next(
    points: &[Option<bool>],
    evaluated: usize,
    to_alarm: usize,
    missing: Missing,
    current: State,
) -> State {
    let existing: Vec<bool> = points.iter().rev().filter_map(|point| *point).take(evaluated).collect();
    let breaching = existing.iter().filter(|is_breaching| **is_breaching).count();
    let filled = evaluated - existing.len();
    let breaching = breaching + if missing == Missing::Breaching { filled } else { 0 };
    if breaching >= to_alarm {
        State::Alarm
    } else if missing == Missing::Ignore && filled > 0 && !existing.contains(&false) {
        current
    } else {
        State::Ok
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(text: &str) -> Vec<Option<bool>> {
        let point = |sign| match sign {
            '-' => None,
            '0' => Some(false),
            _ => Some(true),
        };
        text.chars().map(point).collect()
    }

    /// The tables of the CloudWatch user guide, "How alarm state is evaluated when data is
    /// missing".
    #[test]
    fn missing_data_gives_the_documented_states() {
        let retained = State::InsufficientData;
        for (to_alarm, series, ignore, breaching, not_breaching) in [
            (3, "0-X-X", State::Ok, State::Ok, State::Ok),
            (3, "0----", State::Ok, State::Ok, State::Ok),
            (3, "-----", retained, State::Alarm, State::Ok),
            (3, "0XX-X", State::Alarm, State::Alarm, State::Alarm),
            (3, "----X", retained, State::Alarm, State::Ok),
            (3, "X----", retained, State::Alarm, State::Ok),
            (2, "0-X-X", State::Alarm, State::Alarm, State::Alarm),
            (2, "00X0X", State::Alarm, State::Alarm, State::Alarm),
            (2, "0-X--", State::Ok, State::Alarm, State::Ok),
            (2, "----0", State::Ok, State::Alarm, State::Ok),
            (2, "----X", retained, State::Alarm, State::Ok),
        ] {
            let found = [Missing::Ignore, Missing::Breaching, Missing::NotBreaching]
                .map(|missing| next(&points(series), 3, to_alarm, missing, retained));
            let expected = [ignore, breaching, not_breaching];
            assert_eq!(found, expected, "{series}, {to_alarm} of 3: ignore, breaching, notBreaching");
        }
    }
}
