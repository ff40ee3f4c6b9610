"""Peers as people write them: the programs P1 to P5 of docs/wire-formats.md, with nothing but sockets.

    python3 peers.py NAME HOST PORT [FILE...]

Each name is a program; `-naive` is the variant with the mistake that its users make. All end with 0 when they did what
such a program does, whether or not that was right.
"""

import socket
import sys
import time

MARKER = b"%IMAGE_COMPLETED%"
CHUNK = 2048
HOST, PORT, FILES = sys.argv[2], int(sys.argv[3]), sys.argv[4:]


def connected():
    peer = socket.create_connection((HOST, PORT))
    peer.settimeout(20)
    return peer


def family():
    return socket.AF_INET6 if ":" in HOST else socket.AF_INET


def listening(kind=socket.SOCK_STREAM):
    listener = socket.socket(family(), kind)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.settimeout(20)
    listener.bind((HOST, PORT))
    if kind == socket.SOCK_STREAM:
        listener.listen(5)
    # Whoever started this waits for the port.
    print(listener.getsockname()[1], flush=True)
    return listener


def read(name):
    with open(name, "rb") as file:
        return file.read()


def write(name, data):
    with open(name, "wb") as file:
        file.write(data)


def send_marker(peer, data):
    for start in range(0, len(data), CHUNK):
        peer.send(data[start:start + CHUNK])
    peer.send(MARKER)


def naive_until_marker(peer):
    """The mistake: one recv() is taken for one send()."""
    data = b""
    while True:
        chunk = peer.recv(CHUNK)
        if chunk == MARKER:
            return data
        if not chunk:
            sys.exit("closed before the marker")
        data += chunk


def until_marker(peer):
    data = b""
    while not data.endswith(MARKER):
        chunk = peer.recv(CHUNK)
        if not chunk:
            sys.exit("closed before the marker")
        data += chunk
    return data[:-len(MARKER)]


def until_closed(peer, size):
    data = b""
    while True:
        chunk = peer.recv(size)
        if not chunk:
            return data
        data += chunk


# P1: the parallel pipeline.

def p1_upload():
    peer = connected()
    send_marker(peer, read(FILES[0]))
    peer.close()


def p1_worker(receive=until_marker):
    peer = connected()
    strip = receive(peer)
    send_marker(peer, strip)
    peer.close()


def p1_worker_hang():
    peer = connected()
    until_marker(peer)
    try:
        peer.recv(1)
    except OSError:
        pass


def p1_worker_die():
    connected().close()


def p1_server(receive=until_marker):
    listener = listening()
    uploader, _ = listener.accept()
    write(FILES[0], receive(uploader))
    strip = read(FILES[1])
    for result in FILES[2:]:
        worker, _ = listener.accept()
        send_marker(worker, strip)
        write(result, receive(worker))


# P2: until the end of the stream.

def p2_client():
    peer = connected()
    data = read(FILES[0])
    for start in range(0, len(data), 1024):
        peer.send(data[start:start + 1024])
    peer.close()


