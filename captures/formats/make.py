#!/usr/bin/env python3
"""Both ends of a transfer in each of the formats that imgnet reads, with the standard library alone.

make.sh runs it in a network namespace: make.py FORMAT photo.jpg chart.png
"""
import base64
import gzip
import http.server
import pickle
import socket
import struct
import sys
import threading
import time
import urllib.request

HOST, PORT = "127.0.0.1", 7000
FORMAT = sys.argv[1]
PICTURES = [open(path, "rb").read() for path in sys.argv[2:]]
PHOTO, CHART = PICTURES[:2]


def exactly(sock, count):
    data = b""
    while len(data) < count:
        part = sock.recv(count - len(data))
        if not part:
            raise SystemExit(f"{FORMAT}: closed after {len(data)} of {count} bytes")
        data += part
    return data


def until_close(sock):
    parts = []
    while part := sock.recv(65536):
        parts.append(part)
    return b"".join(parts)


def tcp(server, client):
    listener = socket.create_server((HOST, PORT))
    failed = []

    def serve():
        try:
            peer, _ = listener.accept()
            with peer:
                server(peer)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=serve)
    thread.start()
    with socket.create_connection((HOST, PORT)) as sock:
        client(sock)
    thread.join()
    assert not failed, failed


def half_close():
    def server(sock):
        assert until_close(sock) == PHOTO
        sock.sendall(b"thank you")

    def client(sock):
        sock.sendall(PHOTO)
        sock.shutdown(socket.SHUT_WR)
        assert until_close(sock) == b"thank you"

    tcp(server, client)


def size_handshake():
    def server(sock):
        for picture in PICTURES:
            words = sock.recv(4096).split()
            assert words[0] == b"SIZE"
            sock.sendall(b"GOT SIZE")
            assert exactly(sock, int(words[1])) == picture
            sock.sendall(b"GOT IMAGE")
        assert sock.recv(4096) == b"BYE BYE"

    def client(sock):
        for picture in PICTURES:
            sock.sendall(b"SIZE %d" % len(picture))
            assert sock.recv(4096) == b"GOT SIZE"
            sock.sendall(picture)
            assert sock.recv(4096) == b"GOT IMAGE"
        sock.sendall(b"BYE BYE")

    tcp(server, client)


def size_handshake_bare():
    def server(sock):
        size = int(sock.recv(1024))
        sock.sendall(b"OK")
        assert exactly(sock, size) == CHART

    def client(sock):
        sock.sendall(str(len(CHART)).encode())
        assert sock.recv(1024) == b"OK"
        sock.sendall(CHART)

    tcp(server, client)


def name_size_marker():
    def client(sock):
        sock.sendall(b"photo.jpg")
        sock.sendall(str(len(PHOTO)).encode())
        sock.sendall(PHOTO)
        sock.sendall(b"<END>")

    tcp(until_close, client)


def pickled():
    def server(sock):
        for number, picture in enumerate(PICTURES * 2):
            (size,) = struct.unpack("Q", exactly(sock, 8))
            assert pickle.loads(exactly(sock, size))["frame"] == picture

    def client(sock):
        for number, picture in enumerate(PICTURES * 2):
            data = pickle.dumps({"number": number, "frame": picture}, protocol=2 + number)
            sock.sendall(struct.pack("Q", len(data)) + data)

    tcp(server, client)


def base64_text():
    tcp(until_close, lambda sock: sock.sendall(base64.b64encode(PHOTO)))


def base64_lines():
    def client(sock):
        data = base64.encodebytes(PHOTO)
        sock.sendall(struct.pack("!I", len(data)) + data)

    tcp(until_close, client)


def udp(datagrams):
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind((HOST, PORT))
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for datagram in datagrams:
        sender.sendto(datagram, (HOST, PORT))
        time.sleep(0.001)


def pieces(picture, size):
    return [picture[at : at + size] for at in range(0, len(picture), size)]


def udp_jpeg():
    udp(PICTURES)


def udp_index():
    datagrams = []
    for picture in PICTURES:
        parts = pieces(picture, 1200)
        datagrams += [struct.pack("!HH", i, len(parts)) + part for i, part in enumerate(parts)]
    datagrams[3], datagrams[4] = datagrams[4], datagrams[3]
    datagrams.insert(6, datagrams[5])
    udp(datagrams)


def udp_index_lost():
    parts = pieces(PHOTO, 1200)
    datagrams = [b"%05d%05d" % (i, len(parts)) + part for i, part in enumerate(parts)]
    del datagrams[2]
    udp(datagrams)


