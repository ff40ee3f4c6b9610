//! What TCP itself did.

use super::examples;
use super::{Entry, Group};
use crate::findings::{Name, Severity};

pub(in crate::findings) static RETRANSMISSION: Entry = Entry {
    name: Name::Retransmission,
    group: Group::Tcp,
    severity: Severity::Warning,
    summary: "TCP sent bytes again that the capture had already seen.",
    meaning: "TCP numbers every byte and sends again what is not acknowledged in time. So nothing was lost for the \
         programs, only time. Many retransmissions mean that the path or the receiver loses packets, and the \
         transfer is slow.",
    proof: "The same sequence numbers with payload are in the capture twice, at least in part. The bytes were \
         lost after the capture point, or the acknowledgment was. A loss before the capture point shows as \
         out-of-order instead.",
    frames: "A data segment with the sequence number of an earlier one.",
    filter: "tcp.analysis.retransmission || tcp.analysis.fast_retransmission",
    fix: "Nothing in the programs: never repeat by hand over TCP. Find out where packets are lost.",
    examples: examples::LOOK_FOR_LOSS,
};

pub(in crate::findings) static FAST_RETRANSMISSION: Entry = Entry {
    name: Name::FastRetransmission,
    group: Group::Tcp,
    severity: Severity::Note,
    summary: "The receiver asked for missing bytes, and got them quickly.",
    meaning: "When a segment is lost and later ones arrive, the receiver repeats its last acknowledgment. After a \
         few of these the sender repeats the missing segment at once instead of waiting for its timer.",
    proof: "At least two duplicate acknowledgments preceded the repeated segment, which begins where they point.",
    frames: "Several ACKs with the same number, then a data segment with that sequence number.",
    filter: "tcp.analysis.fast_retransmission",
    fix: "Nothing to fix in the programs; TCP did well.",
    examples: examples::LEAVE_TCP_ALONE,
};

pub(in crate::findings) static SPURIOUS_RETRANSMISSION: Entry = Entry {
    name: Name::SpuriousRetransmission,
    group: Group::Tcp,
    severity: Severity::Note,
    summary: "Bytes were sent again although they had been acknowledged.",
    meaning: "The receiver had everything and had said so, but the sender did not hear it in time: the \
         acknowledgment was lost or late. It costs a little time and changes nothing.",
    proof: "The acknowledgment of these bytes is in the capture before they were sent again.",
    frames: "An ACK, and after it a data segment below its number.",
    filter: "tcp.analysis.spurious_retransmission",
    fix: "Nothing to fix in the programs; look for loss or delay on the way back.",
    examples: examples::LEAVE_TCP_ALONE,
};

pub(in crate::findings) static OUT_OF_ORDER: Entry = Entry {
    name: Name::OutOfOrder,
    group: Group::Tcp,
    severity: Severity::Note,
    summary: "Segments were captured after later ones.",
    meaning: "Packets overtook each other, or one was lost before the capture point and sent again. TCP puts the \
         bytes in order before any program sees them.",
    proof: "A segment brings bytes that were not seen before, after higher ones were. Which of the two reasons \
         applies cannot be told from the capture alone.",
    frames: "A data segment with a lower sequence number than the one before it.",
    filter: "tcp.analysis.out_of_order || tcp.analysis.lost_segment",
    fix: "Nothing to fix in the programs.",
    examples: examples::LEAVE_TCP_ALONE,
};

pub(in crate::findings) static DUPLICATE_ACK: Entry = Entry {
    name: Name::DuplicateAck,
    group: Group::Tcp,
    severity: Severity::Note,
    summary: "The receiver acknowledged the same byte again while later ones came.",
    meaning: "This is how a TCP receiver says: I am still missing the bytes from here on. It is sent by the \
         system, not by the program.",
    proof: "An ACK without data, with the number and the window of the one before, while data was on its way. \
         Frames that were captured twice are not counted.",
    frames: "Several ACKs in a row with the same acknowledgment number.",
    filter: "tcp.analysis.duplicate_ack",
    fix: "Nothing to fix in the programs; see retransmission for where packets are lost.",
    examples: examples::LOOK_FOR_LOSS,
};

