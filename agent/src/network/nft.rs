//! Handing tables to nftables, and telling whether the kernel still has what was handed over.
//!
//! A table is replaced as a whole in one transaction, or amended where it is known to be as it was written. nftables prints tables in its own
//! way and adds to them, so the question "is this what I want" is answered by memory: what the kernel printed right after the replacement is
//! compared with what it prints now. A table that this process has not written is [`Held::Unknown`], and so is an amended one, once somebody else has
//! changed something. To print takes a process, and as long as the table is large, so it is asked for only when somebody else has changed
//! something in the namespace ([`own`]), which the kernel tells by a number ([`generation`]).

pub(crate) mod generation;
pub(crate) mod hook;
pub(crate) mod own;

use std::collections::HashMap;
use std::fmt;
use std::hash::BuildHasher;
use std::hash::RandomState;
use std::io::Write;
use std::process::Command;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use nix::errno::Errno;

use self::generation::RulesetGeneration;
use self::own::OwnChanges;
use super::error::KernelError;
use super::held::Held;
use super::netns::Netns;

/// The program that knows nftables.
pub(super) const NFT: &str = "nft";

/// The tables of one name, in every namespace, and what they were made from.
#[derive(Debug)]
pub(crate) struct Tables<T> {
    name: &'static str,
    hasher: RandomState,
    own: OwnChanges,
    /// What was written in each namespace.
    written: Mutex<HashMap<Netns, Written<T>>>,
}

/// A table that was written.
#[derive(Clone, Debug)]
struct Written<T> {
    /// What was asked for.
    value: T,
    /// A hash of how the kernel prints it. `None`: it was amended since.
    printed: Option<u64>,
    /// The tables of the namespace when it was last seen to be so.
    seen: RulesetGeneration,
}

impl<T: Clone + fmt::Debug> Tables<T> {
    /// Nothing written yet. What else this process changes in the same namespaces it notes in `own`, too.
    #[must_use]
    pub(crate) fn new(name: &'static str, own: OwnChanges) -> Self {
        Self { name, hasher: RandomState::new(), own, written: Mutex::new(HashMap::new()) }
    }

    /// What the namespace that the calling thread is in holds.
    ///
    /// # Errors
    /// If the kernel cannot be asked, or `nft` cannot be run.
    pub(crate) fn observe(&self, netns: &Netns) -> Result<Held<T>, KernelError> {
        // Before it is printed: what changes meanwhile is seen the next time.
        let now = generation::current(netns)?;
        let written = self.written().get(netns).cloned();
        let is_same = |written: &Written<T>| self.own.are_all(netns, (written.seen, now));
        if let Some(written) = written.filter(is_same) {
            self.written().entry(netns.clone()).and_modify(|written| written.seen = now);
            return Ok(Held::Exactly(written.value));
        }
        let Some(printed) = self.print()? else {
            return Ok(Held::Absent);
        };
        let mut all = self.written();
        Ok(match all.get_mut(netns) {
            Some(written) if written.printed == Some(printed) => {
                written.seen = now;
                Held::Exactly(written.value.clone())
            }
            _ => Held::Unknown,
        })
    }

    /// Replaces the table in the namespace that the calling thread is in, in one transaction.
    ///
    /// # Errors
    /// If nftables refuses; then nothing has changed.
    pub(crate) fn replace(&self, netns: &Netns, value: &T, text: &str) -> Result<(), KernelError> {
        let name = self.name;
        // `add` first, as deleting what is not there is an error.
        let text = format!("add table ip {name}\ndelete table ip {name}\n{text}");
        let (seen, _) = self.transact(netns, &text)?;
        if let Some(printed) = self.print()? {
            let (value, printed) = (value.clone(), Some(printed));
            self.written().insert(netns.clone(), Written { value, printed, seen });
        }
        Ok(())
    }

