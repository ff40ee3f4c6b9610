"""The five systems with programs in the manner of their users, naive and right, on either side.

    python3 matrix.py --bin DIR [--runs 10] [--only WORD] [--check]

Each cell is a pair of programs, a size and an MTU, run so often in a private network under `imgnet capture`. Printed is how
many runs finished, hung (nothing moved for 3 s) or went wrong (other bytes came), and what the sniffer said of each run: from the
packets, and from the file that a naive receiver kept. With --check the exit code is 1 where a cell that can be ten of ten is not,
or where a run that did not finish was not explained; a cell that is not what it should be is run again on a busy machine, twice
at most, and every attempt is printed.
"""

import argparse
import collections
import concurrent.futures
import json
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import kinds

HANG = 3.0
# Runs of a cell at the same time, each on a port of its own: most of their time they wait.
AT_ONCE = 5
# A cell that is not what it should be is run so often under --check.
ATTEMPTS = 3
HOST = "127.0.0.1"
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
FORK = multiprocessing.get_context("fork")
MARKER = kinds.MARKER
BIN = ""
# Where naive receivers leave what they kept, in the folder of the cell.
KEPT = "kept"

# What a busy machine does to TCP is no fault of a program.
OF_THE_NETWORK = {"retransmission", "fast-retransmission", "spurious-retransmission", "out-of-order", "duplicate-ack", "zero-window",
                  "stall", "small-writes", "capture-gap", "kernel-drops"}


class Hung(Exception):
    pass


class Wrong(Exception):
    pass


class Missed(Wrong):
    """A naive receiver did not see the marker, and keeps what came up to the end of the connection."""

    def __init__(self, kept):
        super().__init__("closed before the marker")
        self.kept = kept


# Programs. Each ends with an exception where it cannot go on.

def connected(port):
    for _ in range(200):
        try:
            return socket.create_connection((HOST, port))
        except ConnectionRefusedError:
            time.sleep(0.01)
    raise Wrong("nobody listens")


def listening(port, kind=socket.SOCK_STREAM):
    listener = socket.socket(socket.AF_INET, kind)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    if kind == socket.SOCK_STREAM:
        listener.listen(5)
    return listener


def naive_marker(peer):
    """The mistake: one recv() is taken for one send()."""
    data = b""
    while True:
        piece = peer.recv(2048)
        if piece == MARKER:
            return data
        if not piece:
            raise Missed(data)
        data += piece


def right_marker(peer):
    data = b""
    while not data.endswith(MARKER):
        piece = peer.recv(2048)
        if not piece:
            raise Wrong("closed before the marker")
        data += piece
    return data[:-len(MARKER)]


def send_marker(peer, data):
    kinds.in_pieces(peer, data, 2048)
    peer.sendall(MARKER)


def upload(port, data):
    peer = connected(port)
    send_marker(peer, data)
    peer.close()


def worker(port, receive):
    peer = connected(port)
    send_marker(peer, receive(peer))
    peer.close()


def pipeline_server(port, receive, data, ready):
    listener = listening(port)
    ready.set()
    uploader, _ = listener.accept()
    if receive(uploader) != data:
        raise Wrong("another upload came")
    for _ in range(2):
        peer, _ = listener.accept()
        send_marker(peer, data)
        receive(peer)


def edit_server(port, receive, ready):
    listener = listening(port)
    ready.set()
    peer, _ = listener.accept()
    send_marker(peer, receive(peer))
    peer.close()


def edit_client(port, receive, data):
    peer = connected(port)
    send_marker(peer, data)
    receive(peer)
    peer.close()


def eof_receiver(port, data, ready):
    listener = listening(port)
    ready.set()
    peer, _ = listener.accept()
    if kinds.until_closed(peer) != data:
        raise Wrong("other bytes came")


def catalog_client(port, data, size):
    """One recv() of so many bytes, or as many as it takes."""
    peer = connected(port)
    peer.sendall(b"1")
    came = peer.recv(size) if size else kinds.until_closed(peer)
    peer.close()
    if came != data:
        raise Wrong(f"{len(came)} of {len(data)} bytes came")


