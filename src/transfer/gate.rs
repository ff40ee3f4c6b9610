//! Who may connect, and how often: networks that are allowed, and a rate for each address.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ipnet::IpNet;

/// Addresses whose rate is remembered; those that were quiet longest are forgotten first.
const MOST_ADDRESSES: usize = 16_384;

/// An address that was turned away is told of at most so often.
pub(super) const TOLD_EVERY: Duration = Duration::from_secs(1);

/// A network in CIDR notation (RFC 4632, RFC 4291 §2.3): `10.0.0.0/8`, `fe80::/10`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

/// The text is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} is no network: expected ADDRESS/BITS, e.g. 192.168.1.0/24 or fd00::/8, or one address"
)]
pub struct NotANetwork {
    /// What was given.
    pub given: String,
}

impl Network {
    /// Whether the address is in the network. An IPv4 address that came in over IPv6 (`::ffff:a.b.c.d`) counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        text.parse()
            .or_else(|_| text.parse().map(|address: IpAddr| IpNet::from(address)))
            .map(Self)
            .map_err(|_| NotANetwork {
                given: text.to_owned(),
            })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Decides on each connection as it comes.
#[derive(Debug)]
pub(super) struct Gate {
    allow: Vec<Network>,
    /// Connections a second.
    rate: u32,
    seen: Mutex<Seen>,
}

/// Addresses that came, in two generations: the older one is forgotten at once when the newer is full, so that remembering
/// costs the same however many come.
#[derive(Debug, Default)]
struct Seen {
    newer: HashMap<IpAddr, Bucket>,
    older: HashMap<IpAddr, Bucket>,
}

impl Seen {
    fn bucket(&mut self, address: IpAddr, full: f64, now: Instant) -> &mut Bucket {
        if self.newer.len() >= MOST_ADDRESSES / 2 && !self.newer.contains_key(&address) {
            self.older = std::mem::take(&mut self.newer);
        }
        let Self { newer, older } = self;
        newer.entry(address).or_insert_with(|| {
            older.remove(&address).unwrap_or(Bucket {
                left: full,
                since: now,
                told: None,
            })
        })
    }
}

/// What an address has left of its rate.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    since: Instant,
    told: Option<Instant>,
}

/// What is done with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    Welcome,
    /// Closed at once; the reason is told where it is given, and was told a moment ago where it is not.
    Refused(Option<&'static str>),
}

impl Gate {
    /// `rate` connections a second from one address, ten seconds' worth of them at once; 0 for any number.
    pub(super) fn new(allow: &[Network], rate: u32) -> Self {
        Self {
            allow: allow.to_vec(),
            rate,
            seen: Mutex::default(),
        }
    }

    /// Whether the address is in one of the networks that are allowed.
    pub(super) fn allows(&self, address: IpAddr) -> bool {
        self.allow.is_empty() || self.allow.iter().any(|network| network.contains(address))
    }

    pub(super) fn admit(&self, address: IpAddr, now: Instant) -> Admission {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let rate = f64::from(self.rate);
        let burst = rate * 10.0;
        let bucket = seen.bucket(network_of(address), burst, now);
        let why = if !self.allows(address) {
            Some("it is in none of the networks of --allow")
        } else if self.rate > 0 {
            let passed = now.saturating_duration_since(bucket.since).as_secs_f64();
            bucket.left = (bucket.left + passed * rate).min(burst);
            bucket.since = now;
            if bucket.left < 1.0 {
                Some("it comes more often than --rate allows")
            } else {
                bucket.left -= 1.0;
                None
            }
        } else {
            None
        };
        match why {
            None => Admission::Welcome,
            Some(why) => {
                let again = bucket
                    .told
                    .is_some_and(|told| now.saturating_duration_since(told) < TOLD_EVERY);
                if again {
                    return Admission::Refused(None);
                }
                bucket.told = Some(now);
                Admission::Refused(Some(why))
            }
        }
    }
}

impl Gate {
    /// Whether something is told of an address that is turned away: at most so often.
    pub(super) fn tells(&self, address: IpAddr, now: Instant) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = seen.bucket(network_of(address), f64::from(self.rate) * 10.0, now);
        let again = bucket
            .told
            .is_some_and(|told| now.saturating_duration_since(told) < TOLD_EVERY);
        if !again {
            bucket.told = Some(now);
        }
        !again
    }
}

/// How many connections each address has at the moment. An address is remembered only while it has one.
#[derive(Debug, Default)]
pub(super) struct Present {
    counts: Mutex<HashMap<IpAddr, usize>>,
}

impl Present {
    /// Lets another one in unless its address has `most` already. This machine's own addresses have no limit.
    pub(super) fn enter(&self, address: IpAddr, most: usize) -> bool {
        if address.to_canonical().is_loopback() {
            return true;
        }
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(network_of(address)).or_default();
        let enters = *count < most;
        *count = count.saturating_add(usize::from(enters));
        enters
    }

