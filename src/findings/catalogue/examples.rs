//! Examples that several entries share.

use super::{Example, Language};

const fn python(wrong: &'static str, right: &'static str) -> Example {
    Example {
        language: Language::Python,
        wrong,
        right,
    }
}

const fn rust(wrong: &'static str, right: &'static str) -> Example {
    Example {
        language: Language::Rust,
        wrong,
        right,
    }
}

const fn shell(wrong: &'static str, right: &'static str) -> Example {
    Example {
        language: Language::Shell,
        wrong,
        right,
    }
}

/// Wait for a marker in what was gathered, not in one read.
pub(super) const MARKER_BUFFER: &[Example] = &[
    python(
        "while True:\n    data = sock.recv(2048)\n    if data == MARKER:        # only if it comes alone\n        break\n    file.write(data)",
        "buffer = bytearray()\nwhile not buffer.endswith(MARKER):\n    data = sock.recv(2048)\n    if not data:\n        raise ConnectionError(\"closed before the marker\")\n    buffer += data\nfile.write(buffer[:-len(MARKER)])",
    ),
    rust(
        "let n = sock.read(&mut chunk)?;\nif &chunk[..n] == MARKER { break }",
        "while !buffer.ends_with(MARKER) {\n    let n = sock.read(&mut chunk)?;\n    if n == 0 { return Err(ErrorKind::UnexpectedEof.into()) }\n    buffer.extend_from_slice(&chunk[..n]);\n}\nbuffer.truncate(buffer.len() - MARKER.len());",
    ),
];

/// Send a length instead of a marker.
pub(super) const LENGTH_FIRST: &[Example] = &[
    python(
        "sock.sendall(picture)\nsock.sendall(b\"<END>\")       # these bytes may stand in the picture too",
        "sock.sendall(struct.pack(\"!I\", len(picture)))   # 4 bytes, big-endian\nsock.sendall(picture)",
    ),
    rust(
        "sock.write_all(&picture)?;\nsock.write_all(b\"<END>\")?;",
        "let length = u32::try_from(picture.len())?;\nsock.write_all(&length.to_be_bytes())?;\nsock.write_all(&picture)?;",
    ),
];

/// Send the marker before closing.
pub(super) const SEND_MARKER: &[Example] = &[
    python(
        "sock.sendall(picture)\nsock.close()",
        "sock.sendall(picture)\nsock.sendall(MARKER)\nsock.close()",
    ),
    rust(
        "sock.write_all(&picture)?;\ndrop(sock);",
        "sock.write_all(&picture)?;\nsock.write_all(MARKER)?;\ndrop(sock);",
    ),
];

/// Send everything.
pub(super) const SEND_ALL: &[Example] = &[
    python(
        "sock.send(picture)            # may take only a part, and says how much",
        "sock.sendall(picture)         # takes everything, or raises",
    ),
    rust(
        "sock.write(&picture)?;        // may take only a part, and says how much",
        "sock.write_all(&picture)?;    // takes everything, or fails",
    ),
];

/// Receive in a loop.
pub(super) const RECEIVE_LOOP: &[Example] = &[
    python(
        "picture = sock.recv(1_000_000)     # whatever is there by now\nsock.close()",
        "parts = []\nwhile data := sock.recv(65536):    # b\"\" means: the other side closed\n    parts.append(data)\npicture = b\"\".join(parts)\nsock.close()",
    ),
    rust(
        "let n = sock.read(&mut buffer)?;   // whatever is there by now\nlet picture = &buffer[..n];",
        "let mut picture = Vec::new();\nsock.read_to_end(&mut picture)?;   // until the other side closes",
    ),
];

