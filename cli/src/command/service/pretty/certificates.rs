//! Certificates by ACME, as `service inspect --pretty` shows them.

use swarmlite_proto::api::HttpCertificate;

/// A line for a host: what it is served with, and what is wrong.
pub(super) fn line(certificate: &HttpCertificate) -> String {
    let HttpCertificate { host, not_after, renew_at, ordered, error, retry_at, .. } = certificate;
    let mut parts = vec![match not_after {
        Some(at) => format!("valid until {at}"),
        None => "none yet".to_owned(),
    }];
    parts.extend(renew_at.map(|at| format!("renewed at {at}")));
    parts.extend(ordered.then(|| "ordered".to_owned()));
    parts.extend((!error.is_empty()).then(|| error.clone()));
    parts.extend(retry_at.map(|at| format!("tried again at {at}")));
    format!(" {host}: {}", parts.join("; "))
}

#[cfg(test)]
mod tests {
    use swarmlite_proto::time::Timestamp;

    use super::*;

    #[test]
    fn what_is_there_and_what_is_wrong_stand_in_one_line() {
        let host = "shop.example.com".to_owned();
        let none = HttpCertificate { host, ..HttpCertificate::default() };
        assert_eq!(line(&none), " shop.example.com: none yet");
        let at = Some(Timestamp::EPOCH);
        let error = "the server says no".to_owned();
        let failing = HttpCertificate { not_after: at, error, retry_at: at, ..none.clone() };
        assert_eq!(
            line(&failing),
            " shop.example.com: valid until 1970-01-01T00:00:00Z; the server says no; tried again at 1970-01-01T00:00:00Z"
        );
        assert_eq!(
            line(&HttpCertificate { ordered: true, ..none }),
            " shop.example.com: none yet; ordered"
        );
    }
}
