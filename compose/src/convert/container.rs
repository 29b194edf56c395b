//! The container of a service.

use std::collections::BTreeSet;

use swarmlite_proto::spec::ContainerSpec;
use swarmlite_proto::spec::DnsConfig;
use swarmlite_proto::spec::HealthConfig;
use swarmlite_proto::spec::Privileges;
use swarmlite_proto::spec::Ulimit;

use super::super::error::Result;
use super::super::section::Node;
use super::super::section::Section;
use super::Context;
use super::extension;
use super::mount;
use super::reference;
use super::stack_labels;

/// Stands for all capabilities.
const ALL: &str = "ALL";

/// Converts everything about the container.
pub(super) fn convert(
    image: String,
    section: &mut Section<'_>,
    context: &mut Context<'_>,
) -> Result<ContainerSpec> {
    let (capability_add, capability_drop) = capabilities(section)?;
    let mut mounts =
        section.read("volumes", |node| mount::volumes(node, context))?.unwrap_or_default();
    mounts.extend(section.read("tmpfs", mount::tmpfs)?.unwrap_or_default());
    let mut container = ContainerSpec {
        image,
        labels: stack_labels(context.namespace, section.get("labels", Node::labels)?),
        command: section.get("entrypoint", Node::strings)?,
        args: section.get("command", Node::strings)?,
        hostname: section.get("hostname", Node::string)?,
        env: section.get("environment", environment)?,
        dir: section.get("working_dir", Node::string)?,
        user: section.get("user", Node::string)?,
        groups: section.get("group_add", Node::strings)?,
        init: section.read("init", Node::boolean)?,
        stop_signal: section.get("stop_signal", Node::string)?,
        tty: section.get("tty", Node::boolean)?,
        open_stdin: section.get("stdin_open", Node::boolean)?,
        // Docker always sends this; a service that only one of them has deployed would differ for the other.
        privileges: Some(Privileges::default()),
        read_only: section.get("read_only", Node::boolean)?,
        mounts,
        secrets: reference::secrets(section, &context.definitions.secrets)?,
        configs: reference::configs(section, &context.definitions.configs)?,
        stop_grace_period: section.read("stop_grace_period", Node::duration)?,
        healthcheck: section.read("healthcheck", healthcheck)?,
        hosts: section.get("extra_hosts", hosts)?,
        dns_config: dns(section)?,
        isolation: section.get("isolation", Node::string)?,
        sysctls: section.get("sysctls", Node::labels)?,
        capability_add,
        capability_drop,
        ulimits: section.get("ulimits", ulimits)?,
        oom_score_adj: section.get("oom_score_adj", Node::integer)?,
        ..ContainerSpec::default()
    };
    extension::fill(&mut container, section)?;
    Ok(container)
}

/// Variables as lines, in the order that docker sorts them.
fn environment(node: &Node<'_>) -> Result<Vec<String>> {
    let line = |(name, value): (String, Option<String>)| match value {
        Some(value) => format!("{name}={value}"),
        None => name,
    };
    let mut lines: Vec<_> = node.variables()?.into_iter().map(line).collect();
    lines.sort();
    Ok(lines)
}

/// `name:address` as `address name`, the form of swarmkit.
fn hosts(node: &Node<'_>) -> Result<Vec<String>> {
    let line = |item: &Node<'_>| {
        let text = item.string()?;
        match text.split_once(':') {
            Some((name, address)) => Ok(format!("{address} {name}")),
            None => Err(item.invalid(format!("is not of the form name:address: {text:?}"))),
        }
    };
    node.items()?.iter().map(line).collect()
}

fn dns(section: &mut Section<'_>) -> Result<Option<DnsConfig>> {
    let config = DnsConfig {
        nameservers: section.get("dns", Node::strings)?,
        search: section.get("dns_search", Node::strings)?,
        options: section.get("dns_opt", Node::strings)?,
    };
    Ok((config != DnsConfig::default()).then_some(config))
}

fn healthcheck(node: &Node<'_>) -> Result<HealthConfig> {
    let mut section = node.section()?;
    let disable = section.get("disable", Node::boolean)?;
    let config = HealthConfig {
        test: section.get("test", Node::strings)?,
        interval: section.get("interval", Node::duration)?,
        timeout: section.get("timeout", Node::duration)?,
        start_period: section.get("start_period", Node::duration)?,
        start_interval: section.get("start_interval", Node::duration)?,
        retries: section.get("retries", Node::integer)?,
    };
    section.finish()?;
    match disable {
        false => Ok(config),
        true if config.test.is_empty() => {
            Ok(HealthConfig { test: vec!["NONE".to_owned()], ..HealthConfig::default() })
        }
        true => Err(node.invalid("test and disable can't be set at the same time")),
    }
}

fn ulimits(node: &Node<'_>) -> Result<Vec<Ulimit>> {
    let limit = |(name, node): (&str, Node<'_>)| {
        let name = name.to_owned();
        if let Ok(both) = node.integer() {
            return Ok(Ulimit { name, hard: both, soft: both });
        }
        let mut section = node.section()?;
        let missing = || node.invalid("must have both soft and hard");
        let soft = section.read("soft", Node::integer)?.ok_or_else(missing)?;
        let hard = section.read("hard", Node::integer)?.ok_or_else(missing)?;
        section.finish()?;
        Ok(Ulimit { name, hard, soft })
    };
    let mut limits = node.entries()?.into_iter().map(limit).collect::<Result<Vec<_>>>()?;
    limits.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(limits)
}

/// What is added and what is dropped. Adding goes before dropping, and all before single ones (docker/cli `opts/capabilities.go`).
fn capabilities(section: &mut Section<'_>) -> Result<(Vec<String>, Vec<String>)> {
    let normal = |name: &String| {
        let name = name.trim().to_ascii_uppercase();
        if name == ALL || name.starts_with("CAP_") { name } else { format!("CAP_{name}") }
    };
    let mut read = |key: &str| -> Result<BTreeSet<String>> {
        let names: BTreeSet<_> = section.get(key, Node::strings)?.iter().map(normal).collect();
        Ok(if names.contains(ALL) { [ALL.to_owned()].into() } else { names })
    };
    let (add, drop) = (read("cap_add")?, read("cap_drop")?);
    let drop = drop.difference(&add).cloned().collect();
    Ok((add.into_iter().collect(), drop))
}
