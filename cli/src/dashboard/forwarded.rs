//! Which requests go to the daemon: those of the page. Pure.

use axum::http::Method;

/// What the page reads and does. `*` is one name or id.
const REQUESTS: [(Method, &str); 17] = [
    (Method::GET, "/events"),
    (Method::GET, "/info"),
    (Method::GET, "/networks"),
    (Method::GET, "/networks/*"),
    (Method::GET, "/nodes"),
    (Method::GET, "/nodes/*"),
    (Method::GET, "/services"),
    (Method::GET, "/services/*"),
    (Method::GET, "/services/*/logs"),
    (Method::GET, "/tasks"),
    (Method::GET, "/tasks/*"),
    (Method::GET, "/tasks/*/logs"),
    (Method::GET, "/swarmlite/v1/http"),
    (Method::GET, "/swarmlite/v1/services/*/explain"),
    (Method::GET, "/swarmlite/v1/tasks/*/explain"),
    (Method::POST, "/nodes/*/update"),
    (Method::POST, "/services/*/update"),
];

/// Whether a request is one of the page's. A version of Docker's API may be before its path.
pub(super) fn is_forwarded(method: &Method, path: &str) -> bool {
    let path = without_version(path);
    REQUESTS.iter().any(|(known, pattern)| known == method && fits(pattern, path))
}

/// `/v1.51/nodes` without its first segment.
fn without_version(path: &str) -> &str {
    let rest =
        path.strip_prefix("/v1.").map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    rest.filter(|rest| rest.starts_with('/')).unwrap_or(path)
}

fn fits(pattern: &str, path: &str) -> bool {
    let (wanted, given) = (pattern.split('/'), path.split('/'));
    wanted.clone().count() == given.clone().count()
        && wanted
            .zip(given)
            .all(|(wanted, given)| if wanted == "*" { is_name(given) } else { wanted == given })
}

/// Whether this can be the name of an object of the cluster, and nothing that leads to another path.
fn is_name(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !text.is_empty() && !matches!(text, "." | "..") && text.bytes().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_gets_what_it_needs_and_nothing_else() {
        let (get, post) = (Method::GET, Method::POST);
        for (method, path, is_let_through) in [
            (&get, "/nodes", true),
            (&get, "/v1.51/services/web-1.a_b/logs", true),
            (&get, "/swarmlite/v1/http", true),
            (&get, "/swarmlite/v1/services/web/explain", true),
            (&post, "/services/web/update", true),
            (&post, "/nodes/n1/update", true),
            // Secrets, tokens, keys, and the engine of the node.
            (&get, "/swarm", false),
            (&get, "/swarm/unlockkey", false),
            (&get, "/secrets", false),
            (&get, "/containers/json", false),
            (&post, "/swarmlite/v1/backup", false),
            (&post, "/services/create", false),
            (&post, "/swarm/leave", false),
            (&Method::DELETE, "/services/web", false),
            (&post, "/nodes", false),
            (&get, "/services/web/update", false),
            // Nor by a way round.
            (&get, "/services/../swarm", false),
            (&get, "/services/%2e%2e/logs", false),
            (&get, "/services/..%2f..%2fswarm/logs", false),
            (&get, "/services/..", false),
            (&get, "/services/.", false),
            (&get, "/services/", false),
            (&get, "/v1.51", false),
            (&get, "/v1.51/v1.51/nodes", false),
            (&get, "/v2/nodes", false),
            (&get, "//nodes", false),
        ] {
            assert_eq!(is_forwarded(method, path), is_let_through, "{method} {path}");
        }
    }
}
