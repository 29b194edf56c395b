//! Awaiting a condition.

use std::time::Duration;

use anyhow::Context;
use tokio::time::Instant;

/// The pause between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(50);

/// Evaluates `condition` until it gives a value, and returns that; `what` completes the sentence "waited for ...".
///
/// # Errors
///
/// When `limit` has passed: the last error that `condition` gave. A look that did not end by then gave none.
pub async fn eventually<T>(
    what: &str,
    limit: Duration,
    mut condition: impl AsyncFnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + limit;
    let mut last = anyhow::anyhow!("the first look did not end");
    loop {
        match tokio::time::timeout_at(deadline, condition()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => last = error,
            Err(_) => {}
        }
        if Instant::now() >= deadline {
            return Err(last).with_context(|| format!("waited {limit:?} for {what}"));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_condition_is_looked_at_until_it_holds() {
        let mut looks = 0;
        let value = eventually("the third look", Duration::from_secs(1), async || {
            looks += 1;
            if looks < 3 { bail!("not yet") } else { Ok(looks) }
        });
        assert_eq!(value.await.unwrap(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_limit_the_last_reason_is_told() {
        let limit = Duration::from_secs(1);
        let never = eventually("a miracle", limit, async || -> anyhow::Result<()> { bail!("no") });
        let text = format!("{:#}", never.await.unwrap_err());
        assert_eq!(text, "waited 1s for a miracle: no");
        let mut looks = 0;
        let stuck = eventually("an end", limit, async || -> anyhow::Result<()> {
            looks += 1;
            if looks > 1 { std::future::pending().await } else { bail!("seen before") }
        });
        assert_eq!(format!("{:#}", stuck.await.unwrap_err()), "waited 1s for an end: seen before");
    }
}
