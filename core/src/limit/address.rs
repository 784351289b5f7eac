//! Which part of a client's address is one client.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::Key;

/// What is charged together: an address block of IPv6 that one customer gets may hold many /64s.
const WIDE_V6: u8 = 48;
/// The blocks newcomers share buckets by when the ledger is full.
const OVERFLOW_V4: u8 = 24;
const OVERFLOW_V6: u8 = 48;

/// The blocks a client's address is charged under.
///
/// An IPv6 host picks its lower 64 bits freely, so that whole addresses would be 2^64 identities
/// (globalping #694). IPv4-mapped IPv6 (`::ffff:192.0.2.1`) is the IPv4 address, however it was
/// spelled (CVE-2026-30827); every other form that merely contains one (`64:ff9b::`, `::192.0.2.1`)
/// is IPv6: what it stands for is known to its network alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressKeys {
    fine: IpNet,
    wide: Option<IpNet>,
    overflow: IpNet,
}

impl AddressKeys {
    /// The blocks of `ip` with `prefix4` or `prefix6` bits to a client. More bits than an address
    /// has count as all of them.
    pub fn new(ip: IpAddr, prefix4: u8, prefix6: u8) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => {
                let block = |bits: u8| IpNet::V4(Ipv4Net::new_assert(ip, bits.min(32)).trunc());
                Self { fine: block(prefix4), wide: None, overflow: block(prefix4.min(OVERFLOW_V4)) }
            }
            IpAddr::V6(ip) => {
                let block = |bits: u8| IpNet::V6(Ipv6Net::new_assert(ip, bits.min(128)).trunc());
                Self {
                    fine: block(prefix6),
                    wide: (prefix6 > WIDE_V6).then(|| block(WIDE_V6)),
                    overflow: block(prefix6.min(OVERFLOW_V6)),
                }
            }
        }
    }

    /// The client's own block.
    pub fn fine(&self) -> IpNet {
        self.fine
    }

    /// For IPv6: the /48 around it, which has 16 times the quota.
    pub fn wide(&self) -> Option<IpNet> {
        self.wide
    }

    /// The block by which newcomers share a bucket when the ledger is full.
    pub fn overflow(&self) -> IpNet {
        self.overflow
    }
}

impl Key {
    /// The key of an address block; `scope` separates what must not be counted together.
    ///
    /// Block, length and scope are fields of their own, so no two blocks make one key
    /// (better-auth #7300 joined strings).
    pub fn from_net(net: IpNet, scope: u16) -> Self {
        let (bits, length) = match net {
            IpNet::V4(net) => (net.network().to_ipv6_mapped(), net.prefix_len().saturating_add(96)),
            IpNet::V6(net) => (net.network(), net.prefix_len()),
        };
        Self::new(Ipv6Addr::to_bits(bits), u32::from(scope).wrapping_shl(16) | u32::from(length))
    }
}
