//! Updates to what cannot run, and a node that hangs while tasks are replaced.

use std::time::Duration;

use anyhow::bail;
use anyhow::ensure;
use serde_json::Value;
use serde_json::json;
use swarmlite_lab::Service;
use swarmlite_lab::eventually;
use swarmlite_lab::load::Report;

use crate::cluster::Cluster;
use crate::cluster::SOON;
use crate::traffic::NAME;
use crate::traffic::REPLICAS;
use crate::traffic::Traffic;
use crate::traffic::pass;
use crate::traffic::service;
use crate::traffic::settled;

/// Waits until the change of the service is in `state`, with a message that begins with `message`.
async fn status(cluster: &Cluster, state: &str, message: &str) -> anyhow::Result<()> {
    eventually(&format!("the update to be {state}"), 4 * SOON, async || {
        let service = cluster.service(cluster.manager(), NAME).await?;
        let Some(status) = service.update_status else { bail!("there is no update") };
        ensure!(status.state == state, "it is {}: {}", status.state, status.message);
        ensure!(status.message.starts_with(message), "{}", status.message);
        Ok(())
    })
    .await
}

async fn change(cluster: &Cluster, options: &[&str]) -> anyhow::Result<()> {
    let mut words = vec!["service", "update", "--detach"];
    words.extend(options);
    words.push(NAME);
    cluster.manager().swarmlite(&words).await.map(drop)
}

/// The service, whose tasks count as running once they say that they are well.
fn checked_service() -> Value {
    let mut service = service();
    let second = 1_000_000_000_u64;
    service["TaskTemplate"]["ContainerSpec"]["Healthcheck"] = json!({
        "Test": ["CMD", "/whoami", "get", "http://127.0.0.1:8000/health"],
        "Interval": second,
        "Timeout": 10 * second,
        "Retries": 2,
    });
    service
}

pub(crate) async fn a_bad_image_pauses_the_update_and_costs_nothing(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let traffic = Traffic::start(cluster, service(), cluster.members()).await?;
    let before = cluster.lives(NAME).await?;
    traffic
        .during("an update to an image that is not there", async || {
            change(cluster, &["--image", "nosuch:1", "--update-failure-action", "pause"]).await?;
            let because = "update paused due to failure or early termination of task ";
            status(cluster, "paused", because).await
        })
        .await?;
    let after = cluster.lives(NAME).await?;
    ensure!(before == after, "before: {before:#?}, after: {after:#?}");
    traffic
        .during("an update back to the good one", async || {
            change(cluster, &["--image", "whoami:latest"]).await?;
            settled(cluster, REPLICAS).await
        })
        .await?;
    // The tasks that never stopped are of that spec.
    let after = cluster.lives(NAME).await?;
    ensure!(before == after, "before: {before:#?}, after: {after:#?}");
    traffic.finish().await?.check()
}

pub(crate) async fn containers_that_exit_are_rolled_back_and_cost_nothing(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let traffic = Traffic::start(cluster, checked_service(), cluster.members()).await?;
    traffic
        .during("an update to what exits at once", async || {
            let action = "--update-failure-action=rollback";
            change(cluster, &["--args", "nonsense", "--update-order=start-first", action]).await?;
            status(cluster, "rollback_completed", "rollback completed").await?;
            settled(cluster, REPLICAS).await
        })
        .await?;
    traffic.finish().await?.check()
}

pub(crate) async fn one_that_never_gets_healthy_goes_on_if_asked(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let traffic = Traffic::start(cluster, checked_service(), cluster.members()).await?;
    let bad = format!("serve --name {NAME} --unhealthy");
    traffic
        .during("an update to what does not get healthy", async || {
            let order = "--update-order=start-first";
            change(cluster, &["--args", &bad, order, "--update-failure-action=pause"]).await?;
            status(cluster, "paused", "update paused due to failure").await
        })
        .await?;
    // Until here nothing was lost. What goes on in spite of failures ends all that works, unless nothing ends before its successor runs.
    traffic.finish().await?.check()?;
    let before = cluster.tasks(cluster.manager(), NAME).await?;
    let order = "--update-order=stop-first";
    change(cluster, &["--force", order, "--update-failure-action=continue"]).await?;
    eventually("all tasks to be replaced", 4 * SOON, async || {
        let tasks = cluster.tasks(cluster.manager(), NAME).await?;
        let old = before.iter().filter(|task| task.runs());
        let kept = old.filter(|old| tasks.iter().any(|task| task.id == old.id && task.runs()));
        let kept = kept.count();
        ensure!(kept == 0, "{kept} tasks are not replaced");
        Ok(())
    })
    .await
}

/// An update of tasks on the managers while the daemon of the worker, which also answers on published ports, hangs for a time that
/// is shorter than its lease. `hangs` says when it has been long enough.
async fn update_while_a_node_hangs(
    cluster: &Cluster,
    hangs: impl AsyncFnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Report> {
    let mut service = service();
    service["TaskTemplate"]["Placement"] = json!({ "Constraints": ["node.role==manager"] });
    let traffic = Traffic::start(cluster, service, cluster.members()).await?;
    let worker = cluster.worker();
    worker.signal(Service::Daemon, "STOP").await?;
    let hung = traffic
        .during("an update while a node hangs", async || {
            change(cluster, &["--force"]).await?;
            hangs().await
        })
        .await;
    worker.signal(Service::Daemon, "CONT").await?;
    hung?;
    traffic
        .during("it goes on", async || {
            cluster.all_ready().await?;
            status(cluster, "completed", "update completed").await?;
            settled(cluster, REPLICAS).await
        })
        .await?;
    traffic.finish().await
}

pub(crate) async fn a_node_that_hangs_is_waited_for(cluster: &Cluster) -> anyhow::Result<()> {
    let report = update_while_a_node_hangs(cluster, async || {
        let before = cluster.lives(NAME).await?;
        pass(Duration::from_secs(8)).await?;
        let after = cluster.lives(NAME).await?;
        for container in before.keys() {
            ensure!(after.contains_key(container), "{container} has ended");
        }
        Ok(())
    });
    report.await?.check()
}

pub(crate) async fn without_confirmation_requests_fail(cluster: &Cluster) -> anyhow::Result<()> {
    restart_managers(cluster, &["--routing-patience", "0"]).await?;
    let report = update_while_a_node_hangs(cluster, async || {
        let before = cluster.lives(NAME).await?;
        eventually("a task to be stopped", SOON, async || {
            let after = cluster.lives(NAME).await?;
            let stopped = before.keys().any(|container| !after.contains_key(container));
            ensure!(stopped, "none is");
            Ok(())
        })
        .await?;
        pass(Duration::from_secs(2)).await
    })
    .await;
    restart_managers(cluster, &[]).await?;
    let report = report?;
    ensure!(report.failures() > 0, "no request failed, so that the other tests prove nothing");
    Ok(())
}

async fn restart_managers(cluster: &Cluster, options: &[&str]) -> anyhow::Result<()> {
    for node in cluster.managers() {
        node.kill(Service::Daemon, "TERM").await?;
        node.start_with(Service::Daemon, options).await?;
    }
    cluster.all_ready().await
}
