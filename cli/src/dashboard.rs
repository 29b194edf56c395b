//! The page to look at a cluster with, on a loopback address: whoever knows the token may see it and do what it can.
//!
//! The page is this program's own; what it asks goes to the daemon that the client was told ([`forwarded`]). This address is as powerful as
//! the daemon's socket, on which file permissions decide who is let in, so everything is asked for the token, in a cookie that the printed
//! address sets ([`token`]), and what pages of others have a browser send is refused (`for_browsers`).

mod forwarded;
mod token;

use axum::Router;
use axum::body::Body;
use axum::body::Bytes;
use axum::extract::Request;
use axum::extract::State;
use axum::http::HeaderName;
use axum::http::Method;
use axum::http::StatusCode;
use axum::http::Uri;
use axum::http::header::CACHE_CONTROL;
use axum::http::header::CONTENT_TYPE;
use axum::http::header::LOCATION;
use axum::http::header::SET_COOKIE;
use axum::middleware;
use axum::middleware::Next;
use axum::response::IntoResponse;
use axum::response::Response;
use swarmlite_api::Names;
use swarmlite_api::UI;
use swarmlite_api::for_browsers;
use swarmlite_api::with_page;
use swarmlite_proto::error::REASON_HEADER;

use self::forwarded::is_forwarded;
use self::token::Door;
pub(crate) use self::token::Token;
use crate::client::Client;

/// What is said to whoever comes without the token.
const CLOSED: &str = "Open the address that 'swarmlite dashboard' has printed: \
    it has a token in it, which is missing here or is that of another one.\n";

/// What is served. `port` is where.
pub(crate) fn router(client: Client, token: Token, port: u16) -> Router {
    let api = Router::new().fallback(forward).with_state(client);
    let door = Door::new(token, port);
    let guarded = with_page(api).layer(middleware::from_fn_with_state(door, enter));
    for_browsers(guarded, Names::Loopback)
}

/// Lets those in who have the cookie, and gives it to those who come with the token.
async fn enter(State(door): State<Door>, request: Request, next: Next) -> Response {
    if let Some(cookie) = door.cookie_for(request.uri()) {
        let headers = [(SET_COOKIE, &*cookie), (LOCATION, UI), (CACHE_CONTROL, "no-store")];
        return (StatusCode::SEE_OTHER, headers).into_response();
    }
    if !door.is_open_to(request.headers()) {
        return (StatusCode::FORBIDDEN, CLOSED).into_response();
    }
    if request.uri().path() == "/" {
        return (StatusCode::SEE_OTHER, [(LOCATION, UI)]).into_response();
    }
    next.run(request).await
}

/// Has the daemon answer what the page asks.
async fn forward(
    State(client): State<Client>,
    method: Method,
    uri: Uri,
    headers: axum::http::HeaderMap,
    body: Bytes,
) -> Response {
    if !is_forwarded(&method, uri.path()) {
        return (StatusCode::NOT_FOUND, "The page does not use this part of the API.\n")
            .into_response();
    }
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let content_type = headers.get(CONTENT_TYPE).map(|value| (CONTENT_TYPE, value.clone()));
    let answer = client.pass(method, path, content_type.into_iter().collect(), body).await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    };
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut response = Response::new(Body::from_stream(answer.bytes_stream()));
    *response.status_mut() = status;
    for name in [CONTENT_TYPE, HeaderName::from_static(REASON_HEADER)] {
        if let Some(value) = headers.get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

#[cfg(test)]
mod tests;
