//! What the capture lacks, or shows twice.

use super::examples;
use super::{Entry, Group};
use crate::findings::{Name, Severity};

pub(in crate::findings) static WRONG_CHECKSUM: Entry = Entry {
    name: Name::WrongChecksum,
    group: Group::Capture,
    severity: Severity::Warning,
    summary: "Packets carry a checksum that does not fit their bytes.",
    meaning: "Each packet carries a sum over its bytes. Here it does not fit: the packet was damaged on the way, \
         and the receiver's system drops it without telling the program. Or the capture file was changed. \
         Checksums that a network card was still to fill in are told apart (offloaded-checksum).",
    proof: "The checksum was computed over all bytes of the packet, none of them cut off, and is neither right \
         nor one of those that offload leaves.",
    frames: "[Bad TCP] in Wireshark, once checking is turned on.",
    filter: "tcp.checksum.status == \"Bad\" || udp.checksum.status == \"Bad\" || ip.checksum.status == \"Bad\"",
    fix: "TCP sends such a segment again; a datagram is lost. Look for a faulty cable, card, driver or virtual \
         switch.",
    examples: examples::FIND_DAMAGE,
};

pub(in crate::findings) static CAPTURE_GAP: Entry = Entry {
    name: Name::CaptureGap,
    group: Group::Capture,
    severity: Severity::Warning,
    summary: "Bytes are missing from the capture, though the receiver got them.",
    meaning: "The receiver acknowledged these bytes, so they were delivered. Only the capture lacks them: the \
         capturing program was too slow, or started on the wrong interface. Nothing can be said about these \
         bytes, and imgnet never fills them: the picture's verdict is inconclusive.",
    proof: "The acknowledgment of bytes that no captured frame carried.",
    frames: "[TCP ACKed unseen segment] and [TCP Previous segment not captured] in Wireshark.",
    filter: "tcp.analysis.ack_lost_segment || tcp.analysis.lost_segment",
    fix: "Capture with a larger buffer and a filter, on the machine itself.",
    examples: examples::CAPTURE_ALL,
};

pub(in crate::findings) static KERNEL_DROPS: Entry = Entry {
    name: Name::KernelDrops,
    group: Group::Capture,
    severity: Severity::Warning,
    summary: "The system dropped frames before the capturing program got them.",
    meaning: "The capturing program did not fetch frames fast enough, so the system threw some away. They are \
         missing from the capture, not from the network.",
    proof: "The capture file says so: its statistics block holds the system's own count.",
    frames: "Nothing: they are not there. See capture-gap for what they carried.",
    filter: "",
    fix: "Give a larger buffer, and filter in the kernel, so that only frames of interest are kept.",
    examples: examples::CAPTURE_ALL,
};

pub(in crate::findings) static DISK_FULL: Entry = Entry {
    name: Name::DiskFull,
    group: Group::Capture,
    severity: Severity::Warning,
    summary: "The capture file had no room for all frames: the disk was full.",
    meaning: "The frames were captured, and could not be written. They are missing from the file, not from the network; the \
         capture ended when it noticed. What is in the file is whole up to there.",
    proof: "The capture counted the frames that it could not write; the file's statistics say so.",
    frames: "Nothing: they are not there. They came after the last frame of the file.",
    filter: "",
    fix: "Make room, or let the capture keep only the newest files (--rotate with --keep).",
    examples: examples::CAPTURE_ALL,
};

pub(in crate::findings) static INTERFACE_AWAY: Entry = Entry {
    name: Name::InterfaceAway,
    group: Group::Capture,
    severity: Severity::Warning,
    summary: "The captured interface was gone for a while: taken down, or removed and made again.",
    meaning: "While an interface is down or does not exist, nothing passes through it, and nothing can be captured on it. \
         Connections over it stall, or go another way. The capture went on when the interface came back.",
    proof: "The system told the capture when the interface went and when it was there again; the file's statistics say so.",
    frames: "A pause in the frames of that interface, then repeats of what was not acknowledged before.",
    filter: "",
    fix: "Look for who takes the interface down: a cable or adapter that was pulled, a container or virtual machine that was \
         restarted, network management.",
    examples: examples::CAPTURE_ALL,
};

pub(in crate::findings) static SNAPLEN_CUT: Entry = Entry {
    name: Name::SnaplenCut,
    group: Group::Capture,
    severity: Severity::Warning,
    summary: "Frames were captured only in part: their ends are missing.",
    meaning: "The capture was told to keep only the first bytes of each frame (the snap length). Headers are \
         there, picture bytes are not. The picture's verdict is inconclusive.",
    proof: "Each frame says how long it was and how much of it was kept.",
    frames: "Frames whose length on the wire is greater than the captured length.",
    filter: "frame.cap_len < frame.len",
    fix: "Capture whole frames.",
    examples: examples::WHOLE_FRAMES,
};