def catalog_server(port, data, ready):
    listener = listening(port)
    ready.set()
    peer, _ = listener.accept()
    peer.recv(1024)
    peer.sendall(data)
    peer.close()


def rows_receiver(port, row, data, naive, ready):
    listener = listening(port)
    ready.set()
    peer, _ = listener.accept()
    came = b""
    while piece := peer.recv(row * 2 if naive else 65536):
        if naive and len(piece) != row:
            raise Wrong("a recv() was not a row")
        came += piece
    if came != data:
        raise Wrong("other bytes came")


def rows_sender(port, row, data):
    peer = connected(port)
    kinds.in_pieces(peer, data, row, 0.001)
    peer.close()


def datagram_receiver(port, data, ready):
    receiver = listening(port, socket.SOCK_DGRAM)
    ready.set()
    if kinds.receive_datagrams(receiver, "udp") != data:
        raise Wrong("other bytes came")


def datagram_asker(port, data):
    peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peer.sendto(b"hello", (HOST, port))
    if kinds.receive_datagrams(peer, "udp") != data:
        raise Wrong("other bytes came")


def guarded(results, kept, program, arguments):
    try:
        program(*arguments)
        results.put(None)
    except Exception as error:
        if isinstance(error, Missed) and kept:
            with open(kept, "wb") as file:
                file.write(error.kept)
        results.put(f"{type(error).__name__}: {error}")


class Round:
    """The programs of one run: they are ended whatever becomes of them."""

    def __init__(self, folder, kept=None):
        self.folder, self.kept = folder, kept
        self.peers, self.ours = [], []
        self.results = FORK.Queue()

    def peer(self, program, *arguments):
        process = FORK.Process(target=guarded, args=(self.results, self.kept, program, arguments), daemon=True)
        process.start()
        self.peers.append(process)

    def listening_peer(self, program, *arguments):
        ready = FORK.Event()
        self.peer(program, *arguments, ready)
        ready.wait(5)

    def our(self, program, *arguments):
        command = [os.path.join(BIN, program), *map(str, arguments), "--json", "--idle", "20"]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.ours.append(child)
        return child

    def our_server(self, *arguments):
        child = self.our("imgnet-server", *arguments)
        for line in child.stdout:
            if json.loads(line).get("event") == "listening":
                return
        raise Wrong("never listened")

    def ended(self):
        """Waits for all; who does not end in time hangs."""
        until = time.monotonic() + HANG + 7
        quiet = time.monotonic() + HANG
        waiting = list(self.peers) + list(self.ours)
        while waiting and time.monotonic() < min(until, quiet):
            left = [one for one in waiting if (one.is_alive() if hasattr(one, "is_alive") else one.poll() is None)]
            if len(left) < len(waiting):
                quiet = time.monotonic() + HANG
            waiting = left
            time.sleep(0.005)
        if waiting:
            raise Hung
        for _ in self.peers:
            if problem := self.results.get(timeout=5):
                raise Wrong(problem)
        for child in self.ours:
            if child.returncode != 0:
                raise Wrong(f"{child.args[0]}: exit {child.returncode}")

    def end(self):
        for process in self.peers:
            process.kill()
            process.join()
        for child in self.ours:
            child.kill()
            child.wait()
            child.stdout.close()


# Systems: who is ours, and who is naive. `run` gets a round, a port, the picture's file, its bytes and its rows.

def file_of(round_, data):
    path = os.path.join(round_.folder, "a.png")
    with open(path, "wb") as file:
        file.write(data)
    return path


def pipeline(server, client, receive):
    def run(round_, port, data, _rows, _row):
        if server == "ours":
            round_.our_server("pipeline", "--port", port, "--out", os.path.join(round_.folder, "out"), "--rounds", 1)
        else:
            round_.listening_peer(pipeline_server, port, naive_marker if server == "naive" else right_marker, data)
        at = f"{HOST}:{port}"
        if client == "ours":
            sender = round_.our("imgnet-client", "send", at, file_of(round_, data), "--protocol", "marker")
            sender.wait(HANG + 5)
            for _ in range(2):
                round_.our("imgnet-client", "work", at)
        else:
            round_.peer(upload, port, data)
            round_.peers[-1].join(HANG)
            for _ in range(2):
                round_.peer(worker, port, receive)
    return run