def udp_countdown():
    datagrams = []
    for picture in PICTURES:
        parts = pieces(picture, 1200)
        datagrams += [struct.pack("B", len(parts) - i) + part for i, part in enumerate(parts)]
    udp(datagrams)


def udp_offset():
    udp(struct.pack("<I", at) + PHOTO[at : at + 1000] for at in range(0, len(PHOTO), 1000))


def udp_count():
    datagrams = []
    for picture in PICTURES:
        parts = pieces(picture, 1200)
        datagrams += [str(len(parts)).encode(), *parts]
    udp(datagrams)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, body, *fields, kind="image/jpeg"):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        for name, value in fields:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        if self.path == "/photo.jpg":
            self.answer(PHOTO, ("Content-Length", str(len(PHOTO))))
        elif self.path == "/chart.png":
            body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces(CHART, 500))
            self.answer(body + b"0\r\n\r\n", ("Transfer-Encoding", "chunked"), kind="image/png")
        elif self.path == "/photo.gz":
            body = gzip.compress(PHOTO)
            fields = ("Content-Encoding", "gzip"), ("Content-Length", str(len(body)))
            self.answer(body, *fields)
        elif self.path == "/stream":
            self.close_connection = True
            kind = "multipart/x-mixed-replace; boundary=frame"
            part = b"--frame\r\nContent-Type: image/jpeg\r\n\r\n%s\r\n"
            self.answer(part % PHOTO * 3 + b"--frame--\r\n", ("Connection", "close"), kind=kind)
        else:
            body = b"<html>nothing here</html>"
            self.answer(body, ("Content-Length", str(len(body))), kind="text/html")

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(b"OK", ("Content-Length", "2"), kind="text/plain")


def http_server():
    server = http.server.ThreadingHTTPServer((HOST, PORT), Handler)
    threading.Thread(target=server.serve_forever).start()
    with socket.create_connection((HOST, PORT)) as sock:
        for method, path in [
            ("HEAD", "/photo.jpg"),
            ("GET", "/photo.jpg"),
            ("GET", "/"),
            ("GET", "/chart.png"),
            ("GET", "/photo.gz"),
            ("GET", "/stream"),
        ]:
            sock.sendall(f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        until_close(sock)
    form = b'--XX\r\nContent-Disposition: form-data; name="f"; filename="a.png"\r\n\r\n%s\r\n--XX--\r\n'
    request = urllib.request.Request(
        f"http://{HOST}:{PORT}/upload",
        data=form % CHART,
        headers={"Content-Type": "multipart/form-data; boundary=XX"},
    )
    assert urllib.request.urlopen(request).read() == b"OK"
    server.shutdown()


def zmtp():
    """What a REQ and a REP socket of ZeroMQ say, written by hand (37/ZMTP)."""

    def frame(body, more=False):
        flags = 1 if more else 0
        if len(body) > 255:
            return struct.pack("!BQ", flags | 2, len(body)) + body
        return struct.pack("!BB", flags, len(body)) + body

    def ready(kind):
        body = b"\x05READY\x0bSocket-Type" + struct.pack("!I", len(kind)) + kind
        return struct.pack("!BB", 4, len(body)) + body

    greeting = b"\xff" + bytes(7) + b"\x01\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)

    def server(sock):
        sock.sendall(greeting)
        exactly(sock, 64)
        sock.sendall(ready(b"REP"))
        exactly(sock, len(ready(b"REQ")))
        for number, picture in enumerate(PICTURES):
            head = frame(b"", True) + frame(b'{"name": "camera"}', True)
            exactly(sock, len(head + frame(picture)))
            sock.sendall(frame(b"", True) + frame(b"OK"))
        assert until_close(sock) == b""

    def client(sock):
        sock.sendall(greeting)
        exactly(sock, 64)
        sock.sendall(ready(b"REQ"))
        exactly(sock, len(ready(b"REP")))
        for picture in PICTURES:
            sock.sendall(frame(b"", True) + frame(b'{"name": "camera"}', True) + frame(picture))
            exactly(sock, len(frame(b"", True) + frame(b"OK")))

    tcp(server, client)


FORMATS = {
    "half-close": half_close,
    "size-handshake": size_handshake,
    "size-handshake-bare": size_handshake_bare,
    "name-size-marker": name_size_marker,
    "pickled": pickled,
    "base64": base64_text,
    "base64-lines": base64_lines,
    "udp-jpeg": udp_jpeg,
    "udp-index": udp_index,
    "udp-index-lost": udp_index_lost,
    "udp-countdown": udp_countdown,
    "udp-offset": udp_offset,
    "udp-count": udp_count,
    "http": http_server,
    "zmtp": zmtp,
}
FORMATS[FORMAT]()
