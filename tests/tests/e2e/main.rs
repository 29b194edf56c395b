//! The end-to-end tests: three managers, a worker and a machine that is in no cluster, on real engines and a real kernel.
//!
//! They run one after the other on one cluster, and each begins with an empty one ([`Cluster::reset`]), so that any of them can be
//! run alone: `sudo tests/run.sh mesh` runs those whose name contains `mesh`. They see what a user sees: the command line, the HTTP
//! interface, the answers of containers. Without root they are left out, and counted as ignored.
//!
//! The cases are of two groups, which may run side by side, each on a cluster of its own: those that use a cluster, and those that
//! break parts of it or put it under load ([`TROUBLE`]).
//!
//! Environment: `SWARMLITE_LAB_SWARMLITE` and `SWARMLITE_LAB_WHOAMI` are the programs, and `SWARMLITE_LAB_NEXT` the next version of the first ([`upgrade`]); with `SWARMLITE_E2E_KEEP` set, the cluster is left
//! running for a look at it (`swarmlite-lab ls`); with `SWARMLITE_E2E_GROUP`, only the cases of the group `use` or `trouble` are run; `SWARMLITE_E2E_LAB` names the lab, so that two runs do not meet; `SWARMLITE_LOAD=full`
//! does what is done under load as often as is promised ([`load`]).

mod acme;
mod api;
mod attach;
mod backup;
mod balancing;
mod cluster;
mod contract;
mod disks;
mod docker_cli;
mod durable;
mod engine;
mod events;
mod explain;
mod external_ca;
mod failures;
mod http;
mod http_load;
mod jobs;
mod load;
mod locking;
mod logs;
mod loss;
mod mesh;
mod mishaps;
mod monitoring;
mod names;
mod placement;
mod ready;
mod registry;
mod remote;
mod rollout;
mod routes;
mod secrets;
mod security;
mod socket;
mod spec;
mod stack;
mod traffic;
mod upgrade;
mod views;
mod watch;
mod witness;

use std::io::Write;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use libtest_mimic::Failed;
use swarmlite_lab::Lab;
use swarmlite_lab::run_as_root;
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::cluster::Cluster;
use crate::cluster::LOG_LINES;

/// The lab of these tests, unless told otherwise.
const LAB: &str = "e2e";
/// The modules whose cases break parts of the cluster or put it under load. Both groups take about the same time.
const TROUBLE: [&str; 12] = [
    "backup",
    "disks",
    "durable",
    "failures",
    "http_load",
    "load",
    "loss",
    "mishaps",
    "monitoring",
    "ready",
    "engine",
    "upgrade",
];
/// How long one test may take.
const LIMIT: Duration = Duration::from_secs(300);
/// The same where the load is as long as it is promised to be passed.
const FULL_LIMIT: Duration = Duration::from_secs(45 * 60);

type Outcome<'a> = Pin<Box<dyn Future<Output = anyhow::Result<()>> + 'a>>;
type Case = (&'static str, fn(&Cluster) -> Outcome<'_>);

/// Names with the functions that they name.
macro_rules! cases {
    ($($module:ident::$name:ident,)*) => {
        vec![$((
            concat!(stringify!($module), "::", stringify!($name)),
            |cluster| Box::pin($module::$name(cluster)),
        )),*]
    };
}

