//! How programs say where a picture begins and ends, and how it goes wrong.

use super::examples;
use super::{Entry, Group};
use crate::findings::{Name, Severity};

pub(in crate::findings) static MARKER_UNANSWERED: Entry = Entry {
    name: Name::MarkerUnanswered,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "The end marker arrived, was acknowledged, and the program that should go on never did.",
    meaning: "The sender put a marker behind the picture, such as %IMAGE_COMPLETED%, and waits for an answer. The \
         receiver's system got every byte, the marker included, but the receiving program did not notice the \
         marker and waits for more: both wait for ever. Nearly always the program compares what one recv() \
         returns with the marker. TCP is a stream of bytes and has no borders: one recv() returns what is \
         there by then, so the marker comes glued to the end of the picture, or in two parts, and never \
         equals what was returned.",
    proof: "The acknowledgment of the marker's last byte is in the capture, so the bytes lay in the receiver's \
         system. From then on neither data nor a close came from the receiver for longer than the idle limit \
         (2 s unless --idle says otherwise), until either side closed or the capture ended. A close after such a \
         silence is no answer: a program that somebody ends closes too; data is one, however late. That the \
         marker shares a segment with picture bytes proves nothing: segment borders are not recv borders. \
         Proven is said of a worker of the pipeline, which has to send its result. For markers imgnet does not \
         know, for who sent a picture and got one back on the same connection, and for uploads, which may be \
         answered on another connection, the finding is likely and not proven.",
    frames: "Data from the sender, the marker as the last few bytes, an ACK for all of it, then nothing. Often a \
         FIN from the sender much later, when somebody ended it, and a RST after it. In the filter, put the \
         number of the stream that imgnet names.",
    filter: "tcp.stream == 0 && (tcp.len > 0 || tcp.flags.fin == 1 || tcp.flags.reset == 1)",
    fix: "Append what each recv() returns to a buffer and look for the marker at the buffer's end. Better \
         still, send the picture's length first: then nobody has to look for anything. No length is safe. With r \
         the remainder of the picture's length divided by the size that recv() is given, and all bytes there \
         before the receiver reads: for r = 0 the marker comes alone, for small r it is glued to the last piece, \
         for r close to the size it comes in two parts. Where the receiver reads as fast as the sender sends, \
         it is a matter of luck for every r.",
    examples: examples::MARKER_BUFFER,
};

pub(in crate::findings) static MARKER_RISK: Entry = Entry {
    name: Name::MarkerRisk,
    group: Group::Framing,
    severity: Severity::Note,
    summary: "A marker ends the picture in a way that a receiver comparing one recv() would miss.",
    meaning: "The transfer went well here. But the picture's length is no whole number of chunks, so its last \
         piece is short, and the marker after it is easily returned by the same recv(). A receiver that \
         compares one recv() with the marker then waits for ever; whether it does depends on timing, so it \
         works on one machine and hangs on the next.",
    proof: "The marker was found after the picture, and the picture's length divided by the chunk size leaves a \
         remainder. Nothing worse was seen, so this is a risk and never more.",
    frames: "A last data segment shorter than the ones before, closely followed by the marker or holding it.",
    filter: "tcp.len > 0 && tcp.len < 2048",
    fix: "Look for the marker at the end of a buffer, not in one recv(); better, send the length first.",
    examples: examples::MARKER_BUFFER,
};

pub(in crate::findings) static MARKER_IN_FILE: Entry = Entry {
    name: Name::MarkerInFile,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "The received file is the picture with the end marker behind it.",
    meaning: "The receiver wrote the marker into the file as if it were picture. Most viewers show such a file all \
         the same, because a picture knows where it ends; its bytes, its size and its digest are wrong \
         nevertheless, and a strict decoder refuses it.",
    proof: "The received file was compared with the picture on the wire: equal up to the picture's end, and then \
         exactly the marker's bytes more. This needs the file, so only verify finds it.",
    frames: "The frames are right: picture, then marker. The fault is in the receiving program.",
    filter: "",
    fix: "Cut the marker off before writing, and only where it stands at the end.",
    examples: examples::STRIP_MARKER,
};

