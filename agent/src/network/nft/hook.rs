//! Chains that the kernel calls, made so that no packet falls between two generations of a table. Pure.
//!
//! A transaction takes effect at one moment, but a packet is looked at for longer than a moment. One that is on its way through a table just then
//! can find that neither what was nor what comes is there. If the table is replaced, hooks of the same priority are called in the order new, old:
//! the new chain is still empty when the packet comes to it, and the old one already is. If it is amended, the rule is still the old one, but the
//! elements of the map that it looks into are those of the new one (`net/netfilter/nf_tables_api.c`, `nf_tables_commit`; `nf_tables_core.c`,
//! `nft_do_chain`). What is not translated then is refused by the local stack, and what gets no zone is taken for another connection.
//!
//! So each chain is called twice, at two priorities that follow one another. Whatever the first call misses has taken effect before the second.
//! Where the first did its work, the second does nothing (a connection is translated once) or the same again: rules have to be such that twice is
//! the same as once, so nothing may be counted or limited in them.

use std::fmt;

/// Where the kernel calls a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hook {
    /// The type of the chain: `filter` or `nat`.
    pub(crate) kind: &'static str,
    /// The hook, in the words of nftables.
    pub(crate) at: &'static str,
    /// The priority of the first call; the second has the next.
    pub(crate) priority: i32,
}

/// Priorities of the kernel's own (`include/uapi/linux/netfilter_ipv4.h`, `enum nf_ip_hook_priorities`).
pub(crate) mod priority {
    pub(crate) const RAW: i32 = -300;
    pub(crate) const MANGLE: i32 = -150;
    pub(crate) const NAT_DST: i32 = -100;
    pub(crate) const NAT_SRC: i32 = 100;
}

/// A chain with these rules, and what the kernel calls to come to it. In the language of `nft -f`, inside a table.
pub(crate) fn chain(name: &str, hook: Hook, rules: &str) -> String {
    let again = Hook { priority: hook.priority + 1, ..hook };
    format!(
        "\tchain {name} {{
{rules}\t}}
\tchain {name}_first {{
{hook}
\t\tjump {name}
\t}}
\tchain {name}_again {{
{again}
\t\tjump {name}
\t}}
"
    )
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, at, priority } = self;
        write!(f, "\t\ttype {kind} hook {at} priority {priority}; policy accept;")
    }
}
