//! What programs make of a picture's bytes on their way between file and socket. Shown by the files of both sides.

use super::examples;
use super::{Entry, Group};
use crate::findings::{Name, Severity};

pub(in crate::findings) static RECEIVER_STOPPED: Entry = Entry {
    name: Name::ReceiverStopped,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "The receiver stopped before it had the whole picture.",
    meaning: "The wire has the whole picture, and the received file has only a part of it. One recv() returns what is \
         there by then, not all that was sent: a program that calls it once, or takes a short read for the end, \
         saves a part. Where its buffer was made as long as the picture, zeros fill the rest. A first part that is \
         missing went with a recv() that was taken for the header alone.",
    proof: "The received file is compared with the bytes on the wire: it is their beginning (or their end), byte for byte.",
    frames: "The whole picture, acknowledged. Often a RST from the receiver, which closed with bytes unread.",
    filter: "tcp.flags.reset == 1",
    fix: "Call recv() in a loop until the announced length has come; where nothing announces it, until the sender \
         closes. Take exactly the header's bytes for the header.",
    examples: examples::RECV_ALL,
};

pub(in crate::findings) static CUT_AT_NUL: Entry = Entry {
    name: Name::CutAtNul,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "Each block ends at its first zero byte: a text length was taken of binary data.",
    meaning: "C's strlen() counts the bytes before the first zero. Pictures are full of zeros, so that each block, or \
         the whole picture, goes out cut short.",
    proof: "Cutting the expected bytes at their zeros, block by block, gives the bytes that were found, each of them.",
    frames: "Data segments much shorter than the program's buffer.",
    filter: "tcp.len > 0",
    fix: "Use the count that read() or fread() returned.",
    examples: examples::COUNTED_BYTES,
};

pub(in crate::findings) static STALE_BUFFER: Entry = Entry {
    name: Name::StaleBuffer,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "Behind the picture stand bytes that its last block still held from the round before.",
    meaning: "The program hands over its whole buffer each time, also the last, which was filled only in part. The file \
         becomes longer than it was.",
    proof: "The bytes behind the picture equal those one buffer earlier, and make its length a multiple of the buffer's.",
    frames: "A last data segment as long as all others, though the picture ends in it.",
    filter: "tcp.len > 0",
    fix: "Send as many bytes as read() or fread() returned.",
    examples: examples::ONLY_WHAT_WAS_READ,
};

pub(in crate::findings) static HEADER_IN_FILE: Entry = Entry {
    name: Name::HeaderInFile,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "Bytes that are not the picture's stand before it.",
    meaning: "The receiver saved the header with the picture: lines of HTTP, a length, a name. Programs that read the file \
         do not find a picture where it should begin.",
    proof: "The file ends with the whole picture, and what stands before it is on the wire too.",
    frames: "The header and the picture, one after the other.",
    filter: "tcp.len > 0",
    fix: "Take the header off first: to its empty line, or by its length.",
    examples: examples::HEADER_OFF,
};

pub(in crate::findings) static OTHER_FILE_SENT: Entry = Entry {
    name: Name::OtherFileSent,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "Another picture went out than the file that was to be sent.",
    meaning: "A whole picture was sent, but it is none of the files named with --sent, and one of those was never on the \
         wire: the program opened another file, an older copy, or one of another folder.",
    proof: "The bytes of the file were looked for in every stream, as they are, converted and decoded, and nothing is \
         missing from the capture. That the picture went out in its place is likely.",
    frames: "A whole picture.",
    filter: "tcp.len > 0",
    fix: "See which file the program opens: its working folder, a name left over from an earlier run.",
    examples: examples::RIGHT_FILE,
};

pub(in crate::findings) static NOTHING_SENT: Entry = Entry {
    name: Name::NothingSent,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "Nothing of the file was sent, only a few bytes around it.",
    meaning: "The connection carried a length of 0, or a header, and no picture. The program had read its file to the end \
         before, or opened an empty one.",
    proof: "All bytes of the connection are in the capture, and they are fewer than any picture has.",
    frames: "One short data segment, then the close.",
    filter: "tcp.len > 0",
    fix: "Read the file once and keep its bytes, or seek(0) before it is read again.",
    examples: examples::READ_ONCE,
};

pub(in crate::findings) static THUMBNAIL_SENT: Entry = Entry {
    name: Name::ThumbnailSent,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "The thumbnail in the picture's header was sent, or the picture only to its end.",
    meaning: "Photos have a small picture of themselves in their header, which ends with FF D9 as the large one does. A \
         program that looks for FF D9 finds the thumbnail's.",
    proof: "What was found is the file up to the first FF D9, or a picture that lies inside it.",
    frames: "A picture of a few thousand bytes where a large one was expected.",
    filter: "tcp.payload contains ff:d9",
    fix: "Send the file by its length; do not look for FF D9.",
    examples: examples::BY_LENGTH,
};

