//! A request and its answer: which task is asked, over which connection, and what is asked again when that fails.
//!
//! Nothing is sent twice that could have been acted on twice: another try is made only while nothing of the request has gone out, or for an
//! idempotent request without a body (RFC 9112, 9.3.1; RFC 9110, 9.2.2): when the task has closed a connection while it was unused, and when its node does
//! not answer any more.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use hyper::HeaderMap;
use hyper::Method;
use hyper::Request;
use hyper::Response;
use hyper::StatusCode;
use hyper::Uri;
use hyper::body::Body;
use hyper::body::Incoming;
use swarmlite_proto::error::chain;
use swarmlite_proto::id::TaskId;
use tokio::time::Instant;

use crate::answer::Refusal;
use crate::choice::Aside;
use crate::connection::Target;
use crate::download::Download;
use crate::download::Lease;
use crate::limits::Limits;
use crate::limits::SILENCE;
use crate::pool::ConnectError;
use crate::pool::Pool;
use crate::table::Rule;
use crate::timer::Timer;
use crate::upload::Progress;
use crate::upload::Upload;
use crate::upload::UploadError;

/// The tasks, as far as requests go.
#[derive(Debug)]
pub(crate) struct Tasks {
    pub(crate) pool: Arc<Pool>,
    pub(crate) limits: Limits,
    pub(crate) aside: Mutex<Aside>,
}

/// A request for a task.
#[derive(Debug)]
pub(crate) struct Errand {
    /// In a box, as it goes through many hands, which would all have room for it.
    pub(crate) request: Box<Request<Upload>>,
    /// Whether it is spoken in HTTP/2.
    pub(crate) http2: bool,
    /// The task that the client comes back to.
    pub(crate) preferred: Option<TaskId>,
}

/// What a request has come to at one task.
#[derive(Debug)]
enum Failure {
    /// Nothing of it has gone out: another task can have it.
    Unreached(Box<Request<Upload>>, ConnectError),
    /// It is lost.
    Lost(Refusal),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Lost(refusal)
    }
}

impl Tasks {
    /// Asks one task of a service after the other until one has the request.
    pub(crate) async fn ask(
        &self,
        rule: &Rule,
        errand: Errand,
    ) -> Result<(TaskId, Response<Download>), Refusal> {
        let Errand { mut request, http2, preferred } = errand;
        let silence = rule.route.timeout.map_or(SILENCE, |timeout| timeout.to_duration());
        let turn = rule.counters.next_turn();
        let mut tried = Vec::new();
        let mut refusal = Refusal::NoTask;
        while let Some(target) = self.choose(rule, preferred.as_ref(), &tried, turn) {
            let sent = if http2 {
                self.send_http2(&target, request, silence).await
            } else {
                self.send_http1(&target, request, silence).await
            };
            match sent {
                Ok(answer) => return Ok((target.task, answer)),
                Err(Failure::Lost(refusal)) => return Err(refusal),
                Err(Failure::Unreached(back, error)) => {
                    tracing::info!(task = %target.task, error = chain(&error), "cannot reach a task");
                    rule.counters.unreached();
                    let until = Instant::now() + self.limits.aside;
                    self.aside().put(target.task.clone(), until);
                    tried.push(target.task);
                    request = back;
                    refusal = Refusal::Unreachable;
                }
            }
        }
        Err(refusal)
    }

    pub(crate) fn aside(&self) -> MutexGuard<'_, Aside> {
        self.aside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn choose(
        &self,
        rule: &Rule,
        preferred: Option<&TaskId>,
        tried: &[TaskId],
        turn: usize,
    ) -> Option<Target> {
        let aside = self.aside();
        let time = (turn, Instant::now());
        let task = aside.choose(&rule.service.tasks, preferred, tried, time)?;
        let address = SocketAddr::from((task.address, rule.route.target_port));
        Some(Target { task: task.id.clone(), address })
    }

