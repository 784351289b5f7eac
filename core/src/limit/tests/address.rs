use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use crate::limit::{AddressKeys, Key};

fn keys(text: &str) -> AddressKeys {
    AddressKeys::new(text.parse().unwrap(), 32, 64)
}

fn blocks(text: &str) -> (String, Option<String>, String) {
    let keys = keys(text);
    (keys.fine().to_string(), keys.wide().map(|net| net.to_string()), keys.overflow().to_string())
}

#[test]
fn an_ipv6_host_is_its_64_and_shares_its_48() {
    let (fine, wide, overflow) = blocks("2001:db8:1:2:3:4:5:6");
    assert_eq!(fine, "2001:db8:1:2::/64");
    assert_eq!(wide.as_deref(), Some("2001:db8:1::/48"));
    assert_eq!(overflow, "2001:db8:1::/48");
    assert_eq!(blocks("192.0.2.77"), ("192.0.2.77/32".into(), None, "192.0.2.0/24".into()));
}

#[test]
fn t84_a_mapped_address_is_its_ipv4_address_and_nothing_else_is() {
    for mapped in ["::ffff:192.0.2.1", "::FFFF:c000:0201", "0:0:0:0:0:ffff:192.0.2.1", "0000::ffff:c000:201"] {
        assert_eq!(keys(mapped), keys("192.0.2.1"), "{mapped}");
    }
    for other in ["2001:db8::192.0.2.1", "::192.0.2.1", "64:ff9b::192.0.2.1", "2002:c000:201::", "::ffff:0:192.0.2.1"] {
        assert!(keys(other).fine().to_string().ends_with("/64"), "{other}");
        assert_ne!(keys(other).fine(), keys("192.0.2.1").fine(), "{other}");
    }
}

proptest! {
    /// Whatever way an address is spelled, it is one client.
    #[test]
    fn t84_every_spelling_is_one_key(ip: u32, upper: bool, long: bool) {
        let v4 = Ipv4Addr::from_bits(ip);
        let hex = format!("::ffff:{:x}:{:x}", ip >> 16, ip & 0xffff);
        let text = if long { hex.replace("::ffff", "0:0:0:0:0:ffff") } else { hex };
        let text = if upper { text.to_uppercase() } else { text };
        prop_assert_eq!(keys(&text), keys(&v4.to_string()));
        prop_assert_eq!(keys(&v4.to_ipv6_mapped().to_string()), keys(&v4.to_string()));
    }

    #[test]
    fn any_prefix_length_makes_a_block_that_holds_the_address(ip: IpAddr, prefix4: u8, prefix6: u8) {
        let keys = AddressKeys::new(ip, prefix4, prefix6);
        let ip = ip.to_canonical();
        prop_assert!(keys.fine().contains(&ip) && keys.overflow().contains(&ip));
        prop_assert!(keys.wide().is_none_or(|wide| wide.contains(&keys.fine())));
        prop_assert!(keys.overflow().contains(&keys.fine()));
    }

    #[test]
    fn t86_different_scope_length_or_block_is_a_different_key(ip: Ipv6Addr, scope: u16, other: u16) {
        prop_assume!(ip.to_ipv4_mapped().is_none());
        let mut seen = HashSet::new();
        for length in 48..=64 {
            let net = AddressKeys::new(ip.into(), 32, length).fine();
            prop_assert!(seen.insert(Key::from_net(net, scope)), "/{length}");
            prop_assert!(scope == other || seen.insert(Key::from_net(net, other)));
        }
    }
}

#[test]
fn t85_a_million_addresses_of_one_64_are_one_client() {
    let block: Ipv6Addr = "2001:db8:7:7::".parse().unwrap();
    let host = |host: u128| {
        Ipv6Addr::from_bits(block.to_bits() | host.wrapping_mul(0x9e37_79b9_7f4a_7c15) & u128::from(u64::MAX))
    };
    let count = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };
    let first = AddressKeys::new(host(0).into(), 32, 64);
    assert!((1..count).all(|n| AddressKeys::new(host(n).into(), 32, 64) == first));
}
