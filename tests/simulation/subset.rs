//! A part of a plan, as the command line names it: `clocks,0,2,5-` is the steps 0, 2 and 5 with the
//! clocks of the plan, and without faults in step 5.

use std::{fmt, str::FromStr};

use crate::plan::{Faults, Plan};

/// A part of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subset {
    /// Whether the clocks differ as planned.
    pub(crate) clocks: bool,
    /// The ids of the steps, each with whether its calls can fail.
    pub(crate) steps: Vec<(usize, bool)>,
}

impl Subset {
    /// The whole plan.
    pub(crate) fn of(plan: &Plan) -> Self {
        let steps = plan.steps.iter().map(|step| (step.id, step.faults != Faults::None)).collect();
        Self { clocks: plan.clock_difference() > 0, steps }
    }
}

impl fmt::Display for Subset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clocks = self.clocks.then(|| "clocks".to_owned());
        let steps = self.steps.iter().map(|(id, faults)| format!("{id}{}", if *faults { "" } else { "-" }));
        f.write_str(&clocks.into_iter().chain(steps).collect::<Vec<_>>().join(","))
    }
}

impl FromStr for Subset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut subset = Self { clocks: false, steps: Vec::new() };
        for part in text.split(',').filter(|part| !part.is_empty()) {
            if part == "clocks" {
                subset.clocks = true;
                continue;
            }
            let id = part.trim_end_matches('-');
            let step = id.parse().map_err(|_| {
                format!("a part of a plan must be `clocks`, or the number of a step, with `-` for no faults: got `{part}`")
            })?;
            subset.steps.push((step, id == part));
        }
        Ok(subset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_subset_parses_again() {
        for seed in 0..100 {
            let plan = Plan::of(seed);
            let whole = Subset::of(&plan);
            assert_eq!(whole.to_string().parse(), Ok(whole.clone()));
            assert_eq!(plan.part(&whole), plan);
        }
        assert!("1,x".parse::<Subset>().is_err());
    }
}
