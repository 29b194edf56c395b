//! An ACME server in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::MutexGuard;

use async_trait::async_trait;
use rcgen::CertificateParams;
use rcgen::KeyPair;
use rcgen::date_time_ymd;
use swarmlite_proto::object::AcmeChallenge;
use swarmlite_proto::object::AcmeChallengeKind;
use swarmlite_proto::object::AcmeOrder;
use swarmlite_proto::spec::AcmeConfig;

use crate::acme::server::AcmeError;
use crate::acme::server::AcmeServer;
use crate::acme::server::Asked;
use crate::acme::server::Placed;

/// An ACME server that believes everybody. Certificates are valid from 1970-01-01 until 1970-04-01, which is 90 days.
#[derive(Debug, Default)]
pub(super) struct FakeServer {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    accounts: usize,
    /// The chain of each order that is done, by its URL.
    orders: BTreeMap<String, Option<String>>,
    failing: Option<AcmeError>,
    said: Vec<String>,
}

impl FakeServer {
    /// From now on nothing works, for this reason, or everything does.
    pub(super) fn fail(&self, error: Option<AcmeError>) {
        self.inner().failing = error;
    }

    /// What it was asked for since this was asked last.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.inner().said)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("sound")
    }

    fn hear(&self, what: String) -> Result<MutexGuard<'_, Inner>, AcmeError> {
        let mut inner = self.inner();
        inner.said.push(what);
        inner.failing.clone().map_or(Ok(inner), Err)
    }
}

/// The number of an account, if there is such a one.
fn account(inner: &Inner, asked: Asked<'_>) -> Result<usize, AcmeError> {
    let credentials: serde_json::Value =
        serde_json::from_str(asked.credentials).expect("what it gave");
    let number = credentials["id"].as_str().and_then(|id| id.parse().ok());
    let known = number.filter(|number| (1..=inner.accounts).contains(number));
    known.ok_or_else(|| AcmeError::NoAccount("nobody of this number".to_owned()))
}

#[async_trait]
impl AcmeServer for FakeServer {
    async fn register(&self, _: &AcmeConfig) -> Result<String, AcmeError> {
        let mut inner = self.hear("register".to_owned())?;
        inner.accounts += 1;
        Ok(serde_json::json!({"id": inner.accounts.to_string()}).to_string())
    }

    async fn order(
        &self,
        asked: Asked<'_>,
        host: &str,
        kinds: &[AcmeChallengeKind],
    ) -> Result<Placed, AcmeError> {
        let mut inner = self.hear(format!("order {host} {:?}", kinds[0]))?;
        account(&inner, asked)?;
        let number = inner.orders.len();
        let (url, token) = (format!("https://fake/order/{number}"), format!("token{number}"));
        inner.orders.insert(url.clone(), None);
        let answer = format!("{token}.thumbprint");
        Ok(Placed { url, challenge: Some(AcmeChallenge { kind: kinds[0], token, answer }) })
    }

    async fn proceed(
        &self,
        asked: Asked<'_>,
        host: &str,
        order: &AcmeOrder,
    ) -> Result<String, AcmeError> {
        let mut inner = self.hear(format!("proceed {host}"))?;
        account(&inner, asked)?;
        let known = inner.orders.get_mut(&order.url);
        let chain = known.ok_or_else(|| AcmeError::Refused("no such order".to_owned()))?;
        Ok(chain.get_or_insert_with(|| issued(host, &order.key)).clone())
    }
}

/// A certificate for a host, that signs itself.
pub(super) fn issued(host: &str, key: &str) -> String {
    let mut params = CertificateParams::new([host.to_owned()]).expect("a name");
    params.not_before = date_time_ymd(1970, 1, 1);
    params.not_after = date_time_ymd(1970, 4, 1);
    let key = KeyPair::from_pem(key).expect("a key");
    params.self_signed(&key).expect("a certificate").pem()
}
