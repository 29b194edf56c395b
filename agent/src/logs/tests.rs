//! A publisher against a leader in the hands of the test, over real connections.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::stream;
use hyper::Request;
use hyper::Response;
use hyper::body::Incoming;
use swarmlite_proto::id::ClusterId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::logs::LogStream;
use swarmlite_proto::logs::PublicationId;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::time::Timestamp;
use swarmlite_rpc::FrameReceiver;
use swarmlite_rpc::PacedReceiver;
use swarmlite_rpc::server_config;
use swarmlite_rpc::stream::frames;
use swarmlite_rpc::testing::TestCa;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;

use super::*;

/// How long the other side gets.
const LIMIT: Duration = Duration::from_secs(30);

const OPTIONS: LogOptions =
    LogOptions { stdout: true, stderr: true, follow: false, since: None, tail: None };

fn task(letter: char) -> TaskId {
    letter.to_string().repeat(25).parse().expect("an id")
}

fn line(text: &str) -> LogLine {
    let data = text.as_bytes().to_vec();
    LogLine { stream: LogStream::Stdout, timestamp: Timestamp::EPOCH, data }
}

/// Containers whose logs are what the test says; those that are followed go on for ever, and tell when nobody reads them any more.
#[derive(Default)]
struct FakeContainers {
    lines: BTreeMap<TaskId, Vec<Result<LogLine, RuntimeError>>>,
    /// How many lines were read of a container that never stops to write.
    endless: watch::Sender<usize>,
}

impl ContainerLogs for FakeContainers {
    fn lines(
        &self,
        task: &TaskId,
        options: &LogOptions,
    ) -> BoxStream<'static, Result<LogLine, RuntimeError>> {
        if options.follow {
            let (read, reader) = (self.endless.clone(), self.endless.subscribe());
            let endless = stream::repeat_with(move || {
                let _lives_as_long_as_the_stream = &reader;
                read.send_modify(|count| *count += 1);
                Ok(line("again\n"))
            });
            return endless.boxed();
        }
        stream::iter(self.lines.get(task).cloned().unwrap_or_default()).boxed()
    }
}

/// The leader's ends of the streams that the agent opens.
type Arrivals = mpsc::Receiver<(FrameReceiver, swarmlite_rpc::FrameSender)>;

/// A leader and a publisher on the same machine, and where to put orders in.
async fn publisher(containers: FakeContainers) -> (SocketAddr, mpsc::Sender<Ordered>, Arrivals) {
    let ca = TestCa::new("c".repeat(25).parse::<ClusterId>().expect("an id"));
    let id = |letter: &str| letter.repeat(25).parse::<NodeId>().expect("an id");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let addr = listener.local_addr().expect("an address");
    let identity = ca.issue(&id("m"), NodeRole::Manager);
    let (keep, tls) = watch::channel(Arc::new(server_config(&identity).expect("valid")));
    let (arrived, arrivals) = mpsc::channel(8);
    let handler = move |request: Request<Incoming>, _caller| {
        let _keep = &keep;
        let arrived = arrived.clone();
        async move {
            assert_eq!(request.uri().path(), LOGS_PUBLISH);
            let (demands, body) = frames();
            let reports = FrameReceiver::new(request.into_body());
            arrived.send((reports, demands)).await.expect("the test goes on");
            Response::new(body)
        }
    };
    tokio::spawn(swarmlite_rpc::serve(listener, tls, swarmlite_rpc::Limits::DEFAULT, handler));
    let client = Client::new(&ca.issue(&id("w"), NodeRole::Worker)).expect("valid");
    let (sender, orders) = mpsc::channel(ORDERS);
    tokio::spawn(Publisher { client, logs: Arc::new(containers), orders }.run());
    (addr, sender, arrivals)
}

fn order(number: u64, tasks: &[char], follow: bool) -> LogOrder {
    let tasks = tasks.iter().map(|letter| task(*letter)).collect();
    LogOrder { id: PublicationId(number), tasks, options: LogOptions { follow, ..OPTIONS } }
}

/// The stream of the next order, which has to be `number`.
async fn begun(arrivals: &mut Arrivals, number: u64) -> PacedReceiver {
    let arrival = timeout(LIMIT, arrivals.recv()).await.expect("in time");
    let (mut reports, demands) = arrival.expect("is open");
    let begin = timeout(LIMIT, reports.receive()).await.expect("in time").expect("sound");
    assert_eq!(begin, Some(LogReport::Begin(PublicationId(number))));
    PacedReceiver::new(demands, reports)
}

async fn all(mut stream: PacedReceiver) -> Vec<LogReport> {
    let mut reports = Vec::new();
    while let Some(report) =
        timeout(LIMIT, stream.receive()).await.expect("in time").expect("sound")
    {
        reports.push(report);
    }
    reports
}

#[tokio::test]
async fn every_line_is_published_once_and_then_the_end() {
    let many: Vec<_> = (0..100).map(|number| Ok(line(&format!("{number}\n")))).collect();
    let broken = RuntimeError::Refused("configured logging driver does not support reading".into());
    let lines = BTreeMap::from([
        (task('a'), many.clone()),
        (task('b'), vec![Ok(line("last words\n")), Err(broken.clone())]),
    ]);
    let (addr, orders, mut arrivals) =
        publisher(FakeContainers { lines, ..FakeContainers::default() }).await;
    orders.send((addr, order(7, &['a', 'b', 'c'], false))).await.expect("is taken");
    let reports = all(begun(&mut arrivals, 7).await).await;
    assert_eq!(reports.last(), Some(&LogReport::Done));
    let of = |wanted: char| {
        let lines = reports.iter().filter_map(move |report| match report {
            LogReport::Lines(id, lines) if *id == task(wanted) => Some(lines.clone()),
            _ => None,
        });
        lines.flatten().map(Ok).collect::<Vec<_>>()
    };
    assert_eq!(of('a'), many);
    assert_eq!(of('b'), [Ok(line("last words\n"))]);
    assert!(of('c').is_empty());
    assert!(reports.contains(&LogReport::Failed(task('b'), broken.to_string())));
}

#[tokio::test]
async fn a_leader_that_does_not_read_stops_the_reading_and_one_that_hangs_up_ends_it() {
    let containers = FakeContainers::default();
    let read = containers.endless.clone();
    let (addr, orders, mut arrivals) = publisher(containers).await;
    orders.send((addr, order(1, &['a'], true))).await.expect("is taken");
    let mut slow = begun(&mut arrivals, 1).await;
    let first: Option<LogReport> = slow.receive().await.expect("sound");
    assert!(matches!(first, Some(LogReport::Lines(..))));
    // Another reader is not held up by the slow one.
    orders.send((addr, order(2, &['b'], false))).await.expect("is taken");
    assert_eq!(all(begun(&mut arrivals, 2).await).await, [LogReport::Done]);
    // The window, and one message that waits at the sender.
    let most = BATCH * (swarmlite_rpc::paced::WINDOW as usize + 1);
    let mut counts = read.subscribe();
    let too_many = counts.wait_for(|count| *count > most);
    assert!(timeout(Duration::from_millis(300), too_many).await.is_err(), "{}", *read.borrow());
    drop((slow, counts));
    timeout(LIMIT, read.closed()).await.expect("nobody reads any more");
}