def edit(server, client):
    choose = {"naive": naive_marker, "right": right_marker}

    def run(round_, port, data, _rows, _row):
        if server == "ours":
            round_.our_server("edit", "--port", port, "--out", os.path.join(round_.folder, "out"), "--count", 1)
        else:
            round_.listening_peer(edit_server, port, choose[server])
        if client == "ours":
            round_.our("imgnet-client", "send", f"{HOST}:{port}", file_of(round_, data), "--protocol", "marker",
                       "--back", os.path.join(round_.folder, "back"))
        else:
            round_.peer(edit_client, port, choose[client], data)
    return run


def eof(server, client):
    def run(round_, port, data, _rows, _row):
        if server == "ours":
            round_.our_server("receive", "--port", port, "--out", os.path.join(round_.folder, "out"), "--count", 1)
        else:
            round_.listening_peer(eof_receiver, port, data)
        if client == "ours":
            round_.our("imgnet-client", "send", f"{HOST}:{port}", file_of(round_, data))
        else:
            round_.peer(lambda: kinds.send(connected(port), "eof", data))
    return run


def catalog(server, client):
    def run(round_, port, data, _rows, _row):
        if server == "ours":
            folder = os.path.join(round_.folder, "pictures")
            os.mkdir(folder)
            shutil.move(file_of(round_, data), folder)
            round_.our_server("catalog", "--port", port, "--import", folder, "--count", 1)
        else:
            round_.listening_peer(catalog_server, port, data)
        if client == "ours":
            round_.our("imgnet-client", "get", f"{HOST}:{port}", 1, "-o", os.path.join(round_.folder, "got"))
        else:
            round_.peer(catalog_client, port, data, 40_960_000 if client == "naive" else 0)
    return run


