//! What a rule asks for of a request besides the host, in the order in which rules take precedence.

use std::cmp::Ordering;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

use hyper::HeaderMap;
use swarmlite_proto::spec::HttpRoute;

/// What a rule asks for. The least takes precedence: the longest path, then any method, then the most headers. The rest of the order only makes it
/// the same everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    /// Without a slash at the end; empty for all paths.
    path: String,
    methods: BTreeSet<String>,
    headers: BTreeMap<String, String>,
}

impl Ask {
    pub(super) fn new(route: &HttpRoute) -> Self {
        Self {
            path: route.path.trim_end_matches('/').to_owned(),
            methods: route.methods.iter().cloned().collect(),
            headers: route.headers.clone(),
        }
    }

    pub(super) fn matches(&self, path: &str, method: &str, headers: &HeaderMap) -> bool {
        let has = |(name, value): (&String, &String)| {
            headers.get_all(name.as_str()).iter().any(|one| one.as_bytes() == value.as_bytes())
        };
        is_below(path, &self.path)
            && (self.methods.is_empty() || self.methods.contains(method))
            && self.headers.iter().all(has)
    }

    fn rank(&self) -> impl Ord + use<'_> {
        let precedence =
            (Reverse(self.path.len()), self.methods.is_empty(), Reverse(self.headers.len()));
        (precedence, &self.path, &self.methods, &self.headers)
    }
}

/// Whether `path` is `above`, or below it on the border of a segment.
fn is_below(path: &str, above: &str) -> bool {
    // Also `*`, the target of OPTIONS for the server as a whole, is below the root.
    above.is_empty()
        || path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Ord for Ask {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for Ask {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
