//! A score of the service's own: the greatest first, then as the default strategy says.

use crate::expression::Computed;
use crate::scheduler::candidate::Candidate;
use crate::scheduler::candidate::Group;
use crate::scheduler::facts::Seen;

/// What the score of the group is on this node, or why that cannot be said. `None` if it has none.
pub(in crate::scheduler) fn score(
    group: &Group,
    candidate: &Candidate<'_>,
) -> Option<Computed<f64>> {
    Some(match group.own.score.as_ref()? {
        Ok(score) => score.number(&Seen { group, candidate }),
        Err(fault) => Err(fault.to_string()),
    })
}

/// Where the node stands by it: less is first, and last is where it cannot be said.
pub(super) fn order(group: &Group, candidate: &Candidate<'_>) -> i64 {
    match score(group, candidate) {
        None => 0,
        Some(Ok(score)) => -1 - ascending(score),
        Some(Err(_)) => i64::MAX,
    }
}

/// Whole numbers in the order of the numbers, which are all numbers: the bits are in that order but for the sign, which turns it around.
fn ascending(number: f64) -> i64 {
    // The two zeros are one.
    let bits = (number + 0.0).to_bits().cast_signed();
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_order() {
        let numbers = [
            f64::NEG_INFINITY,
            -1e300,
            -2.0,
            -1.0,
            -1e-300,
            0.0,
            1e-300,
            0.5,
            1.0,
            1e300,
            f64::INFINITY,
        ];
        let orders: Vec<i64> = numbers.into_iter().map(ascending).collect();
        assert!(orders.is_sorted_by(|one, other| one < other), "{orders:?}");
        assert_eq!(ascending(-0.0), ascending(0.0));
        assert!(orders.iter().all(|order| -1 - order < i64::MAX), "what cannot be said comes last");
    }
}