def p2_client_early():
    peer = connected()
    data = read(FILES[0])
    peer.sendall(data[:len(data) // 2])
    peer.close()


def p2_server():
    peer, _ = listening().accept()
    write(FILES[0], until_closed(peer, 1024))
    peer.close()


# P3: the catalogue.

def p3_client():
    peer = connected()
    peer.send(b"1")
    write(FILES[0], until_closed(peer, 4096))
    peer.close()


def p3_client_naive():
    """The mistake: one recv() for the whole picture."""
    peer = connected()
    peer.send(b"1")
    write(FILES[0], peer.recv(40960))
    peer.close()


def p3_client_empty():
    """The mistake: an empty choice sends nothing, and both wait."""
    peer = connected()
    peer.send(b"")
    write(FILES[0], until_closed(peer, 4096))
    peer.close()


def p3_server():
    listener = listening()
    pictures = {"1": FILES[0], "2": FILES[1]}
    for _ in range(int(FILES[3])):
        peer, _ = listener.accept()
        choice = peer.recv(1024).decode()
        peer.sendall(read(pictures.get(choice, FILES[2])))
        peer.close()


# P4: rows of pixels.

def p4_sender():
    peer = connected()
    send_rows(peer)
    peer.close()


def send_rows(peer):
    data, row = read(FILES[0]), int(FILES[1]) * 3
    for start in range(0, len(data), row):
        peer.send(data[start:start + row])
        time.sleep(0.001)


def p4_listening_sender():
    peer, _ = listening().accept()
    send_rows(peer)
    peer.close()


def p4_receiver():
    peer, _ = listening().accept()
    write(FILES[0], until_closed(peer, int(FILES[1]) * 3))


def p4_receiver_naive():
    """The mistake: each recv() is taken for one row."""
    row = int(FILES[1]) * 3
    peer, _ = listening().accept()
    rows = []
    while True:
        chunk = peer.recv(row * 2)
        if not chunk:
            break
        if len(chunk) != row:
            return
        rows.append(chunk)
    write(FILES[0], b"".join(rows))


# P5: datagrams.

def p5_sender(end=True):
    peer = socket.socket(family(), socket.SOCK_DGRAM)
    data = read(FILES[0])
    for start in range(0, len(data), 1024):
        peer.sendto(data[start:start + 1024], (HOST, PORT))
        time.sleep(0.0005)
    if end:
        peer.sendto(b"", (HOST, PORT))


def p5_receiver():
    receiver = listening(socket.SOCK_DGRAM)
    data = b""
    while True:
        chunk, _ = receiver.recvfrom(65535)
        if not chunk:
            break
        data += chunk
    write(FILES[0], data)


def p5_receiver_silence():
    receiver = listening(socket.SOCK_DGRAM)
    data, _ = receiver.recvfrom(65535)
    receiver.settimeout(0.5)
    try:
        while True:
            data += receiver.recvfrom(65535)[0]
    except socket.timeout:
        write(FILES[0], data)


# The other formats of datagrams, and a receiver that asks for them.

def joined(kind, datagrams):
    """One picture out of its datagrams; None as long as it is not whole."""
    last = datagrams[-1]
    if kind == "udp":
        return b"".join(datagrams) if not last else None
    if kind == "udp-jpeg":
        return last
    if kind == "udp-count":
        count, pieces = int(datagrams[0]), datagrams[1:]
        return b"".join(pieces) if len(pieces) == count else None
    pieces = {int.from_bytes(d[:2], "big"): d[4:] for d in datagrams}
    total = int.from_bytes(last[2:4], "big")
    return b"".join(pieces[i] for i in range(total)) if len(pieces) == total else None


def datagrams_asked(peer, kind):
    datagrams, whole = [], None
    while whole is None:
        datagrams.append(peer.recv(65535))
        whole = joined(kind, datagrams)
    return whole


def udp_asker():
    """FILES: the format, then one file for each picture."""
    peer = socket.socket(family(), socket.SOCK_DGRAM)
    peer.settimeout(20)
    peer.sendto(b"hello", (HOST, PORT))
    for name in FILES[1:]:
        write(name, datagrams_asked(peer, FILES[0]))


def udp_kind_receiver():
    receiver = listening(socket.SOCK_DGRAM)
    for name in FILES[1:]:
        write(name, datagrams_asked(receiver, FILES[0]))


def udp_kind_datagrams(kind, data):
    pieces = [data[start:start + 1024] for start in range(0, len(data), 1024)]
    if kind == "udp":
        return pieces + [b""]
    if kind == "udp-jpeg":
        return [data]
    if kind == "udp-count":
        return [b"%d" % len(pieces)] + pieces
    total = len(pieces).to_bytes(2, "big")
    return [i.to_bytes(2, "big") + total + piece for i, piece in enumerate(pieces)]


def udp_kind_sender():
    peer = socket.socket(family(), socket.SOCK_DGRAM)
    for datagram in udp_kind_datagrams(FILES[0], read(FILES[1])):
        peer.sendto(datagram, (HOST, PORT))
        time.sleep(0.0005)


def udp_kind_waiting_sender():
    """Waits for whoever wants the picture."""
    sender = listening(socket.SOCK_DGRAM)
    _, asker = sender.recvfrom(65535)
    for datagram in udp_kind_datagrams(FILES[0], read(FILES[1])):
        sender.sendto(datagram, asker)
        time.sleep(0.0005)


# Other people's formats.

def size_client():
    peer = connected()
    data = read(FILES[0])
    peer.sendall(b"SIZE %d" % len(data))
    assert peer.recv(4096) == b"GOT SIZE"
    peer.sendall(data)
    assert peer.recv(4096) == b"GOT IMAGE"
    peer.sendall(b"BYE BYE")
    peer.close()


def size_server():
    peer, _ = listening().accept()
    size = int(peer.recv(4096).split()[1])
    peer.sendall(b"GOT SIZE")
    data = b""
    while len(data) < size:
        data += peer.recv(4096)
    peer.sendall(b"GOT IMAGE")
    assert peer.recv(4096) == b"BYE BYE"
    write(FILES[0], data)


def half_close_client():
    peer = connected()
    peer.sendall(read(FILES[0]))
    peer.shutdown(socket.SHUT_WR)
    assert until_closed(peer, 100) == b"OK"


def half_close_server():
    peer, _ = listening().accept()
    data = until_closed(peer, 4096)
    peer.sendall(b"thank you")
    peer.close()
    write(FILES[0], data)


PROGRAMS = {
    "p1-upload": p1_upload,
    "p1-worker": p1_worker,
    "p1-worker-naive": lambda: p1_worker(naive_until_marker),
    "p1-worker-hang": p1_worker_hang,
    "p1-worker-die": p1_worker_die,
    "p1-server": p1_server,
    "p1-server-naive": lambda: p1_server(naive_until_marker),
    "p2-client": p2_client,
    "p2-client-early": p2_client_early,
    "p2-server": p2_server,
    "p3-client": p3_client,
    "p3-client-naive": p3_client_naive,
    "p3-client-empty": p3_client_empty,
    "p3-server": p3_server,
    "p4-sender": p4_sender,
    "p4-listening-sender": p4_listening_sender,
    "p4-receiver": p4_receiver,
    "p4-receiver-naive": p4_receiver_naive,
    "p5-sender": p5_sender,
    "p5-sender-no-end": lambda: p5_sender(False),
    "p5-receiver": p5_receiver,
    "p5-receiver-silence": p5_receiver_silence,
    "udp-asker": udp_asker,
    "udp-kind-receiver": udp_kind_receiver,
    "udp-kind-sender": udp_kind_sender,
    "udp-kind-waiting-sender": udp_kind_waiting_sender,
    "size-client": size_client,
    "size-server": size_server,
    "half-close-client": half_close_client,
    "half-close-server": half_close_server,
}

if __name__ == "__main__":
    PROGRAMS[sys.argv[1]]()
