//! The address guard: which addresses a callback may connect to.
//!
//! It sits in the client's resolver, so that the addresses that are checked are the ones that are
//! dialled; a name that resolves to something else the next time gets nowhere.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// What an error says when no address of a host was allowed.
pub const REFUSED: &str = "the host has no public address";

/// Which addresses are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressPolicy {
    /// Addresses on the public internet.
    PublicOnly,
    /// Those and loopback, for tests on one machine.
    LoopbackTest,
}

impl AddressPolicy {
    /// Whether a callback may connect to `address`.
    #[must_use]
    pub fn allows(self, address: IpAddr) -> bool {
        // `::ffff:10.0.0.1` reaches 10.0.0.1, so it is judged as that.
        let address = address.to_canonical();
        if self == Self::LoopbackTest && address.is_loopback() {
            return true;
        }
        match address {
            IpAddr::V4(v4) => is_public_v4(v4),
            IpAddr::V6(v6) => is_public_v6(v6),
        }
    }
}

/// Everything but the special-purpose ranges of RFC 6890 and its updates.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_unspecified()
        || a == 0 // "this network"
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local() // holds the metadata services
        || (a == 100 && (64..128).contains(&b)) // shared address space, RFC 6598
        || (a, b, c) == (192, 0, 0) // IETF protocol assignments
        || (a, b, c) == (192, 88, 99) // 6to4 relays
        || address.is_documentation()
        || (a == 198 && (b == 18 || b == 19)) // benchmarking
        || a >= 224; // multicast, reserved, broadcast
    !special
}

/// Only global unicast, without the ranges in it that are not, or that carry an IPv4 address.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let global_unicast = segments[0] & 0xe000 == 0x2000;
    let special = (segments[0] == 0x2001 && (segments[1] < 0x0200 || segments[1] == 0x0db8)) // IETF, Teredo, documentation
        || segments[0] == 0x2002 // 6to4
        || (segments[0] == 0x3fff && segments[1] < 0x1000); // documentation, RFC 9637
    global_unicast && !special
}

/// A resolver that forgets the addresses that are not allowed.
#[derive(Debug)]
pub(super) struct SsrfGuard<R> {
    policy: AddressPolicy,
    names: Arc<R>,
}

impl<R> SsrfGuard<R> {
    /// Allows of what `names` finds what `policy` does.
    pub(super) fn new(policy: AddressPolicy, names: R) -> Self {
        Self { policy, names: Arc::new(names) }
    }
}

impl<R: Resolve + 'static> Resolve for SsrfGuard<R> {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, names) = (self.policy, self.names.clone());
        Box::pin(async move {
            let found = names.resolve(name).await?;
            let allowed: Vec<SocketAddr> = found.filter(|found| policy.allows(found.ip())).collect();
            if allowed.is_empty() { Err(REFUSED.into()) } else { Ok(Box::new(allowed.into_iter()) as Addrs) }
        })
    }
}

/// The names that the machine knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct System;

impl Resolve for System {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_not_public() {
        for special in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a00:1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
        ] {
            assert!(!AddressPolicy::PublicOnly.allows(special.parse().unwrap()), "{special}");
        }
    }

    #[test]
    fn public_addresses_are() {
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.0.1",
            "172.32.0.1",
            "198.20.0.1",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
        ] {
            assert!(AddressPolicy::PublicOnly.allows(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn test_mode_adds_loopback_and_nothing_else() {
        let policy = AddressPolicy::LoopbackTest;
        assert!(policy.allows("127.0.0.1".parse().unwrap()) && policy.allows("::1".parse().unwrap()));
        assert!(
            !policy.allows("10.0.0.1".parse().unwrap()) && !policy.allows("169.254.169.254".parse().unwrap())
        );
    }
}
