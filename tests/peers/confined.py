"""Every command and option of the programs, confined, beside peers of this script.

    python3 confined.py --bin DIR [--calls] [--only WORD]

DIR holds imgnet, imgnet-server and imgnet-client. Each case runs as whoever runs this, as an ordinary user where that is root,
and as on a kernel without Landlock. With --calls the programs run once under strace, and system calls that were refused are
named. Prints a line for each group; exit 1 if a case failed or a call was refused that a program needs.
"""

import argparse
import concurrent.futures
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import kinds

HERE = os.path.dirname(os.path.abspath(__file__))
CAPTURES = os.path.join(HERE, "..", "..", "captures")
# One in a home is out of reach for others.
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
PATIENCE = 60
HOSTS = ["127.0.0.1", "::1"]
WIDTH = 40
PNG, ROWS = kinds.png(WIDTH, 30)


class Failed(Exception):
    pass


class Setting:
    """Who runs a program, and on what kernel."""

    def __init__(self, name, prefix, folder, binaries, calls=None):
        self.name, self.prefix, self.folder, self.binaries, self.calls = name, prefix, folder, binaries, calls
        self.count = 0
        self.lock = threading.Lock()

    def fresh(self, name):
        """A folder that anyone may write."""
        with self.lock:
            self.count += 1
            path = os.path.join(self.folder, f"{self.name}-{self.count}-{name}")
        os.mkdir(path)
        os.chmod(path, 0o777)
        return path

    def start(self, program, *arguments):
        command = [*self.prefix, os.path.join(self.binaries, program), *map(str, arguments)]
        if self.calls is not None:
            with self.lock:
                self.count += 1
                log = os.path.join(self.calls, f"{self.count}")
            command = ["strace", "-f", "-qq", "-e", "status=failed", "-o", log, *command]
        return Running(command)


class Running:
    def __init__(self, command):
        self.command = command
        self.child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/")
        self.lines, self.errors = [], []
        self.changed = threading.Condition()
        for stream, lines in [(self.child.stdout, self.lines), (self.child.stderr, self.errors)]:
            threading.Thread(target=self.read, args=(stream, lines), daemon=True).start()

    def read(self, stream, lines):
        for line in stream:
            with self.changed:
                lines.append(line.rstrip("\n"))
                self.changed.notify_all()

    def port(self):
        """The port on which it listens, once it says so."""
        until = time.monotonic() + PATIENCE
        with self.changed:
            while True:
                for line in self.lines:
                    if line.startswith("{") and (event := json.loads(line)).get("event") == "listening":
                        return int(event["address"].rsplit(":", 1)[1])
                for line in self.errors:
                    if found := re.search(r"listening on \S+:(\d+)", line):
                        return int(found[1])
                if self.child.poll() is not None or time.monotonic() > until:
                    raise Failed(f"never listened: {self.told()}")
                self.changed.wait(0.2)

    def says(self, part):
        """Waits until it says something with this in it."""
        until = time.monotonic() + PATIENCE
        with self.changed:
            while not any(part in line for line in self.lines + self.errors):
                if time.monotonic() > until:
                    raise Failed(f"never said {part}: {self.told()}")
                self.changed.wait(0.2)

    def told(self):
        return f"{' '.join(self.command)}\n    " + "\n    ".join(self.lines[-8:] + self.errors[-8:])

    def ended(self, *codes):
        try:
            code = self.child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.child.kill()
            raise Failed(f"did not end: {self.told()}") from None
        time.sleep(0.01)
        if code not in (codes or (0,)):
            raise Failed(f"exit {code}: {self.told()}")
        if any("not permitted" in line for line in self.errors + self.lines):
            raise Failed(f"something was not permitted: {self.told()}")
        return self.lines

    def signalled(self, number, *codes):
        # Under strace the program is its child.
        pid = self.child.pid
        if self.command[0] == "strace":
            with open(f"/proc/{pid}/task/{pid}/children") as children:
                pid = int(children.read().split()[0])
        os.kill(pid, number)
        return self.ended(*codes)


