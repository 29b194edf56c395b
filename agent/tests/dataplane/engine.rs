//! A Docker Engine of its own for a node of the rig, as a machine that runs the daemon has one.

use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

/// Where Debian's package puts it.
const DOCKERD: &str = "/usr/sbin/dockerd";

/// An engine. Dropping it stops it.
pub(crate) struct Engine {
    process: Child,
    folder: PathBuf,
}

impl Engine {
    /// Whether there is one to test with.
    pub(crate) fn installed() -> bool {
        std::path::Path::new(DOCKERD).exists()
    }

    /// The folder in which it looks for plugins.
    pub(crate) fn plugins(folder: &std::path::Path) -> PathBuf {
        folder.join("plugins")
    }

    /// Starts an engine in a network namespace, with all that is its own in `folder`.
    pub(crate) async fn start(netns: &std::path::Path, folder: PathBuf) -> Self {
        std::fs::create_dir_all(Self::plugins(&folder)).expect("folder");
        let dir = folder.display();
        // Its own mounts: plugins and sockets are looked for under /run/docker, where the machine's own engine has its.
        let script = format!(
            "mount -t tmpfs tmpfs /run && mkdir -p /run/docker/plugins \
             && mount --bind {dir}/plugins /run/docker/plugins \
             && exec {DOCKERD} --data-root {dir}/data --exec-root {dir}/exec --pidfile {dir}/pid \
             -H unix://{dir}/docker.sock --exec-opt native.cgroupdriver=cgroupfs"
        );
        let log = std::fs::File::create(folder.join("log")).expect("log");
        let process = Command::new("nsenter")
            .arg(format!("--net={}", netns.display()))
            .args(["unshare", "--mount", "sh", "-c", &script])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("log"))
            .stderr(log)
            .spawn()
            .expect("dockerd");
        let engine = Self { process, folder };
        for _ in 0..300 {
            if engine.try_docker("version").is_ok() {
                return engine;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let log = std::fs::read_to_string(engine.folder.join("log")).unwrap_or_default();
        panic!("the engine does not start: {log}");
    }

    /// What `docker` prints.
    pub(crate) fn docker(&self, command: &str) -> String {
        self.try_docker(command).unwrap_or_else(|error| panic!("docker {command}: {error}"))
    }

    /// What `docker` prints, or what it says when it fails.
    pub(crate) fn try_docker(&self, command: &str) -> Result<String, String> {
        let output = Command::new("docker")
            .arg("-H")
            .arg(format!("unix://{}/docker.sock", self.folder.display()))
            .args(command.split(' '))
            .output()
            .map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
        }
    }

    /// An image with nothing in it but the links by which the machine's own programs are found once `/usr` is mounted.
    pub(crate) fn import_empty(&self) {
        let import = format!(
            "tar -C / -c bin lib lib64 | docker -H unix://{}/docker.sock import - empty",
            self.folder.display()
        );
        let status = Command::new("sh").args(["-c", &import]).stdout(Stdio::null()).status();
        assert!(status.expect("sh").success(), "docker import");
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.process.id()).expect("pid"));
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.process.wait();
    }
}