def rows(sender, receiver):
    def run(round_, port, data, pixels, row):
        if receiver == "ours":
            out = os.path.join(round_.folder, "got.png")
            child = round_.our("imgnet-client", "receive", "--listen", port, "--width", row // 3, "-o", out)
            child.stdout.readline()
        else:
            round_.listening_peer(rows_receiver, port, row, pixels, receiver == "naive")
        if sender == "ours":
            round_.our("imgnet-server", "stream", "--connect", f"{HOST}:{port}", file_of(round_, data))
        else:
            round_.peer(rows_sender, port, row, pixels)
    return run


def datagrams(sender, receiver):
    def run(round_, port, data, _pixels, _row):
        if sender == "ours, waits":
            round_.our_server("stream", "--port", port, "--protocol", "udp", file_of(round_, data))
            round_.peer(datagram_asker, port, data)
            return
        if receiver == "ours":
            round_.our_server("receive", "--port", port, "--protocol", "udp", "--out", os.path.join(round_.folder, "out"),
                              "--count", 1)
        else:
            round_.listening_peer(datagram_receiver, port, data)
        if sender == "ours":
            round_.our("imgnet-client", "send", f"{HOST}:{port}", file_of(round_, data), "--protocol", "udp")
        else:
            peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            round_.peer(kinds.send_datagrams, peer, (HOST, port), "udp", data)
    return run


class Cell(collections.namedtuple("Cell", "system server client size mtu run port format expected")):
    @property
    def name(self):
        return f"{self.system}, {self.server} × {self.client}, {self.size}, {self.mtu}"


# Name of a size: columns and rows of a picture that does not compress.
SIZES = {"6 KB": (50, 40), "77 KB": (160, 160), "100 KB": (182, 182), "137 KB": (214, 213), "500×360": (500, 360)}


def cells():
    """All cells. `expected`: ten of ten; or why not."""
    def of(system, port, form, make, pairs, sizes=("6 KB", "137 KB"), mtus=(65536, 1500), reason=None):
        for server, client in pairs:
            for size in sizes:
                for mtu in mtus:
                    why = reason(server, client, size, mtu) if reason else None
                    yield Cell(system, server, client, size, mtu, make(server, client), port, form, why)

    def marker(server, client, _size, _mtu):
        return "both naive" if "naive" in (server, client) and "ours" not in (server, client) else None

    def one_recv(_server, _client, size, mtu):
        if size == "137 KB":
            return "more than a receive queue takes at first"
        return "one recv() of many segments" if mtu == 1500 and size != "6 KB" else None

    def pipe(server, client):
        return pipeline(server, client, naive_marker if client == "naive" else right_marker)

    yield from of("P1 pipeline", 5050, "marker", pipe,
                  [("ours", "right"), ("ours", "naive"), ("right", "ours"), ("naive", "ours"), ("ours", "ours"),
                   ("right", "right")])
    yield from of("P1 pipeline", 5050, "marker", pipe, [("right", "naive")], ("6 KB",), (65536,), marker)
    yield from of("P1 on one connection", 5050, "marker", edit,
                  [("ours", "right"), ("ours", "naive"), ("right", "ours"), ("naive", "ours"), ("ours", "ours")], ("6 KB",))
    yield from of("P1 on one connection", 5050, "marker", edit, [("naive", "naive")], ("6 KB",), (65536,), marker)
    yield from of("P2 eof", 65432, "eof", eof, [("ours", "right"), ("right", "ours"), ("ours", "ours")])
    yield from of("P3 catalog", 40674, "catalog", catalog, [("ours", "right"), ("right", "ours"), ("ours", "ours")])
    yield from of("P3 catalog", 40674, "catalog", catalog, [("ours", "naive"), ("right", "naive")],
                  ("6 KB", "100 KB", "137 KB"), (65536, 1500), one_recv)
    yield from of("P4 rows", 9909, "raw-pixels={width}", lambda s, c: rows(c, s),
                  [("ours", "right"), ("right", "ours"), ("naive", "ours"), ("ours", "ours")], ("6 KB", "500×360"),
                  reason=lambda s, _c, size, mtu: "a row is longer than a segment" if (s, size, mtu) == ("naive", "500×360", 1500) else None)
    yield from of("P4 rows", 9909, "raw-pixels={width}", lambda s, c: rows(c, s), [("naive", "right")], ("500×360",), (65536,),
                  lambda *_: "neither is ours")
    yield from of("P5 datagrams", 6001, "udp", lambda s, c: datagrams(c, s),
                  [("ours", "right"), ("right", "ours"), ("ours", "ours"), ("right", "ours, waits")])


def inside(name, runs, result):
    """Runs a cell; the network is its own."""
    cell = next(cell for cell in cells() if cell.name == name)
    if cell.mtu != 65536:
        subprocess.run(["ip", "link", "set", "lo", "mtu", str(cell.mtu)], check=True)
        if shutil.which("ethtool"):
            subprocess.run(["ethtool", "-K", "lo", "tso", "off", "gso", "off", "gro", "off"], capture_output=True)
    width, height = SIZES[cell.size]
    # Pictures of equal length that differ from run to run: what was kept leads to its run.
    pictures = [kinds.png(width, height, seed) for seed in range(1, runs + 1)]

    def one(number):
        data, pixels = pictures[number]
        with tempfile.TemporaryDirectory() as folder:
            round_ = Round(folder, os.path.join(KEPT, f"{number}.png"))
            try:
                cell.run(round_, cell.port + number, data, pixels, width * 3)
                round_.ended()
                return "finished"
            except (Hung, subprocess.TimeoutExpired):
                return "hung"
            except Exception as error:
                return f"wrong: {error}"
            finally:
                round_.end()

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(one, range(runs)))
    # The frames of the last close are on their way.
    time.sleep(0.1)
    with open(result, "w") as file:
        json.dump(outcomes, file)


def run_of(stream, cell):
    """The number of the run that a stream belongs to: who listens has a port of the run's own, and says nothing first."""
    return int(stream["directions"][0]["to"].rsplit(":", 1)[1]) - cell.port


