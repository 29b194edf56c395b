//! What a client does about registries before it sends a service: finds the credentials that the docker CLI keeps, and replaces a tag,
//! which may stand for another image tomorrow, by the digest that it stands for now.

mod config;

use swarmlite_proto::registry::RegistryAuth;
use swarmlite_proto::spec::Placement;
use swarmlite_proto::spec::Platform;
use swarmlite_proto::spec::TaskSpec;

use self::config::Config;
use crate::client::Client;
use crate::client::Distribution;
use crate::error::Result;
use crate::value::image;

/// What the docker CLI calls Docker Hub in its file.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// The credentials that the docker CLI keeps for the registry of `image`; empty if it has none.
///
/// # Errors
///
/// When its file cannot be read, or the program that it names fails.
pub(crate) fn credentials(image: &str) -> Result<RegistryAuth> {
    let server = image::registry(image).unwrap_or(DOCKER_HUB);
    Config::read()?.credentials(server)
}

/// What is known of an image before a service of it is made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// Its name, with the digest if a registry has told.
    image: String,
    /// What it runs on, if a registry has told.
    platforms: Vec<Platform>,
}

impl Resolved {
    fn new(image: &str, told: Distribution) -> Self {
        let image = image::with_digest(image, &told.descriptor.digest);
        let platforms = told.platforms.unwrap_or_default().into_iter().map(|platform| {
            // Nodes name their kind of ARM in other words than images (swarmkit issue 2294).
            let is_arm = platform.architecture.eq_ignore_ascii_case("arm");
            let architecture = if is_arm { String::new() } else { platform.architecture };
            Platform { architecture, os: platform.os }
        });
        Self { image, platforms: platforms.collect() }
    }

    /// Has `task` run this image, and only where it can run.
    pub(crate) fn apply(&self, task: &mut TaskSpec) {
        if let Some(container) = &mut task.container_spec {
            container.image.clone_from(&self.image);
        }
        if !self.platforms.is_empty() {
            let placement = task.placement.get_or_insert_with(Placement::default);
            placement.platforms.clone_from(&self.platforms);
        }
    }
}

/// Asks the registry of `image`, through the node's engine, what it is now. Without an answer the image goes by its name: then there is a
/// warning, in Docker's words (docker `client/service_create.go`).
///
/// # Errors
///
/// When the daemon cannot be reached. That a registry cannot be is none.
pub(crate) async fn resolve(
    image: &str,
    auth: Option<&RegistryAuth>,
    client: &Client,
) -> Result<(Resolved, Option<String>)> {
    let image = image::with_tag(image);
    Ok(match client.distribution(&image, auth).await? {
        Some(told) => (Resolved::new(&image, told), None),
        None => {
            let warning = warning(&image);
            (Resolved { image, platforms: Vec::new() }, Some(warning))
        }
    })
}

fn warning(image: &str) -> String {
    format!(
        "image {image} could not be accessed on a registry to record\nits digest. Each node will access {image} independently,\npossibly leading to different nodes running different\nversions of the image.\n"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use swarmlite_proto::spec::ContainerSpec;

    use super::*;

    fn told(platforms: serde_json::Value) -> Distribution {
        let json = json!({"Descriptor": {"mediaType": "m", "digest": "sha256:00", "size": 1},
            "Platforms": platforms});
        serde_json::from_value(json).expect("an answer")
    }

    #[test]
    fn a_task_runs_what_the_registry_has_now_where_it_can_run() {
        let container = ContainerSpec { image: "reg:5000/web".to_owned(), ..Default::default() };
        let mut task = TaskSpec { container_spec: Some(container), ..TaskSpec::default() };
        let platforms = json!([{"architecture": "amd64", "os": "linux"}, {"architecture": "ARM", "os": "linux", "variant": "v7"}]);
        Resolved::new("reg:5000/web:latest", told(platforms)).apply(&mut task);
        let image = task.container_spec.expect("is there").image;
        assert_eq!(image, "reg:5000/web:latest@sha256:00");
        let platforms = task.placement.expect("is made").platforms;
        let pairs: Vec<_> = platforms.iter().map(|one| (&*one.architecture, &*one.os)).collect();
        assert_eq!(pairs, [("amd64", "linux"), ("", "linux")]);
    }

    #[test]
    fn a_digest_that_was_asked_for_stays_and_no_platform_is_none() {
        for platforms in [json!(null), json!([])] {
            let mut task = TaskSpec::default();
            let resolved = Resolved::new("web@sha256:11", told(platforms));
            assert_eq!(resolved.image, "web@sha256:11");
            resolved.apply(&mut task);
            assert_eq!(task, TaskSpec::default());
        }
    }
}
