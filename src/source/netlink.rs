//! Requests to the kernel about interfaces (rtnetlink(7)): the few that imgnet makes.
//!
//! A message is put together without the heap, so that a forked child may send one before it executes anything. A socket
//! belongs for ever to the network namespace in which it was opened, and goes on to work in a confined process.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with,
};

/// `NLM_F_REQUEST`, and with `NLM_F_ACK`; linux/netlink.h.
const REQUEST: u16 = 0x1;
const ACKNOWLEDGE: u16 = 0x4;
/// `NLMSG_ERROR`: also the acknowledgement, with error 0.
const ERROR: u16 = 2;
/// `NLMSG_HDRLEN`.
const HEADER: usize = 16;
/// `RTM_NEWLINK` and `RTM_GETLINK`, linux/rtnetlink.h.
pub(crate) const NEW_LINK: u16 = 16;
const GET_LINK: u16 = 18;
/// `IFLA_IFALIAS` and `IFLA_EXT_MASK`, and of the latter `RTEXT_FILTER_SKIP_STATS`.
const ALIAS: u16 = 20;
const EXTENT: u16 = 29;
const SKIP_STATISTICS: u32 = 1 << 3;
/// linux/if.h.
const IFF_UP: u32 = 1;
/// `RTM_NEWSTATS` and `RTM_GETSTATS`, linux/rtnetlink.h.
const NEW_STATISTICS: u16 = 92;
const GET_STATISTICS: u16 = 94;
/// `IFLA_STATS_LINK_64`, and its bit in the mask; `linux/if_link.h`.
const LINK_64: u16 = 1;
/// Of `struct rtnl_link_stats64`, the numbers from 0 of `rx_fifo_errors` and `rx_missed_errors`.
const RX_FIFO_ERRORS: usize = 14;
const RX_MISSED_ERRORS: usize = 15;

/// Room for a message: the longest that imgnet sends has about 200 bytes.
const ROOM: usize = 512;

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    bytes: [u8; ROOM],
    len: usize,
    /// Whether all of it found room.
    whole: bool,
}

impl Message {
    /// Begins a request of this type (`RTM_…`), with flags beside `NLM_F_REQUEST`.
    pub(crate) fn new(kind: u16, flags: u16) -> Self {
        let mut message = Self {
            bytes: [0; ROOM],
            len: 0,
            whole: true,
        };
        // Length, which is put in when it is sent; type, flags, sequence number, port (the kernel's).
        message.raw(&[0; 4]);
        message.raw(&kind.to_ne_bytes());
        message.raw(&(flags | REQUEST).to_ne_bytes());
        message.raw(&1_u32.to_ne_bytes());
        message.raw(&0_u32.to_ne_bytes());
        message
    }

    /// Adds bytes as they are.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        match self.bytes.get_mut(self.len..end) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.len = end;
            }
            None => self.whole = false,
        }
    }

    /// Adds the header of an interface (`struct ifinfomsg`): number 0 where it has none yet; flags, and which of them
    /// to change.
    pub(crate) fn interface(&mut self, index: u32, flags: u32, change: u32) {
        self.raw(&[0; 4]);
        self.raw(&index.to_ne_bytes());
        self.raw(&flags.to_ne_bytes());
        self.raw(&change.to_ne_bytes());
    }

    /// Adds an attribute.
    pub(crate) fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.nested(kind, |message| message.raw(value));
    }

    /// Adds an attribute whose value is what `inside` adds.
    pub(crate) fn nested(&mut self, kind: u16, inside: impl FnOnce(&mut Self)) {
        let start = self.len;
        self.raw(&[0; 4]);
        inside(self);
        // The length leaves out the padding that follows.
        let length = self.len.saturating_sub(start);
        let length = u16::try_from(length).unwrap_or(u16::MAX);
        self.put(start, &length.to_ne_bytes());
        self.put(start.saturating_add(2), &kind.to_ne_bytes());
        let padding = usize::from(length).wrapping_neg() % 4;
        self.raw([0; 4].get(..padding).unwrap_or_default());
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        let room = self.bytes.get_mut(at..at.saturating_add(bytes.len()));
        for (slot, byte) in room.into_iter().flatten().zip(bytes) {
            *slot = *byte;
        }
    }

    fn flags(&self) -> u16 {
        let [.., a, b] = *self.bytes.first_chunk::<8>().unwrap_or(&[0; 8]);
        u16::from_ne_bytes([a, b])
    }

    fn finished(&mut self) -> Result<&[u8], Errno> {
        let length = u32::try_from(self.len).unwrap_or(u32::MAX);
        self.put(0, &length.to_ne_bytes());
        match self.bytes.get(..self.len) {
            Some(bytes) if self.whole => Ok(bytes),
            _ => Err(Errno::MSGSIZE),
        }
    }
}

