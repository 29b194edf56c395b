//! The certificate authority of the cluster: its root, the certificates of nodes, and the tokens that let nodes in.
//!
//! - [`Authority`]: makes the root and signs certificates of nodes.
//! - [`new_tokens`]: what an operator carries from a manager to a new machine.
//! - [`found`]: the first transaction of a cluster.
//! - [`admission`]: whether a machine becomes a node, and whether a node gets a new certificate.
//! - [`rotation`]: how another authority takes the place of the present one.
//! - [`Signing`]: who signs: the cluster, or a server of an authority outside ([`external`]), which is asked by [`cfssl`].
//! - [`service`]: the calls that lead there.
//!
//! A certificate says who a node is, and nothing that the node asks for gets into it but its public key. Only
//! [`service`] and [`cfssl`] do I/O.

pub mod admission;
pub mod cfssl;
pub mod external;
mod founding;
mod issue;
mod root;
pub mod rotation;
pub mod service;
mod signing;
mod token;

use swarmlite_proto::error::Error;

pub use self::founding::ClusterInit;
pub use self::founding::Founding;
pub use self::founding::found;
pub use self::founding::merged;
pub use self::founding::over;
pub use self::issue::NodeKey;
pub use self::issue::Subject;
pub use self::issue::Validity;
pub use self::root::Authority;
pub use self::signing::Signing;
pub use self::token::new_token;
pub use self::token::new_tokens;

/// A certificate or a key could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// No key could be made.
    #[error("cannot make a key")]
    Key(#[source] rcgen::Error),
    /// The authority's certificate and key, as the cluster keeps them, cannot be used.
    #[error("cannot use the certificate authority")]
    Authority(#[source] rcgen::Error),
    /// The signing request is not one, or its sender does not hold the key.
    #[error("invalid certificate signing request")]
    Request(#[source] rcgen::Error),
    /// The certificate could not be signed.
    #[error("cannot sign the certificate")]
    Sign(#[source] rcgen::Error),
}

impl From<CaError> for Error {
    fn from(error: CaError) -> Self {
        match &error {
            CaError::Request(source) => Self::invalid(format!("{error}: {source}")),
            CaError::Key(source) | CaError::Authority(source) | CaError::Sign(source) => {
                Self::unknown(format!("{error}: {source}"))
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    //! A cluster for the tests of others to start from.

    pub(crate) use super::founding::tests::founded;
}