/// Gather whole rows.
pub(super) const WHOLE_ROWS: &[Example] = &[
    python(
        "row = np.frombuffer(sock.recv(width * 3), np.uint8).reshape(1, width, 3)",
        "def exactly(sock, n):\n    data = bytearray()\n    while len(data) < n:\n        part = sock.recv(n - len(data))\n        if not part:\n            raise ConnectionError(\"closed in the middle of a row\")\n        data += part\n    return data\n\nrow = np.frombuffer(exactly(sock, width * 3), np.uint8).reshape(1, width, 3)",
    ),
    rust(
        "let n = sock.read(&mut row)?;      // may be half a row, or end in the next one",
        "sock.read_exact(&mut row)?;        // waits for the whole row",
    ),
];

/// Say width and height first.
pub(super) const SAY_WIDTH: &[Example] = &[
    python(
        "for row in image:\n    sock.sendall(row.tobytes())",
        "height, width, _ = image.shape\nsock.sendall(struct.pack(\"!II\", width, height))\nsock.sendall(image.tobytes())",
    ),
    rust(
        "for row in image.rows() { sock.write_all(row)?; }",
        "sock.write_all(&width.to_be_bytes())?;\nsock.write_all(&height.to_be_bytes())?;\nsock.write_all(image.as_raw())?;",
    ),
];

/// Close when done.
pub(super) const CLOSE: &[Example] = &[
    python(
        "sock.sendall(picture)\ninput(\"press Enter\")               # the other side waits as long",
        "with socket.create_connection(address) as sock:\n    sock.sendall(picture)\n    sock.shutdown(socket.SHUT_WR)    # \"that was all\"\n    answer = sock.recv(1024)         # reading still works",
    ),
    rust(
        "sock.write_all(&picture)?;\nstd::mem::forget(sock);",
        "sock.write_all(&picture)?;\nsock.shutdown(Shutdown::Write)?;      // \"that was all\"\nsock.read_to_end(&mut answer)?;      // reading still works",
    ),
];

/// Close an accepted connection.
pub(super) const CLOSE_ACCEPTED: &[Example] = &[
    python(
        "conn, _ = server.accept()\nwhile data := conn.recv(1024):\n    file.write(data)\n# conn stays open",
        "conn, _ = server.accept()\nwith conn:\n    while data := conn.recv(1024):\n        file.write(data)",
    ),
    rust(
        "connections.push(sock);           // kept for ever",
        "io::copy(&mut sock, &mut file)?;\ndrop(sock);                        // closes",
    ),
];

/// Read the length that was written.
pub(super) const SAME_LENGTH: &[Example] = &[
    python(
        "sock.sendall(struct.pack(\"L\", len(data)))     # 8 bytes here, 4 on Windows, own byte order\nlength, = struct.unpack(\"!I\", sock.recv(4))",
        "sock.sendall(struct.pack(\"!I\", len(data)))    # 4 bytes, big-endian, everywhere\nlength, = struct.unpack(\"!I\", exactly(sock, 4))",
    ),
    rust(
        "sock.write_all(&data.len().to_ne_bytes())?;   // usize, own byte order",
        "sock.write_all(&u32::try_from(data.len())?.to_be_bytes())?;",
    ),
];

/// Declare what is sent.
pub(super) const LENGTH_OF_DATA: &[Example] = &[
    python(
        "size = os.path.getsize(path)\nok, data = cv2.imencode(\".jpg\", image)      # other bytes than the file's\nsock.sendall(struct.pack(\"!I\", size) + data.tobytes())",
        "data = data.tobytes()\nsock.sendall(struct.pack(\"!I\", len(data)) + data)",
    ),
    rust(
        "let size = fs::metadata(path)?.len() as u32;\nsock.write_all(&size.to_be_bytes())?;\nsock.write_all(&encode(&image))?;",
        "let data = encode(&image);\nsock.write_all(&u32::try_from(data.len())?.to_be_bytes())?;\nsock.write_all(&data)?;",
    ),
];