def at(host, port):
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def family(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def connected(host, port):
    peer = socket.socket(family(host))
    peer.settimeout(PATIENCE)
    peer.connect((host, port))
    return peer


def bound(host, kind=socket.SOCK_STREAM):
    listener = socket.socket(family(host), kind)
    listener.settimeout(PATIENCE)
    listener.bind((host, 0))
    if kind == socket.SOCK_STREAM:
        listener.listen()
    return listener, listener.getsockname()[1]


def accepted(listener):
    peer, _ = listener.accept()
    peer.settimeout(PATIENCE)
    return peer


def write(folder, name, data):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, 0o644)
    return path


def read(path):
    with open(path, "rb") as file:
        return file.read()


def payload(kind):
    return ROWS if kind == "raw-pixels" else PNG


def same(kind, found):
    if found != payload(kind):
        raise Failed(f"{kind}: other bytes came: {len(found)} of {len(payload(kind))}")


def saved(kind, folder):
    names = [name for name in os.listdir(folder) if not name.startswith(".")]
    if len(names) != 1:
        raise Failed(f"{kind}: {names} were saved")
    data = read(os.path.join(folder, names[0]))
    same(kind, kinds.rows_of_png(data) if kind == "raw-pixels" else data)


def ledger_has(path, count):
    lines = [json.loads(line) for line in read(path).splitlines()]
    if len(lines) != count or any(line["problem"] for line in lines):
        raise Failed(f"ledger: {lines}")


def width(kind):
    return ["--width", WIDTH] if kind == "raw-pixels" else []


# The roles. Each takes a setting, a host and a format.

def server_receives(setting, host, kind):
    out, log = setting.fresh("out"), os.path.join(setting.fresh("log"), "l.jsonl")
    server = setting.start("imgnet-server", "receive", "--port", 0, "--listen", host, "--protocol", kind, "--out", out,
                           "--count", 1, "--ledger", log, "--json", *width(kind))
    port = server.port()
    if kind in kinds.UDP:
        kinds.send_datagrams(socket.socket(family(host), socket.SOCK_DGRAM), (host, port), kind, PNG)
    else:
        kinds.send(connected(host, port), kind, payload(kind), WIDTH * 3)
    server.ended()
    saved(kind, out)
    ledger_has(log, 1)


def server_streams_to_who_comes(setting, host, kind):
    file = write(setting.fresh("in"), "a.png", PNG)
    log = os.path.join(setting.fresh("log"), "l.jsonl")
    server = setting.start("imgnet-server", "stream", "--port", 0, "--listen", host, "--protocol", kind, "--json",
                           "--ledger", log, file)
    port = server.port()
    if kind in kinds.UDP:
        peer = socket.socket(family(host), socket.SOCK_DGRAM)
        peer.settimeout(PATIENCE)
        peer.sendto(b"hello", (host, port))
        same(kind, kinds.receive_datagrams(peer, kind))
    else:
        same(kind, kinds.receive(connected(host, port), kind))
    server.ended()
    ledger_has(log, 1)