#[expect(clippy::too_many_lines, reason = "a list, one line for each case")]
fn cases() -> Vec<Case> {
    cases![
        mesh::a_published_port_is_answered_by_every_node,
        mesh::replicas_answer_in_turn,
        mesh::containers_see_the_address_of_the_client_over_tcp,
        mesh::containers_see_the_address_of_the_client_over_udp,
        balancing::a_client_stays_with_its_task_until_the_service_lets_it_go,
        balancing::what_the_nodes_cannot_do_is_refused,
        http::every_node_answers_by_host_with_and_without_tls,
        http::clients_are_limited_logged_and_asked_for_certificates,
        http_load::updates_and_drains_fail_no_request,
        http_load::a_lost_node_fails_nothing_that_begins_later,
        acme::a_certificate_is_got_and_renewed_without_failing_a_request,
        acme::a_new_leader_goes_on_with_an_order,
        names::a_service_is_reached_by_name_on_another_node,
        names::tasks_dot_name_gives_every_address,
        names::a_service_reaches_itself_by_name,
        names::names_of_other_networks_do_not_resolve,
        routes::routes_follow_the_scale_on_every_node,
        routes::a_removed_service_leaves_nothing_behind,
        security::a_wrong_token_is_refused,
        security::a_wrong_ca_digest_is_refused,
        security::a_worker_cannot_call_what_is_for_managers,
        security::a_caller_without_a_certificate_is_refused,
        security::plain_http_on_the_port_of_managers_is_refused,
        locking::rotated_tokens_let_nobody_in,
        locking::a_locked_manager_needs_its_key,
        locking::a_new_unlock_key_replaces_the_old_one,
        locking::a_manager_goes_on_after_the_others_are_lost,
        locking::the_authority_is_replaced_while_the_cluster_runs,
        external_ca::an_authority_outside_signs_in_the_place_of_the_own_one,
        witness::two_managers_and_a_witness_survive_the_loss_of_any_one,
        api::malformed_json_changes_nothing,
        api::an_unknown_network_changes_nothing,
        api::a_published_port_is_taken_once,
        api::a_name_is_taken_once,
        api::nodes_that_are_no_managers_say_so,
        contract::every_answer_is_as_the_document_says,
        socket::containers_images_and_files_are_the_engines,
        socket::connections_that_stop_being_http_go_through,
        socket::input_goes_in_and_its_end_too,
        secrets::a_service_reads_its_secrets_and_configs,
        secrets::the_docker_client_keeps_and_uses_them_too,
        secrets::placeholders_are_replaced_for_each_task,
        secrets::a_rotation_gives_the_new_content_and_frees_the_old,
        secrets::containers_find_their_files_when_they_are_started_again,
        secrets::the_content_of_a_secret_is_nowhere_else,
        docker_cli::each_version_takes_a_service_through_its_life,
        docker_cli::swarmlite_prints_what_docker_prints,
        registry::every_node_pulls_with_the_login_that_came_with_the_service,
        spec::what_the_docker_client_asks_for_reaches_the_container,
        spec::what_docker_swarm_refuses_reaches_the_container,
        spec::a_privileged_container_is_asked_for,
        spec::what_the_engine_is_too_old_for_is_an_error_of_the_task,
        spec::a_task_is_told_which_of_its_nodes_resources_it_has,
        attach::a_container_of_a_user_is_one_of_the_cluster,
        attach::an_attached_container_outlives_what_carries_it,
        attach::an_attached_container_comes_up_with_its_machine,
        attach::a_container_comes_and_goes_by_connect,
        attach::a_network_that_is_not_attachable_takes_none,
        events::one_stream_tells_of_the_cluster_and_of_the_engine,
        explain::a_constraint_that_nobody_meets,
        explain::too_much_memory,
        explain::a_host_port_that_is_taken,
        explain::as_many_replicas_as_nodes_may_have,
        placement::a_filter_and_a_score_of_a_service,
        placement::a_filter_that_cannot_be_told,
        placement::tasks_go_where_the_least_is_in_use,
        explain::services_keep_apart_and_together,
        stack::docker_and_swarmlite_make_the_same_stack,
        stack::what_is_not_in_the_file_any_more_is_pruned,
        remote::certificates_open_the_api_to_both_clients,
        backup::all_managers_are_lost_and_one_is_restored,
        backup::a_worker_finds_the_swarm_at_a_new_address,
        jobs::a_replicated_job_completes_and_runs_once_more_when_changed,
        jobs::a_global_job_completes_on_every_node,
        jobs::a_job_that_fails_is_tried_again,
        jobs::a_task_leaves_a_node_that_has_lost_its_label,
        logs::every_line_comes_once_with_its_task,
        logs::options_choose_among_the_lines,
        logs::followers_see_new_lines_and_new_tasks,
        logs::tasks_that_have_ended_keep_their_logs,
        logs::a_node_that_is_gone_gives_a_note,
        rollout::a_service_gets_its_previous_spec_back,
        rollout::an_update_that_fails_says_which_task_and_why,
        rollout::what_ends_after_it_was_watched_does_not_stop_an_update,
        rollout::a_create_that_fails_says_which_task_and_why,
        rollout::a_drain_waits_until_replacements_have_traffic,
        rollout::a_drain_names_what_has_no_place_elsewhere,
        durable::what_was_acknowledged_survives_kills,
        durable::one_of_three_managers_goes_on_from_behind,
        disks::full_disks_stop_managers_until_there_is_room,
        disks::a_manager_whose_log_is_lost_or_damaged_takes_part_anew,
        failures::the_leader_is_killed,
        failures::all_daemons_are_killed,
        failures::a_node_is_cut_off,
        load::updates_fail_no_request,
        load::drains_fail_no_request,
        load::new_authorities_fail_no_request,
        load::killed_leaders_and_restarted_agents_fail_no_request,
        loss::without_managers_no_request_fails_and_nothing_restarts,
        loss::a_lost_node_is_replaced_and_routed_around,
        loss::a_busy_machine_is_not_taken_for_dead,
        mishaps::a_bad_image_pauses_the_update_and_costs_nothing,
        mishaps::containers_that_exit_are_rolled_back_and_cost_nothing,
        mishaps::one_that_never_gets_healthy_goes_on_if_asked,
        mishaps::a_node_that_hangs_is_waited_for,
        mishaps::without_confirmation_requests_fail,
        monitoring::every_node_shows_its_numbers,
        monitoring::doctor_finds_what_is_wrong,
        ready::a_task_that_is_not_ready_gets_no_requests,
        ready::a_readiness_command_that_takes_too_long_is_killed,
        engine::containers_outlive_an_engine_with_live_restore,
        engine::containers_are_started_again_when_their_engine_is_back,
        engine::without_managers_a_node_restarts_its_containers,
        upgrade::one_node_after_the_other_fails_no_request,
    ]
}

