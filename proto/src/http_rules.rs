//! The rules of HTTP routing that a service has: its own, and those of its labels, for clients and Compose files that know no other way to say it.

use crate::error::Error;
use crate::spec::HttpRoute;
use crate::spec::PublishMode;
use crate::spec::ServiceSpec;
use crate::value::http;

/// Labels of a service that begin with this and end with any name are rules, as in `swarmlite.http.shop=shop.example.com,port=8080`.
pub const HTTP_LABELS: &str = "swarmlite.http.";

impl ServiceSpec {
    /// Which HTTP requests the service answers: by its rules, and by those of its labels.
    ///
    /// # Errors
    ///
    /// For a label that is no rule, and for one that asks for the same as another rule and does something else with it.
    pub fn http_rules(&self) -> Result<Vec<HttpRoute>, Error> {
        let endpoint = self.endpoint_spec.as_ref();
        let mut rules = endpoint.and_then(|endpoint| endpoint.http.clone()).unwrap_or_default();
        for (label, text) in &self.labels {
            let Some(name) = label.strip_prefix(HTTP_LABELS) else { continue };
            if name.is_empty() {
                return Err(Error::invalid(format!("label {label}: the rule needs a name")));
            }
            let rule =
                http::parse(text).map_err(|why| Error::invalid(format!("label {label}: {why}")))?;
            match rules.iter().find(|other| other.asked() == rule.asked()) {
                None => rules.push(rule),
                Some(other) if http::show(other) == http::show(&rule) => {}
                Some(_) => {
                    return Err(Error::invalid(format!(
                        "label {label}: another rule of the service asks for {} too",
                        rule.asked()
                    )));
                }
            }
        }
        Ok(rules)
    }

    /// Whether the service answers HTTP requests. Labels that are no rules have been refused before, and do not count.
    #[must_use]
    pub fn answers_http(&self) -> bool {
        self.http_rules().is_ok_and(|rules| !rules.is_empty())
    }

    /// Whether every node has to reach the tasks of the service, and these so have addresses on the ingress network.
    #[must_use]
    pub fn is_on_ingress(&self) -> bool {
        let mut ports = self.endpoint_spec.iter().flat_map(|endpoint| &endpoint.ports);
        ports.any(|port| port.publish_mode == PublishMode::Ingress) || self.answers_http()
    }
}
