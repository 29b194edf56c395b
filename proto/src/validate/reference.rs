//! The grammar of image references, `[host[:port]/]path[:tag][@digest]` (github.com/distribution/reference).

/// Characters in the name part, at most.
const MAX_NAME_LEN: usize = 255;

/// Whether `text` names an image.
pub(super) fn is_image(text: &str) -> bool {
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (text, None),
    };
    // A colon before the last slash belongs to the port of the host.
    let (name, tag) = match rest.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (rest, None),
    };
    is_name(name) && tag.is_none_or(is_tag) && digest.is_none_or(is_digest)
}

fn is_name(name: &str) -> bool {
    if name.is_empty() || name.len() > MAX_NAME_LEN {
        return false;
    }
    match name.split_once('/') {
        Some((first, rest)) if is_host(first) => rest.split('/').all(is_component),
        _ => name.split('/').all(is_component),
    }
}

/// Only what has a dot, a port or a capital letter, or is `localhost`, is taken for a host.
fn is_host(text: &str) -> bool {
    let looks_like_one = text == "localhost"
        || text.contains(['.', ':'])
        || text.chars().any(|letter| letter.is_ascii_uppercase());
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host_is_good = match v6 {
        Some(addr) => addr.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        }),
    };
    let digits = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    looks_like_one && host_is_good && port.is_none_or(digits)
}

/// Lower-case letters and digits, with one `.`, one or two `_`, or any number of `-` between them.
fn is_component(text: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = [text.bytes().next(), text.bytes().next_back()];
    let ends_well = ends.into_iter().all(|end| end.is_some_and(alphanumeric));
    let mut separators = text.split(|letter: char| alphanumeric(letter as u8) && letter.is_ascii());
    ends_well
        && separators
            .all(|one| matches!(one, "" | "." | "_" | "__") || one.bytes().all(|byte| byte == b'-'))
}

fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.len() <= 128
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|byte| word(byte) || b".-".contains(&byte))
}

fn is_digest(digest: &str) -> bool {
    digest.split_once(':').is_some_and(|(algorithm, hex)| {
        !algorithm.is_empty()
            && algorithm.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+._-".contains(&byte))
            && hex.len() >= 32
            && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_follow_the_grammar() {
        let digest = format!("nginx:1.27@sha256:{}", "0f".repeat(32));
        for good in [
            "nginx",
            "nginx:1.27-alpine",
            "library/nginx",
            "localhost/app",
            "localhost:5000/app:v1",
            "registry.example.com:5000/team/app_x__y--z.w",
            "[::1]:5000/app",
            "a",
            "Host/app",
            &digest,
        ] {
            assert!(is_image(good), "{good}");
        }
        for bad in [
            "",
            "UPPER",
            "nginx:",
            "nginx:-x",
            "a//b",
            "/a",
            "a/",
            "-a",
            "a___b",
            "a..b",
            "nginx@sha256:12",
            "ho st/app",
            "nginx:a b",
            "a:b:c",
            "ä",
        ] {
            assert!(!is_image(bad), "{bad}");
        }
    }
}