pub(in crate::findings) static MARKER_INSIDE_IMAGE: Entry = Entry {
    name: Name::MarkerInsideImage,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "The end marker came before the picture's own end.",
    meaning: "A receiver that looks for the marker stops at this place and has half a picture. Either the bytes of \
         the marker stand in the picture by chance or on purpose (any bytes may stand in a picture, in a \
         comment for instance), or the sender stopped reading its file too early and sent the marker \
         regardless.",
    proof: "The picture was walked by its own structure (segments, chunks, blocks), and the marker stands where \
         that structure is not at its end. No byte of it is missing from the capture.",
    frames: "The marker's bytes in the payload, with data after it that begins no picture, or none at all.",
    filter: "tcp.payload contains \"%IMAGE_COMPLETED%\"",
    fix: "Announce the length before the picture instead of searching for a marker in it. Where the marker has \
         to stay, check the number of bytes read from the file against its size before sending the marker.",
    examples: examples::LENGTH_FIRST,
};

pub(in crate::findings) static MARKER_MISSING: Entry = Entry {
    name: Name::MarkerMissing,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "The picture is whole, but the sender closed without the end marker.",
    meaning: "Both sides agreed on a marker that says: the picture is over. The sender closed without it. A \
         receiver that waits for the marker sees the connection end instead, and either fails or throws a \
         good picture away.",
    proof: "The wire format of the connection is one with markers, the picture ends by its own structure, and \
         then FIN came, with no marker between.",
    frames: "The last data segment ends with the picture's own last bytes (ff d9 in a JPEG), and the next frame \
         of the sender is FIN.",
    filter: "tcp.flags.fin == 1",
    fix: "Send the marker after the last chunk. In the receiver, take the end of the connection for an end \
         too, and check then whether the picture is whole.",
    examples: examples::SEND_MARKER,
};

pub(in crate::findings) static EARLY_CLOSE: Entry = Entry {
    name: Name::EarlyClose,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "The sender closed the connection before the picture was over.",
    meaning: "Closing a TCP connection (FIN) says: nothing more comes. It came while bytes of the picture were \
         still due. To a receiver that reads until the end this looks like success, and it saves half a \
         picture: its upper part is there, the rest grey or missing.",
    proof: "FIN came before the declared length was reached, before the end marker, or before the end of the \
         picture's own structure, with no byte missing from the capture before it.",
    frames: "Data, then FIN from the sender, acknowledged by the receiver. Everything looks polite; only the \
         count is wrong.",
    filter: "tcp.flags.fin == 1 || tcp.len > 0",
    fix: "Find out why the sender stopped: an exception, a wrong count of chunks, a send() whose result was \
         not looked at, or a file that was still being written. In the receiver, compare what came with what \
         was announced, or check that the picture is whole, before calling it received.",
    examples: examples::SEND_ALL,
};

pub(in crate::findings) static RESET_MID_TRANSFER: Entry = Entry {
    name: Name::ResetMidTransfer,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "One side broke the connection off (RST) in the middle of a picture.",
    meaning: "A RST ends a connection by force: bytes that were on their way are thrown away, and the other side \
         gets \"Connection reset by peer\". The finding names the side. The receiver of the picture sends it \
         when its program ended, or closed the socket, while bytes were still coming; the sender of the \
         picture when its program was aborted.",
    proof: "The RST is in the capture, before the declared length, the marker or the picture's structural end; \
         with raw pixels, which have neither, before any FIN. Who sent it is read from its addresses.",
    frames: "Data segments, then RST (with or without ACK). One with ACK that acknowledges everything comes from \
         a program that closed with bytes unread; one without ACK answers bytes that came after the socket \
         was closed.",
    filter: "tcp.flags.reset == 1",
    fix: "On the side that is named: look for the exception that ended the program. A receiver that takes one \
         recv() for one row, one message or one send() breaks as soon as two come together: gather exactly as \
         many bytes as are due.",
    examples: examples::WHOLE_ROWS,
};

pub(in crate::findings) static UNREAD_DATA_RESET: Entry = Entry {
    name: Name::UnreadDataReset,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "The receiver closed with bytes unread, so its system broke the connection off (RST).",
    meaning: "When a program closes a socket in which bytes lie that it has not read, the system does not say \
         goodbye (FIN) but breaks off (RST): it tells the sender that what it sent was not used. The usual \
         cause is a single recv(), where a loop is needed: it returns what has arrived by then, which on one \
         machine (loopback) may be all, and over a real network is the first few kilobytes.",
    proof: "The RST comes from the receiver, which had not sent FIN, and everything sent before had been \
         acknowledged: the bytes had arrived. A program may also ask for such an abort (SO_LINGER with time \
         0), hence likely and not proven. Where the picture is whole on the wire it is a warning.",
    frames: "A burst of data, perhaps an ACK, then RST with ACK whose acknowledgment number covers everything \
         that was sent.",
    filter: "tcp.flags.reset == 1 && tcp.flags.ack == 1",
    fix: "Call recv() in a loop until the declared length is there, or until it returns nothing, and close \
         only then.",
    examples: examples::RECEIVE_LOOP,
};

