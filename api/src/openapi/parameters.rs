//! The parameters of requests, for the descriptions of operations. They are read by [`crate::request::Params`].

#![expect(dead_code, reason = "these only describe")]

use utoipa::IntoParams;

/// Which object.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ById {
    /// Its id, its name (of a node: its host name), or the beginning of its id if that of no other begins so.
    id: String,
}

/// Which objects of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filtered {
    /// An object of lists in JSON, such as `{"name": ["web", "db"]}`; `{"name": {"web": true}}` is read as well. Values of one key are
    /// alternatives, but for labels, of which all have to match; keys all have to match.
    #[param(required = false)]
    filters: String,
}

/// What an update was computed from.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AtVersion {
    /// `Version.Index` of the object as it was read. An object that was written since stays as it is.
    version: u64,
}

/// Whether what is risky is done.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Forced {
    /// Whether to do it even if that may harm.
    #[param(required = false)]
    force: bool,
}

/// What lists of services have.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WithStatus {
    /// Whether to count the tasks of each.
    #[param(required = false)]
    status: bool,
}

/// How one service is shown.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct WithDefaults {
    /// Whether to fill in what the service does not say.
    #[param(required = false)]
    insert_defaults: bool,
}

/// How a service is updated.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct UpdateOptions {
    /// `previous` goes back to the spec before, whatever the body says.
    #[param(required = false, pattern = "^(previous|none)?$")]
    rollback: String,
    /// Which spec the credentials for registries are taken from if there are none in the header.
    #[param(required = false, pattern = "^(spec|previous-spec)?$")]
    registry_auth_from: String,
}

/// Credentials.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct RegistryAuth {
    /// The credentials for the registry of the image: an object in JSON, in base 64 for URLs.
    #[param(rename = "X-Registry-Auth", required = false)]
    registry_auth: String,
}

/// Which secrets of a cluster are replaced.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct Rotated {
    /// Whether workers need a new token to join.
    #[param(required = false)]
    rotate_worker_token: bool,
    /// Whether managers need a new token to join.
    #[param(required = false)]
    rotate_manager_token: bool,
    /// Whether managers need a new key to start.
    #[param(required = false)]
    rotate_manager_unlock_key: bool,
}

/// Where a network is looked for.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct InScope {
    /// `swarm` or `local`; both if absent.
    #[param(required = false, pattern = "^(swarm|local)?$")]
    scope: String,
    /// Whether to show the services too.
    #[param(required = false)]
    verbose: bool,
}

/// Which events, by their time.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct During {
    /// Seconds since 1970, perhaps with a fraction: nothing older. Absent: only what happens from now on.
    #[param(required = false)]
    since: String,
    /// The same: nothing newer, and the stream ends then.
    #[param(required = false)]
    until: String,
}

/// Which lines of logs, and how they are written.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogLines {
    /// Whether to send what was written to standard output. This or `stderr` has to be true.
    #[param(required = false)]
    stdout: bool,
    /// Whether to send what was written to standard error.
    #[param(required = false)]
    stderr: bool,
    /// Whether to go on with what will be written.
    #[param(required = false)]
    follow: bool,
    /// Whether each line begins with its time.
    #[param(required = false)]
    timestamps: bool,
    /// Whether each line tells its node, service and task.
    #[param(required = false)]
    details: bool,
    /// Seconds since 1970, perhaps with a fraction: nothing older.
    #[param(required = false)]
    since: String,
    /// How many of the last lines of each task, or `all`.
    #[param(required = false)]
    tail: String,
}
