//! A user of the API while other things go on: lists services, shows one and changes it, again and again, and notes how long each call takes.

use std::time::Duration;

use anyhow::Context;
use serde_json::Value;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::child::Api;
use crate::times::Times;

/// The pause between two rounds of calls.
const PAUSE: Duration = Duration::from_millis(200);

/// How long calls took.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    /// `service ls`.
    pub(crate) list: Times,
    /// `service inspect`.
    pub(crate) inspect: Times,
    /// `service update`, of a label.
    pub(crate) update: Times,
}

/// Calls that go on.
#[derive(Debug)]
pub(crate) struct Probe {
    end: CancellationToken,
    calls: JoinHandle<anyhow::Result<Calls>>,
}

impl Probe {
    /// Begins, with a service of its own that has no tasks.
    pub(crate) async fn start(api: Api) -> anyhow::Result<Self> {
        let spec = json!({
            "Name": "probe",
            "TaskTemplate": {"ContainerSpec": {"Image": "probe:1"}},
            "Mode": {"Replicated": {"Replicas": 0}},
        });
        api.post("/services/create", &spec).await?;
        let end = CancellationToken::new();
        Ok(Self { end: end.clone(), calls: tokio::spawn(call(api, end)) })
    }

    /// Ends.
    pub(crate) async fn finish(self, api: &Api) -> anyhow::Result<Calls> {
        self.end.cancel();
        let calls = self.calls.await??;
        api.delete("/services/probe").await?;
        Ok(calls)
    }
}

async fn call(api: Api, end: CancellationToken) -> anyhow::Result<Calls> {
    let mut calls = Calls::default();
    let mut round = 0;
    while !end.is_cancelled() {
        round += 1;
        calls.list.note(timed(api.get("/services?status=true")).await?.0);
        let (took, mut service) = timed(api.get("/services/probe")).await?;
        calls.inspect.note(took);
        let version = version(&service)?;
        service["Spec"]["Labels"]["round"] = json!(round.to_string());
        let path = format!("/services/probe/update?version={version}");
        calls.update.note(timed(api.post(&path, &service["Spec"])).await?.0);
        sleep(PAUSE).await;
    }
    Ok(calls)
}

async fn timed(
    call: impl Future<Output = anyhow::Result<Value>>,
) -> anyhow::Result<(Duration, Value)> {
    let began = Instant::now();
    let answer = call.await?;
    Ok((began.elapsed(), answer))
}

/// The version of an object that the API shows.
pub(crate) fn version(object: &Value) -> anyhow::Result<u64> {
    object["Version"]["Index"].as_u64().context("no version")
}
