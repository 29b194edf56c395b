//! A virtual machine with Debian's kernel, for what the kernel of this machine does not have: IPVS.
//!
//! The machine has a small file system in memory, made by `vm/machine.sh`: busybox, the tools of the data plane, the modules of the
//! kernel that it needs, and one program, which it runs. What the program prints comes over the serial console. The processor is
//! emulated: `/dev/kvm` may be there and hang.

mod report;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use anyhow::bail;
use tokio::process::Command;

use crate::command::run;
pub use crate::vm::report::Outcome;
pub use crate::vm::report::Report;

/// Makes kernel and files.
const SCRIPT: &str = include_str!("vm/machine.sh");

/// Where Debian's kernel is kept.
const CACHE: &str = "/var/cache/swarmlite-tests";

/// Boots a machine that runs the test program `program` with `arguments`, and returns what it said once the machine is off, or after
/// `limit`.
///
/// # Errors
///
/// When the machine cannot be made or started.
pub async fn run_in_machine(
    program: &Path,
    arguments: &[String],
    limit: Duration,
) -> anyhow::Result<Report> {
    let folder = tempfile::tempdir().context("a folder for the machine")?;
    let mut make = Command::new("bash");
    make.args(["-c", SCRIPT, "bash", CACHE]).arg(folder.path()).arg(program).args(arguments);
    run(&mut make).await.context("make the virtual machine")?;
    let log = folder.path().join("console");
    let ended = tokio::time::timeout(limit, boot(folder.path(), &log)).await;
    let console = std::fs::read(&log).context("read the console")?;
    // A serial console ends its lines with both.
    let mut console = String::from_utf8_lossy(&console).replace('\r', "");
    match ended {
        // What has been tested by then is known.
        Err(_) => {
            console.extend(["\nthe virtual machine is not off after ", &format!("{limit:?}")]);
        }
        Ok(ended) => ended.with_context(|| format!("run the virtual machine: {console}"))?,
    }
    Ok(Report::read(&console))
}

/// Runs the machine in `folder` until it is off. What it says goes to the file `log`.
async fn boot(folder: &Path, log: &Path) -> anyhow::Result<()> {
    let mut qemu = Command::new("qemu-system-x86_64");
    qemu.args(["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1024"]);
    qemu.args(["-nographic", "-no-reboot", "-nic", "none", "-monitor", "none", "-serial", "stdio"]);
    qemu.arg("-kernel").arg(folder.join("kernel"));
    qemu.arg("-initrd").arg(folder.join("initramfs"));
    // A panic ends the machine. An emulated timer that has to wait for the processor is late, which the kernel would take for broken.
    qemu.args(["-append", "console=ttyS0 quiet panic=-1 no_timer_check"]);
    let console = std::fs::File::create(log).context("create the console's file")?;
    qemu.stdin(Stdio::null()).stderr(console.try_clone()?).stdout(console).kill_on_drop(true);
    let status = qemu.spawn().context("cannot start qemu-system-x86_64")?.wait().await?;
    if !status.success() {
        bail!("qemu-system-x86_64 failed ({status})");
    }
    Ok(())
}