pub(in crate::findings) static NO_END_OF_STREAM: Entry = Entry {
    name: Name::NoEndOfStream,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "The picture is whole, but nobody said that it is over: no close, no marker, no length.",
    meaning: "In this format the end of the connection is the end of the picture. The sender sent everything and \
         kept the connection open. The receiver cannot know that nothing more comes, and waits for ever in \
         recv().",
    proof: "The picture ended by its own structure, no FIN followed, and both sides were silent for longer than \
         the idle limit while the capture went on. Where the wire format is not known the finding is likely \
         and not proven.",
    frames: "The last data segment, its ACK, then nothing.",
    filter: "tcp.len > 0 || tcp.flags.fin == 1",
    fix: "Close the socket after the last byte, or shut down its sending half, which leaves the other half \
         open for an answer. Or send the length first.",
    examples: examples::CLOSE,
};

pub(in crate::findings) static NEVER_CLOSED: Entry = Entry {
    name: Name::NeverClosed,
    group: Group::Framing,
    severity: Severity::Warning,
    summary: "One side closed, the other acknowledged it and never closed its own side.",
    meaning: "A TCP connection has two halves, and each is closed by its own sender. Here only one was. The \
         program on the other side did not notice the end, or never closes what it accepts. Each such \
         connection takes a file descriptor, after about a thousand of which the program can accept nobody; \
         and whoever waits for its end waits for ever.",
    proof: "A FIN and its acknowledgment are in the capture, and no FIN or RST came from the other side for \
         longer than the idle limit while the capture went on. Where the format itself ends pictures (a \
         marker, a length) it is only a note.",
    frames: "FIN from one side, ACK from the other, nothing after.",
    filter: "tcp.flags.fin == 1",
    fix: "Close the socket once recv() returns nothing: with \"with\" in Python, by dropping it in Rust.",
    examples: examples::CLOSE_ACCEPTED,
};

pub(in crate::findings) static WRONG_SIZE_GIVEN: Entry = Entry {
    name: Name::WrongSizeGiven,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "The declared length is off by a number that says where it comes from.",
    meaning: "The sender announced a length that is not the picture's, and the difference is a known one: 33 is what \
         sys.getsizeof() of Python adds to the bytes of a bytes object, 57 to those of a bytearray; 4 or 8 is \
         the length field itself; the size of the header is the header; 54 is the header of a BMP file; \
         or it is the length of the picture's Base64 text or of its hexadecimal digits, and the bytes themselves follow. The receiver waits for bytes that never come, or takes them from the next message.",
    proof: "The picture's own structure was walked to its end, so its length is known, and the declared length \
         differs by exactly such a number. That it is the mistake named is likely, not proven: the numbers are small.",
    frames: "The length in the first data segment; the last data segment before the silence, the close or the next message.",
    filter: "tcp.len > 0",
    fix: "Send len(data) of the very bytes that are sent, and let both sides agree whether the header counts.",
    examples: examples::LENGTH_OF_DATA,
};

pub(in crate::findings) static TRAILING_BYTES: Entry = Entry {
    name: Name::TrailingBytes,
    group: Group::Framing,
    severity: Severity::Warning,
    summary: "Bytes follow between the picture's own end and the end that the wire format has.",
    meaning: "A picture file says itself where it ends. Here more bytes follow before the format says that it is \
         over: a marker of another format, a line end, zero bytes, or a second picture. A receiver saves them \
         into the file.",
    proof: "The picture's structure was walked to its end, and the stream of this picture goes on. The bytes are \
         named where they are known.",
    frames: "The last data segment is longer than the picture needs; the bytes stand at its end.",
    filter: "tcp.len > 0",
    fix: "See what the bytes are. A marker: make both sides speak the same format. A line end: somebody sent \
         the picture as a line of text. Zero bytes: a buffer was sent whole instead of only its filled part.",
    examples: examples::STRIP_MARKER,
};

pub(in crate::findings) static LENGTH_MISMATCH: Entry = Entry {
    name: Name::LengthMismatch,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "The declared length is not the length of the picture that was sent.",
    meaning: "The sender announced a number of bytes and sent another number. If it announced too many the \
         receiver waits for the rest, for ever or until the close; if too few, the receiver stops early and \
         takes the rest for the next length.",
    proof: "The length field was read as the format has it, and compared with where the picture's own structure \
         ends and with where the sender closed.",
    frames: "The length in the first data segment; the last data segment or FIN at another place than it says.",
    filter: "tcp.len > 0",
    fix: "Take the length of the very bytes that are sent, after encoding them.",
    examples: examples::LENGTH_OF_DATA,
};