    /// One that entered has gone.
    pub(super) fn leave(&self, address: IpAddr) {
        if address.to_canonical().is_loopback() {
            return;
        }
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let network = network_of(address);
        if let Some(count) = counts.get_mut(&network) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&network);
            }
        }
    }
}

/// Whoever has one IPv6 address has the 2⁶⁴ beside it too; they count as one.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(Ipv4Addr::from_bits(address.to_bits())),
        IpAddr::V6(address) if address.is_loopback() => IpAddr::V6(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn networks_hold_what_they_should() {
        for (net, inside, outside) in [
            ("192.168.1.0/24", "192.168.1.255", "192.168.2.0"),
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("fd00::/8", "fdff::1", "fe00::1"),
            ("::1", "::1", "::2"),
            ("192.0.2.1/32", "::ffff:192.0.2.1", "::ffff:192.0.2.2"),
            ("192.0.2.128/25", "192.0.2.200", "192.0.2.127"),
        ] {
            assert!(network(net).contains(inside.parse().unwrap()), "{net}");
            assert!(!network(net).contains(outside.parse().unwrap()), "{net}");
        }
        assert!(network("0.0.0.0/0").contains("8.8.8.8".parse().unwrap()));
        assert!(!network("0.0.0.0/0").contains("::1".parse().unwrap()));
        for bad in [
            "",
            "1.2.3/8",
            "1.2.3.4/33",
            "::/129",
            "1.2.3.4/+8",
            "a/8",
            "1.2.3.4/",
        ] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }

    #[test]
    fn rate_lets_bursts_in_and_floods_out() {
        let gate = Gate::new(&[], 2);
        let now = Instant::now();
        let address = "192.0.2.1".parse().unwrap();
        for _ in 0..20 {
            assert_eq!(gate.admit(address, now), Admission::Welcome);
        }
        assert!(matches!(
            gate.admit(address, now),
            Admission::Refused(Some(_))
        ));
        assert_eq!(gate.admit(address, now), Admission::Refused(None));
        let other = "192.0.2.2".parse().unwrap();
        assert_eq!(gate.admit(other, now), Admission::Welcome);
        let later = now + Duration::from_millis(600);
        assert_eq!(gate.admit(address, later), Admission::Welcome);
        assert!(matches!(gate.admit(address, later), Admission::Refused(_)));
    }

    #[test]
    fn one_ipv6_address_can_be_let_in() {
        let gate = Gate::new(&[network("fd00::5"), network("fe80::/10")], 0);
        let now = Instant::now();
        for (address, welcome) in [("fd00::5", true), ("fd00::6", false), ("fe80::1:2", true)] {
            let admitted = gate.admit(address.parse().unwrap(), now) == Admission::Welcome;
            assert_eq!(admitted, welcome, "{address}");
        }
    }

    #[test]
    fn what_is_remembered_of_a_flood_is_bounded_and_who_goes_on_is_not_forgotten() {
        let gate = Gate::new(&[], 1);
        let now = Instant::now();
        let steady: IpAddr = "192.0.2.1".parse().unwrap();
        let mut welcome = 0;
        for number in 0..4 * u32::try_from(MOST_ADDRESSES).unwrap() {
            let spoofed = IpAddr::from(Ipv4Addr::from_bits(0x0a00_0000 + number));
            assert_eq!(gate.admit(spoofed, now), Admission::Welcome);
            if number % 1000 == 0 {
                welcome += u32::from(gate.admit(steady, now) == Admission::Welcome);
            }
        }
        assert_eq!(welcome, 10, "ten seconds' worth, and no more");
        let seen = gate.seen.lock().unwrap();
        assert!(seen.newer.len() + seen.older.len() <= MOST_ADDRESSES);
    }

    #[test]
    fn an_address_has_so_many_connections_at_once() {
        let present = Present::default();
        let [one, same, other, own] = ["2001:db8::1", "2001:db8::2", "192.0.2.1", "127.0.0.1"]
            .map(|address| address.parse::<IpAddr>().unwrap());
        assert!(present.enter(one, 2) && present.enter(same, 2));
        assert!(!present.enter(one, 2), "both are of one network");
        assert!(present.enter(other, 2));
        assert!((0..1000).all(|_| present.enter(own, 2)));
        present.leave(same);
        assert!(present.enter(one, 2));
        for address in [one, one, other] {
            present.leave(address);
        }
        assert!(present.counts.lock().unwrap().is_empty());
    }

    #[test]
    fn only_allowed_networks_come_in() {
        let gate = Gate::new(&[network("127.0.0.0/8"), network("::1")], 0);
        let now = Instant::now();
        for (address, welcome) in [("127.0.0.9", true), ("::1", true), ("10.0.0.1", false)] {
            let admitted = gate.admit(address.parse().unwrap(), now) == Admission::Welcome;
            assert_eq!(admitted, welcome, "{address}");
        }
    }
}
