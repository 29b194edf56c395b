//! The sockets of the name service, and what each query gets.

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::net::DnsError;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::Time;
use hickory_resolver::proto::op::Metadata;
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::LowerName;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::proto::rr::Record;
use hickory_resolver::proto::rr::RecordType;
use hickory_resolver::proto::rr::rdata::A;
use hickory_server::server::Request;
use hickory_server::server::RequestHandler;
use hickory_server::server::ResponseHandler;
use hickory_server::server::ResponseInfo;
use hickory_server::server::Server;
use hickory_server::zone_handler::MessageResponseBuilder;
use swarmlite_proto::error::chain;
use swarmlite_proto::id::NetworkId;
use tokio::sync::watch;

use super::zone::Names;

/// How long an answer may be kept, in seconds. Addresses behind a name change at any moment: a client that keeps one would go on
/// to a task that has ended.
const TTL: u32 = 0;

/// How long a resolver of the node gets to answer. The library's default makes a client wait 15 s for a dead one.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a TCP client may stay silent.
const TCP_TIMEOUT: Duration = Duration::from_secs(5);

/// Answers that wait to be written to one TCP client.
const TCP_BUFFERED_ANSWERS: usize = 16;

/// Asks the resolvers of the node. One for all networks, so that they share its cache.
#[derive(Clone, Debug)]
pub(crate) struct Forwarder {
    resolver: Option<Arc<TokioResolver>>,
}

impl Forwarder {
    /// Takes the resolvers from the node's `/etc/resolv.conf`. Must be called in the node's own network namespace.
    ///
    /// A node without resolvers gets a forwarder that knows nothing: names of services resolve all the same.
    #[must_use]
    pub(crate) fn of_this_node() -> Self {
        let resolver = TokioResolver::builder_tokio().and_then(|mut builder| {
            let options = builder.options_mut();
            options.timeout = FORWARD_TIMEOUT;
            options.attempts = 1;
            // The client has its own search list, and has gone through it already.
            options.ndots = 0;
            builder.build()
        });
        match resolver {
            Ok(resolver) => Self { resolver: Some(Arc::new(resolver)) },
            Err(error) => {
                tracing::warn!(
                    error = chain(&error),
                    "no resolvers for names that are not of the cluster"
                );
                Self::to_nowhere()
            }
        }
    }

    /// A forwarder that knows nothing.
    #[must_use]
    pub(crate) const fn to_nowhere() -> Self {
        Self { resolver: None }
    }

    async fn lookup(&self, name: &LowerName, kind: RecordType) -> Answer {
        let Some(resolver) = &self.resolver else { return Answer::code(ResponseCode::NXDomain) };
        let mut name = hickory_resolver::proto::rr::Name::from(name);
        // Fully qualified: the node's own search list is not the client's.
        name.set_fqdn(true);
        match resolver.lookup(name, kind).await {
            Ok(found) => {
                Answer { records: found.answers().to_vec(), ..Answer::code(ResponseCode::NoError) }
            }
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) => Answer::code(none.response_code),
            Err(error) => {
                tracing::debug!(error = chain(&error), "the node's resolvers did not answer");
                Answer::code(ResponseCode::ServFail)
            }
        }
    }
}

/// The name service of one network. Stops when dropped.
#[derive(Debug)]
pub(crate) struct DnsServer {
    task: tokio::task::JoinHandle<()>,
}

