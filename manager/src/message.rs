//! Bodies of calls, as [`swarmlite_proto::rpc`] defines them.

use axum::Json;
use axum::body::Bytes;
use axum::extract::FromRequest;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use serde::Serialize;
use serde::de::DeserializeOwned;
use swarmlite_proto::error::Error;
use swarmlite_proto::messagepack;

/// A body in MessagePack: of a request as an extractor, of an answer as a response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packed<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Packed<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|error| Error::invalid(format!("cannot read the call: {error}")))?;
        messagepack::decode(&body)
            .map(Self)
            .map_err(|error| Refusal(Error::invalid(format!("cannot read the call: {error}"))))
    }
}

impl<T: Serialize> IntoResponse for Packed<T> {
    fn into_response(self) -> Response {
        match messagepack::encode(&self.0) {
            Ok(body) => body.into_response(),
            Err(error) => {
                Refusal(Error::unknown(format!("cannot write the answer: {error}"))).into_response()
            }
        }
    }
}

/// A call that is not carried out, and why. Callers read the error itself; the status only has to differ from 200.
#[derive(Clone, Debug)]
pub(crate) struct Refusal(pub Error);

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, Json(self.0)).into_response()
    }
}