pub(in crate::findings) static NOT_FLUSHED: Entry = Entry {
    name: Name::NotFlushed,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "The last buffer, which was not full, was never sent.",
    meaning: "A buffered writer hands its bytes over when its buffer is full. What remains at the end has to be flushed; \
         here it is missing, and the rest is a whole number of buffers.",
    proof: "The wire has the file's beginning, a multiple of a usual buffer, and less than one buffer is missing. An early \
         close at just that place looks the same, so it is likely.",
    frames: "Data segments, the close, and no last short segment.",
    filter: "tcp.flags.fin == 1",
    fix: "Flush or close the writer before the socket is closed.",
    examples: examples::FLUSHED,
};

pub(in crate::findings) static READ_PAST_END: Entry = Entry {
    name: Name::ReadPastEnd,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "The received file goes on with what follows the picture in the stream.",
    meaning: "The receiver took more bytes than the picture has: the terminator of the message, the header of the next one, or all \
         of the next one, because one recv() returned them together and nothing limited it to what was left.",
    proof: "The received file is compared with the stream: the picture's bytes are followed, in both, by the same ones.",
    frames: "The picture, and behind it a terminator or another message.",
    filter: "tcp.len > 0",
    fix: "Ask recv() for no more than what is left of the picture, or keep what is too much for the next message.",
    examples: examples::UP_TO_THE_LENGTH,
};

pub(in crate::findings) static PIECES_MISPLACED: Entry = Entry {
    name: Name::PiecesMisplaced,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "All pieces of the picture are there, but in another order, or some of them twice.",
    meaning: "A picture that is sent in pieces has to be put together by their numbers. A program that appends them as they come, keeps \
         a piece that came twice, or sorts numbers as texts (0, 1, 10, 11, 2) has all bytes, and not the picture. So has one that two \
         threads wrote to the stream at once; one that reads each piece to the beginning of its buffer has only the last.",
    proof: "The file is the picture's bytes in pieces, each equal to a part of it, and all of it is there; only their order or their \
         number differs.",
    frames: "Datagrams or messages with numbers, which are all on the wire.",
    filter: "udp.length > 8",
    fix: "Put each piece where its number says, ignore one that is there already, and sort by number (key=int in Python).",
    examples: examples::BY_NUMBER,
};

pub(in crate::findings) static HEADER_NOT_COUNTED: Entry = Entry {
    name: Name::HeaderNotCounted,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "The end of the file is missing: as many bytes as its header has.",
    meaning: "The sender computed the length from width, height and bytes a pixel. A BMP file has 54 bytes or more of header before \
         its pixels, so that as many bytes are missing at its end.",
    proof: "The wire has the file's beginning, and what is missing is exactly as long as the file's own header. Another reason for \
         that number is possible, so it is likely.",
    frames: "The whole transfer, and an orderly close.",
    filter: "tcp.len > 0",
    fix: "Take the length of the file.",
    examples: examples::BY_LENGTH,
};

pub(in crate::findings) static LEFT_ENCODED: Entry = Entry {
    name: Name::LeftEncoded,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "The receiver saved the text that carries the picture, not the picture.",
    meaning: "The picture went over the wire as base64 or as hex digits, and the receiver did not decode it before it saved it.",
    proof: "Encoding the picture gives the received file, byte for byte.",
    frames: "Text segments that decode to a picture.",
    filter: "tcp.len > 0",
    fix: "Decode the text before it is saved.",
    examples: examples::DECODE_TEXT,
};

pub(in crate::findings) static PIXELS_MISREAD: Entry = Entry {
    name: Name::PixelsMisread,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "The receiver took raw pixels in another shape or order of channels than they have.",
    meaning: "Raw pixels say nothing of themselves. Taken with width and height swapped, or with another width, the rows are \
         sheared; taken as RGB where they are BGR, red and blue are swapped. No byte is wrong.",
    proof: "The received picture has the very bytes of the wire, in rows of another length, or with two channels exchanged.",
    frames: "The whole picture.",
    filter: "tcp.len > 0",
    fix: "Use the sender's width, height and order of channels; an array's shape is height, width, channels.",
    examples: examples::ROWS_FIRST,
};

pub(in crate::findings) static SECOND_STREAM_HEADER: Entry = Entry {
    name: Name::SecondStreamHeader,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "A second Java object stream begins inside the picture.",
    meaning: "Each new ObjectOutputStream writes AC ED 00 05 first. A program that opens one for each piece puts that header into the \
         middle of the stream, where the receiver's ObjectInputStream expects an object.",
    proof: "The picture's bytes on the wire are the file's up to AC ED 00 05, which the file does not have there.",
    frames: "Small data segments, one for each object; often a RST from the receiver.",
    filter: "tcp.payload contains ac:ed:00:05",
    fix: "Open one ObjectOutputStream for each socket.",
    examples: examples::ONE_WRITER,
};