/// The cases of the group that was asked for.
fn group() -> anyhow::Result<Vec<Case>> {
    let is_trouble = |(name, _): &Case| {
        name.split_once("::").is_some_and(|(module, _)| TROUBLE.contains(&module))
    };
    let mut cases = cases();
    match std::env::var("SWARMLITE_E2E_GROUP").as_deref() {
        Err(_) => {}
        Ok("use") => cases.retain(|case| !is_trouble(case)),
        Ok("trouble") => cases.retain(is_trouble),
        Ok(other) => anyhow::bail!("no such group: {other}"),
    }
    Ok(cases)
}

/// The one cluster of all tests, made by the first that needs it. Should that fail, the others fail at once with its reason.
struct SharedCluster {
    lab: String,
    runtime: Runtime,
    cluster: OnceCell<Result<Cluster, String>>,
    /// How long it took to empty the cluster between the cases.
    between: Mutex<Duration>,
}

impl SharedCluster {
    fn run(&self, case: fn(&Cluster) -> Outcome<'_>) -> Result<(), Failed> {
        self.runtime.block_on(async {
            let form =
                async || Cluster::form(&self.lab).await.map_err(|error| format!("{error:#}"));
            let cluster = match self.cluster.get_or_init(form).await {
                Ok(cluster) => cluster,
                Err(error) => return Err(format!("the cluster did not form: {error}").into()),
            };
            let limit = if load::is_full() { FULL_LIMIT } else { LIMIT };
            let outcome = tokio::time::timeout(limit, async {
                let begun = Instant::now();
                cluster.reset().await?;
                *self.between.lock().unwrap_or_else(PoisonError::into_inner) += begun.elapsed();
                case(cluster).await
            });
            let error = match outcome.await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => format!("{error:#}"),
                Err(_) => format!("not done after {limit:?}"),
            };
            Err(format!("{error}\n{}", cluster.lab().logs(LOG_LINES)).into())
        })
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<ExitCode> {
    let lab = std::env::var("SWARMLITE_E2E_LAB").unwrap_or_else(|_| LAB.to_owned());
    let shared = Arc::new(SharedCluster {
        lab,
        runtime: Runtime::new()?,
        cluster: OnceCell::new(),
        between: Mutex::default(),
    });
    let conclusion = run_as_root("end-to-end tests on a cluster", group()?, {
        let shared = Arc::clone(&shared);
        move |case| shared.run(case)
    })?;
    let between = *shared.between.lock().unwrap_or_else(PoisonError::into_inner);
    writeln!(
        std::io::stdout(),
        "{:>5} s  emptying the cluster between the cases",
        between.as_secs()
    )?;
    if shared.cluster.initialized() && std::env::var_os("SWARMLITE_E2E_KEEP").is_none() {
        shared.runtime.block_on(Lab::down(&shared.lab))?;
    }
    Ok(conclusion.exit_code())
}
