//! Handing tables to nftables, and telling whether the kernel still has what was handed over.
//!
//! A table is replaced as a whole in one transaction. nftables prints tables in its own way and adds to them, so the
//! question "is this what I want" is answered by memory: what the kernel printed right after the replacement is
//! compared with what it prints now. A table that this process has not written is [`Held::Unknown`].

use std::collections::HashMap;
use std::fmt;
use std::hash::BuildHasher;
use std::hash::RandomState;
use std::io::Write;
use std::process::Command;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::PoisonError;

use super::error::KernelError;
use super::held::Held;
use super::place::Place;

/// The tables of one name, in every namespace, and what they were made from.
#[derive(Debug)]
pub struct Tables<T> {
    name: &'static str,
    hasher: RandomState,
    /// Per namespace: what was asked for, and a hash of how the kernel prints it.
    written: Mutex<HashMap<String, (T, u64)>>,
}

impl<T: Clone + fmt::Debug> Tables<T> {
    /// Nothing written yet.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self { name, hasher: RandomState::new(), written: Mutex::new(HashMap::new()) }
    }

    /// What the namespace that the calling thread is in holds.
    ///
    /// # Errors
    /// If `nft` cannot be run.
    pub fn observe(&self, place: &Place) -> Result<Held<T>, KernelError> {
        let Some(printed) = self.print()? else {
            return Ok(Held::Absent);
        };
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(match written.get(&place.to_string()) {
            Some((value, hash)) if *hash == printed => Held::Exactly(value.clone()),
            _ => Held::Unknown,
        })
    }

    /// Replaces the table in the namespace that the calling thread is in, in one transaction.
    ///
    /// # Errors
    /// If nftables refuses; then nothing has changed.
    pub fn replace(&self, place: &Place, value: &T, text: &str) -> Result<(), KernelError> {
        let name = self.name;
        // `add` first, as deleting what is not there is an error.
        nft(&["-f", "-"], &format!("add table ip {name}\ndelete table ip {name}\n{text}"))?;
        if let Some(printed) = self.print()? {
            let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            written.insert(place.to_string(), (value.clone(), printed));
        }
        Ok(())
    }

    /// Removes the table from the namespace that the calling thread is in.
    ///
    /// # Errors
    /// If nftables refuses.
    pub fn remove(&self, place: &Place) -> Result<(), KernelError> {
        let name = self.name;
        nft(&["-f", "-"], &format!("add table ip {name}\ndelete table ip {name}\n"))?;
        self.forget(place);
        Ok(())
    }

    /// Drops what is remembered of a namespace.
    pub fn forget(&self, place: &Place) {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).remove(&place.to_string());
    }

    /// A hash of how the kernel prints the table; `None` if there is none.
    fn print(&self) -> Result<Option<u64>, KernelError> {
        match nft(&["-s", "list", "table", "ip", self.name], "") {
            Ok(text) => Ok(Some(self.hasher.hash_one(&text))),
            Err(KernelError::Refused { message, .. })
                if message.contains("No such file or directory") =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// The `elements` clause of a set or map; none if it is empty, which nftables would not accept.
#[must_use]
pub fn elements(items: &[String]) -> String {
    if items.is_empty() {
        return String::new();
    }
    format!("\n\t\telements = {{\n\t\t\t{}\n\t\t}}", items.join(",\n\t\t\t"))
}

/// Runs `nft` in the namespace of the calling thread, which children inherit.
fn nft(args: &[&str], input: &str) -> Result<String, KernelError> {
    run("nft", args, input)
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