/// A socket to the kernel.
#[derive(Debug)]
pub(crate) struct Netlink(OwnedFd);

impl Netlink {
    /// Opens one to the network that this thread is in.
    ///
    /// # Errors
    /// What the kernel says.
    pub(crate) fn open() -> Result<Self, Errno> {
        // Protocol 0 is NETLINK_ROUTE.
        socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            None,
        )
        .map(Self)
    }

    /// Makes a change.
    ///
    /// # Errors
    /// What the kernel says of it; [`Errno::PROTO`] where it does not answer as it should.
    pub(crate) fn ask(&self, mut message: Message) -> Result<(), Errno> {
        let flags = REQUEST | ACKNOWLEDGE | message.flags();
        message.put(6, &flags.to_ne_bytes());
        let mut answer = [0; 1024];
        let answer = self.exchange(&mut message, &mut answer)?;
        match error_of(answer) {
            Some(0) => Ok(()),
            Some(negative) => Err(Errno::from_raw_os_error(negative.saturating_neg())),
            None => Err(Errno::PROTO),
        }
    }

    /// Frames that an interface's hardware or driver could not take in since it is there: `rx_missed_errors` and
    /// `rx_fifo_errors`, as libpcap counts them, but of the network of this socket, and also where no file can be opened.
    ///
    /// # Errors
    /// What the kernel says (Linux before 4.7: `EOPNOTSUPP`); [`Errno::PROTO`] where its answer lacks them.
    pub(crate) fn missed(&self, index: u32) -> Result<u64, Errno> {
        let mut answer = [0; 1024];
        missed_of(self.statistics(index, &mut answer)?).ok_or(Errno::PROTO)
    }

    /// What whoever set the machine up calls an interface (`ip link set DEVICE alias TEXT`); absent where nobody did.
    pub(crate) fn alias(&self, index: u32) -> Option<String> {
        self.of_link(index, |attributes| {
            let alias = attribute(attributes, ALIAS)?;
            let alias = alias.split(|byte| *byte == 0).next()?;
            let alias = String::from_utf8_lossy(alias).trim().to_owned();
            (!alias.is_empty()).then_some(alias)
        })
    }

    /// What `look` finds among the attributes of an interface (`IFLA_…`), its counts left out.
    pub(crate) fn of_link<T>(
        &self,
        index: u32,
        look: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Option<T> {
        let mut message = Message::new(GET_LINK, 0);
        message.interface(index, 0, 0);
        message.attribute(EXTENT, &SKIP_STATISTICS.to_ne_bytes());
        let mut answer = [0; 4096];
        let answer = self.exchange(&mut message, &mut answer).ok()?;
        if kind_of(answer) != Some(NEW_LINK) {
            return None;
        }
        look(answer.get(HEADER + 16..)?)
    }

    /// What an interface is and whether it is there.
    ///
    /// # Errors
    /// What the kernel says, [`Errno::NODEV`] where it is gone; [`Errno::PROTO`] where its answer lacks it.
    pub(crate) fn link(&self, index: u32) -> Result<Link, Errno> {
        let mut message = Message::new(GET_LINK, 0);
        message.interface(index, 0, 0);
        message.attribute(EXTENT, &SKIP_STATISTICS.to_ne_bytes());
        let mut answer = [0; 4096];
        let answer = self.exchange(&mut message, &mut answer)?;
        match (kind_of(answer), error_of(answer)) {
            (Some(NEW_LINK), _) => link_of(answer).ok_or(Errno::PROTO),
            (_, Some(negative)) if negative != 0 => {
                Err(Errno::from_raw_os_error(negative.saturating_neg()))
            }
            _ => Err(Errno::PROTO),
        }
    }

    /// `struct rtnl_link_stats64` of an interface.
    fn statistics<'a>(&self, index: u32, answer: &'a mut [u8]) -> Result<&'a [u8], Errno> {
        let mut message = Message::new(GET_STATISTICS, 0);
        // struct if_stats_msg: family, padding, interface, mask of what is asked for.
        message.raw(&[0; 4]);
        message.raw(&index.to_ne_bytes());
        message.raw(&(1_u32 << (LINK_64 - 1)).to_ne_bytes());
        let answer = self.exchange(&mut message, answer)?;
        match (kind_of(answer), error_of(answer)) {
            (Some(NEW_STATISTICS), _) => {
                let attributes = answer.get(HEADER + 12..).unwrap_or_default();
                attribute(attributes, LINK_64).ok_or(Errno::PROTO)
            }
            (_, Some(negative)) if negative != 0 => {
                Err(Errno::from_raw_os_error(negative.saturating_neg()))
            }
            _ => Err(Errno::PROTO),
        }
    }

    /// Sends a message and takes the answer, which the kernel has ready by then.
    fn exchange<'a>(&self, message: &mut Message, answer: &'a mut [u8]) -> Result<&'a [u8], Errno> {
        let to = SocketAddrNetlink::new(0, 0);
        sendto(&self.0, message.finished()?, SendFlags::empty(), &to)?;
        let (received, _) = recv(&self.0, &mut *answer, RecvFlags::DONTWAIT)?;
        Ok(answer.get(..received).unwrap_or_default())
    }
}

