//! Cookies by which a client comes back to the same task. Pure. They are signed, so that nobody chooses a task by guessing, and every node reads
//! those of the others, as all have the same key.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::HeaderMap;
use hyper::header;
use hyper::header::HeaderValue;
use ring::hmac;
use swarmlite_proto::id::TaskId;

use crate::table::Rule;

/// The key that cookies are signed with, the same on every node.
#[derive(Clone)]
pub struct CookieKey(hmac::Key);

impl CookieKey {
    /// From 32 random bytes that nobody else knows.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The task with its signature.
    fn value(&self, task: &TaskId) -> String {
        let tag = hmac::sign(&self.0, task.as_str().as_bytes());
        format!("{task}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    /// The task, if its signature is one of this key.
    fn read(&self, value: &str) -> Option<TaskId> {
        let (task, tag) = value.split_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        hmac::verify(&self.0, task.as_bytes(), &tag).ok()?;
        task.parse().ok()
    }

    /// The task that a client comes back to by a rule.
    pub(crate) fn task(&self, rule: &Rule, headers: &HeaderMap) -> Option<TaskId> {
        rule.route.sticky?;
        let name = name(rule);
        // HTTP/2 has the cookies in several headers (RFC 9113, 8.2.3).
        let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = values.flat_map(|value| value.split(';')).filter_map(|one| one.split_once('='));
        let mut own = pairs.filter(|(key, _)| key.trim() == name);
        own.find_map(|(_, value)| self.read(value.trim()))
    }

    /// The cookie by which a client comes back to `task`. It is set again with every answer, as the time counts from the last one.
    pub(crate) fn cookie(&self, rule: &Rule, task: &TaskId, tls: bool) -> Option<HeaderValue> {
        let seconds = rule.route.sticky?.seconds();
        let is_plain = |path: &&str| path.starts_with('/') && !path.contains(';');
        let path = Some(rule.route.path.as_str()).filter(is_plain).unwrap_or("/");
        let secure = if tls { "; Secure" } else { "" };
        let (name, value) = (name(rule), self.value(task));
        let cookie = format!(
            "{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
        );
        HeaderValue::from_str(&cookie).ok()
    }
}

impl fmt::Debug for CookieKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CookieKey")
    }
}

/// The name of the cookie: one for each service, as several may answer below the same path.
fn name(rule: &Rule) -> String {
    format!("swarmlite-{}", rule.service.id)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use swarmlite_proto::spec::HttpRoute;
    use swarmlite_proto::testing::cases;
    use swarmlite_proto::testing::spoil_bytes;

    use super::*;
    use crate::table::Service;

    fn rule() -> Rule {
        let id = format!("{:0>25}", 7).parse().expect("an id");
        let service = Service { id, name: "shop".to_owned(), routes: vec![], tasks: vec![] };
        let sticky = Some("1h".parse().expect("a time"));
        let route = HttpRoute { path: "/cart".to_owned(), sticky, ..HttpRoute::default() };
        Rule { route, service: Arc::new(service), counters: Arc::default() }
    }

    fn task(number: u8) -> TaskId {
        format!("{number:0>25}").parse().expect("an id")
    }

    fn sent(cookies: &[&str]) -> HeaderMap {
        let value = |cookie: &&str| cookie.parse::<HeaderValue>().expect("a value");
        cookies.iter().map(|cookie| (header::COOKIE, value(cookie))).collect()
    }

    #[test]
    fn a_client_comes_back_to_its_task() {
        let (rule, key) = (rule(), CookieKey::new(&[1; 32]));
        let cookie = key.cookie(&rule, &task(3), true).expect("a cookie");
        let cookie = cookie.to_str().expect("text");
        let (pair, attributes) = cookie.split_once("; ").expect("attributes");
        assert_eq!(attributes, "Path=/cart; Max-Age=3600; HttpOnly; SameSite=Lax; Secure");
        for cookies in [vec![pair], vec!["a=b", pair], vec![&*format!("a=b;  {pair} ; c")]] {
            assert_eq!(key.task(&rule, &sent(&cookies)), Some(task(3)), "{cookies:?}");
        }
        let cookie = key.cookie(&rule, &task(3), false).expect("a cookie");
        assert!(!cookie.to_str().expect("text").contains("Secure"));
    }

    #[test]
    fn a_forged_cookie_is_not_there() {
        let (rule, key) = (rule(), CookieKey::new(&[1; 32]));
        let tag = key.value(&task(3)).split_once('.').expect("a tag").1.to_owned();
        let name = name(&rule);
        let foreign = CookieKey::new(&[2; 32]).value(&task(3));
        for value in [
            format!("{}.{tag}", task(4)),
            format!("{}.", task(3)),
            task(3).to_string(),
            format!("{}.{}", task(3), &tag[1..]),
            foreign,
        ] {
            let cookie = format!("{name}={value}");
            assert_eq!(key.task(&rule, &sent(&[&cookie])), None, "{cookie}");
        }
        let valid = format!("{name}={}.{tag}", task(3));
        let forged = format!("{name}={}.{tag}; {valid}", task(4));
        assert_eq!(key.task(&rule, &sent(&[&forged])), Some(task(3)));
        let mut rule = rule;
        rule.route.sticky = None;
        assert_eq!(key.task(&rule, &sent(&[&valid])), None);
    }

    #[test]
    fn no_cookie_breaks_anything_and_none_is_forged() {
        let (rule, key) = (rule(), CookieKey::new(&[1; 32]));
        let cookie = key.cookie(&rule, &task(3), true).expect("a cookie");
        let (sound, _) = cookie.to_str().expect("text").split_once(';').expect("has a path");
        for mut case in cases(500) {
            let mut bytes = format!("a=b; {sound};=").into_bytes();
            spoil_bytes(&mut case, &mut bytes);
            let Ok(value) = HeaderValue::from_bytes(&bytes) else { continue };
            let headers = [(header::COOKIE, value)].into_iter().collect();
            let found = key.task(&rule, &headers);
            assert!(found.is_none_or(|found| found == task(3)), "{headers:?}");
        }
    }
}
