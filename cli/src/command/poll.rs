//! Looking at something again and again, until it is as wanted or the user has seen enough.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::error::Result;

/// Time between two looks, as in docker.
const INTERVAL: Duration = Duration::from_millis(200);

/// Looks until there is an answer. Returns none if the user interrupts.
pub(super) async fn until<T>(
    mut look: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<Option<T>> {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = tokio::signal::ctrl_c() => return Ok(None),
        }
        let answer = look().await?;
        if answer.is_some() {
            return Ok(answer);
        }
    }
}
