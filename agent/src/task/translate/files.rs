//! Files of secrets and configs.

use bollard::models::HostConfig;
use bollard::models::Mount;
use bollard::models::MountType;

use super::plan::ContainerPlan;
use crate::task::files::Bind;

/// Has a container have `files` mounted, one by one and read-only, beside what it has mounted anyway.
pub(crate) fn mount_files(plan: &mut ContainerPlan, files: &[Bind]) {
    if files.is_empty() {
        return;
    }
    let host = plan.body.host_config.get_or_insert_with(HostConfig::default);
    let mounts = host.mounts.get_or_insert_default();
    mounts.extend(files.iter().map(|file| Mount {
        target: Some(file.target.clone()),
        source: Some(file.source.display().to_string()),
        typ: Some(MountType::BIND),
        read_only: Some(true),
        ..Mount::default()
    }));
}
