//! The options of placement that Docker Swarm does not have, as they are written on the command line (`--placement-strategy`) and in labels
//! (`swarmlite.placement.strategy`).

use crate::label_option::LabelOption;
use crate::spec::Placement;
use crate::spec::Rebalance;
use crate::spec::ServiceSpec;
use crate::spec::Strategy;
use crate::spec::Volumes;
use crate::validate::affinity::Affinity;

/// Labels of a service that begin with this are options of its placement, as in `swarmlite.placement.strategy=binpack`.
pub const PLACEMENT_LABELS: &str = "swarmlite.placement.";

/// One of the members of [`Placement`] that Docker's API does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlacementOption {
    /// [`Placement::strategy`].
    Strategy,
    /// [`Placement::filter`].
    Filter,
    /// [`Placement::score`].
    Score,
    /// [`Placement::affinity`].
    Affinity,
    /// [`Placement::anti_affinity`].
    AntiAffinity,
    /// [`Placement::volumes`].
    Volumes,
    /// [`Placement::rebalance`].
    Rebalance,
}

impl PlacementOption {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Strategy,
        Self::Filter,
        Self::Score,
        Self::Affinity,
        Self::AntiAffinity,
        Self::Volumes,
        Self::Rebalance,
    ];

    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Strategy => "strategy",
            Self::Filter => "filter",
            Self::Score => "score",
            Self::Affinity => "affinity",
            Self::AntiAffinity => "anti-affinity",
            Self::Volumes => "volumes",
            Self::Rebalance => "rebalance",
        }
    }

    /// What a placement asks for, as it is written; one line for each value. `None` if it does not ask.
    #[must_use]
    pub fn get(self, placement: &Placement) -> Option<Vec<String>> {
        let text = match self {
            Self::Strategy => &placement.strategy,
            Self::Filter => &placement.filter,
            Self::Score => &placement.score,
            Self::Volumes => &placement.volumes,
            Self::Rebalance => &placement.rebalance,
            Self::Affinity => return placement.affinity.clone(),
            Self::AntiAffinity => return placement.anti_affinity.clone(),
        };
        text.clone().map(|text| vec![text])
    }

    /// Whether a service asks for it, by the member or by the label.
    #[must_use]
    pub fn is_in(self, spec: &ServiceSpec) -> bool {
        let placement = spec.task_template.placement.as_ref();
        let is_label = |label: &String| label.strip_prefix(PLACEMENT_LABELS) == Some(self.as_str());
        placement.is_some_and(|placement| self.get(placement).is_some())
            || spec.labels.keys().any(is_label)
    }
}

impl LabelOption for PlacementOption {
    type Of = Placement;
    const LABELS: &'static str = PLACEMENT_LABELS;
    const KIND: &'static str = "placement option";
    const ALL: &'static [Self] = &Self::ALL;

    fn name(self) -> &'static str {
        self.as_str()
    }

    fn set(self, placement: &mut Placement, value: &str) -> Result<(), String> {
        match self {
            Self::Strategy => {
                let strategy: Strategy = value.parse().map_err(|why| format!("{why}"))?;
                placement.strategy = Some(strategy.to_string());
            }
            Self::Filter => placement.filter = Some(expression(value)?),
            Self::Score => placement.score = Some(expression(value)?),
            Self::Affinity => placement.affinity = Some(rules(value)?),
            Self::AntiAffinity => placement.anti_affinity = Some(rules(value)?),
            Self::Volumes => {
                let volumes: Volumes = value.parse().map_err(|why| format!("{why}"))?;
                placement.volumes = Some(volumes.as_str().to_owned());
            }
            Self::Rebalance => {
                let mode: Rebalance = value.parse().map_err(|why| format!("{why}"))?;
                placement.rebalance = Some(mode.as_str().to_owned());
            }
        }
        Ok(())
    }

    fn get(self, placement: &Placement) -> Option<Vec<String>> {
        self.get(placement)
    }
}

/// What it says is for managers to read.
fn expression(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("there is no expression".to_owned()) } else { Ok(text.to_owned()) }
}

/// Rules with commas between them.
fn rules(value: &str) -> Result<Vec<String>, String> {
    let rule = |text: &str| {
        let text = text.trim();
        Affinity::parse(text).map(|_| text.to_owned()).map_err(|refused| refused.message)
    };
    value.split(',').map(rule).collect()
}

#[cfg(test)]
mod tests;
