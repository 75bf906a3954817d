//! The addresses to which no connection is made.
//!
//! Whoever writes a Secret chooses the host that its credentials are sent to, and a registry names its own token server. So a
//! name that resolves to this machine, to its link or to the metadata service of a cloud leads to a service that was never
//! meant to be reached. Private addresses are allowed: many registries have one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use regcred_engine::wording::Bilingual;

/// Why no connection is made to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ForbiddenAddress {
    /// This machine.
    Loopback,
    /// `0.0.0.0/8` or `::`, which is this machine too.
    Unspecified,
    /// `169.254.0.0/16` or `fe80::/10`.
    LinkLocal,
    /// The metadata service of a cloud.
    Metadata,
    /// Multicast, broadcast and reserved addresses.
    NotUnicast,
}

/// Which of these addresses are allowed for a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// None of them.
    Outside,
    /// Those of this machine: the host is `localhost`, or a loopback address in its usual form.
    Loopback,
}

/// Metadata services outside of the link-local ranges: Alibaba Cloud, Oracle Cloud, Azure.
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(192, 0, 0, 192), Ipv4Addr::new(168, 63, 129, 16)];

/// Metadata services of AWS and Google Cloud.
const METADATA_V6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];

impl Reach {
    /// Returns the addresses that a host may have.
    pub(super) fn of(host: &str) -> Reach {
        let is_loopback = match host.parse() {
            Ok(IpAddr::V4(address)) => address.is_loopback(),
            Ok(IpAddr::V6(address)) => address == Ipv6Addr::LOCALHOST,
            Err(_) => host == "localhost",
        };
        if is_loopback { Reach::Loopback } else { Reach::Outside }
    }

    /// Returns why there is no connection to an address, if it is forbidden.
    pub(super) fn forbids(self, address: IpAddr) -> Option<ForbiddenAddress> {
        let is_allowed =
            |why: &ForbiddenAddress| *why == ForbiddenAddress::Loopback && self == Reach::Loopback;
        forbidden(address).filter(|why| !is_allowed(why))
    }
}

impl ForbiddenAddress {
    /// What the address is.
    pub(super) const fn name(self) -> Bilingual<&'static str> {
        let (english, chinese) = match self {
            ForbiddenAddress::Loopback => ("a loopback address", "环回地址"),
            ForbiddenAddress::Unspecified => ("an unspecified address", "未指定地址"),
            ForbiddenAddress::LinkLocal => ("a link-local address", "链路本地地址"),
            ForbiddenAddress::Metadata => ("the metadata service of a cloud", "云平台的元数据服务"),
            ForbiddenAddress::NotUnicast => ("a multicast or reserved address", "多播或保留地址"),
        };
        Bilingual { english, chinese }
    }
}

fn forbidden(address: IpAddr) -> Option<ForbiddenAddress> {
    match address {
        IpAddr::V4(address) => forbidden_v4(address),
        IpAddr::V6(address) => {
            forbidden_v6(address).or_else(|| embedded(address).into_iter().find_map(forbidden_v4))
        }
    }
}

fn forbidden_v4(address: Ipv4Addr) -> Option<ForbiddenAddress> {
    let [first, ..] = address.octets();
    match first {
        _ if METADATA_V4.contains(&address) => Some(ForbiddenAddress::Metadata),
        0 => Some(ForbiddenAddress::Unspecified),
        127 => Some(ForbiddenAddress::Loopback),
        224.. => Some(ForbiddenAddress::NotUnicast),
        _ if address.is_link_local() => Some(ForbiddenAddress::LinkLocal),
        _ => None,
    }
}

fn forbidden_v6(address: Ipv6Addr) -> Option<ForbiddenAddress> {
    match address {
        Ipv6Addr::LOCALHOST => Some(ForbiddenAddress::Loopback),
        Ipv6Addr::UNSPECIFIED => Some(ForbiddenAddress::Unspecified),
        _ if METADATA_V6.contains(&address) => Some(ForbiddenAddress::Metadata),
        _ if address.is_unicast_link_local() => Some(ForbiddenAddress::LinkLocal),
        _ if address.is_multicast() => Some(ForbiddenAddress::NotUnicast),
        _ => None,
    }
}

