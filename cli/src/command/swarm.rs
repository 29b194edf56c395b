//! `init`, `join`, `join-token`, `leave`, `update`, `unlock`, `unlock-key`, `ca`.

mod ca;
mod init;
mod join;
mod join_token;
mod leave;
mod unlock;
mod unlock_key;
mod update;

pub(super) use ca::ca;
pub(super) use init::init;
pub(super) use join::join;
pub(super) use join_token::join_token;
pub(super) use leave::leave;
pub(super) use unlock::unlock;
pub(super) use unlock_key::unlock_key;
pub(super) use update::update;

use crate::args::AvailabilityChoice;

/// The name of an availability in the API; empty when none was chosen.
fn availability(choice: Option<AvailabilityChoice>) -> String {
    match choice {
        None => "",
        Some(AvailabilityChoice::Active) => "active",
        Some(AvailabilityChoice::Pause) => "pause",
        Some(AvailabilityChoice::Drain) => "drain",
    }
    .to_owned()
}
