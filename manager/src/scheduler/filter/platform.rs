//! The image must be made for the node.

use swarmlite_proto::spec::Platform;

use super::Refusal;
use crate::scheduler::candidate::Candidate;
use crate::scheduler::candidate::Group;

pub(super) fn check(group: &Group, candidate: &Candidate<'_>) -> Result<(), Refusal> {
    let wanted = group.revision.task.placement.as_ref().map_or(&[][..], |p| &p.platforms);
    let Some(description) = &candidate.node.description else {
        return if wanted.is_empty() { Ok(()) } else { Err(Refusal::Platform) };
    };
    if wanted.is_empty() || wanted.iter().any(|one| is_met(one, &description.platform)) {
        Ok(())
    } else {
        Err(Refusal::Platform)
    }
}

fn is_met(wanted: &Platform, actual: &Platform) -> bool {
    let os = wanted.os.is_empty() || wanted.os.eq_ignore_ascii_case(&actual.os);
    let architecture = wanted.architecture.is_empty()
        || normal(&wanted.architecture) == normal(&actual.architecture);
    os && architecture
}

/// The kernel and Go name architectures differently.
fn normal(architecture: &str) -> String {
    match architecture.to_lowercase().as_str() {
        "x86_64" => "amd64".to_owned(),
        "aarch64" => "arm64".to_owned(),
        other => other.to_owned(),
    }
}
