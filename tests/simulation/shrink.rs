//! Shrinking: the smallest part of a failing plan that still violates the same guarantee.

use crate::subset::Subset;

/// Maximum number of rounds to shrink one plan.
const MAX_ROUNDS: usize = 400;

/// Removes steps, faults and differences of clocks, as long as `fails`.
pub(crate) fn shrink(whole: Subset, mut fails: impl FnMut(&Subset) -> bool) -> Subset {
    let mut rounds = 0;
    let mut smallest = whole;
    let mut accept = |candidate: Subset, smallest: &mut Subset| {
        rounds += 1;
        let accepted = rounds <= MAX_ROUNDS && fails(&candidate);
        if accepted {
            *smallest = candidate;
        }
        accepted
    };
    // Delta debugging: chunks of half the steps, then smaller ones.
    let mut size = smallest.steps.len().div_ceil(2);
    while size > 0 {
        let (mut start, mut removed) = (0, false);
        while start < smallest.steps.len() {
            let mut candidate = smallest.clone();
            candidate.steps.drain(start..(start + size).min(candidate.steps.len()));
            if accept(candidate, &mut smallest) {
                removed = true;
            } else {
                start += size;
            }
        }
        size = if removed && size == 1 { 1 } else { size / 2 };
    }
    if smallest.clocks {
        accept(Subset { clocks: false, ..smallest.clone() }, &mut smallest);
    }
    for step in 0..smallest.steps.len() {
        if smallest.steps[step].1 {
            let mut candidate = smallest.clone();
            candidate.steps[step].1 = false;
            accept(candidate, &mut smallest);
        }
    }
    smallest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_steps_that_matter_remain() {
        let whole = Subset { clocks: true, steps: (0..14).map(|id| (id, true)).collect() };
        let smallest = shrink(whole, |part| {
            part.steps.contains(&(3, true)) && part.steps.iter().any(|(id, _)| *id == 11)
        });
        assert_eq!(smallest.to_string(), "3,11-");
    }
}