pub(in crate::findings) static IMPLAUSIBLE_LENGTH: Entry = Entry {
    name: Name::ImplausibleLength,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "What stands in the place of the length is no picture's length.",
    meaning: "The receiver would read these bytes as a length and wait for gigabytes, or for nothing. Usually both \
         sides write the number differently: 4 bytes or 8, most significant byte first or last, binary or \
         text. Python's native \"L\" is 8 bytes on 64-bit Linux and 4 on Windows.",
    proof: "The value is read as the format has it and is no possible length. Where the same bytes are a \
         possible length at another width or byte order, that is named.",
    frames: "The first data segment begins with the field; compare its bytes with the picture's length in \
         hexadecimal.",
    filter: "tcp.len > 0",
    fix: "Use one fixed width and byte order on both sides: \"!I\" in Python, to_be_bytes in Rust.",
    examples: examples::SAME_LENGTH,
};

pub(in crate::findings) static FIELDS_GLUED: Entry = Entry {
    name: Name::FieldsGlued,
    group: Group::Framing,
    severity: Severity::Warning,
    summary: "Text fields were sent with nothing between them.",
    meaning: "The sender handed over a name, a size and perhaps a marker in several send() calls. TCP does not \
         keep the calls apart: the receiver gets one text, and cannot know where the name ends and the size \
         begins. It works as long as each recv() happens to return exactly one field.",
    proof: "The fields were read as the format has them, and their border can only be guessed.",
    frames: "One segment, or several, whose payload reads like cat.jpg18631.",
    filter: "tcp.payload contains \".jpg\"",
    fix: "End each field with a newline, or give it a fixed width, or send its length first.",
    examples: examples::SEPARATE_FIELDS,
};

pub(in crate::findings) static TEXT_MODE: Entry = Entry {
    name: Name::TextMode,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "The picture's bytes were converted as if they were text.",
    meaning: "Somewhere the file was read or written as text. Line ends were changed (0a to 0d 0a or back), bytes \
         that are no text were replaced, or the highest bit was cut off. Every such place in the picture is \
         damaged, and it cannot be undone.",
    proof: "A PNG's signature (89 50 4e 47 0d 0a 1a 0a) was made to show this: each conversion leaves its own \
         mark in it. In other formats verify compares the files and finds that they differ by line ends only.",
    frames: "The first data segment begins with 89 50 4e 47 0a, 89 50 4e 47 0d 0d, 09 50 4e 47 or ef bf bd 50 4e \
         47.",
    filter: "tcp.payload contains \"PNG\"",
    fix: "Open files as bytes, and never decode and encode a picture.",
    examples: examples::BINARY,
};

pub(in crate::findings) static MISSING_INSIDE: Entry = Entry {
    name: Name::MissingInside,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "The picture's structure breaks although no byte of the stream is missing.",
    meaning: "The stream is whole, and still the picture in it is not: at some place its structure is wrong. As \
         TCP delivers what it was given, the sending program gave it the wrong bytes: it skipped some, sent \
         some twice, or the file was damaged before. The classic is send(), which may take only a part of \
         what it is given and says how much; a program that does not look goes on with the next chunk and \
         leaves a hole.",
    proof: "The picture was walked by its own structure (JPEG segments, PNG chunks with their checksums), and it \
         breaks; the sequence numbers around that place have no gap. What exactly happened in the program is \
         not on the wire, hence likely.",
    frames: "Nothing to be seen in the headers. The finding names the byte where the structure breaks; look at \
         the frame that carried it.",
    filter: "tcp.len > 0",
    fix: "Use sendall() in Python and write_all in Rust. On sockets that do not block, go on from where send() \
         stopped. Check that the file opens on the sender's side.",
    examples: examples::SEND_ALL,
};

pub(in crate::findings) static EMPTY_REQUEST: Entry = Entry {
    name: Name::EmptyRequest,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "Somebody connected and sent nothing; both sides wait for each other.",
    meaning: "The connection stands, and then nobody speaks. The server waits for a request, the client for the \
         answer. Usually the client sent an empty text: Enter without a choice. Sending nothing puts nothing \
         on the wire; there is no such thing as an empty message in TCP. A server that serves one client at a \
         time serves nobody else meanwhile.",
    proof: "The handshake (SYN, SYN and ACK, ACK) is in the capture, no byte went either way for longer than the \
         idle limit, until a side closed or the capture ended. On ports that are not known to be a \
         catalogue's it is a warning, and likely.",
    frames: "Three frames of handshake, a long pause, and then FIN from somebody, or nothing.",
    filter: "tcp.flags.syn == 1 || tcp.flags.fin == 1",
    fix: "In the client: ask again until there is something to send, and end each request with a newline. In \
         the server: set a timeout, and serve each client in a thread of its own.",
    examples: examples::NO_EMPTY_REQUEST,
};

