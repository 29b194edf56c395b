//! `init`, `join`, `join-token`, `leave`.

mod init;
mod join;
mod join_token;
mod leave;

pub(super) use init::init;
pub(super) use join::join;
pub(super) use join_token::join_token;
pub(super) use leave::leave;

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
