//! Shares of what a node has, as whole numbers: what is compared has to come out the same on every machine.

/// A whole of which shares are taken: finer than a megabyte of a terabyte.
pub(in crate::scheduler) const WHOLE: i64 = 1_000_000_000;

/// Which share of `total` is `taken`. A node that has nothing, as one that has not said yet what it has, has nothing to give away either.
pub(super) fn share(taken: i64, total: i64) -> i64 {
    if total <= 0 {
        return 0;
    }
    i64::try_from(i128::from(taken) * i128::from(WHOLE) / i128::from(total)).unwrap_or(i64::MAX / 4)
}

/// A share in hundredths, for people.
pub(in crate::scheduler) const fn percent(share: i64) -> i64 {
    share / (WHOLE / 100)
}