impl DnsServer {
    /// Answers on sockets that were bound to the gateway address of `network`, in its namespace.
    ///
    /// # Errors
    ///
    /// When the runtime cannot take the sockets over.
    pub(crate) fn start(
        network: NetworkId,
        (udp, tcp): (std::net::UdpSocket, std::net::TcpListener),
        names: watch::Receiver<Arc<Names>>,
        forwarder: Forwarder,
    ) -> io::Result<Self> {
        udp.set_nonblocking(true)?;
        tcp.set_nonblocking(true)?;
        let (udp, tcp) =
            (tokio::net::UdpSocket::from_std(udp)?, tokio::net::TcpListener::from_std(tcp)?);
        let mut server = Server::new(Handler { network: network.clone(), names, forwarder });
        server.register_socket(udp);
        server.register_listener(tcp, TCP_TIMEOUT, TCP_BUFFERED_ANSWERS);
        let task = tokio::spawn(async move {
            if let Err(error) = server.block_until_done().await {
                tracing::warn!(network.id = %network, error = chain(&error), "name service ended");
            }
        });
        Ok(Self { task })
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        // Safe at any point: queries are independent of one another, and a client asks again.
        self.task.abort();
    }
}

/// What a query gets.
struct Answer {
    code: ResponseCode,
    authoritative: bool,
    records: Vec<Record>,
}

impl Answer {
    const fn code(code: ResponseCode) -> Self {
        Self { code, authoritative: false, records: Vec::new() }
    }
}

struct Handler {
    network: NetworkId,
    names: watch::Receiver<Arc<Names>>,
    forwarder: Forwarder,
}

impl Handler {
    async fn answer(&self, request: &Request) -> Answer {
        let Ok(info) = request.request_info() else { return Answer::code(ResponseCode::FormErr) };
        let (name, kind) = (info.query.name(), info.query.query_type());
        let IpAddr::V4(client) = info.src.ip() else { return Answer::code(ResponseCode::Refused) };
        let names = Arc::clone(&self.names.borrow());
        match names.resolve(&self.network, client, &name.to_string()) {
            Some(addresses) => own_answer(name, kind, addresses),
            None => self.forwarder.lookup(name, kind).await,
        }
    }
}

/// The answer for a name of ours. It has addresses of version 4 and nothing else; asked for something else, it exists and has none,
/// so that nobody else is asked for it.
fn own_answer(name: &LowerName, kind: RecordType, addresses: &BTreeSet<Ipv4Addr>) -> Answer {
    let wanted = matches!(kind, RecordType::A | RecordType::ANY);
    let mut records: Vec<Record> = addresses
        .iter()
        .filter(|_| wanted)
        .map(|address| Record::from_rdata(name.into(), TTL, RData::A(A(*address))))
        .collect();
    // Clients take the first: give each another one.
    if !records.is_empty() {
        let turn = rand::random_range(0..records.len());
        records.rotate_left(turn);
    }
    Answer { code: ResponseCode::NoError, authoritative: true, records }
}

#[async_trait::async_trait]
impl RequestHandler for Handler {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut response_handle: R,
    ) -> ResponseInfo {
        let answer = self.answer(request).await;
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.response_code = answer.code;
        metadata.authoritative = answer.authoritative;
        metadata.recursion_available = true;
        let response = MessageResponseBuilder::from_message_request(request).build(
            metadata,
            &answer.records,
            [],
            [],
            [],
        );
        match response_handle.send_response(response).await {
            Ok(info) => info,
            Err(error) => {
                tracing::debug!(error = chain(&error), "cannot answer a name query");
                failed(&request.metadata)
            }
        }
    }
}

