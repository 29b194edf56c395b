//! What the engine's answers mean.

use bollard::errors::Error as EngineError;
use swarmlite_proto::error::chain;

use crate::task::runtime::RuntimeError;

/// What the engine answered; `None` if it has no such thing.
pub(super) fn found<T>(answer: Result<T, EngineError>) -> Result<Option<T>, RuntimeError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if status(&error) == Some(404) => Ok(None),
        Err(error) => Err(failure(error)),
    }
}

/// The status of an answer that is an error.
pub(super) fn status(error: &EngineError) -> Option<u16> {
    match error {
        EngineError::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// Whether the engine has said no, in its own words, or could not be asked.
pub(super) fn failure(error: EngineError) -> RuntimeError {
    match error {
        // It shuts down, or has not started yet.
        EngineError::DockerResponseServerError { status_code: 503, message } => {
            RuntimeError::Unavailable(message)
        }
        EngineError::DockerResponseServerError { message, .. } => RuntimeError::Refused(message),
        EngineError::DockerStreamError { error } => RuntimeError::Refused(error),
        error @ (EngineError::JsonDataError { .. } | EngineError::JsonSerdeError { .. }) => {
            RuntimeError::Refused(error.to_string())
        }
        error => RuntimeError::Unavailable(chain(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_final_and_outages_are_not() {
        let answer = |status_code| EngineError::DockerResponseServerError {
            status_code,
            message: "No such image: x".to_owned(),
        };
        let refused = RuntimeError::Refused("No such image: x".to_owned());
        assert_eq!(failure(answer(404)), refused);
        assert_eq!(failure(answer(500)), refused);
        assert!(matches!(failure(answer(503)), RuntimeError::Unavailable(_)));
        assert!(matches!(failure(EngineError::RequestTimeoutError), RuntimeError::Unavailable(_)));
        assert_eq!(found::<()>(Err(answer(404))), Ok(None));
    }
}