/// The IPv4 addresses that routers and gateways may read from an IPv6 address.
fn embedded(address: Ipv6Addr) -> Vec<Ipv4Addr> {
    let segments = address.segments();
    let [_, _, _, _, _, _, high, low] = segments;
    match segments {
        // IPv4-compatible (RFC 4291), IPv4-mapped, IPv4-translated (RFC 2765), NAT64 (RFC 6052).
        [0, 0, 0, 0, 0, 0 | 0xffff, ..]
        | [0, 0, 0, 0, 0xffff, 0, ..]
        | [0x64, 0xff9b, 0, 0, 0, 0, ..]
        // ISATAP (RFC 5214), with any prefix.
        | [_, _, _, _, 0 | 0x200, 0x5efe, ..] => vec![v4(high, low)],
        // Local NAT64 (RFC 8215), whose prefix can have each of these lengths (RFC 6052, section 2.2).
        [0x64, 0xff9b, 1, ..] => {
            let octets = address.octets();
            let places = [[6, 7, 9, 10], [7, 9, 10, 11], [9, 10, 11, 12], [12, 13, 14, 15]];
            let read = |place: usize| octets.get(place).copied().unwrap_or_default();
            let forms = places.into_iter().map(|places| Ipv4Addr::from(places.map(read)));
            // What a prefix leaves unused is zero.
            forms.filter(|form| form.octets().first() != Some(&0)).collect()
        }
        // 6to4 (RFC 3056).
        [0x2002, first, second, ..] => vec![v4(first, second)],
        // Teredo (RFC 4380): the server, and the client with every bit turned.
        [0x2001, 0, first, second, ..] => vec![v4(first, second), v4(!high, !low)],
        _ => Vec::new(),
    }
}

fn v4(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forbidden_addresses_in_every_form() {
        use ForbiddenAddress::{LinkLocal, Loopback, Metadata, NotUnicast, Unspecified};
        for (address, why) in [
            ("127.0.0.1", Loopback),
            ("127.1.2.3", Loopback),
            ("0.0.0.0", Unspecified),
            ("0.1.2.3", Unspecified),
            ("169.254.169.254", LinkLocal),
            ("169.254.170.2", LinkLocal),
            ("100.100.100.200", Metadata),
            ("192.0.0.192", Metadata),
            ("168.63.129.16", Metadata),
            ("224.0.0.1", NotUnicast),
            ("240.0.0.1", NotUnicast),
            ("255.255.255.255", NotUnicast),
            ("::1", Loopback),
            ("::", Unspecified),
            ("fe80::1", LinkLocal),
            ("febf::1", LinkLocal),
            ("ff02::1", NotUnicast),
            ("fd00:ec2::254", Metadata),
            ("fd20:ce::254", Metadata),
            ("::ffff:127.0.0.1", Loopback),
            ("::ffff:169.254.169.254", LinkLocal),
            ("::ffff:100.100.100.200", Metadata),
            ("::127.0.0.1", Loopback),
            ("::169.254.169.254", LinkLocal),
            ("::ffff:0:127.0.0.1", Loopback),
            ("64:ff9b::127.0.0.1", Loopback),
            ("64:ff9b::a9fe:a9fe", LinkLocal),
            ("64:ff9b:1::169.254.169.254", LinkLocal),
            ("64:ff9b:1:7f00:0:100::", Loopback),
            ("64:ff9b:1:7f:0:1::", Loopback),
            ("64:ff9b:1:0:7f:0:100:0", Loopback),
            ("2002:7f00:1::", Loopback),
            ("2002:a9fe:a9fe::1", LinkLocal),
            ("2001:0:7f00:1::", Loopback),
            ("2001:0:102:304:0:0:80ff:fffe", Loopback),
            ("2001:db8::5efe:127.0.0.1", Loopback),
            ("2001:db8::200:5efe:6464:64c8", Metadata),
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(Reach::Outside.forbids(address), Some(why), "{address}");
        }
    }

    #[test]
    fn registries_have_public_and_private_addresses() {
        for address in [
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "100.100.100.201",
            "47.97.242.13",
            "2400:3200::1",
            "fd00::1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::10.0.0.1",
            "64:ff9b:1:a00:0:100::",
            "::ffff:192.168.1.1",
            "2002:c0a8:101::1",
        ] {
            assert_eq!(Reach::Outside.forbids(address.parse().unwrap()), None, "{address}");
        }
    }

    #[test]
    fn only_usual_forms_of_loopback_reach_it() {
        for (host, reach) in [
            ("127.0.0.1", Reach::Loopback),
            ("::1", Reach::Loopback),
            ("localhost", Reach::Loopback),
            ("::ffff:127.0.0.1", Reach::Outside),
            ("0.0.0.0", Reach::Outside),
            ("127.1", Reach::Outside),
            ("2130706433", Reach::Outside),
            ("169.254.169.254", Reach::Outside),
            ("r.example.com", Reach::Outside),
        ] {
            assert_eq!(Reach::of(host), reach, "{host}");
        }
        let forbids = |address: &str| Reach::Loopback.forbids(address.parse().unwrap());
        assert_eq!(forbids("127.0.0.1"), None);
        assert_eq!(forbids("169.254.169.254"), Some(ForbiddenAddress::LinkLocal));
    }
}