/// What the library wants to know of an answer that could not be sent.
fn failed(request: &Metadata) -> ResponseInfo {
    let mut metadata = Metadata::response_from_request(request);
    metadata.response_code = ResponseCode::ServFail;
    hickory_resolver::proto::op::Header { metadata, counts: Default::default() }.into()
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use hickory_resolver::config::NameServerConfig;
    use hickory_resolver::config::ResolverConfig;
    use hickory_resolver::net::runtime::TokioRuntimeProvider;
    use hickory_resolver::net::xfer::Protocol;
    use swarmlite_proto::agent::EndpointAssignment;
    use swarmlite_proto::balance::Balancing;
    use swarmlite_proto::spec::EndpointMode;
    use swarmlite_proto::testing::cases;
    use swarmlite_proto::testing::spoil_bytes;

    use super::*;

    const VIP: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 2);

    /// A server on loopback that knows `web`, and a resolver that asks it.
    fn server_and_client() -> (DnsServer, TokioResolver, SocketAddr) {
        let mut rng: rand::rngs::StdRng = rand::SeedableRng::seed_from_u64(1);
        let network = NetworkId::random(&mut rng);
        let endpoint = EndpointAssignment {
            network_id: network.clone(),
            service_id: swarmlite_proto::id::Id::random(&mut rng),
            name: "web".to_owned(),
            aliases: Vec::new(),
            mode: EndpointMode::Vip,
            vip: Some(VIP),
            balancing: Balancing::default(),
            http: Vec::new(),
            ports: Vec::new(),
            tasks: Vec::new(),
        };
        let names = watch::Sender::new(Arc::new(Names::of(&[endpoint], &[], &[])));
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = tcp.local_addr().expect("bound");
        let udp = std::net::UdpSocket::bind(address).expect("the same port is free for UDP");
        let server =
            DnsServer::start(network, (udp, tcp), names.subscribe(), Forwarder::to_nowhere())
                .expect("takes the sockets");
        let mut upstream = NameServerConfig::udp_and_tcp(address.ip());
        for connection in &mut upstream.connections {
            connection.port = address.port();
        }
        let config = ResolverConfig::from_parts(None, vec![], vec![upstream]);
        let client =
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).build();
        (server, client.expect("a resolver"), address)
    }

    #[tokio::test]
    async fn a_service_is_answered_over_the_wire() {
        let (_server, client, _) = server_and_client();
        let found = client.ipv4_lookup("web.").await.expect("is known");
        let addresses: Vec<_> = found.answers().iter().map(|record| record.data.clone()).collect();
        assert_eq!(addresses, [RData::A(A(VIP))]);
    }

    #[tokio::test]
    async fn a_name_of_ours_has_no_version_6_address_and_a_strange_one_does_not_exist() {
        let (_server, client, _) = server_and_client();
        for (name, kind, code) in [
            ("web.", RecordType::AAAA, ResponseCode::NoError),
            ("strange.", RecordType::A, ResponseCode::NXDomain),
        ] {
            match client.lookup(name, kind).await {
                Err(NetError::Dns(DnsError::NoRecordsFound(none))) => {
                    assert_eq!(none.response_code, code, "{name}");
                }
                other => panic!("{name}: {other:?}"),
            }
        }
    }

    /// A query for the addresses of `web`, with an OPT record (RFC 6891).
    const QUERY: &[u8] =
        b"\x12\x34\x01\x20\0\x01\0\0\0\0\0\x01\x03web\0\0\x01\0\x01\0\0\x29\x04\xd0\0\0\0\0\0\0";

    #[tokio::test]
    async fn no_packet_breaks_anything() {
        let (_server, client, address) = server_and_client();
        let found = client.ipv4_lookup("web.").await.expect("is known");
        assert_eq!(found.answers().len(), 1);
        let names = watch::Sender::new(Arc::default());
        let mut rng: rand::rngs::StdRng = rand::SeedableRng::seed_from_u64(1);
        let handler = Handler {
            network: NetworkId::random(&mut rng),
            names: names.subscribe(),
            forwarder: Forwarder::to_nowhere(),
        };
        let src = SocketAddr::from(([10, 0, 1, 3], 5353));
        let mut understood = 0;
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
        for mut case in cases(500) {
            let mut packet = QUERY.to_vec();
            spoil_bytes(&mut case, &mut packet);
            let _sent = socket.send_to(&packet, address);
            let Ok(request) = Request::from_bytes(packet, src, Protocol::Udp) else { continue };
            let _answer = handler.answer(&request).await;
            understood += 1;
        }
        assert!(understood > 0, "some are queries");
        let found = client.ipv4_lookup("web.").await.expect("is known all the same");
        assert_eq!(found.answers().len(), 1);
    }
}
