//! What a ticket is bound to.

use std::net::IpAddr;

use super::{TicketBinding, TicketRules};
use crate::credential::digest::Digest;

/// The upgrade request a ticket is made for, or comes with.
#[derive(Clone, Copy)]
pub struct Binding<'a> {
    /// The path, as the request target has it.
    pub path: &'a str,
    /// The serialised origin; none where the client sends none.
    pub origin: Option<&'a str>,
    /// The client's address, proxies seen through; none for a local socket.
    pub address: Option<IpAddr>,
}

impl std::fmt::Debug for Binding<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Binding(..)")
    }
}

impl Binding<'_> {
    /// One digest of all that `rules` bind a ticket to.
    pub(super) fn digest(&self, rules: &TicketRules) -> Digest {
        let bound = |part| rules.bind.contains(&part);
        let network = self.address.map(|address| network(address, rules.prefix4, rules.prefix6).to_be_bytes());
        let part = |is_bound: bool, value: Option<&[u8]>| -> Vec<u8> {
            match (is_bound, value) {
                (false, _) => vec![0],
                (true, None) => vec![1],
                (true, Some(value)) => [&[2], value].concat(),
            }
        };
        Digest::of(&[
            &part(bound(TicketBinding::Path), Some(self.path.as_bytes())),
            &part(bound(TicketBinding::Origin), self.origin.map(str::as_bytes)),
            &part(bound(TicketBinding::Address), network.as_ref().map(<[u8; 16]>::as_slice)),
        ])
    }
}

/// The first bits of an address, in IPv6's 128; IPv4 in its mapped form.
fn network(address: IpAddr, prefix4: u8, prefix6: u8) -> u128 {
    let keep = |bits: u128, prefix: u32| bits & u128::MAX.checked_shl(128_u32.saturating_sub(prefix)).unwrap_or(0);
    match address.to_canonical() {
        IpAddr::V4(v4) => keep(v4.to_ipv6_mapped().to_bits(), u32::from(prefix4.min(32)).saturating_add(96)),
        IpAddr::V6(v6) => keep(v6.to_bits(), u32::from(prefix6.min(128))),
    }
}