/// Separate text fields.
pub(super) const SEPARATE_FIELDS: &[Example] = &[
    python(
        "sock.send(name.encode())\nsock.send(str(size).encode())     # \"cat.jpg18631\": one text",
        "sock.sendall(f\"{name}\\n{size}\\n\".encode())\n# the other side:\nlines = sock.makefile(\"rb\")\nname, size = lines.readline().rstrip(), int(lines.readline())\npicture = lines.read(size)",
    ),
    rust(
        "write!(sock, \"{name}\")?;\nwrite!(sock, \"{size}\")?;",
        "writeln!(sock, \"{name}\")?;\nwriteln!(sock, \"{size}\")?;",
    ),
];

/// Bytes, not text.
pub(super) const BINARY: &[Example] = &[
    python(
        "with open(path, encoding=\"latin-1\") as file:      # turns 0d 0a into 0a\n    sock.sendall(file.read().encode(\"latin-1\"))",
        "with open(path, \"rb\") as file:\n    sock.sendall(file.read())",
    ),
    rust(
        "let text = String::from_utf8_lossy(&bytes);   // replaces what is no UTF-8\nsock.write_all(text.as_bytes())?;",
        "let bytes = std::fs::read(path)?;\nsock.write_all(&bytes)?;",
    ),
];

/// Never send nothing as a request.
pub(super) const NO_EMPTY_REQUEST: &[Example] = &[
    python(
        "choice = input(\"picture? \")\nsock.sendall(choice.encode())     # Enter alone: nothing goes out\nanswer = sock.recv(65536)         # waits for ever",
        "while not (choice := input(\"picture? \").strip()):\n    pass\nsock.sendall(choice.encode() + b\"\\n\")\nsock.settimeout(10)",
    ),
    rust(
        "sock.write_all(choice.as_bytes())?;",
        "if choice.is_empty() { return Err(\"choose a picture\".into()) }\nsock.set_read_timeout(Some(Duration::from_secs(10)))?;\nwriteln!(sock, \"{choice}\")?;",
    ),
];

/// Keep the marker out of the file.
pub(super) const STRIP_MARKER: &[Example] = &[
    python(
        "while data := sock.recv(2048):\n    file.write(data)              # the marker too",
        "data = b\"\".join(iter(lambda: sock.recv(2048), b\"\"))\nif not data.endswith(MARKER):\n    raise ValueError(\"no end marker\")\nfile.write(data.removesuffix(MARKER))",
    ),
    rust(
        "io::copy(&mut sock, &mut file)?;  // the marker too",
        "sock.read_to_end(&mut data)?;\nlet picture = data.strip_suffix(MARKER).ok_or(\"no end marker\")?;\nfile.write_all(picture)?;",
    ),
];

/// Send the file's own bytes.
pub(super) const OWN_BYTES: &[Example] = &[
    python(
        "ok, data = cv2.imencode(\".jpg\", cv2.imread(path))   # encoded afresh: other bytes",
        "data = pathlib.Path(path).read_bytes()             # the file as it is",
    ),
    rust(
        "image::open(path)?.write_to(&mut out, ImageFormat::Jpeg)?;",
        "let data = std::fs::read(path)?;",
    ),
];

/// A digest over what is sent.
pub(super) const DIGEST_OF_DATA: &[Example] = &[
    python(
        "digest = hashlib.sha256(image.tobytes()).digest()    # of the pixels\ndata = encode(image)\nsock.sendall(digest + data)",
        "data = encode(image)\nsock.sendall(hashlib.sha256(data).digest() + data)",
    ),
    rust(
        "let digest = Sha256::digest(image.as_raw());    // of the pixels",
        "let data = encode(&image);\nlet digest = Sha256::digest(&data);",
    ),
];

/// Bytes as they are, with their length.
pub(super) const NO_PICKLE: &[Example] = &[
    python(
        "image = pickle.loads(sock.recv(65536))     # a part, and from a stranger",
        "length, = struct.unpack(\"!I\", exactly(sock, 4))\nimage = decode(exactly(sock, length))",
    ),
    rust(
        "let n = sock.read(&mut buffer)?;\nlet picture = decode(&buffer[..n])?;       // a part",
        "let mut picture = vec![0; length];\nsock.read_exact(&mut picture)?;\nlet picture = decode(&picture)?;",
    ),
];

