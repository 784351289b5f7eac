//! The tables of addresses and users, and the count of all connections.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_lc_rs::hmac;

use super::derived;
use super::quotas::longest_ban;
use crate::identity::UserKey;
use crate::limit::{AddressKeys, Key, Ledger, Place};
use crate::policy::{Policy, Rules};
use crate::time::Timestamp;

/// What is known of every address and user, in bounded memory.
pub(crate) struct Ledgers {
    pub(crate) addresses: Ledger,
    pub(crate) users: Ledger,
    /// Connections that hold a slot.
    total: AtomicU32,
    /// Those of them without a good credential.
    unauthenticated: AtomicU32,
    names: hmac::Key,
}

/// The scope of clients without an address; no prefix is this long.
const NO_ADDRESS: u32 = 0xffff;

/// The scope of sockets without a request; a policy has fewer groups of limits.
const SOCKETS: u16 = u16::MAX;

impl Ledgers {
    pub(crate) fn new(policy: &Policy, seed: &[u8; 32]) -> Self {
        let cap = &policy.document().cap;
        let ledgers = Self {
            addresses: Ledger::new(cap.tracked_addresses, derived(seed, b"addresses"), Duration::ZERO),
            users: Ledger::new(cap.tracked_users, derived(seed, b"users"), Duration::ZERO),
            total: AtomicU32::new(0),
            unauthenticated: AtomicU32::new(0),
            names: hmac::Key::new(hmac::HMAC_SHA256, &derived::<32>(seed, b"names")),
        };
        ledgers.reload(policy);
        ledgers
    }

    /// Tells the tables how long a bucket of theirs may take to refill.
    pub(crate) fn reload(&self, policy: &Policy) {
        let longest = |rules: &Rules| rules.quotas.longest().max(longest_ban(&rules.document));
        let longest = policy.all_rules().map(|rules| longest(rules)).max().unwrap_or_default();
        self.addresses.set_longest(longest);
        self.users.set_longest(longest);
    }

    /// Takes the records of an address, and of the /48 around it. To be left again.
    pub(crate) fn enter_address(
        &self,
        rules: &Rules,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> (Place, Option<Place>) {
        let Some(address) = address else {
            let key = Key::new(0, (u32::from(rules.limits) << 16) | NO_ADDRESS);
            return (self.addresses.enter(key, key, now), None);
        };
        let rate = &rules.document.rate.address;
        let keys = AddressKeys::new(address, rate.prefix4, rate.prefix6);
        let overflow = Key::from_net(keys.overflow(), rules.limits);
        let enter = |net| self.addresses.enter(Key::from_net(net, rules.limits), overflow, now);
        (enter(keys.fine()), keys.wide().map(enter))
    }

    /// Takes the record of the sockets of an address that have asked for nothing yet. To be left again.
    pub(crate) fn enter_socket(&self, rules: &Rules, address: IpAddr, now: Timestamp) -> Place {
        let rate = &rules.document.rate.address;
        let keys = AddressKeys::new(address, rate.prefix4, rate.prefix6);
        let key = |net| Key::from_net(net, SOCKETS);
        self.addresses.enter(key(keys.fine()), key(keys.overflow()), now)
    }

    /// Takes the record of a user. To be left again.
    ///
    /// The key is a secret hash of the whole tuple, each part with its length: no two users meet in
    /// one record, and nobody can choose a name that meets another's.
    pub(crate) fn enter_user(&self, rules: &Rules, user: &UserKey, now: Timestamp) -> Place {
        let mut context = hmac::Context::with_key(&self.names);
        for part in [&user.namespace, &user.tenant, &user.subject] {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part.as_bytes());
        }
        let bits = context.sign().as_ref().first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes));
        let key = Key::new(bits, u32::from(rules.limits));
        // Overflow by the hash as well: users have no coarser block.
        self.users.enter(key, key, now)
    }

    /// Takes one of `cap` connections in all.
    pub(crate) fn try_open(&self, cap: u32) -> bool {
        let taken = |open: u32| open.checked_add(1).filter(|open| *open <= cap);
        self.total.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    /// Counts a connection without a good credential.
    pub(crate) fn stranger_came(&self) {
        self.unauthenticated.fetch_add(1, Ordering::Relaxed);
    }

    /// One of them has shown a credential or has gone.
    pub(crate) fn stranger_left(&self) {
        self.unauthenticated.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| open.checked_sub(1)).ok();
    }

    /// Gives a connection back.
    pub(crate) fn close(&self) {
        self.total.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| open.checked_sub(1)).ok();
    }

    pub(crate) fn connections(&self) -> u32 {
        self.total.load(Ordering::Relaxed)
    }

    pub(crate) fn unauthenticated(&self) -> u32 {
        self.unauthenticated.load(Ordering::Relaxed)
    }
}