    async fn send_http1(
        &self,
        target: &Target,
        request: Box<Request<Upload>>,
        silence: Duration,
    ) -> Result<Response<Download>, Failure> {
        let again = Again::of(&request);
        let progress = request.body().progress();
        let mut request = request;
        let mut used = self.pool.take(target);
        loop {
            let connection = match used.take() {
                Some(connection) => Ok(connection),
                None => self.pool.connect(target).await,
            };
            let mut connection = match connection {
                Ok(connection) => connection,
                Err(error) => return Err(Failure::Unreached(request, error)),
            };
            let sent = {
                let timer = connection.timer.clone();
                let sending = pin!(connection.send(*request));
                let sent = connection.moving(sending);
                tokio::select! {
                    sent = answered(sent, &progress, (&timer, silence)) => sent?,
                    again = self.elsewhere(&target.task, again.as_ref()) => return Err(again),
                }
            };
            let mut error = match sent {
                Ok(answer) => {
                    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
                        connection.go_alone();
                    }
                    let lease = Lease { connection, pool: Arc::clone(&self.pool) };
                    return Ok(received(answer, silence, Some(lease)));
                }
                Err(error) => error,
            };
            let unsent = error.take_message();
            request = match (unsent, &again) {
                (Some(unsent), _) if connection.used => Box::new(unsent),
                (Some(unsent), _) => {
                    let error = ConnectError::Broken(error.into_error());
                    return Err(Failure::Unreached(Box::new(unsent), error));
                }
                (None, Some(again)) if connection.used && is_closed(error.error()) => {
                    Box::new(again.request())
                }
                (None, _) => return Err(lost(&progress, error.error()).into()),
            };
        }
    }

    /// Waits until a request is better sent to another task than waited for at this one, if it may be sent again.
    async fn elsewhere(&self, task: &TaskId, again: Option<&Again>) -> Failure {
        let Some(again) = again else { return std::future::pending().await };
        self.pool.lost(task).await;
        Failure::Unreached(Box::new(again.request()), ConnectError::Lost)
    }

    async fn send_http2(
        &self,
        target: &Target,
        request: Box<Request<Upload>>,
        silence: Duration,
    ) -> Result<Response<Download>, Failure> {
        let progress = request.body().progress();
        let mut request = request;
        let mut shared = self.pool.shared(target);
        loop {
            let (sender, is_new) = match shared.take() {
                Some(sender) => (Ok(sender), false),
                None => (self.pool.share(target).await, true),
            };
            let mut sender = match sender {
                Ok(sender) => sender,
                Err(error) => return Err(Failure::Unreached(request, error)),
            };
            let sent = pin!(sender.try_send_request(*request));
            let timer = Timer::new();
            let mut error = match answered(sent, &progress, (&timer, silence)).await? {
                Ok(answer) => return Ok(received(answer, silence, None)),
                Err(error) => error,
            };
            request = match error.take_message() {
                // The task has ended the connection meanwhile, as it may at any time.
                Some(unsent) if !is_new => Box::new(unsent),
                Some(unsent) => {
                    let error = ConnectError::Broken(error.into_error());
                    return Err(Failure::Unreached(Box::new(unsent), error));
                }
                None => return Err(lost(&progress, error.error()).into()),
            };
        }
    }
}

/// What it takes to send a request once more, if that is allowed.
#[derive(Debug)]
struct Again {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

impl Again {
    fn of(request: &Request<Upload>) -> Option<Self> {
        let allowed = request.method().is_idempotent() && request.body().is_end_stream();
        allowed.then(|| Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
        })
    }

    fn request(&self) -> Request<Upload> {
        let mut request = Request::new(Upload::empty());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

/// Waits for the head of the answer, as long as the task is not silent for too long. It is not silent while it takes the request.
async fn answered<T>(
    mut sent: impl Future<Output = T> + Unpin,
    progress: &Progress,
    (timer, silence): (&Timer, Duration),
) -> Result<T, Refusal> {
    let begun = Instant::now();
    loop {
        let moved = progress.moved().unwrap_or(begun).max(begun);
        tokio::select! {
            biased;
            answer = &mut sent => return Ok(answer),
            () = timer.until(moved + silence) => {}
        }
        if progress.moved().is_none_or(|last| last <= moved) {
            let is_slow = progress.wants_more();
            return Err(if is_slow { Refusal::SlowBody } else { Refusal::Silent });
        }
    }
}

fn received(
    answer: Response<Incoming>,
    silence: Duration,
    lease: Option<Lease>,
) -> Response<Download> {
    answer.map(|body| Download::new(body, silence, lease))
}

/// Whether the task has closed the connection instead of answering.
fn is_closed(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref());
    error.is_incomplete_message() || error.is_canceled() || source.is_some_and(is_reset)
}

fn is_reset(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe
    )
}

fn lost(progress: &Progress, error: &hyper::Error) -> Refusal {
    match progress.failed() {
        Some(UploadError::TooLarge) => Refusal::TooLarge,
        Some(UploadError::Broken) => Refusal::Malformed,
        None => {
            tracing::info!(error = chain(error), "a task gave no answer");
            Refusal::Broken
        }
    }
}
