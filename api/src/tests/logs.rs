//! Logs, as clients get them.

use futures_util::StreamExt;
use futures_util::stream;
use futures_util::stream::BoxStream;
use swarmlite_manager::logs::LogSource;
use swarmlite_proto::logs::LogBatch;
use swarmlite_proto::logs::LogEvent;
use swarmlite_proto::logs::LogLine;
use swarmlite_proto::logs::LogOptions;
use swarmlite_proto::logs::LogSelector;
use swarmlite_proto::logs::LogStream;
use swarmlite_proto::logs::LogSubscription;
use swarmlite_proto::object::Task;
use swarmlite_proto::time::Timestamp;

use super::*;

/// Logs that are what the test says.
#[derive(Clone, Default)]
pub(super) struct FakeLogs {
    events: Arc<Mutex<Vec<LogEvent>>>,
    asked: Arc<Mutex<Vec<LogSubscription>>>,
}

impl LogSource for FakeLogs {
    fn read(
        &self,
        subscription: LogSubscription,
    ) -> BoxFuture<'_, Result<BoxStream<'static, LogEvent>>> {
        self.asked.lock().expect("no panic").push(subscription);
        let events = self.events.lock().expect("no panic").clone();
        async move { Ok(stream::iter(events).boxed()) }.boxed()
    }
}

/// A lab with a service `web` of one task, and what its logs are.
async fn lab(tty: bool) -> (Lab, Task) {
    let lab = Lab::manager();
    let mut spec = web();
    spec["TaskTemplate"]["ContainerSpec"]["TTY"] = json!(tty);
    assert_eq!(lab.post("/services/create", &spec).await.status, 201);
    let state = lab.store.state();
    let service = state.service_by_name("web").expect("is there").clone();
    let task = fixture::task(120, &service, 1);
    lab.commit(Op::PutTask(Box::new(task.clone()))).await;
    let line = LogLine {
        stream: LogStream::Stdout,
        timestamp: Timestamp::EPOCH,
        data: b"hello\n".to_vec(),
    };
    let batch = LogBatch {
        node_id: hostname_id(&state, "worker"),
        service_id: service.id.clone(),
        task_id: task.id.clone(),
        lines: vec![line],
    };
    let events = vec![LogEvent::Lines(batch), LogEvent::End(Vec::new())];
    *lab.node.logs.events.lock().expect("no panic") = events;
    (lab, task)
}

fn asked(lab: &Lab) -> LogSubscription {
    lab.node.logs.asked.lock().expect("no panic").pop().expect("was asked")
}

#[tokio::test]
async fn a_service_and_a_task_are_read_as_asked() {
    let (lab, task) = lab(false).await;
    let reply = lab.get("/services/web/logs?stdout=1&tail=5&since=1500000000.5&follow=1").await;
    assert_eq!((reply.status, &reply.body), (200, &json!("\u{1}\0\0\0\0\0\0\u{6}hello\n")));
    let options = LogOptions {
        stdout: true,
        stderr: false,
        follow: true,
        since: Timestamp::from_unix(1_500_000_000, 500_000_000),
        tail: Some(5),
    };
    let selector = LogSelector::Service(task.service_id.clone());
    assert_eq!(asked(&lab), LogSubscription { selector, options });

    let path = format!("/tasks/{}/logs?stderr=true&tail=all", &task.id.as_str()[..10]);
    assert_eq!(lab.get(&path).await.status, 200);
    let options =
        LogOptions { stdout: false, stderr: true, follow: false, since: None, tail: None };
    assert_eq!(asked(&lab), LogSubscription { selector: LogSelector::Task(task.id), options });
}

#[tokio::test]
async fn the_type_says_whether_there_are_frames_to_those_who_know_it() {
    let (multiplexed, raw) =
        ("application/vnd.docker.multiplexed-stream", "application/vnd.docker.raw-stream");
    for (tty, version, expected) in
        [(false, "1.42", multiplexed), (false, "1.41", raw), (true, "1.42", raw)]
    {
        let (lab, task) = lab(tty).await;
        for path in ["services/web".to_owned(), format!("tasks/{}", task.id)] {
            let reply = lab.get(&format!("/v{version}/{path}/logs?stdout=1")).await;
            assert_eq!(reply.header("Content-Type"), expected, "{version} {tty} {path}");
            assert_eq!(reply.body.as_str().expect("text").len(), if tty { 6 } else { 14 });
        }
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_in_dockers_words() {
    let (lab, _) = lab(false).await;
    for (path, status, message) in [
        ("/services/web/logs", 500, "Bad parameters: you must choose at least one stream"),
        (
            "/services/web/logs?stdout=1&tail=x",
            500,
            "tail value must be a positive integer or \"all\"",
        ),
        ("/services/web/logs?stdout=1&tail=-1", 500, "negative tail values not supported"),
        (
            "/services/web/logs?stdout=1&until=7",
            400,
            "until is not supported for logs of services and tasks",
        ),
        ("/services/nothing/logs?stdout=1", 404, "service nothing not found"),
        ("/tasks/nothing/logs?stdout=1", 404, "task nothing not found"),
    ] {
        let reply = lab.get(path).await;
        assert_eq!((reply.status, reply.message()), (status, message), "{path}");
    }
    assert!(lab.node.logs.asked.lock().expect("no panic").is_empty());
}