impl AsFd for Netlink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// What the kernel says of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    /// What its frames begin with (`ARPHRD_…`).
    pub(crate) hardware: u16,
    /// Whether it is up (`IFF_UP`).
    pub(crate) up: bool,
}

/// Of an answer's `struct ifinfomsg`.
fn link_of(answer: &[u8]) -> Option<Link> {
    let about = answer.get(HEADER..)?;
    let flags = u32::from_ne_bytes(about.get(8..12)?.try_into().ok()?);
    Some(Link {
        hardware: u16::from_ne_bytes(about.get(2..4)?.try_into().ok()?),
        up: flags & IFF_UP != 0,
    })
}

/// The type of an answer.
fn kind_of(answer: &[u8]) -> Option<u16> {
    Some(u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?))
}

/// The error number of an `NLMSG_ERROR` message; absent where the answer is none.
fn error_of(answer: &[u8]) -> Option<i32> {
    let error = i32::from_ne_bytes(answer.get(HEADER..HEADER + 4)?.try_into().ok()?);
    (kind_of(answer)? == ERROR).then_some(error)
}

/// The value of the first attribute of a type.
pub(crate) fn attribute(mut attributes: &[u8], kind: u16) -> Option<&[u8]> {
    loop {
        let [a, b, c, d, ..] = *attributes else {
            return None;
        };
        let length = usize::from(u16::from_ne_bytes([a, b]));
        if u16::from_ne_bytes([c, d]) == kind {
            return attributes.get(4..length);
        }
        attributes = attributes.get(length.max(4).next_multiple_of(4)..)?;
    }
}

/// What could not be taken in, of `struct rtnl_link_stats64`.
fn missed_of(statistics: &[u8]) -> Option<u64> {
    let missed = number(statistics, RX_MISSED_ERRORS)?;
    Some(missed.wrapping_add(number(statistics, RX_FIFO_ERRORS)?))
}

