use swarmlite_proto::time::Nanoseconds;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::task::fake::FakeAttach;
use crate::task::fake::FakeRuntime;
use crate::task::samples::task;

fn checks(test: &[&str]) -> Checks<FakeRuntime, FakeAttach> {
    let test = test.iter().map(|&word| word.to_owned()).collect();
    let config =
        ReadinessConfig { test, timeout: Nanoseconds::from_secs(1), ..ReadinessConfig::default() };
    Checks {
        runtime: Arc::new(FakeRuntime::new()),
        attach: FakeAttach::default(),
        target: Target::new("web".to_owned(), 101, &task('a')),
        config,
    }
}

/// Answers every request with `answer` after it has come in; with nothing, it does not answer at all.
async fn serve(answer: &'static str) -> (u16, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let port = listener.local_addr().expect("is bound").port();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("accepts");
        let mut request = [0; 1024];
        let length = stream.read(&mut request).await.expect("reads");
        if answer.is_empty() {
            std::future::pending::<()>().await;
        }
        stream.write_all(answer.as_bytes()).await.expect("writes");
        String::from_utf8_lossy(&request[..length]).lines().map(str::to_owned).collect()
    });
    (port, serving)
}

#[tokio::test]
async fn the_status_of_the_answer_counts() {
    for (answer, expected) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Outcome::Passed),
        ("HTTP/1.0 204 None\r\n\r\n", Outcome::Passed),
        ("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", Outcome::Passed),
        ("HTTP/1.1 404 No\r\n\r\n", Outcome::Failed("HTTP status 404".to_owned())),
        ("HTTP/1.1 503 No\r\n\r\n", Outcome::Failed("HTTP status 503".to_owned())),
    ] {
        let (port, serving) = serve(answer).await;
        let checks = checks(&["HTTP", &format!("{port}/ready?now")]);
        assert_eq!(checks.check(&mut None).await, expected);
        let request = serving.await.expect("served");
        assert_eq!(request[0], "GET /ready?now HTTP/1.1");
    }
}

#[tokio::test]
async fn what_does_not_answer_is_not_ready() {
    let (port, _serving) = serve("").await;
    let test = ["HTTP", &port.to_string()];
    assert_eq!(checks(&test).check(&mut None).await, slow(Duration::from_secs(1)));

    let (port, serving) = serve("no HTTP at all").await;
    let test = ["HTTP", &port.to_string()];
    assert!(matches!(checks(&test).check(&mut None).await, Outcome::Failed(_)));
    serving.await.expect("served");
    // Nobody listens there any more.
    assert!(matches!(checks(&test).check(&mut None).await, Outcome::Failed(_)));
    let test = ["TCP", &port.to_string()];
    assert!(matches!(checks(&test).check(&mut None).await, Outcome::Failed(_)));
    let (port, _serving) = serve("").await;
    let test = ["TCP", &port.to_string()];
    assert_eq!(checks(&test).check(&mut None).await, Outcome::Passed);
}

#[tokio::test]
async fn the_end_of_a_command_counts_and_what_it_said_is_told() {
    let checks = checks(&["CMD-SHELL", "test -e /ready"]);
    let executed =
        |exit_code, output: &str| Executed::Exited { exit_code, output: output.to_owned() };
    for (executed, expected) in [
        (executed(0, "yes"), Outcome::Passed),
        (executed(1, ""), Outcome::Failed("exit code 1".to_owned())),
        (executed(2, "no\n"), Outcome::Failed("exit code 2: no".to_owned())),
    ] {
        checks.runtime.state().executed = Some(executed);
        assert_eq!(checks.check(&mut None).await, expected);
    }
    assert_eq!(checks.runtime.state().calls[0], "execute web: /bin/sh -c test -e /ready");
    checks.runtime.state().down = true;
    assert_eq!(checks.check(&mut None).await, Outcome::Unknown, "the task cannot help it");
}

#[tokio::test(start_paused = true)]
async fn a_command_that_takes_too_long_is_killed() {
    let checks = checks(&["CMD", "check"]);
    let mut late = None;
    for _ in 0..2 {
        assert_eq!(checks.check(&mut late).await, slow(Duration::from_secs(1)));
    }
    sleep(Duration::from_secs(1)).await;
    let both = ["execute web: check", "kill web: check"];
    assert_eq!(checks.runtime.state().calls, [both, both].concat());
}

#[tokio::test(start_paused = true)]
async fn commands_that_cannot_be_killed_do_not_pile_up() {
    let checks = checks(&["CMD", "check"]);
    checks.runtime.state().unkillable = true;
    let mut late = None;
    for _ in 0..3 {
        assert_eq!(checks.check(&mut late).await, slow(Duration::from_secs(1)));
    }
    assert_eq!(checks.runtime.state().calls, ["execute web: check", "kill web: check"]);
    let ended = Executed::Exited { exit_code: 0, output: String::new() };
    checks.runtime.state().executed = Some(ended);
    assert_eq!(checks.check(&mut late).await, Outcome::Passed);
    assert_eq!(checks.runtime.state().calls.len(), 3);
}