/// Number the datagrams.
pub(super) const NUMBERED: &[Example] = &[
    python(
        "for i in range(0, len(data), 1024):\n    sock.sendto(data[i:i + 1024], address)",
        "total = -(-len(data) // 1024)\nfor k in range(total):\n    header = struct.pack(\"!II\", k, total)\n    sock.sendto(header + data[k * 1024:(k + 1) * 1024], address)",
    ),
    rust(
        "for piece in data.chunks(1024) { sock.send(piece)?; }",
        "let total = u32::try_from(data.chunks(1024).len())?;\nfor (k, piece) in (0u32..).zip(data.chunks(1024)) {\n    let head = [k.to_be_bytes(), total.to_be_bytes()].concat();\n    sock.send(&[&head, piece].concat())?;\n}",
    ),
];

/// Put pieces where they belong.
pub(super) const BY_NUMBER: &[Example] = &[
    python(
        "while packet := sock.recv(2048):\n    file.write(packet[8:])            # in order of arrival",
        "pieces = {}\nwhile len(pieces) < total:\n    packet = sock.recv(2048)\n    k, total = struct.unpack(\"!II\", packet[:8])\n    pieces[k] = packet[8:]            # twice is the same as once\npicture = b\"\".join(pieces[k] for k in range(total))",
    ),
    rust(
        "picture.extend_from_slice(&packet[8..n]);",
        "pieces.insert(number, packet[8..n].to_vec());   // a BTreeMap: sorted, each once\nlet picture: Vec<u8> = pieces.into_values().flatten().collect();",
    ),
];

/// Make room for datagrams, and give the receiver time.
pub(super) const ROOM: &[Example] = &[
    python(
        "for piece in pieces:\n    sock.sendto(piece, address)       # as fast as the loop goes",
        "receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)\n\nfor piece in pieces:\n    sock.sendto(piece, address)\n    time.sleep(0.001)                 # or wait for an answer every few pieces",
    ),
    rust(
        "for piece in &pieces { sock.send(piece)?; }",
        "socket2::SockRef::from(&receiver).set_recv_buffer_size(4 << 20)?;\n\nfor piece in &pieces {\n    sock.send(piece)?;\n    thread::sleep(Duration::from_millis(1));\n}",
    ),
];

/// Say that it is over, and do not wait for ever.
pub(super) const END_DATAGRAM: &[Example] = &[
    python(
        "for piece in pieces:\n    sock.sendto(piece, address)\n# the receiver: while True: sock.recv(2048)",
        "for piece in pieces:\n    sock.sendto(piece, address)\nfor _ in range(3):                    # it may be lost as well\n    sock.sendto(b\"\", address)\n# the receiver:\nsock.settimeout(2)",
    ),
    rust(
        "for piece in &pieces { sock.send(piece)?; }",
        "for piece in &pieces { sock.send(piece)?; }\nfor _ in 0..3 { sock.send(&[])?; }\n// the receiver:\nsock.set_read_timeout(Some(Duration::from_secs(2)))?;",
    ),
];

/// Datagrams that fit.
pub(super) const FITTING: &[Example] = &[
    python(
        "sock.sendto(picture[:60000], address)    # 41 fragments on Ethernet",
        "for i in range(0, len(picture), 1400):\n    sock.sendto(picture[i:i + 1400], address)",
    ),
    rust(
        "sock.send(&picture[..60_000])?;           // 41 fragments on Ethernet",
        "for piece in picture.chunks(1400) { sock.send(piece)?; }",
    ),
];

