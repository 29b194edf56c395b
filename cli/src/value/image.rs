//! Names of images, as far as a client has to understand them (distribution/reference).

/// The name with `:latest` added when it has neither tag nor digest, as Docker sends it.
pub(crate) fn with_tag(image: &str) -> String {
    if image.contains('@') || tag(image).is_some() {
        image.to_owned()
    } else {
        format!("{image}:latest")
    }
}

/// The name as lists show it: the digest left out when there is a tag, and Docker Hub not mentioned.
pub(crate) fn familiar(image: &str) -> &str {
    let name = image.split_once('@').map_or(image, |(name, _digest)| name);
    if tag(name).is_none() {
        return image;
    }
    name.strip_prefix("docker.io/library/")
        .or_else(|| name.strip_prefix("docker.io/"))
        .unwrap_or(name)
}

/// The name with `digest` added, unless it has one.
pub(crate) fn with_digest(image: &str, digest: &str) -> String {
    if image.contains('@') { image.to_owned() } else { format!("{image}@{digest}") }
}

/// The host that an image comes from; none is Docker Hub. Only what has a dot, a port or a capital letter, or is `localhost`, is a host.
pub(crate) fn registry(image: &str) -> Option<&str> {
    let (first, _) = image.split_once('/')?;
    let is_host = first == "localhost"
        || first.contains(['.', ':'])
        || first.chars().any(|letter| letter.is_ascii_uppercase());
    Some(first).filter(|first| is_host && !matches!(*first, "docker.io" | "index.docker.io"))
}

/// What follows the last colon, unless that belongs to the port of a registry.
fn tag(name: &str) -> Option<&str> {
    name.rsplit_once(':').map(|(_, tag)| tag).filter(|tag| !tag.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_latest_is_added_only_when_nothing_is_said() {
        for (image, sent) in [
            ("whoami", "whoami:latest"),
            ("whoami:1", "whoami:1"),
            ("reg:5000/whoami", "reg:5000/whoami:latest"),
            ("whoami@sha256:00", "whoami@sha256:00"),
        ] {
            assert_eq!(with_tag(image), sent);
        }
    }

    #[test]
    fn an_image_comes_from_where_its_name_says() {
        for (image, host) in [
            ("whoami", None),
            ("me/whoami:1", None),
            ("docker.io/me/whoami", None),
            ("reg:5000/whoami", Some("reg:5000")),
            ("localhost/whoami", Some("localhost")),
            ("reg.example.com/a/b@sha256:00", Some("reg.example.com")),
        ] {
            assert_eq!(registry(image), host, "{image}");
        }
    }

    #[test]
    fn lists_show_the_familiar_name() {
        for (image, shown) in [
            ("whoami:latest", "whoami:latest"),
            ("nginx:1@sha256:00", "nginx:1"),
            ("docker.io/library/nginx:1", "nginx:1"),
            ("docker.io/me/app:1", "me/app:1"),
            ("reg:5000/app:1", "reg:5000/app:1"),
            ("nginx@sha256:00", "nginx@sha256:00"),
        ] {
            assert_eq!(familiar(image), shown);
        }
    }
}