pub(in crate::findings) static FILE_CUT_SHORT: Entry = Entry {
    name: Name::FileCutShort,
    group: Group::Capture,
    severity: Severity::Warning,
    summary: "The capture file ends in the middle, or is damaged.",
    meaning: "The file was copied while it was still written, the disk was full, or the capturing program was \
         killed. What precedes the place was analysed.",
    proof: "A record says how long it is, and the file ends before that; or it contradicts itself. The place and \
         the last good frame are given.",
    frames: "The last frame that can be read is named.",
    filter: "",
    fix: "Stop the capturing program (Ctrl-C, or SIGINT), wait until it has ended, and copy then.",
    examples: examples::STOP_FIRST,
};

pub(in crate::findings) static STARTED_LATE: Entry = Entry {
    name: Name::StartedLate,
    group: Group::Capture,
    severity: Severity::Warning,
    summary: "The capture lacks the beginning of a connection.",
    meaning: "The capture began after the connection did, or lost its first frames. What was sent before is unknown: a picture \
         may lack its beginning, and who connected to whom is a guess.",
    proof: "There is no SYN of this connection in the capture, and there is data.",
    frames: "The connection's first frame has no SYN.",
    filter: "tcp.flags.syn == 1",
    fix: "Start the capture first, the programs then.",
    examples: examples::START_FIRST,
};

pub(in crate::findings) static FRAMES_TWICE: Entry = Entry {
    name: Name::FramesTwice,
    group: Group::Capture,
    severity: Severity::Note,
    summary: "The same frames were captured twice.",
    meaning: "Capturing on \"any\" shows a packet on each interface that it passes, and putting captures of both \
         ends into one file shows it at both. Nothing was sent twice, but counts of packets and repeats are \
         too high.",
    proof: "Frames with equal addresses, sequence numbers, length and IP identification: a segment that TCP \
         sends again has another identification. Where there is none (IPv6), only a copy within 0.2 ms \
         counts.",
    frames: "Pairs of frames with the same ip.id and tcp.seq.",
    filter: "tcp.analysis.retransmission || tcp.analysis.duplicate_ack",
    fix: "Capture on one interface and on one end.",
    examples: examples::ONE_PLACE,
};

pub(in crate::findings) static OFFLOADED_CHECKSUM: Entry = Entry {
    name: Name::OffloadedChecksum,
    group: Group::Capture,
    severity: Severity::Note,
    summary: "Checksums were left to the network card: normal, no error.",
    meaning: "The system leaves checksums to the network card and the capture sees packets before that. On \
         loopback they are never filled in, as no wire can damage anything there.",
    proof: "The checksum is exactly what the system leaves for the card to finish, or 0.",
    frames: "Wireshark may mark such frames \"checksum incorrect, maybe caused by offload\".",
    filter: "tcp.checksum.status == \"Bad\"",
    fix: "Nothing has to be fixed.",
    examples: examples::OFFLOADS,
};

pub(in crate::findings) static LARGER_THAN_MTU: Entry = Entry {
    name: Name::LargerThanMtu,
    group: Group::Capture,
    severity: Severity::Note,
    summary: "Segments are larger than any packet of the network: normal, no error.",
    meaning: "The network card cuts large segments up before sending, and puts small ones together after \
         receiving. The capture sits between the card and the program, and sees the large ones.",
    proof: "A segment holds more than the receiver's maximum segment size, as announced in its SYN, or its IP \
         length is 0.",
    frames: "TCP lengths of tens of thousands of bytes on an Ethernet interface.",
    filter: "tcp.len > 1460",
    fix: "Nothing to fix. To see packets as they travel, capture on the path, or turn offloads off.",
    examples: examples::OFFLOADS,
};

pub(in crate::findings) static CLOCK_STEP: Entry = Entry {
    name: Name::ClockStep,
    group: Group::Capture,
    severity: Severity::Warning,
    summary: "The capture's clock went back: durations across this place mean nothing.",
    meaning: "The machine's clock was set while the capture ran, or files were put together in the wrong order. \
         Silences and durations that span the place are wrong.",
    proof: "A frame is stamped more than 10 ms earlier than the frame before it.",
    frames: "Negative times since the previous frame.",
    filter: "frame.time_delta < 0",
    fix: "Set the clock before the capture, and let chrony or ntpd slew it afterwards. Give imgnet files in \
         the order of their times.",
    examples: examples::STEADY_CLOCK,
};

pub(in crate::findings) static LIMIT_REACHED: Entry = Entry {
    name: Name::LimitReached,
    group: Group::Capture,
    severity: Severity::Warning,
    summary: "A limit was reached that keeps imgnet's memory bounded.",
    meaning: "So that no capture can use up all memory, imgnet limits how many streams it follows and how many \
         bytes wait for missing ones. One of these limits was hit: what follows may be split or shown as a \
         gap with the cause \"limit\".",
    proof: "imgnet counts, and says which limit it was.",
    frames: "None in particular.",
    filter: "",
    fix: "Raise the limit that is named, or analyse fewer streams at a time.",
    examples: examples::RAISE_LIMIT,
};