/// Read first, work afterwards.
pub(super) const READ_FIRST: &[Example] = &[
    python(
        "while data := sock.recv(2048):\n    parts.append(data)\n    show(decode(b\"\".join(parts)))    # slow, and nobody reads meanwhile",
        "while data := sock.recv(65536):\n    parts.append(data)\nshow(decode(b\"\".join(parts)))",
    ),
    rust(
        "while sock.read(&mut chunk)? > 0 { decode_what_is_there()?; }",
        "sock.read_to_end(&mut picture)?;\ndecode(&picture)?;",
    ),
];

/// Large writes.
pub(super) const LARGE_WRITES: &[Example] = &[
    python(
        "for i in range(0, len(data), 100):\n    sock.send(data[i:i + 100])",
        "sock.sendall(data)\n# or, where small pieces have to go out at once:\nsock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)",
    ),
    rust(
        "for piece in data.chunks(100) { sock.write_all(piece)?; }",
        "sock.write_all(&data)?;\n// or, where small pieces have to go out at once:\nsock.set_nodelay(true)?;",
    ),
];

/// Nothing urgent.
pub(super) const IN_THE_STREAM: &[Example] = &[python(
    "sock.send(chunk, socket.MSG_OOB)  # its last byte leaves the stream",
    "sock.sendall(chunk)",
)];

/// Look for losses.
pub(super) const LOOK_FOR_LOSS: &[Example] = &[shell(
    "# repeating the run until it is fast by chance",
    "ip -s link show dev eth0          # errors and drops of the card\nnstat -az | grep -i retrans       # what this machine sent again\nmtr -T -P 65432 HOST              # loss on the way",
)];

/// Leave TCP alone.
pub(super) const LEAVE_TCP_ALONE: &[Example] = &[
    python(
        "sock.sendall(chunk)\nif not sock.recv(2):              # an own acknowledgment for each chunk\n    sock.sendall(chunk)           # and an own retransmission",
        "sock.sendall(picture)             # TCP acknowledges and repeats by itself",
    ),
    rust(
        "while !acknowledged(&mut sock)? { sock.write_all(chunk)?; }",
        "sock.write_all(&picture)?;        // TCP acknowledges and repeats by itself",
    ),
];

/// Find what changes bytes.
pub(super) const FIND_DAMAGE: &[Example] = &[shell(
    "# trusting the picture because the connection did not break",
    "ethtool -S eth0 | grep -i -e err -e crc      # a faulty card or cable\nethtool -K eth0 rx off tx off                # checksums in the kernel, then try again\nimgnet verify run.pcap --sent a.png --received b.png",
)];

/// Capture everything.
pub(super) const CAPTURE_ALL: &[Example] = &[shell(
    "tcpdump -i any -w run.pcap",
    "imgnet capture -i eth0 -p 5050 -w run.pcapng\n# or\ntcpdump -i eth0 -B 65536 -s 262144 -w run.pcap port 5050",
)];

/// Whole frames.
pub(super) const WHOLE_FRAMES: &[Example] = &[shell(
    "tcpdump -s 96 -w run.pcap port 5050",
    "tcpdump -s 262144 -w run.pcap port 5050",
)];

/// Stop first, copy then.
pub(super) const STOP_FIRST: &[Example] = &[shell(
    "cp run.pcap /mnt/share/            # while tcpdump still writes\nkill -9 $(pidof tcpdump)",
    "kill -INT $PID_OF_TCPDUMP          # it writes what it holds, and ends\ncp run.pcap /mnt/share/",
)];

/// Start first.
pub(super) const START_FIRST: &[Example] = &[shell(
    "python3 client.py & tcpdump -w run.pcap port 5050",
    "imgnet capture -p 5050 -w run.pcapng -- python3 client.py",
)];

/// One place.
pub(super) const ONE_PLACE: &[Example] = &[shell(
    "tcpdump -i any -w run.pcap port 5050\nmergecap -w both.pcap client.pcap server.pcap",
    "tcpdump -i eth0 -w run.pcap port 5050\nimgnet analyze client.pcap        # each end for itself",
)];