pub(in crate::findings) static ZERO_WINDOW: Entry = Entry {
    name: Name::ZeroWindow,
    group: Group::Tcp,
    severity: Severity::Warning,
    summary: "The receiver's buffer was full: its program did not read.",
    meaning: "Each acknowledgment says how many bytes the receiver has room for. 0 means: stop. The network is \
         fine; the receiving program is busy with something else, or hangs, and does not call recv().",
    proof: "A segment with window 0 is in the capture. How long it lasted is measured until the same side \
         announces room again.",
    frames: "[TCP ZeroWindow] from the receiver, probes from the sender, [TCP Window Update] at the end.",
    filter: "tcp.analysis.zero_window || tcp.analysis.window_update || tcp.analysis.zero_window_probe",
    fix: "Read first and work afterwards, or read in a thread of its own. If it never has room again, look at \
         where the program hangs.",
    examples: examples::READ_FIRST,
};

pub(in crate::findings) static STALL: Entry = Entry {
    name: Name::Stall,
    group: Group::Tcp,
    severity: Severity::Warning,
    summary: "A picture stopped in the middle for longer than the idle limit, and then went on.",
    meaning: "Nothing was lost, but somebody waited. The finding says who: the receiver had no room (its program \
         did not read), what was sent was not acknowledged (lost on the way), or everything was acknowledged \
         and there was room, so the sending program itself paused.",
    proof: "The times of two successive data segments of one picture, the window and the acknowledgments between \
         them. That something was lost is likely, the others are proven.",
    frames: "Two data segments of one picture with seconds between them.",
    filter: "tcp.time_delta > 2 && tcp.len > 0",
    fix: "Look at the side that is named. Do not decode, save or wait for a user between two chunks.",
    examples: examples::READ_FIRST,
};

pub(in crate::findings) static CONFLICTING_RETRANSMISSION: Entry = Entry {
    name: Name::ConflictingRetransmission,
    group: Group::Tcp,
    severity: Severity::Error,
    summary: "The same place of the stream was sent twice, with different bytes.",
    meaning: "Never does a sender's TCP do this. Something on the path changed a packet, somebody injected one, or \
         the capture was altered. Which copy the receiver kept decides what picture it has; imgnet keeps both \
         and says what can be known.",
    proof: "Both copies are in the capture and were compared byte by byte; the first difference is given with \
         both bytes and both frames. The checksums and the acknowledgments tell which copy the receiver can \
         have kept: it drops a segment whose checksum does not fit, and keeps the first good one.",
    frames: "Two data segments with the same sequence number and different payload.",
    filter: "tcp.analysis.retransmission || tcp.segment.overlap.conflict",
    fix: "Find the device: compare captures from both ends. A cable or card that flips bits shows as wrong \
         checksums too.",
    examples: examples::FIND_DAMAGE,
};

pub(in crate::findings) static SMALL_WRITES: Entry = Entry {
    name: Name::SmallWrites,
    group: Group::Tcp,
    severity: Severity::Warning,
    summary: "Small pieces waited for acknowledgments: 40 ms lost each time.",
    meaning: "Two well-meant habits wait for each other. The sender's TCP holds a small piece back while an \
         earlier one is not acknowledged (Nagle's algorithm); the receiver's TCP holds the acknowledgment \
         back, hoping to send it along with data (delayed acknowledgment, 40 ms on Linux, up to 200 ms \
         elsewhere). So only one small piece goes out in that time.",
    proof: "At least three times a small segment followed an acknowledgment at once that itself came 30 to 500 \
         ms after the last data. That Nagle's algorithm was the reason is likely.",
    frames: "A small data segment, 40 ms, an ACK, at once the next small data segment, and so on.",
    filter: "tcp.len > 0 && tcp.len < 1000",
    fix: "Hand over large pieces. Where small ones have to go out at once, set TCP_NODELAY.",
    examples: examples::LARGE_WRITES,
};

pub(in crate::findings) static URGENT_DATA: Entry = Entry {
    name: Name::UrgentData,
    group: Group::Tcp,
    severity: Severity::Warning,
    summary: "A byte was sent as urgent: the receiver does not find it in the stream.",
    meaning: "send(…, MSG_OOB) marks the last byte that it hands over as urgent. A receiver gets that byte apart, with \
         recv(…, MSG_OOB); its ordinary recv() skips it. Only where it set SO_OOBINLINE does the byte stay in its place. So the \
         same segments are two different streams for two programs, and no capture shows which of them it was.",
    proof: "The URG bit and the urgent pointer of a segment, which points behind the byte.",
    frames: "A data segment with the URG bit.",
    filter: "tcp.flags.urg == 1",
    fix: "In the sender: leave MSG_OOB off. What has to be said beside the data belongs into the framing, or into a connection \
         of its own (RFC 6093 advises new programs against urgent data).",
    examples: examples::IN_THE_STREAM,
};