pub(in crate::findings) static ROWS_NOT_SEGMENTS: Entry = Entry {
    name: Name::RowsNotSegments,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "The raw pixels are not a whole number of rows.",
    meaning: "Raw pixels are rows of width times 3 bytes, and nothing else. Here the total is no multiple of that: \
         a row is cut, bytes are too many, or the width is another one. A receiver that takes one recv() for \
         one row fails here, or shows a picture that leans to one side.",
    proof: "The width was given (or declared), and the number of bytes sent divided by the length of a row \
         leaves a remainder.",
    frames: "Segments whose lengths are not multiples of the row's length; that alone would be harmless, the \
         total is what counts.",
    filter: "tcp.len > 0",
    fix: "In the receiver gather bytes until a row is whole, whatever recv() returns. In the sender announce \
         width and height.",
    examples: examples::WHOLE_ROWS,
};

pub(in crate::findings) static WIDTH_UNKNOWN: Entry = Entry {
    name: Name::WidthUnknown,
    group: Group::Framing,
    severity: Severity::Note,
    summary: "Raw pixels without a header: nothing on the wire says how wide the picture is.",
    meaning: "The same bytes make pictures of many widths. The sender handed over pieces of one size, and that is \
         probably a row; then the width is a third of it, at 3 bytes a pixel.",
    proof: "Most segments have one size, and the total is a multiple of it. This is a suggestion and never taken \
         for granted.",
    frames: "Data segments of equal length, about one for each row.",
    filter: "tcp.len > 0",
    fix: "Tell imgnet the width (--protocol 9909=raw-pixels=200). In the programs, send width and height \
         first.",
    examples: examples::SAY_WIDTH,
};

pub(in crate::findings) static WRONG_DIGEST: Entry = Entry {
    name: Name::WrongDigest,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "What arrived does not have the digest or checksum that the sender gave with it.",
    meaning: "The sender computed a number over the picture's bytes (or over one datagram's) and sent it along. \
         Over the bytes on the wire the number is another one: bytes were changed on the way, or the sender \
         computed it over other bytes than it sent. A receiver that checks it throws the picture, or the \
         datagram, away.",
    proof: "The format carries a digest or checksum, and imgnet computed it over the bytes that came, none of \
         which is missing.",
    frames: "Nothing to be seen in the headers; the finding names the place.",
    filter: "tcp.len > 0 || udp.length > 8",
    fix: "Compute the digest over the very bytes that are sent. If that is so, look for what changes packets \
         on the way.",
    examples: examples::DIGEST_OF_DATA,
};

pub(in crate::findings) static BAD_ENCODING: Entry = Entry {
    name: Name::BadEncoding,
    group: Group::Framing,
    severity: Severity::Error,
    summary: "The bytes around the picture cannot be decoded as what they say they are.",
    meaning: "The picture travels inside something else: compressed, in base64, or as a Python pickle. What came \
         is not valid there, so the receiver gets an exception instead of a picture. Often a part is missing, \
         because one recv() was taken for the whole, or two messages were taken for one.",
    proof: "The encoding was read as it says, and breaks; no byte of the stream is missing.",
    frames: "Nothing to be seen in the headers; the finding names the place.",
    filter: "tcp.len > 0",
    fix: "Send the length of the encoded bytes first, and decode only once all of them are there. Never \
         unpickle what comes from a network: it may run any program; send the bytes as they are.",
    examples: examples::NO_PICKLE,
};

pub(in crate::findings) static RE_ENCODED: Entry = Entry {
    name: Name::ReEncoded,
    group: Group::Framing,
    severity: Severity::Note,
    summary: "The bytes differ from the file, the picture is the same or nearly so.",
    meaning: "The server did not send the file: it read the picture, decoded it and encoded it afresh. The result \
         looks the same and has other bytes, so comparing digests says \"different\" for ever. With JPEG each \
         time costs a little quality.",
    proof: "The bytes differ while the decoded pixels are equal or similar (PSNR and SSIM are given). This needs \
         the file, so only verify finds it.",
    frames: "Nothing to be seen in frames.",
    filter: "",
    fix: "Send the file's own bytes. If the server has to encode, compare with --level pixels or --level \
         similar.",
    examples: examples::OWN_BYTES,
};