/// A 64-bit number of an array of them.
fn number(numbers: &[u8], index: usize) -> Option<u64> {
    let start = index.checked_mul(8)?;
    let bytes = numbers.get(start..start.checked_add(8)?)?;
    Some(u64::from_ne_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_the_layout_of_the_kernel() {
        let mut message = Message::new(16, 0x600);
        message.interface(7, 1, 1);
        message.nested(18, |inside| inside.attribute(1, b"veth"));
        message.attribute(3, b"abc\0\0");
        let bytes = message.finished().unwrap();
        assert_eq!(bytes.len(), 32 + 12 + 12);
        assert_eq!(bytes[..4], 56_u32.to_ne_bytes());
        assert_eq!(bytes[4..6], 16_u16.to_ne_bytes());
        assert_eq!(bytes[6..8], 0x601_u16.to_ne_bytes());
        assert_eq!(bytes[20..24], 7_u32.to_ne_bytes());
        assert_eq!(bytes[32..34], 12_u16.to_ne_bytes());
        assert_eq!(bytes[36..38], 8_u16.to_ne_bytes());
        // Five bytes of value: the length says so, and three of padding follow.
        assert_eq!(bytes[44..46], 9_u16.to_ne_bytes());
        assert_eq!(bytes[48..], *b"abc\0\0\0\0\0");
    }

    #[test]
    fn a_message_without_room_is_not_sent() {
        let mut message = Message::new(16, 0);
        message.attribute(1, &[0; ROOM]);
        assert_eq!(message.finished(), Err(Errno::MSGSIZE));
    }

    #[test]
    fn a_short_or_foreign_answer_is_no_success() {
        assert_eq!(error_of(&[]), None);
        assert_eq!(error_of(&[0; 19]), None);
        assert_eq!(error_of(&[0; 64]), None);
        let mut refused = [0; 36];
        refused[4..6].copy_from_slice(&ERROR.to_ne_bytes());
        refused[16..20].copy_from_slice(&(-1_i32).to_ne_bytes());
        assert_eq!(error_of(&refused), Some(-1));
    }

    #[test]
    fn attributes_are_found_whatever_their_lengths_say() {
        let two = [5, 0, 9, 0, 1, 0, 0, 0, 6, 0, 1, 0, 2, 3, 0, 0];
        assert_eq!(attribute(&two, 1), Some([2, 3].as_slice()));
        assert_eq!(attribute(&two, 9), Some([1].as_slice()));
        assert_eq!(attribute(&two, 2), None);
        for wrong in [[0, 0, 9, 0, 0, 0, 0, 0], [255, 255, 9, 0, 0, 0, 0, 0]] {
            assert_eq!(attribute(&wrong, 1), None);
            assert_eq!(attribute(&wrong, 9), None);
        }
    }

    #[test]
    fn missed_and_overrun_frames_are_summed_and_nothing_else() {
        let numbered = |count: u64| -> Vec<u8> {
            let numbers = (0..count).map(|n| if n == 15 { 5 } else { n });
            numbers.flat_map(u64::to_ne_bytes).collect()
        };
        assert_eq!(missed_of(&numbered(24)), Some(14 + 5));
        assert_eq!(missed_of(&numbered(15)), None);
    }

    /// The kernel's answer, beside what it says of the same interface as text.
    #[test]
    fn the_counts_of_loopback_are_those_of_the_system() {
        let netlink = Netlink::open().unwrap();
        let mut answer = [0; 1024];
        let bytes = || {
            #[expect(clippy::disallowed_methods, reason = "asks the system in another way")]
            let text = std::fs::read_to_string("/proc/self/net/dev").unwrap();
            let line = text
                .lines()
                .find_map(|line| line.trim().strip_prefix("lo:"))
                .unwrap();
            line.split_whitespace()
                .next()
                .unwrap()
                .parse::<u64>()
                .unwrap()
        };
        let before = bytes();
        // Number 2 is rx_bytes; other tests send, too.
        let said = number(netlink.statistics(1, &mut answer).unwrap(), 2).unwrap();
        assert!((before..=bytes()).contains(&said), "{before} {said}");
        assert_eq!(netlink.missed(1), Ok(0));
        assert_eq!(netlink.missed(u32::MAX / 2), Err(Errno::NODEV));
        // ARPHRD_LOOPBACK.
        assert_eq!(netlink.link(1).map(|link| link.hardware), Ok(772));
        assert_eq!(netlink.link(u32::MAX / 2), Err(Errno::NODEV));
    }
}
