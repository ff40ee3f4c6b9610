//! Datagrams.

use super::examples;
use super::{Entry, Group};
use crate::findings::{Name, Severity};

pub(in crate::findings) static DATAGRAM_LOST: Entry = Entry {
    name: Name::DatagramLost,
    group: Group::Udp,
    severity: Severity::Error,
    summary: "Numbered datagrams are missing: they never came by.",
    meaning: "UDP sends each datagram once and asks nobody whether it arrived. Some did not: a queue on the way \
         was full, or the network dropped them. What they carried is missing from the picture.",
    proof: "The format numbers its datagrams, and some numbers never came. Whether they were lost before the \
         capture point, or dropped by the capture itself, is told by kernel-drops and by the side on which \
         was captured.",
    frames: "Numbers in the first bytes of the payload with holes between them.",
    filter: "udp.length > 8",
    fix: "Let the receiver ask for the numbers it misses, send more slowly, or use TCP.",
    examples: examples::BY_NUMBER,
};

pub(in crate::findings) static DATAGRAM_RETRANSMISSION: Entry = Entry {
    name: Name::DatagramRetransmission,
    group: Group::Udp,
    severity: Severity::Warning,
    summary: "The receiver asked for pieces again, and the sender sent them again.",
    meaning: "imgnet's own format lets the receiver ask for what does not come. So nothing is missing in the end; it \
         only took longer. Many repeats mean that the path loses datagrams, or that the receiver's buffer is full.",
    proof: "The sender numbers every datagram that it hands over, and some carry a piece that an earlier one \
         carried. How many reached the receiver it says itself when it confirms the picture: the report has both \
         numbers for each picture (datagrams).",
    frames: "Two datagrams with the same index and different numbers in the last four bytes of their header.",
    filter: "udp.length > 8",
    fix: "Nothing in the programs. Find out where datagrams are lost.",
    examples: examples::ROOM,
};

pub(in crate::findings) static DATAGRAM_DUPLICATED: Entry = Entry {
    name: Name::DatagramDuplicated,
    group: Group::Udp,
    severity: Severity::Warning,
    summary: "A datagram with the same number came twice.",
    meaning: "Networks may deliver a datagram twice, and programs may send one twice. A receiver that appends what \
         comes has these bytes twice, and everything after them is shifted.",
    proof: "The format numbers its datagrams, and a number came again.",
    frames: "Two datagrams with the same number in their first bytes.",
    filter: "udp.length > 8",
    fix: "Put each piece where its number says, and ignore one that is there already.",
    examples: examples::BY_NUMBER,
};

pub(in crate::findings) static DATAGRAM_REORDERED: Entry = Entry {
    name: Name::DatagramReordered,
    group: Group::Udp,
    severity: Severity::Warning,
    summary: "A datagram came after one with a higher number.",
    meaning: "Datagrams may take different ways and overtake each other. A receiver that appends what comes mixes \
         up the picture.",
    proof: "The format numbers its datagrams, and a lower number came after a higher one.",
    frames: "Numbers in the first bytes of the payload that go back.",
    filter: "udp.length > 8",
    fix: "Put each piece where its number says.",
    examples: examples::BY_NUMBER,
};

pub(in crate::findings) static UNDETECTABLE_LOSS: Entry = Entry {
    name: Name::UndetectableLoss,
    group: Group::Udp,
    severity: Severity::Note,
    summary: "Nothing numbers the datagrams: a loss would go unnoticed.",
    meaning: "Everything may have gone well. But a datagram that is lost, doubled or late cannot be told from one \
         that was never sent, neither by the receiver nor by imgnet. The picture simply turns out wrong one \
         day.",
    proof: "The format has no number in its datagrams. This is a risk and never more.",
    frames: "Datagrams whose payload is picture bytes only.",
    filter: "udp",
    fix: "Put the number and the total before each piece, and let the receiver ask for what is missing; or use \
         TCP.",
    examples: examples::NUMBERED,
};

