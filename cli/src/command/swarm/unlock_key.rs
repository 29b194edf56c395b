//! `swarmlite swarm unlock-key`.

use crate::args::UnlockKeyArgs;
use crate::client::Client;
use crate::error::Error;
use crate::error::Result;
use crate::output::Console;

/// Prints the key that unlocks managers, replacing it first if asked to.
pub(crate) async fn unlock_key(
    args: &UnlockKeyArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    if args.rotate {
        let swarm = client.swarm().await?;
        if !swarm.spec.encryption_config.auto_lock_managers {
            return Err(Error::refused("cannot rotate because autolock is not turned on"));
        }
        client.swarm_rotate(&swarm, "rotateManagerUnlockKey").await?;
        if !args.quiet {
            console.line("Successfully rotated manager unlock key.\n")?;
        }
    }
    let key = client.unlock_key().await?;
    if key.is_empty() {
        return Err(Error::refused("no unlock key is set"));
    }
    if args.quiet { console.line(&key) } else { console.print(&instructions(&key)) }
}

/// What to do with the key.
pub(super) fn instructions(key: &str) -> String {
    format!(
        "To unlock a swarm manager after it restarts, run the `swarmlite swarm unlock`\n\
         command and provide the following key:\n\n    {key}\n\n\
         Remember to store this key in a password manager, since without it you\n\
         will not be able to restart the manager.\n"
    )
}
