//! Connections that fall silent before the work is done.

use super::examples;
use super::{Entry, Group};
use crate::findings::{Name, Severity};

pub(in crate::findings) static SENDER_STOPPED: Entry = Entry {
    name: Name::SenderStopped,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "The sender stopped in the middle of a picture, and nobody closed the connection.",
    meaning: "A part of the picture went out and arrived, the receiver's machine had room for more, and the sender's program sent \
         nothing more and did not close. The receiver waits for the rest. Usually the sender ignored what send() returned, still \
         holds the rest in a buffered writer that was never flushed, hangs itself (it waits for an answer too early), or failed \
         with its socket open.",
    proof: "The declared length, or the picture's own structure, says that more is to come; every byte was acknowledged, the last \
         window is not 0, no FIN and no RST was seen, and the capture went on for longer than the idle limit. Proven where the \
         capture says when it was ended.",
    frames: "The last data segment, its acknowledgment, and then nothing of this connection.",
    filter: "tcp.len > 0",
    fix: "Use sendall() in Python and write_all in Rust, flush buffered writers before waiting for an answer, and close the socket \
         in every case, errors included. In the receiver: set a timeout.",
    examples: examples::FLUSHED,
};

pub(in crate::findings) static NO_ANSWER: Entry = Entry {
    name: Name::NoAnswer,
    group: Group::Framing,
    severity: Severity::Warning,
    summary: "One side sent something, the other acknowledged it and never answered, and nobody closed.",
    meaning: "A name, a size or a request went out, its receiver's machine has it, and the program says nothing: each side waits for \
         the other. The program that was to answer waits for more than was sent: a newline that the sender left out, the rest of a \
         fixed number of bytes (recv in a loop up to 4,096), a marker, or the close of a connection that stays open. Or the answer \
         was written into a buffer and never flushed. It is an error where a picture was announced and none of it came, and where \
         each picture before it was answered; elsewhere the other side may have nothing to say, and it is a warning. So it is behind a \
         whole picture that nothing followed until the capture was ended.",
    proof: "Every byte was acknowledged, the other side sent none, no FIN and no RST was seen, and the capture went on for longer \
         than the idle limit. What a program waits for is not on the wire, hence likely.",
    frames: "A short data segment, its acknowledgment, and then nothing of this connection.",
    filter: "tcp.len > 0",
    fix: "End each message in a way that its reader can see (a newline, a length in front) and read just that; flush buffered \
         writers; set a timeout on both sides.",
    examples: examples::ONE_LINE,
};