    /// Changes the table in the namespace that the calling thread is in, in one transaction: from what [`Self::observe`] has just said that it holds
    /// exactly, by `text`, to `value`. `text` may be empty. If somebody else changes something meanwhile, it is unknown afterwards.
    ///
    /// # Errors
    /// If nftables refuses; then nothing has changed.
    pub(crate) fn amend(&self, netns: &Netns, value: &T, text: &str) -> Result<(), KernelError> {
        if text.is_empty() {
            // The kernel counts no such transaction, and what is printed stays.
            let mut all = self.written();
            all.entry(netns.clone()).and_modify(|written| written.value = value.clone());
            return Ok(());
        }
        let (seen, alone) = self.transact(netns, text)?;
        if alone {
            let written = Written { value: value.clone(), printed: None, seen };
            self.written().insert(netns.clone(), written);
        } else {
            self.written().remove(netns);
        }
        Ok(())
    }

    /// Has nftables do what `text` says. Returns the number afterwards, and whether nobody else has changed anything meanwhile.
    fn transact(
        &self,
        netns: &Netns,
        text: &str,
    ) -> Result<(RulesetGeneration, bool), KernelError> {
        let before = generation::current(netns)?;
        nft(&["-f", "-"], text)?;
        let after = generation::current(netns)?;
        Ok((after, self.own.note(netns, (before, after))))
    }

    /// Removes the table from the namespace that the calling thread is in.
    ///
    /// # Errors
    /// If nftables refuses.
    pub(crate) fn remove(&self, netns: &Netns) -> Result<(), KernelError> {
        let name = self.name;
        self.transact(netns, &format!("add table ip {name}\ndelete table ip {name}\n"))?;
        self.written().remove(netns);
        Ok(())
    }

    /// Drops what is remembered of a namespace.
    pub(crate) fn forget(&self, netns: &Netns) {
        self.written().remove(netns);
        self.own.forget(netns);
    }

    fn written(&self) -> MutexGuard<'_, HashMap<Netns, Written<T>>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A hash of how the kernel prints the table; `None` if there is none.
    fn print(&self) -> Result<Option<u64>, KernelError> {
        match nft(&["-s", "list", "table", "ip", self.name], "") {
            Ok(text) => Ok(Some(self.hasher.hash_one(&text))),
            Err(KernelError::Absent) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The `elements` clause of a set or map; none if it is empty, which nftables would not accept.
#[must_use]
pub(crate) fn elements(items: &[String]) -> String {
    if items.is_empty() {
        return String::new();
    }
    format!("\n\t\telements = {{\n\t\t\t{}\n\t\t}}", items.join(",\n\t\t\t"))
}

/// Runs `nft` in the namespace of the calling thread, which children inherit.
///
/// # Errors
/// If it cannot be run, or does not succeed.
pub(super) fn nft(args: &[&str], input: &str) -> Result<String, KernelError> {
    run(NFT, args, input).map_err(refusal)
}

/// What `nft` means by a refusal. It tells the kernel's error number only in the words of the C library, which are therefore compared here, and
/// nowhere else.
fn refusal(error: KernelError) -> KernelError {
    match error {
        KernelError::Refused { message, .. } if message.contains(Errno::ENOENT.desc()) => {
            KernelError::Absent
        }
        error => error,
    }
}

/// Runs a program in the namespace of the calling thread.
///
/// # Errors
/// If it cannot be run, or does not succeed.
pub(super) fn run(
    program: &'static str,
    args: &[&str],
    input: &str,
) -> Result<String, KernelError> {
    let failed = |source| KernelError::Run { program, source };
    let mut child = Command::new(program)
        .args(args)
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that stops reading says why on its standard error.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(KernelError::Refused { program, message })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs `nft` where this user may use it: in namespaces of its own.
    fn nft_inside(arguments: &[&str]) -> Result<String, KernelError> {
        let inside = ["--user", "--map-root-user", "--net", NFT];
        run("unshare", &[&inside, arguments].concat(), "").map_err(refusal)
    }

    #[test]
    fn what_nft_says_of_a_table_that_is_not_there_is_understood() {
        if let Err(error) = nft_inside(&["list", "tables"]) {
            eprintln!("LEFT OUT: nft cannot be used: {error}");
            return;
        }
        for arguments in
            [["-s", "list", "table", "ip"].as_slice(), &["--json", "list", "table", "ip"]]
        {
            let absent = nft_inside(&[arguments, &["none"]].concat());
            assert!(matches!(absent, Err(KernelError::Absent)), "{absent:?}");
        }
        let refused = nft_inside(&["list", "nonsense"]);
        assert!(matches!(refused, Err(KernelError::Refused { .. })), "{refused:?}");
    }
}
