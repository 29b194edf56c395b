//! What is known of the link addresses of others: neighbour entries, and where tunnels send to.

use std::net::IpAddr;

use futures_util::TryStreamExt;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::neighbour::NeighbourAddress;
use netlink_packet_route::neighbour::NeighbourAttribute;
use netlink_packet_route::neighbour::NeighbourMessage;
use netlink_packet_route::neighbour::NeighbourState;

use super::attributes::first;
use super::links::Links;
use crate::network::error::KernelError;
use crate::network::linux::namespace::Session;
use crate::network::mac::Mac;
use crate::network::state::Namespace;

/// The permanent neighbour entries: those that the kernel learned are none of ours.
pub(super) async fn permanent(
    session: &Session,
    links: &Links,
    namespace: &mut Namespace,
) -> Result<(), KernelError> {
    let messages: Vec<NeighbourMessage> = session
        .netlink
        .neighbours()
        .get()
        .set_address_family(AddressFamily::Inet)
        .execute()
        .try_collect()
        .await
        .map_err(session.refused("list neighbours"))?;
    for message in
        messages.iter().filter(|message| message.header.state == NeighbourState::Permanent)
    {
        if let Some(name) = links.name(message.header.ifindex)
            && let Some(NeighbourAddress::Inet(address)) = destination(message)
            && let Some(mac) = link_address(message)
        {
            namespace.neighbours.insert((name, *address), mac);
        }
    }
    Ok(())
}

/// The forwarding entries of the tunnels.
pub(super) async fn forwarding(
    session: &Session,
    links: &Links,
    namespace: &mut Namespace,
) -> Result<(), KernelError> {
    let messages: Vec<NeighbourMessage> = session
        .netlink
        .neighbours()
        .get()
        .set_address_family(AddressFamily::Bridge)
        .execute()
        .try_collect()
        .await
        .map_err(session.refused("list forwarding entries"))?;
    for message in &messages {
        // The library leaves addresses of this family as bytes.
        let to = match destination(message) {
            Some(NeighbourAddress::Other(bytes)) => match bytes.len() {
                4 => <[u8; 4]>::try_from(bytes.as_slice()).ok().map(IpAddr::from),
                16 => <[u8; 16]>::try_from(bytes.as_slice()).ok().map(IpAddr::from),
                _ => None,
            },
            _ => None,
        };
        if let Some(name) = links.name(message.header.ifindex)
            && let Some(mac) = link_address(message)
            && let Some(to) = to
        {
            namespace.forwarding.insert((name, mac), to);
        }
    }
    Ok(())
}

fn destination(message: &NeighbourMessage) -> Option<&NeighbourAddress> {
    first!(message.attributes, NeighbourAttribute::Destination(address) => address)
}

fn link_address(message: &NeighbourMessage) -> Option<Mac> {
    message.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::LinkLayerAddress(bytes) => {
            Some(Mac(bytes.as_slice().try_into().ok()?))
        }
        _ => None,
    })
}
