//! The SSRF guard: a resolver that returns only addresses that callbacks may connect to
//! (`docs/reference/notifications.md#callback-addresses`).
//!
//! The client connects to exactly the addresses that were checked, so that a name that resolves to
//! another address later (DNS rebinding) does not get through.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use futures_util::future::BoxFuture;

use crate::http_client::Resolve;

/// The error for a host without an allowed address.
pub const NO_PUBLIC_ADDRESS: &str = "the host has no public address";

/// The addresses that callbacks may connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressPolicy {
    /// Public addresses only.
    PublicOnly,
    /// Public and loopback addresses, for tests on one machine.
    LoopbackTest,
}

impl AddressPolicy {
    /// Whether a callback may connect to `address`.
    #[must_use]
    pub fn allows(self, address: IpAddr) -> bool {
        // An IPv4-mapped address such as `::ffff:10.0.0.1` connects to 10.0.0.1.
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

/// Whether an address is outside the special-purpose ranges of RFC 6890 and its updates.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_unspecified()
        || a == 0 // "this network"
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local() // includes the metadata services
        || (a == 100 && (64..128).contains(&b)) // shared address space, RFC 6598
        || (a, b, c) == (192, 0, 0) // IETF protocol assignments
        || (a, b, c) == (192, 88, 99) // 6to4 relays
        || address.is_documentation()
        || (a == 198 && (b == 18 || b == 19)) // benchmarking
        || a >= 224; // multicast, reserved, broadcast
    !special
}

/// Whether an address is global unicast, outside the special-purpose ranges and those that embed an
/// IPv4 address.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let global_unicast = segments[0] & 0xe000 == 0x2000;
    // 2001::/23 (IETF protocol assignments, Teredo) and 2001:db8::/32 (documentation)
    let special = (segments[0] == 0x2001 && (segments[1] < 0x0200 || segments[1] == 0x0db8))
        || segments[0] == 0x2002 // 6to4
        || (segments[0] == 0x3fff && segments[1] < 0x1000); // documentation, RFC 9637
    global_unicast && !special
}

/// A resolver that drops the addresses that the policy does not allow.
#[derive(Debug)]
pub(super) struct SsrfGuard<R> {
    policy: AddressPolicy,
    resolver: Arc<R>,
}

impl<R> SsrfGuard<R> {
    /// A guard that filters the results of `resolver`.
    pub(super) fn new(policy: AddressPolicy, resolver: R) -> Self {
        Self { policy, resolver: Arc::new(resolver) }
    }
}

impl<R: Resolve + 'static> Resolve for SsrfGuard<R> {
    fn resolve(self: Arc<Self>, name: String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let resolving = self.resolver.clone().resolve(name);
        Box::pin(async move {
            let mut addresses = resolving.await?;
            addresses.retain(|address| self.policy.allows(address.ip()));
            if addresses.is_empty() {
                return Err(io::Error::other(NO_PUBLIC_ADDRESS));
            }
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denies_special_purpose_addresses() {
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
    fn allows_public_addresses() {
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
    fn test_mode_additionally_allows_loopback_only() {
        let policy = AddressPolicy::LoopbackTest;
        assert!(policy.allows("127.0.0.1".parse().unwrap()) && policy.allows("::1".parse().unwrap()));
        assert!(
            !policy.allows("10.0.0.1".parse().unwrap()) && !policy.allows("169.254.169.254".parse().unwrap())
        );
    }

    #[test]
    fn allows_neighbours_of_special_ipv6_ranges() {
        for public in ["2001:200::1", "2600:100::1", "3fff:1000::1"] {
            assert!(AddressPolicy::PublicOnly.allows(public.parse().unwrap()), "{public}");
        }
    }
}
