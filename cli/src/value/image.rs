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