def connecting_sender(setting, host, kind, program, *arguments):
    file = write(setting.fresh("in"), "a.png", PNG)
    log = os.path.join(setting.fresh("log"), "l.jsonl")
    udp = kind in kinds.UDP
    listener, port = bound(host, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
    to = [at(host, port), file] if program == "imgnet-client" else ["--connect", at(host, port), file]
    sender = setting.start(program, *arguments, *to, "--protocol", kind, "--ledger", log)
    same(kind, kinds.receive_datagrams(listener, kind) if udp else kinds.receive(accepted(listener), kind))
    sender.ended()
    ledger_has(log, 1)


def server_streams_to_who_listens(setting, host, kind):
    connecting_sender(setting, host, kind, "imgnet-server", "stream")


def client_sends(setting, host, kind):
    connecting_sender(setting, host, kind, "imgnet-client", "send", "--json")


def client_receives_from_who_comes(setting, host, kind):
    out = setting.fresh("out")
    client = setting.start("imgnet-client", "receive", "--listen", 0, "--address", host, "--protocol", kind, "--json",
                           "-o", os.path.join(out, "got.png"), *width(kind))
    port = client.port()
    if kind in kinds.UDP:
        kinds.send_datagrams(socket.socket(family(host), socket.SOCK_DGRAM), (host, port), kind, PNG)
    else:
        kinds.send(connected(host, port), kind, payload(kind), WIDTH * 3)
    client.ended()
    saved(kind, out)


def client_receives_from_who_waits(setting, host, kind):
    out, log = setting.fresh("out"), os.path.join(setting.fresh("log"), "l.jsonl")
    udp = kind in kinds.UDP
    listener, port = bound(host, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
    client = setting.start("imgnet-client", "receive", at(host, port), "--protocol", kind, "--ledger", log,
                           "-o", os.path.join(out, "got.png"), *width(kind))
    if udp:
        _, asker = listener.recvfrom(65535)
        kinds.send_datagrams(listener, asker, kind, PNG)
    else:
        kinds.send(accepted(listener), kind, payload(kind), WIDTH * 3)
    client.ended()
    saved(kind, out)
    ledger_has(log, 1)


ROLES = [
    server_receives,
    server_streams_to_who_comes,
    server_streams_to_who_listens,
    client_sends,
    client_receives_from_who_comes,
    client_receives_from_who_waits,
]


# Those that are no single transfer in a format.

def framed_datagrams(setting, host):
    """Both sides are imgnet's: the receiver asks for what is missing."""
    file, out = write(setting.fresh("in"), "a.png", PNG), setting.fresh("out")
    server = setting.start("imgnet-server", "receive", "--port", 0, "--listen", host, "--protocol", "framed", "--udp",
                           "--out", out, "--count", 1, "--json")
    setting.start("imgnet-client", "send", at(host, server.port()), file, "--protocol", "framed", "--udp").ended()
    server.ended()
    saved("framed", out)
    out = setting.fresh("out")
    server = setting.start("imgnet-server", "stream", "--port", 0, "--listen", host, "--protocol", "framed", "--udp", file,
                           "--json")
    setting.start("imgnet-client", "receive", at(host, server.port()), "--protocol", "framed", "--udp",
                  "-o", os.path.join(out, "got.png")).ended()
    server.ended()
    saved("framed", out)


def ask(host, port, choice):
    peer = connected(host, port)
    peer.sendall(choice)
    return kinds.until_closed(peer)


def catalogue(setting, host):
    pictures = setting.fresh("pictures")
    write(pictures, "b.png", PNG)
    other, _ = kinds.png(9, 9, 2)
    write(pictures, "a.png", other)
    order = write(setting.fresh("order"), "menu.txt", b"b.png\n# none\na.png\n")
    database = os.path.join(setting.fresh("db"), "c.db")
    for first, arguments in [
        (other, ["--import", pictures]),
        (PNG, ["--import", pictures, "--order", order]),
        (other, ["--db", database, "--import", pictures]),
        (other, ["--db", database]),
        (None, ["--db", database, "--re-encode"]),
    ]:
        server = setting.start("imgnet-server", "catalog", "--port", 0, "--listen", host, "--json", "--count", 3, *arguments)
        port = server.port()
        answer = ask(host, port, b"1")
        if answer != first if first else not answer.startswith(b"\xff\xd8"):
            raise Failed(f"{arguments}: another picture was sent")
        ask(host, port, b"99")
        out = setting.fresh("out")
        setting.start("imgnet-client", "get", at(host, port), "--list").ended()
        setting.start("imgnet-client", "get", at(host, port), "2", "-o", os.path.join(out, "got")).ended()
        server.ended()
    listener, port = bound(host)
    out = setting.fresh("out")
    client = setting.start("imgnet-client", "get", at(host, port), "1", "-o", os.path.join(out, "got.png"))
    peer = accepted(listener)
    peer.recv(16)
    peer.sendall(PNG)
    peer.close()
    client.ended()
    saved("eof", out)
    for arguments in [["--list"], ["--add", os.path.join(pictures, "a.png")], ["--remove", "2"], ["--list", "--json"]]:
        setting.start("imgnet-server", "catalog", "--db", database, *arguments).ended()


def pipeline(setting, host):
    out = setting.fresh("out")
    server = setting.start("imgnet-server", "pipeline", "--port", 0, "--listen", host, "--out", out, "--rounds", 2,
                           "--workers", 2, "--json", "--idle", 20)
    port = server.port()
    for ours in [False, True]:
        if ours:
            file = write(setting.fresh("in"), "a.png", PNG)
            setting.start("imgnet-client", "send", at(host, port), file, "--protocol", "marker").ended()
            workers = [setting.start("imgnet-client", "work", at(host, port), "--filter", "blur") for _ in range(2)]
            for worker in workers:
                worker.ended()
        else:
            kinds.send(connected(host, port), "marker", PNG)
            workers = [threading.Thread(target=work, args=(host, port)) for _ in range(2)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
    server.ended()
    merged = [name for name in os.listdir(out) if "merged" in name]
    if len(merged) != 2:
        raise Failed(f"pipeline: {os.listdir(out)}")
    listener, port = bound(host)
    worker = setting.start("imgnet-client", "work", at(host, port))
    peer = accepted(listener)
    kinds.in_pieces(peer, PNG, 2048)
    peer.sendall(kinds.MARKER)
    if not kinds.receive(peer, "marker"):
        raise Failed("work: nothing came back")
    worker.ended()


def work(host, port):
    peer = connected(host, port)
    data = b""
    while not data.endswith(kinds.MARKER):
        data += peer.recv(2048)
    kinds.in_pieces(peer, data, 2048)
    peer.close()


def edited(setting, host):
    """A picture goes and comes back on one connection."""
    for kind in ["marker", "length=u32be", "half-close"]:
        server = setting.start("imgnet-server", "edit", "--port", 0, "--listen", host, "--protocol", kind, "--filter", "invert",
                               "--out", setting.fresh("out"), "--count", 2, "--json")
        port = server.port()
        peer = connected(host, port)
        if kind == "marker":
            kinds.in_pieces(peer, PNG, 2048)
            peer.sendall(kinds.MARKER)
            came = kinds.receive(peer, kind)
        elif kind == "half-close":
            peer.sendall(PNG)
            peer.shutdown(socket.SHUT_WR)
            came = kinds.until_closed(peer)
        else:
            peer.sendall(len(PNG).to_bytes(4, "big") + PNG)
            came = kinds.receive(peer, kind)
        if kinds.rows_of_png(came) != bytes(255 - sample for sample in ROWS):
            raise Failed(f"edit, {kind}: another picture came back")
        file, back = write(setting.fresh("in"), "a.png", PNG), setting.fresh("back")
        setting.start("imgnet-client", "send", at(host, port), file, "--protocol", kind, "--back", back).ended()
        server.ended()
        if kinds.rows_of_png(read(os.path.join(back, "a.png"))) != bytes(255 - sample for sample in ROWS):
            raise Failed(f"--back, {kind}: another picture came back")


def empty_and_broken(setting, host):
    """What brings no picture is one line each, and counts."""
    out, log = setting.fresh("out"), os.path.join(setting.fresh("log"), "l.jsonl")
    server = setting.start("imgnet-server", "receive", "--port", 0, "--listen", host, "--out", out, "--ledger", log, "--json",
                           "--count", 4)
    port = server.port()
    for data in [b"", b"\xff", b"no picture at all", PNG[:500]]:
        peer = connected(host, port)
        peer.sendall(data)
        peer.close()
        time.sleep(0.05)
    lines = [json.loads(line) for line in server.ended(1)]
    told = [line["problem"] for line in lines if line["event"] == "transfer"]
    kept = [json.loads(line)["problem"] for line in read(log).splitlines()]
    if sorted(told) != sorted(kept) or len(told) != 4 or not all(told):
        raise Failed(f"told {told}, in the ledger {kept}")
    if not any(problem.startswith("connected, sent nothing") for problem in told):
        raise Failed(f"the empty upload is not told: {told}")
    if warnings := [line for line in lines if line["event"] == "warning"]:
        raise Failed(f"told twice: {warnings}")


def again_and_again(setting, host):
    """--loop and --fps, until a signal comes."""
    file = write(setting.fresh("in"), "a.png", PNG)
    for number in [signal.SIGINT, signal.SIGTERM]:
        server = setting.start("imgnet-server", "stream", "--port", 0, "--listen", host, "--protocol", "eof", "--loop",
                               "--fps", 50, file)
        port = server.port()
        for _ in range(3):
            same("eof", kinds.receive(connected(host, port), "eof"))
        server.signalled(number)
        listener, port = bound(host, socket.SOCK_DGRAM)
        server = setting.start("imgnet-server", "stream", "--connect", at(host, port), "--protocol", "udp", "--loop",
                               "--fps", 50, file)
        for _ in range(3):
            same("udp", kinds.receive_datagrams(listener, "udp"))
        server.signalled(number)


def signals(setting, host):
    """Ctrl-C and SIGTERM while nobody comes, and in the middle of a picture."""
    pictures = setting.fresh("in")
    file = write(pictures, "a.png", PNG)
    for number in [signal.SIGINT, signal.SIGTERM]:
        for arguments in [
            ["receive", "--out", setting.fresh("out"), "--protocol", "eof"],
            ["receive", "--out", setting.fresh("out"), "--protocol", "udp"],
            ["receive", "--out", setting.fresh("out"), "--protocol", "framed", "--udp"],
            ["catalog", "--import", pictures],
            ["pipeline", "--out", setting.fresh("out")],
            ["stream", "--protocol", "eof", file],
            ["stream", "--protocol", "udp", file],
        ]:
            server = setting.start("imgnet-server", *arguments, "--port", 0, "--listen", host)
            server.port()
            server.signalled(number)
        out = setting.fresh("out")
        server = setting.start("imgnet-server", "receive", "--out", out, "--port", 0, "--listen", host, "--json")
        peer = connected(host, server.port())
        peer.sendall(PNG[:len(PNG) // 2])
        peer.close()
        server.says('"event":"transfer"')
        server.signalled(number, 1)
        client = setting.start("imgnet-client", "receive", "--listen", 0, "--address", host, "--protocol", "eof", "-o",
                               os.path.join(out, "x"))
        client.port()
        client.signalled(number, 1)
        listener, port = bound(host)
        client = setting.start("imgnet-client", "work", at(host, port))
        peer = accepted(listener)
        time.sleep(0.1)
        client.signalled(number, 1)
        peer.close()


def reading(setting, _host):
    """The commands that read captures and files."""
    def capture(name):
        return os.path.join(CAPTURES, name)

    out = setting.fresh("out")
    for arguments in [
        ["analyze", capture("eof.pcap")],
        ["analyze", capture("pipeline.pcap"), "--format", "json", "--extract", os.path.join(out, "x")],
        ["analyze", capture("raw-pixels.pcap"), "--protocol", "9909=raw-pixels=200", "--extract", os.path.join(out, "y")],
        ["analyze", capture("udp.pcap"), "--format", "csv"],
        ["verify", capture("eof.pcap"), "--sent", capture("eof/sent"), "--received", capture("eof/received")],
        ["verify", capture("eof.pcap"), "--sent", capture("eof/sent"), "--format", "json", "--level", "similar"],
        ["check", capture("eof.pcap"), "--record", os.path.join(out, "e.toml")],
        ["check", capture("eof.pcap"), "--expect", os.path.join(out, "e.toml"), "--junit", os.path.join(out, "j.xml")],
        ["explain", "early-close"],
    ]:
        setting.start("imgnet", *arguments).ended()


PAIR = """
import socket, threading
listener = socket.create_server(("127.0.0.1", 65432))
def serve():
    peer, _ = listener.accept()
    while peer.recv(1024): pass
    peer.close()
thread = threading.Thread(target=serve)
thread.start()
peer = socket.create_connection(("127.0.0.1", 65432))
peer.sendall(open({file!r}, "rb").read())
peer.close()
thread.join()
"""


def capturing(setting, _host):
    """A capture of a command, where namespaces may be made; where not, it says so with 4."""
    out, file = setting.fresh("out"), write(setting.fresh("in"), "a.png", PNG)
    program = [PYTHON, "-c", PAIR.format(file=file)]
    setting.start("imgnet", "capture", "-w", os.path.join(out, "c.pcapng"), "--", *program).ended(0, 4)
    setting.start("imgnet", "capture", "--format", "json", "--sent", file, "--", *program).ended(0, 4)


OTHERS = [framed_datagrams, catalogue, pipeline, edited, empty_and_broken, again_and_again, signals, reading, capturing]


def cases(all_kinds):
    """Name and call of every case; not every format in every role where not `all_kinds`."""
    for number, role in enumerate(ROLES):
        for place, kind in enumerate(kinds.TCP + kinds.UDP):
            for host in HOSTS:
                if all_kinds and host == HOSTS[0] or (place + number) % 5 == (0 if ":" in host else 2):
                    yield role.__name__, f"{kind} {host}", lambda setting, r=role, h=host, k=kind: r(setting, h, k)
    for other in OTHERS:
        for host in HOSTS[: 1 if other in (reading, capturing) else 2]:
            yield other.__name__, host, lambda setting, o=other, h=host: o(setting, h)


def settings(folder, binaries):
    yield Setting("as-is", [], folder, binaries), True
    blind = [PYTHON, os.path.join(HERE, "without_landlock.py")]
    yield Setting("without-landlock", blind, folder, binaries), False
    if os.geteuid() == 0 and shutil.which("setpriv"):
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]
        tried = subprocess.run([*nobody, os.path.join(binaries, "imgnet"), "--version"], capture_output=True)
        if tried.returncode != 0:
            copies = os.path.join(folder, "bin")
            os.mkdir(copies)
            for name in ["imgnet", "imgnet-server", "imgnet-client"]:
                shutil.copy(os.path.join(binaries, name), copies)
            binaries = copies
        yield Setting("nobody", nobody, folder, binaries), False
        yield Setting("nobody-without-landlock", nobody + blind, folder, binaries), False
    else:
        print("SKIPPED: as an ordinary user: this is one already, or there is no setpriv")


def run(setting, all_kinds, only):
    """Runs all cases of a setting; returns what failed."""
    def one(case):
        group, name, call = case
        try:
            call(setting)
            return group, None
        except Exception as error:  # Whatever it was, the other cases run.
            return group, f"{setting.name}: {group} {name}: {type(error).__name__}: {error}"

    chosen = [case for case in cases(all_kinds) if only in f"{case[0]} {case[1]}"]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        done = list(pool.map(one, chosen))
    groups = {}
    for group, problem in done:
        good, bad = groups.get(group, (0, 0))
        groups[group] = (good + (problem is None), bad + (problem is not None))
    for group, (good, bad) in groups.items():
        print(f"{setting.name:24} {group:32} {good:3} good {bad:3} bad", flush=True)
    return [problem for _, problem in done if problem]


# What is refused by intent, and done without: parts of lines. The standard library looks for how many processors there are in
# there, and asks the scheduler where it may not.
# libpcap takes its ring down at the end, which closing does too.
DONE_WITHOUT = ['openat(AT_FDCWD, "/proc/self/cgroup"', "SOL_PACKET, PACKET_RX_RING, {tp_block_size=0"]


def refused(folder):
    """System calls that were refused, by name, with one line of each."""
    found = {}
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), errors="replace") as log:
            for line in log:
                if any(part in line for part in DONE_WITHOUT):
                    continue
                if match := re.match(r"(?:\d+ +)?(\w+)\(.* = -1 EPERM", line):
                    found.setdefault(match[1], line.strip())
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--calls", action="store_true")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    started = time.monotonic()
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        if options.calls:
            calls = os.path.join(folder, "calls")
            os.mkdir(calls)
            setting = Setting("strace", [], folder, options.bin, calls)
            problems += run(setting, False, options.only)
            for name, line in sorted(refused(calls).items()):
                problems.append(f"refused: {name}: {line}")
        else:
            for setting, all_kinds in settings(folder, options.bin):
                problems += run(setting, all_kinds, options.only)
    for problem in problems:
        print(f"FAILED {problem}")
    print(f"{time.monotonic() - started:.0f} s, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