pub(in crate::findings) static RECEIVER_OVERFLOW: Entry = Entry {
    name: Name::ReceiverOverflow,
    group: Group::Udp,
    severity: Severity::Error,
    summary: "Every datagram reached the machine, but not the program: its buffer was full.",
    meaning: "Datagrams wait in the socket's buffer until the program reads them. When they come faster than it \
         reads, the buffer fills (about 200 KB on Linux), and the system throws away what comes next without \
         a word. On the wire all is well; in the file whole datagrams are missing.",
    proof: "All datagrams are in the capture, and the received file lacks whole ones of them, which verify \
         names. This needs the file.",
    frames: "Datagrams within microseconds of each other, and nothing wrong with any.",
    filter: "udp.length > 8",
    fix: "Send more slowly or in answer to the receiver, enlarge the receiver's buffer (SO_RCVBUF), and read \
         in a thread that does nothing else.",
    examples: examples::ROOM,
};

pub(in crate::findings) static NO_END_DATAGRAM: Entry = Entry {
    name: Name::NoEndDatagram,
    group: Group::Udp,
    severity: Severity::Error,
    summary: "The datagrams stopped, and none said that the picture is over.",
    meaning: "UDP has no close. A receiver learns from an empty datagram, from a count or from silence that \
         nothing more comes. Here nothing said so, and the picture is not whole: the receiver waits, or saves \
         what it has. Where the picture is whole it is only a note.",
    proof: "No empty datagram followed the last piece, and the picture's own structure is not at its end.",
    frames: "The last datagram with data, and nothing after it.",
    filter: "udp.length == 8",
    fix: "Say before the first piece how many there will be, or send the end datagram several times (it may be \
         lost too). In the receiver set a timeout.",
    examples: examples::END_DATAGRAM,
};

pub(in crate::findings) static IP_FRAGMENTED: Entry = Entry {
    name: Name::IpFragmented,
    group: Group::Udp,
    severity: Severity::Note,
    summary: "Packets were longer than the path carries, and were cut into IP fragments.",
    meaning: "A datagram longer than about 1,472 bytes does not fit an Ethernet frame. IP cuts it into fragments, \
         and the receiver puts them together. Losing one fragment loses the whole datagram, and many \
         firewalls drop fragments.",
    proof: "The fragments are in the capture, and imgnet put them together.",
    frames: "Packets with More fragments set or a fragment offset; the ports stand in the first one only.",
    filter: "ip.flags.mf == 1 || ip.frag_offset > 0 || ipv6.fraghdr",
    fix: "Send datagrams that fit: at most 1,472 bytes of payload at MTU 1500, 1,452 over IPv6.",
    examples: examples::FITTING,
};

pub(in crate::findings) static FRAGMENT_LOST: Entry = Entry {
    name: Name::FragmentLost,
    group: Group::Udp,
    severity: Severity::Warning,
    summary: "An IP datagram came in fragments and was never whole.",
    meaning: "At least one fragment was not captured. If it did not reach the receiver either, the whole datagram \
         was thrown away there, and with it all of its bytes.",
    proof: "Some fragments are in the capture, others of the same datagram are not; the missing ranges are \
         given. Whether the network or the capture lost them cannot be told from this alone.",
    frames: "Fragments with the same identification and a hole between their offsets.",
    filter: "ip.flags.mf == 1 || ip.frag_offset > 0 || ipv6.fraghdr",
    fix: "Send datagrams that fit one packet.",
    examples: examples::FITTING,
};

pub(in crate::findings) static OVERSIZED_DATAGRAM: Entry = Entry {
    name: Name::OversizedDatagram,
    group: Group::Udp,
    severity: Severity::Note,
    summary: "Datagrams are longer than a packet of 1,500 bytes holds.",
    meaning: "Here they went through whole, because loopback and some local networks take long packets. On an \
         ordinary network each would be cut into fragments, of which none may be lost. Over 65,507 bytes \
         sending fails altogether.",
    proof: "The length of the payload is in the header, and the datagram was captured in one piece. This is a \
         risk and never more.",
    frames: "UDP lengths above 1480.",
    filter: "udp.length > 1480",
    fix: "Send no more than 1,472 bytes of payload in a datagram.",
    examples: examples::FITTING,
};
