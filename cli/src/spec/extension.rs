//! Options that Docker does not have: about what a container gets of its node, and about where it runs. A value that takes an option back has to be sent: what an update does not name
//! stays as it is.

use swarmlite_proto::spec::ContainerSpec;
use swarmlite_proto::spec::DeviceRequest;
use swarmlite_proto::spec::Placement;

use crate::args::ExtensionFlags;
use crate::args::UpdateLists;

/// Changes what a container gets of its node.
pub(super) fn change(container: &mut ContainerSpec, flags: &ExtensionFlags) {
    fn set<T: Clone>(member: &mut Option<T>, flag: Option<&T>) {
        if let Some(value) = flag {
            *member = Some(value.clone());
        }
    }
    if let Some(request) = &flags.gpus {
        container.device_requests = Some(requests(request));
    }
    set(&mut container.privileged, flags.privileged.as_ref());
    set(&mut container.shm_size, flags.shm_size.as_ref());
    set(&mut container.ipc_mode, flags.ipc.as_ref());
    set(&mut container.pid_mode, flags.pid.as_ref());
    set(&mut container.cgroup_parent, flags.cgroup_parent.as_ref());
    set(&mut container.cgroupns_mode, flags.cgroupns.as_ref());
    set(&mut container.runtime, flags.runtime.as_ref());
}

/// No GPUs are no request.
fn requests(request: &DeviceRequest) -> Vec<DeviceRequest> {
    let asks = request.count != 0 || !request.device_ids.is_empty();
    if asks { vec![request.clone()] } else { Vec::new() }
}

/// Changes the lists of devices, rules and security options. Devices are known by their path in the container, security options by
/// the whole or by what stands before the `=`.
pub(super) fn change_lists(container: &mut ContainerSpec, lists: &UpdateLists) {
    change_list(&mut container.devices, &lists.device_add, |device| {
        let path = &device.path_in_container;
        lists.device_add.iter().any(|new| new.path_in_container == *path)
            || lists.device_rm.contains(path)
    });
    let rules = &mut container.device_cgroup_rules;
    change_list(rules, &lists.device_cgroup_rule_add, |rule| {
        lists.device_cgroup_rule_add.contains(rule) || lists.device_cgroup_rule_rm.contains(rule)
    });
    change_list(&mut container.security_opt, &lists.security_opt_add, |option| {
        let name = option.split_once(['=', ':']).map_or(&**option, |(name, _)| name);
        lists.security_opt_add.contains(option)
            || lists.security_opt_rm.iter().any(|removed| removed == option || removed == name)
    });
}

/// Changes the lists of rules about where tasks of other services are.
pub(super) fn change_rules(placement: &mut Placement, lists: &UpdateLists) {
    change_list(&mut placement.affinity, &lists.affinity_add, |rule| {
        lists.affinity_add.contains(rule) || lists.affinity_rm.contains(rule)
    });
    change_list(&mut placement.anti_affinity, &lists.anti_affinity_add, |rule| {
        lists.anti_affinity_add.contains(rule) || lists.anti_affinity_rm.contains(rule)
    });
}

/// Takes away, then adds. A list that has never been there stays away unless something is added.
fn change_list<T: Clone>(list: &mut Option<Vec<T>>, add: &[T], removed: impl Fn(&T) -> bool) {
    if let Some(list) = list {
        list.retain(|value| !removed(value));
    }
    if !add.is_empty() {
        list.get_or_insert_default().extend_from_slice(add);
    }
}
