"""Ten thousand connections at once to one of imgnet's servers: many.py PORT PID receive|catalog|raw-pixels.

`receive` and `raw-pixels`: each has sent half a picture. `catalog`: each has chosen and reads nothing. Meanwhile another one
is served from beginning to end; then all go on."""
import os, resource, socket, struct, sys, time, zlib

port, server, mode = int(sys.argv[1]), sys.argv[2], sys.argv[3]
COUNT = 10000
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

def png(width=160, height=120):
    raw = b"".join(b"\0" + os.urandom(width * 3) for _ in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(raw, 0)) + chunk(b"IEND", b""))

def resident(field="VmRSS"):
    with open(f"/proc/{server}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field)) // 1024

def read_all(peer):
    total = 0
    while data := peer.recv(1 << 20):
        total += len(data)
    return total

if mode == "make":
    with open(server, "wb") as file:
        file.write(png())
    sys.exit()
picture = os.urandom(160 * 120 * 3) if mode == "raw-pixels" else png()
first, rest = (b"1", b"") if mode == "catalog" else (picture[:len(picture) // 2], picture[len(picture) // 2:])

start = time.time()
peers = []
for _ in range(COUNT):
    # Small, so that answers wait in the server and not in the system.
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.connect(("127.0.0.1", port))
    peer.sendall(first)
    peers.append(peer)
print(f"{mode}: {COUNT:,} connections after {time.time() - start:.2f} s", end=", ")
time.sleep(1)
print(f"server {resident()} MiB", end=", ")
start = time.time()
one = socket.create_connection(("127.0.0.1", port))
one.sendall(first + rest)
one.shutdown(1)
read_all(one)
print(f"another served in {(time.time() - start) * 1000:.1f} ms", end=", ")
start = time.time()
for peer in peers:
    peer.sendall(rest)
    peer.shutdown(1)
sizes = {read_all(peer) for peer in peers}
assert len(sizes) == 1, sizes
print(f"all done {time.time() - start:.2f} s later, server {resident()} MiB, at most {resident('VmHWM')} MiB")
