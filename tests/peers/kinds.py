"""The wire formats as people's programs speak them, with nothing but the standard library.

`send` and `receive` are one side of a transfer over a connection, `datagrams` and `joined` over UDP.
"""

import hashlib
import random
import socket
import struct
import time
import zlib

MARKER = b"%IMAGE_COMPLETED%"
LENGTHS = {"u16be": ">H", "u16le": "<H", "u32be": ">I", "u32le": "<I", "u64be": ">Q", "u64le": "<Q"}
TCP = (
    ["eof", "marker", "marker=<END>", "half-close"]
    + ["length=" + name for name in LENGTHS]
    + ["length=ascii64", "length=ascii16", "length=ascii10", "size-handshake", "size-handshake=bare", "name-size-marker"]
    + ["raw-pixels", "framed"]
)
UDP = ["udp", "udp-jpeg", "udp-index", "udp-count"]


def png(width, height, seed=1):
    """A PNG that does not compress, and its pixels as rows of BGR24."""
    noise = random.Random(seed)
    rgb = [noise.randbytes(width * 3) for _ in range(height)]

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rgb))
    file = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return file, b"".join(row[i:i + 3][::-1] for row in rgb for i in range(0, width * 3, 3))


def rows_of_png(file):
    """Rows of BGR24 of a PNG of 8 bits and three channels."""
    at, data = 8, b""
    width = height = 0
    while at < len(file):
        length, name = struct.unpack(">I4s", file[at:at + 8])
        body = file[at + 8:at + 8 + length]
        if name == b"IHDR":
            width, height = struct.unpack(">II", body[:8])
        elif name == b"IDAT":
            data += body
        at += 12 + length
    data, stride = zlib.decompress(data), width * 3
    before, out = bytearray(stride), b""
    for y in range(height):
        kind = data[y * (stride + 1)]
        row = bytearray(data[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for x in range(stride):
            left = row[x - 3] if x >= 3 else 0
            up, corner = before[x], before[x - 3] if x >= 3 else 0
            if kind == 1:
                row[x] = (row[x] + left) & 255
            elif kind == 2:
                row[x] = (row[x] + up) & 255
            elif kind == 3:
                row[x] = (row[x] + (left + up) // 2) & 255
            elif kind == 4:
                guess = left + up - corner
                nearest = min((left, up, corner), key=lambda value: abs(guess - value))
                row[x] = (row[x] + nearest) & 255
        before = row
        out += b"".join(bytes(row[i:i + 3][::-1]) for i in range(0, stride, 3))
    return out


def marker_of(kind):
    return kind.split("=", 1)[1].encode() if "=" in kind else MARKER


def until_closed(peer):
    data = b""
    while piece := peer.recv(65536):
        data += piece
    return data


def exactly(peer, count):
    data = b""
    while len(data) < count:
        piece = peer.recv(count - len(data))
        if not piece:
            raise EOFError(f"closed after {len(data)} of {count} bytes")
        data += piece
    return data


def in_pieces(peer, data, size, pause=0.0):
    for start in range(0, len(data), size):
        peer.sendall(data[start:start + size])
        if pause:
            time.sleep(pause)


def framed_header(data):
    digest = hashlib.sha256(data).digest()
    return b"\x93imgnet\n" + struct.pack(">BBHIQQ", 1, 0, 64, 1024, 7, len(data)) + digest


def send(peer, kind, data, row=0):
    """Sends a picture and closes as such a program does. For raw-pixels the data are rows of `row` bytes."""
    name, _, value = kind.partition("=")
    if name == "marker":
        in_pieces(peer, data, 2048)
        peer.sendall(marker_of(kind))
    elif name == "length":
        digits = value.removeprefix("ascii")
        head = struct.pack(LENGTHS[value], len(data)) if value in LENGTHS else str(len(data)).encode().ljust(int(digits))
        peer.sendall(head)
        in_pieces(peer, data, 4096)
    elif name == "size-handshake":
        bare = value == "bare"
        peer.sendall(b"%d" % len(data) if bare else b"SIZE %d" % len(data))
        peer.recv(64)
        peer.sendall(data)
        peer.recv(64)
        if not bare:
            peer.sendall(b"BYE BYE")
    elif name == "name-size-marker":
        peer.sendall(b"cat.png%d" % len(data) + data + b"<END>")
    elif name == "raw-pixels":
        in_pieces(peer, data, row, 0.001)
    elif name == "framed":
        peer.sendall(framed_header(data) + data)
    elif name == "half-close":
        in_pieces(peer, data, 1024)
        peer.shutdown(socket.SHUT_WR)
        until_closed(peer)
    else:
        in_pieces(peer, data, 1024)
    peer.close()


def receive(peer, kind):
    """Receives a picture, and closes."""
    name, _, value = kind.partition("=")
    if name == "marker":
        data, marker = b"", marker_of(kind)
        while not data.endswith(marker):
            piece = peer.recv(2048)
            if not piece:
                raise EOFError("closed before the marker")
            data += piece
        data = data[:-len(marker)]
    elif name == "length":
        size = int(value.removeprefix("ascii")) if value not in LENGTHS else struct.calcsize(LENGTHS[value])
        head = exactly(peer, size)
        data = exactly(peer, struct.unpack(LENGTHS[value], head)[0] if value in LENGTHS else int(head))
    elif name == "size-handshake":
        bare = value == "bare"
        size = int(peer.recv(64).split()[-1])
        peer.sendall(b"OK" if bare else b"GOT SIZE")
        data = exactly(peer, size)
        peer.sendall(b"OK" if bare else b"GOT IMAGE")
        until_closed(peer)
    elif name == "name-size-marker":
        data = until_closed(peer)
        data = data[data.index(b"\x89PNG"):].removesuffix(b"<END>")
    elif name == "framed":
        head = exactly(peer, 64)
        data = exactly(peer, struct.unpack(">Q", head[24:32])[0])
        assert hashlib.sha256(data).digest() == head[32:]
    elif name == "half-close":
        data = until_closed(peer)
        peer.sendall(b"OK")
    else:
        data = until_closed(peer)
    peer.close()
    return data


def datagrams(kind, data, size=1024):
    pieces = [data[start:start + size] for start in range(0, len(data), size)]
    if kind == "udp":
        return pieces + [b""]
    if kind == "udp-jpeg":
        return [data]
    if kind == "udp-count":
        return [b"%d" % len(pieces)] + pieces
    total = len(pieces).to_bytes(2, "big")
    return [i.to_bytes(2, "big") + total + piece for i, piece in enumerate(pieces)]


def joined(kind, came):
    """The picture of these datagrams; None as long as it is not whole."""
    last = came[-1]
    if kind == "udp":
        return b"".join(came) if not last else None
    if kind == "udp-jpeg":
        return last
    if kind == "udp-count":
        return b"".join(came[1:]) if len(came) - 1 == int(came[0]) else None
    pieces = {int.from_bytes(datagram[:2], "big"): datagram[4:] for datagram in came}
    total = int.from_bytes(last[2:4], "big")
    return b"".join(pieces[i] for i in range(total)) if len(pieces) == total else None


def send_datagrams(peer, to, kind, data):
    for datagram in datagrams(kind, data):
        peer.sendto(datagram, to)
        time.sleep(0.0005)


def receive_datagrams(peer, kind):
    came, whole = [], None
    while whole is None:
        came.append(peer.recv(65535))
        whole = joined(kind, came)
    return whole


def json_port(line):
    """The port in the line of JSON by which a server says that it listens."""
    import json

    return int(json.loads(line)["address"].rsplit(":", 1)[1])
