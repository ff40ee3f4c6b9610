//! How connections begin, and what lies beside pictures.

use super::examples;
use super::{Entry, Group};
use crate::findings::{Name, Severity};

pub(in crate::findings) static CONNECTION_REFUSED: Entry = Entry {
    name: Name::ConnectionRefused,
    group: Group::Tcp,
    severity: Severity::Error,
    summary: "A client asked to connect, or sent datagrams, and was refused: nobody listens there.",
    meaning: "The machine is there and answered, but no program listens on that port. The server was not started \
         yet, has ended, listens on another port or on another address of the machine. Datagrams are refused by ICMP messages, \
         which the sending program may never see.",
    proof: "A SYN, and a RST from the other side, without a SYN of its own before it; or ICMP messages (destination unreachable) \
         that quote packets of the stream.",
    frames: "SYN, then RST and ACK from the port that was asked for; of datagrams an ICMP message behind each.",
    filter: "tcp.flags.syn == 1 || tcp.flags.reset == 1 || icmp.type == 3 || icmpv6.type == 1",
    fix: "Start the server first; compare address and port on both sides.",
    examples: examples::LISTEN_FIRST,
};

pub(in crate::findings) static CONNECTION_TIMEOUT: Entry = Entry {
    name: Name::ConnectionTimeout,
    group: Group::Tcp,
    severity: Severity::Error,
    summary: "A client asked to connect, and nothing came back.",
    meaning: "Neither yes nor no: the packets vanish. A firewall drops them, the address is wrong, or the machine is \
         off. Or the capture has one direction only, so the finding is likely and not proven.",
    proof: "SYNs without any frame of the other side, for longer than the idle limit.",
    frames: "The same SYN several times, after 1, 3 and 7 seconds.",
    filter: "tcp.flags.syn == 1",
    fix: "Look for a firewall, a wrong address, or a machine that is not there.",
    examples: examples::LISTEN_FIRST,
};

pub(in crate::findings) static STRAY_BYTES: Entry = Entry {
    name: Name::StrayBytes,
    group: Group::Framing,
    severity: Severity::Warning,
    summary: "Bytes beside the pictures that belong to no picture and to no framing.",
    meaning: "Every byte of a stream is of a picture, of the wire format, or an answer. These are none. A receiver that \
         takes all bytes until the close saves them into the file, and one that counts takes them for the next \
         picture. Where the end of the stream is the end of the picture it is an error, else a warning.",
    proof: "The map of the direction: the picture ends by its own structure, and these bytes lie outside of it. That \
         they belong to a format which imgnet does not know is possible, so it is proven only where the format was \
         given with --protocol.",
    frames: "A data segment with more bytes than the picture has left.",
    filter: "tcp.len > 0",
    fix: "In the sender: send exactly the bytes of the picture, and what belongs to the format.",
    examples: examples::LENGTH_OF_DATA,
};

pub(in crate::findings) static UNKNOWN_FRAMING: Entry = Entry {
    name: Name::UnknownFraming,
    group: Group::Framing,
    severity: Severity::Note,
    summary: "Bytes stand around the pictures in a framing that imgnet does not know.",
    meaning: "Programs put headers of their own in front of a picture: a name, a length, a line of JSON. Where imgnet cannot read \
         them it finds the pictures by their own structure. That is nobody's fault, and no mistake.",
    proof: "What stands before the pictures, and behind each, is no framing that imgnet knows or could work out.",
    frames: "Data segments with a header and a picture.",
    filter: "tcp.len > 0",
    fix: "Describe the framing in a line with --protocol PORT='layout …'; then imgnet reads it, too.",
    examples: examples::LENGTH_OF_DATA,
};

pub(in crate::findings) static WRONG_BYTE_ORDER: Entry = Entry {
    name: Name::WrongByteOrder,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "A length was sent in one byte order and read in the other: the receiver waits for gigabytes.",
    meaning: "The sender wrote the length big-endian and the receiver reads it little-endian, or the other way round. So a \
         picture of some thousand bytes becomes one of gigabytes, and the receiver waits for the rest for ever.",
    proof: "The whole picture came with a right length and was acknowledged; then neither side did anything for longer \
         than the idle limit; and in the other byte order the length is far too large. That the receiver reads it so is \
         the likely reason of its waiting, and no packet shows it.",
    frames: "A length, the picture, the ACK, then nothing.",
    filter: "tcp.len > 0 || tcp.flags.fin == 1",
    fix: "Write and read the length alike on both sides.",
    examples: examples::SAME_LENGTH,
};

pub(in crate::findings) static MIXED_BYTE_ORDER: Entry = Entry {
    name: Name::MixedByteOrder,
    group: Group::Framing,
    severity: Severity::Note,
    summary: "The length stands in one byte order, and other numbers of the same header in the other.",
    meaning: "Programs write all numbers of a header in one byte order. Where the length alone is in the other one, it was perhaps \
         written as the machine has it (native), or converted twice. A receiver that reads it as it reads the other numbers \
         waits for gigabytes.",
    proof: "The length is the picture's own in one byte order, and width, height or a running number are the picture's in the other. \
         A program may mean it so: this is a risk and never more.",
    frames: "The header in front of each picture.",
    filter: "tcp.len > 0",
    fix: "Write all numbers in one byte order, and read them so.",
    examples: examples::SAME_LENGTH,
};