/// Turn offloads off to look.
pub(super) const OFFLOADS: &[Example] = &[shell(
    "# \"checksum incorrect\" in red: no reason to look for a broken cable",
    "ethtool -K eth0 tx off tso off gso off gro off    # only to look; slower\nethtool -K eth0 tx on tso on gso on gro on        # afterwards",
)];

/// A steady clock.
pub(super) const STEADY_CLOCK: &[Example] = &[shell(
    "date -s \"12:00\"                    # in the middle of a capture",
    "chronyc makestep                   # before it\ntcpdump -w run.pcap port 5050",
)];

/// Raise a limit.
pub(super) const RAISE_LIMIT: &[Example] = &[shell(
    "imgnet analyze big.pcap",
    "imgnet analyze big.pcap --limit-streams 1000000 --limit-waiting-direction 256M",
)];

/// One recv returns what is there.
pub(super) const RECV_ALL: &[Example] = &[
    python(
        "data = sock.recv(length)             # what is there by now",
        "data = bytearray()\nwhile len(data) < length:\n    part = sock.recv(length - len(data))\n    if not part:\n        raise ConnectionError(\"closed before the end\")\n    data += part",
    ),
    rust(
        "let n = sock.read(&mut picture)?;",
        "sock.read_exact(&mut picture)?;",
    ),
];

/// The count that read returned, not a text's length.
pub(super) const COUNTED_BYTES: &[Example] = &[
    python(
        "sock.sendall(block.split(b\"\\0\")[0])  # a C string",
        "sock.sendall(block)                 # all its bytes",
    ),
    rust(
        "let text = CStr::from_bytes_until_nul(&block)?;\nsock.write_all(text.to_bytes())?;",
        "let n = file.read(&mut block)?;\nsock.write_all(&block[..n])?;",
    ),
];

/// The last block is short.
pub(super) const ONLY_WHAT_WAS_READ: &[Example] = &[
    python(
        "while file.readinto(block):\n    sock.sendall(block)",
        "while n := file.readinto(block):\n    sock.sendall(block[:n])",
    ),
    rust(
        "while file.read(&mut block)? > 0 {\n    sock.write_all(&block)?;\n}",
        "std::io::copy(&mut file, &mut sock)?;",
    ),
];

/// The header first, then the picture.
pub(super) const HEADER_OFF: &[Example] = &[
    python(
        "file.write(everything)",
        "head, picture = everything.split(b\"\\r\\n\\r\\n\", 1)\nfile.write(picture)",
    ),
    rust(
        "sock.read_to_end(&mut everything)?;\nfile.write_all(&everything)?;",
        "sock.read_exact(&mut header)?;\nstd::io::copy(&mut sock, &mut file)?;",
    ),
];

/// Say which file is opened.
pub(super) const RIGHT_FILE: &[Example] = &[
    python(
        "data = open(\"photo.jpg\", \"rb\").read()  # of whatever folder it runs in",
        "path = Path(__file__).with_name(\"photo.jpg\")\ndata = path.read_bytes()",
    ),
    rust(
        "let data = std::fs::read(\"photo.jpg\")?;",
        "let path = folder.join(\"photo.jpg\");\nlet data = std::fs::read(&path)?;",
    ),
];

/// A file that was read is at its end.
pub(super) const READ_ONCE: &[Example] = &[
    python(
        "size = len(file.read())\nsock.sendall(struct.pack(\">I\", size) + file.read())  # nothing is left",
        "data = file.read()\nsock.sendall(struct.pack(\">I\", len(data)) + data)",
    ),
    rust(
        "file.read_to_end(&mut checked)?;\nfile.read_to_end(&mut data)?;        // nothing is left",
        "file.read_to_end(&mut data)?;",
    ),
];

