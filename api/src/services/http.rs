//! What a client asks of HTTP routing: which secrets it means.

use swarmlite_manager::state::State;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::SecretId;
use swarmlite_proto::id::SecretKind;
use swarmlite_proto::spec::CertificateReference;
use swarmlite_proto::spec::ServiceSpec;
use swarmlite_proxy::Certificate;
use swarmlite_proxy::ClientCa;

/// Fills in which secrets the rules of a service mean. Labels mean them by name, and are left as they are.
pub(super) fn resolve(state: &State, spec: &mut ServiceSpec) -> Result<()> {
    if !spec.answers_http() {
        return Ok(());
    }
    state.check_http_format()?;
    let rules =
        spec.endpoint_spec.iter_mut().flat_map(|endpoint| endpoint.http.iter_mut().flatten());
    for secret in rules.flat_map(|rule| rule.certificate.iter_mut().chain(&mut rule.client_ca)) {
        resolve_one(state, secret)?;
    }
    check_certificates(state, spec)
}

/// Refuses secrets that no host can be served with, and that no client can be checked by, while there is somebody to be told: their content never
/// changes. That they are there is for the state to say.
fn check_certificates(state: &State, spec: &ServiceSpec) -> Result<()> {
    let rules = spec.http_rules()?;
    let cas = rules.iter().filter_map(|rule| state.certificate(rule.client_ca.as_ref()?));
    for secret in cas {
        ClientCa::from_pem(secret.spec.data.as_bytes()).map_err(|why| {
            Error::invalid(format!(
                "clients cannot be checked by secret {}: {why}",
                secret.spec.name
            ))
        })?;
    }
    let secrets = rules.iter().filter_map(|rule| state.certificate(rule.certificate.as_ref()?));
    for secret in secrets {
        Certificate::from_pem(secret.spec.data.as_bytes()).map_err(|why| {
            Error::invalid(format!("secret {} is no certificate: {why}", secret.spec.name))
        })?;
    }
    Ok(())
}

fn resolve_one(state: &State, certificate: &mut CertificateReference) -> Result<()> {
    let CertificateReference { secret_id, secret_name } = certificate;
    let found = if secret_id.is_empty() {
        state.document_by_name::<SecretKind>(secret_name)
    } else {
        let id: Option<SecretId> = secret_id.parse().ok();
        id.and_then(|id| state.documents::<SecretKind>().get(&id))
    };
    let named = found.filter(|it| secret_name.is_empty() || it.spec.name == *secret_name);
    let Some(secret) = named else {
        let meant = if secret_name.is_empty() { secret_id } else { secret_name };
        return Err(Error::invalid(format!("secret not found: {meant}")));
    };
    *certificate = CertificateReference {
        secret_id: secret.id.to_string(),
        secret_name: secret.spec.name.clone(),
    };
    Ok(())
}
