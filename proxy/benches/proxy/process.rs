//! A process, and what the kernel says that it has used.

use std::process::Child;
use std::process::Command;
use std::time::Duration;

/// Clock ticks in a second: what `/proc` counts processor time in (`proc(5)`).
const TICKS: u64 = 100;

/// A process that ends with this value.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(command: &mut Command) -> std::io::Result<Self> {
        command.spawn().map(Self)
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Its processor time so far, of programs and of the kernel for them.
    pub(crate) fn used(&self) -> Duration {
        let stat = self.read("stat");
        // The name, in parentheses, may contain anything; after it come the fields from the third on.
        let fields = stat.rsplit_once(") ").expect("a name").1.split(' ').skip(11).take(2);
        let ticks: u64 = fields.map(|field| field.parse::<u64>().expect("a number")).sum();
        Duration::from_millis(ticks * 1000 / TICKS)
    }

    /// The most memory that it had at a time.
    pub(crate) fn peak_mebibytes(&self) -> f64 {
        let status = self.read("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line");
        let kibibytes = line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number");
        kibibytes / 1024.0
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.0.id())).expect("it runs")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _status = self.0.wait();
    }
}