/// A file has a length; its end bytes may stand in the middle.
pub(super) const BY_LENGTH: &[Example] = &[
    python(
        "end = data.index(b\"\\xff\\xd9\") + 2\nsock.sendall(data[:end])",
        "sock.sendall(data)",
    ),
    rust(
        "let end = data.windows(2).position(|two| two == [0xff, 0xd9]);\nsock.write_all(&data[..end.unwrap() + 2])?;",
        "sock.write_all(&data)?;",
    ),
];

/// What is buffered has to go out.
pub(super) const FLUSHED: &[Example] = &[
    python(
        "writer = sock.makefile(\"wb\")\nwriter.write(data)\nsock.close()",
        "with sock.makefile(\"wb\") as writer:\n    writer.write(data)\nsock.close()",
    ),
    rust(
        "writer.write_all(&data)?;\nsock.shutdown(Shutdown::Write)?;",
        "writer.write_all(&data)?;\nwriter.flush()?;\nsock.shutdown(Shutdown::Write)?;",
    ),
];

/// A line that its reader can tell from the next one.
pub(super) const ONE_LINE: &[Example] = &[
    python(
        "sock.sendall(str(len(data)).encode())         # no newline\nanswer = sock.recv(16)                        # the server's readline() never returns",
        "sock.sendall(f\"{len(data)}\\n\".encode())\nsock.settimeout(10)\nanswer = sock.recv(16)",
    ),
    rust(
        "write!(sock, \"{}\", data.len())?;            // read_line() on the other side waits",
        "writeln!(sock, \"{}\", data.len())?;\nsock.set_read_timeout(Some(Duration::from_secs(10)))?;",
    ),
];

/// Exactly as many bytes as announced.
pub(super) const UP_TO_THE_LENGTH: &[Example] = &[
    python(
        "while len(data) < length:\n    data += sock.recv(4096)          # may take the next header with it",
        "while len(data) < length:\n    part = sock.recv(min(4096, length - len(data)))\n    if not part:\n        raise ConnectionError(\"closed before the end\")\n    data += part",
    ),
    rust(
        "let n = sock.read(&mut block)?;",
        "std::io::copy(&mut sock.take(length), &mut file)?;",
    ),
];

/// The text is decoded before it is saved.
pub(super) const DECODE_TEXT: &[Example] = &[
    python("file.write(text)", "file.write(base64.b64decode(text))"),
    rust(
        "file.write_all(&text)?;",
        "file.write_all(&STANDARD.decode(&text)?)?;",
    ),
];

/// One writer for each socket.
pub(super) const ONE_WRITER: &[Example] = &[
    python(
        "for piece in pieces:\n    pickle.Pickler(stream).dump(piece)",
        "pickler = pickle.Pickler(stream)\nfor piece in pieces:\n    pickler.dump(piece)",
    ),
    rust(
        "for piece in pieces { Writer::new(&sock)?.write(piece)?; }",
        "let mut writer = Writer::new(&sock)?;\nfor piece in pieces { writer.write(piece)?; }",
    ),
];

/// Rows come first in an array's shape.
pub(super) const ROWS_FIRST: &[Example] = &[
    python(
        "frame = numpy.frombuffer(data, numpy.uint8).reshape(width, height, 3)",
        "frame = numpy.frombuffer(data, numpy.uint8).reshape(height, width, 3)",
    ),
    rust(
        "RgbImage::from_raw(height, width, data)",
        "RgbImage::from_raw(width, height, data)",
    ),
];

/// Know that somebody listens before connecting.
pub(super) const LISTEN_FIRST: &[Example] = &[
    python(
        "sock = socket.create_connection((\"127.0.0.1\", 5000))   # while nobody listens there yet",
        "server = socket.create_server((\"127.0.0.1\", 5000))     # first, in the other program\nsock = socket.create_connection((\"127.0.0.1\", 5000), timeout=5)",
    ),
    rust(
        "let sock = TcpStream::connect(\"127.0.0.1:5000\")?;        // while nobody listens there yet",
        "let server = TcpListener::bind(\"127.0.0.1:5000\")?;       // first, in the other program\nlet sock = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;",
    ),
];
