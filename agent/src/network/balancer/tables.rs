//! The tables of nftables that balancers have: which are whose, so that one takes the place of the other.

/// What balances, or what IPVS needs around it. Both balancers give their table this name, so that the one that a node has now
/// replaces the one of before in one transaction.
pub(super) const TABLE: &str = "swarmlite_balancer";

/// What counts for the balancer of nftables. IPVS counts by itself.
pub(super) const TRAFFIC: &str = "swarmlite_traffic";

/// What removes the table that counts, in the language of `nft -f`.
pub(super) fn no_traffic() -> String {
    // `add` first, as deleting what is not there is an error.
    format!("add table ip {TRAFFIC}\ndelete table ip {TRAFFIC}\n")
}
