//! Options of a service that its labels can ask for: what clients and Compose files set that know nothing of the members of the spec.
//!
//! Labels are part of every update, so that what a label asks for goes with it.

use crate::error::Error;
use crate::spec::Labels;

/// An option that is a member of something in the spec, and that a label stands for.
pub(crate) trait LabelOption: Copy + 'static {
    /// What it is a member of.
    type Of;
    /// The labels begin with this, and end with the name of an option.
    const LABELS: &'static str;
    /// What refusals call it.
    const KIND: &'static str;
    /// All of them.
    const ALL: &'static [Self];

    /// The name.
    fn name(self) -> &'static str;

    /// Takes the value of a label.
    fn set(self, of: &mut Self::Of, value: &str) -> Result<(), String>;

    /// What is asked for, as it is written; one line for each value. `None` if nothing is.
    fn get(self, of: &Self::Of) -> Option<Vec<String>>;
}

/// Whether labels ask for options of this kind.
pub(crate) fn are_in<O: LabelOption>(labels: &Labels) -> bool {
    labels.keys().any(|label| label.starts_with(O::LABELS))
}

/// Takes over what labels ask for.
///
/// # Errors
///
/// For a label that is no possible option, and for one that says something else than the member that it stands for.
pub(crate) fn take<O: LabelOption>(labels: &Labels, of: &mut O::Of) -> Result<(), Error> {
    for (label, value) in labels {
        let Some(name) = label.strip_prefix(O::LABELS) else { continue };
        let refused = |reason| Error::invalid(format!("label {label}: {reason}"));
        let option = named::<O>(name).map_err(refused)?;
        let asked = option.get(of);
        option.set(of, value).map_err(refused)?;
        match (asked, option.get(of)) {
            (Some(asked), Some(labelled)) if asked != labelled => {
                let (asked, labelled) = (asked.join(" "), labelled.join(" "));
                return Err(Error::invalid(format!(
                    "{} {name} is {asked}, but label {label} is {labelled}",
                    O::KIND
                )));
            }
            _ => {}
        }
    }
    Ok(())
}

fn named<O: LabelOption>(name: &str) -> Result<O, String> {
    let known = O::ALL.iter().copied().find(|option| option.name() == name);
    known.ok_or_else(|| {
        let names: Vec<&str> = O::ALL.iter().map(|option| option.name()).collect();
        format!("unknown {} {name:?}: {} are known", O::KIND, names.join(", "))
    })
}