def measured(cell, runs, folder):
    """Runs a cell under the sniffer: what became of each run, and the names that the sniffer said of it that are no notes.

    Folder: where capture and files of the cell go. None where there is no private network, and why.
    """
    kept = os.path.join(folder, KEPT)
    os.mkdir(kept)
    capture, result = os.path.join(folder, "c.pcapng"), os.path.join(folder, "r.json")
    imgnet = os.path.join(BIN, "imgnet")
    command = [imgnet, "capture", "-q", "-w", capture, "--", PYTHON, os.path.abspath(__file__), "--bin", BIN, "--inside", cell.name,
               "--runs", str(runs), "--result", result]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    if not os.path.exists(result):
        return None, [done.stderr.strip().splitlines()[-1:] or ["nothing was said"]]
    form = cell.format.format(width=SIZES[cell.size][0])
    known = [f"--protocol={cell.port + number}={form}" for number in range(runs)]
    # A receiver that missed the marker and got the end of the connection looks on the wire like one that did not; its file tells.
    files = ["verify", "--received", kept] if os.listdir(kept) else ["analyze"]
    told = subprocess.run([imgnet, files[0], capture, *files[1:], "--format", "json", *known], capture_output=True, text=True)
    report = json.loads(told.stdout)
    numbers = {stream["id"]: run_of(stream, cell) for stream in report["streams"]}
    said = [set() for _ in range(runs)]
    for finding in report["findings"]:
        number = numbers.get(finding["stream"], -1)
        if finding["severity"] != "note" and 0 <= number < runs:
            said[number].add(finding["name"])
    with open(result) as file:
        return json.load(file), said


def problems(cell, outcomes, said):
    """What is not as it should be."""
    bad = []
    done = outcomes.count("finished")
    if not cell.expected and done < len(outcomes):
        bad.append(f"{done} of {len(outcomes)}: {collections.Counter(outcomes).most_common(3)}")
    for number, (outcome, names) in enumerate(zip(outcomes, said)):
        words = ", ".join(sorted(names)) or "nothing"
        if outcome != "finished" and names <= OF_THE_NETWORK:
            bad.append(f"run {number}, {outcome}, is not explained; the sniffer says {words}")
        if outcome == "finished" and not names <= OF_THE_NETWORK:
            bad.append(f"run {number} finished, and the sniffer says {words}")
    return bad


def printed(cell, outcomes, said):
    done, hung = outcomes.count("finished"), outcomes.count("hung")
    names = collections.Counter(name for names in said for name in names)
    words = ", ".join(f"{name} {count}" for name, count in sorted(names.items())) or "nothing wrong"
    print(f"{cell.system:21} {cell.server:6} {cell.client:11} {cell.size:8} {cell.mtu:5}  {done:2}/{len(outcomes):2} "
          f"{hung:4} {len(outcomes) - done - hung:5}  {words}", flush=True)


def main():
    global BIN
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--only", default="")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--keep", help="folder for captures and files of the cells that are not what they should be")
    parser.add_argument("--inside")
    parser.add_argument("--result")
    options = parser.parse_args()
    BIN = os.path.abspath(options.bin)
    if options.inside:
        inside(options.inside, options.runs, options.result)
        return 0
    failed, started = [], time.monotonic()
    head = f"{'system':21} {'server':6} {'client':11} {'picture':8} {'MTU':>5}  {'done':>5} {'hung':>4} {'wrong':>5}  sniffer"
    print(head, flush=True)
    for cell in cells():
        if options.only not in cell.name:
            continue
        for attempt in range(ATTEMPTS if options.check else 1):
            with tempfile.TemporaryDirectory() as folder:
                outcomes, said = measured(cell, options.runs, folder)
                if outcomes is None:
                    print(f"SKIPPED {cell.name}: no private network: {said}")
                    break
                printed(cell, outcomes, said)
                bad = problems(cell, outcomes, said)
                if bad and options.keep:
                    shutil.copytree(folder, os.path.join(options.keep, f"{cell.name}, attempt {attempt}"))
            for problem in bad:
                print(f"    {problem}", flush=True)
            if not bad:
                break
        else:
            failed.append(cell.name)
    for name in failed:
        print(f"NOT {name}")
    print(f"{time.monotonic() - started:.0f} s")
    return 1 if failed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
