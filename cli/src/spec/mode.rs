//! How many tasks a service has, from `--mode`, `--replicas` and `--max-concurrent`.

use swarmlite_proto::spec::ReplicatedJob;
use swarmlite_proto::spec::ServiceMode;

use crate::args::Mode;
use crate::args::TaskFlags;
use crate::error::Error;
use crate::error::Result;

/// The mode of a new service.
pub(super) fn create(mode: Mode, flags: &TaskFlags) -> Result<ServiceMode> {
    let refuse = |what: &str, only: &str| {
        Err(Error::refused(format!("{what} can only be used with {only} mode")))
    };
    let replicated = matches!(mode, Mode::Replicated | Mode::ReplicatedJob);
    if flags.replicas.is_some() && !replicated {
        return refuse("replicas", "replicated or replicated-job");
    }
    if flags.replicas_max_per_node.is_some_and(|max| max > 0) && !replicated {
        return refuse("replicas-max-per-node", "replicated or replicated-job");
    }
    if flags.max_concurrent.is_some() && mode != Mode::ReplicatedJob {
        return refuse("max-concurrent", "replicated-job");
    }
    let replicas = flags.replicas.unwrap_or(ServiceMode::DEFAULT_REPLICAS);
    Ok(match mode {
        Mode::Replicated => ServiceMode::Replicated { replicas },
        Mode::Global => ServiceMode::Global,
        Mode::GlobalJob => ServiceMode::GlobalJob,
        Mode::ReplicatedJob => {
            let max_concurrent = flags.max_concurrent.unwrap_or(replicas);
            ServiceMode::ReplicatedJob(ReplicatedJob {
                max_concurrent,
                total_completions: replicas,
            })
        }
    })
}

/// The mode of a service that is updated: its kind stays.
pub(super) fn update(mode: &mut ServiceMode, flags: &TaskFlags) -> Result<()> {
    if let Some(count) = flags.replicas {
        let ServiceMode::Replicated { replicas } = mode else {
            return Err(Error::refused("replicas can only be used with replicated mode"));
        };
        *replicas = count;
    }
    if let Some(count) = flags.max_concurrent {
        let ServiceMode::ReplicatedJob(job) = mode else {
            return Err(Error::refused("max-concurrent can only be used with replicated-job mode"));
        };
        job.max_concurrent = count;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_belong_to_replicated_modes() {
        let none = TaskFlags::default;
        let three = || TaskFlags { replicas: Some(3), ..none() };
        let job = |max_concurrent, total_completions| {
            ServiceMode::ReplicatedJob(ReplicatedJob { max_concurrent, total_completions })
        };
        for (mode, flags, made) in [
            (Mode::Replicated, none(), Some(ServiceMode::Replicated { replicas: 1 })),
            (Mode::Replicated, three(), Some(ServiceMode::Replicated { replicas: 3 })),
            (Mode::Global, none(), Some(ServiceMode::Global)),
            (Mode::Global, three(), None),
            (Mode::Global, TaskFlags { replicas_max_per_node: Some(1), ..none() }, None),
            (Mode::GlobalJob, none(), Some(ServiceMode::GlobalJob)),
            (Mode::ReplicatedJob, three(), Some(job(3, 3))),
            (
                Mode::ReplicatedJob,
                TaskFlags { max_concurrent: Some(2), ..three() },
                Some(job(2, 3)),
            ),
            (Mode::Replicated, TaskFlags { max_concurrent: Some(2), ..none() }, None),
        ] {
            assert_eq!(create(mode, &flags).ok(), made, "{mode:?} {flags:?}");
        }
    }

    #[test]
    fn a_global_service_cannot_be_given_a_count() {
        let mut mode = ServiceMode::Global;
        let flags = TaskFlags { replicas: Some(3), ..TaskFlags::default() };
        let refused = update(&mut mode, &flags).expect_err("refused");
        assert_eq!(refused.to_string(), "replicas can only be used with replicated mode");
        assert_eq!(mode, ServiceMode::Global);
    }
}
