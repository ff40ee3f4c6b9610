#!/usr/bin/env python3
"""Holds imgnet against tshark on captures, and lists every difference that nobody has explained.

    differential.py [--imgnet PROGRAM] [--explained FILE] CAPTURE_OR_FOLDER...

Compared: frames, bytes, streams and their numbers, frames and bytes of each direction, repeats and gaps (tcp.analysis),
the digest of each direction's stream, pictures in HTTP; of captures made on the spot (`made-…`), all together, also the values of common fields on
every frame of `imgnet packets`, and the frames that display filters choose. An explained difference is a line `GLOB | KIND | why` of the file of explanations.
Exit code 0 where every difference is explained, 1 where one is not, 2 where a program is missing.
"""
import argparse
import collections
import csv
import fnmatch
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
SUFFIXES = {".pcap", ".pcapng", ".cap", ".snoop", ".erf", ".gz", ".zst"}
# Following a stream reads the whole file again: so many of a file are followed.
MOST_STREAMS = 12
FIELDS = ["frame.len", "tcp.stream", "udp.stream", "ip.src", "ipv6.src", "tcp.srcport", "udp.srcport", "tcp.len",
          "tcp.analysis.retransmission", "tcp.analysis.out_of_order", "tcp.analysis.lost_segment"]
# A stream is one that tshark dissects whole, in order, whatever it takes its payload for.
TSHARK = ["tshark", "-n", "-o", "tcp.relative_sequence_numbers:FALSE"]


# Of captures made on the spot, on every frame.
LISTED = ["frame.number", "frame.len", "frame.cap_len", "eth.src", "eth.dst", "ip.src", "ip.dst", "ip.len", "ip.ttl", "ip.proto", "ipv6.src",
          "ipv6.dst", "tcp.srcport", "tcp.dstport", "tcp.stream", "tcp.seq", "tcp.ack", "tcp.len", "tcp.hdr_len", "tcp.window_size", "tcp.options.mss_val",
          "tcp.options.timestamp.tsval", "tcp.payload", "udp.srcport", "udp.dstport", "udp.length", "udp.stream"]
FILTERS = ["tcp.flags.syn == 1 && tcp.flags.ack == 0", "tcp.flags & 0x01", "tcp.len > 1000 or udp.length > 1000", "tcp.srcport > tcp.dstport",
           "frame.len in {60..80}", "!(tcp.len == 0)", "ip.src != ip.dst", "tcp.payload[0:2] == ff:d8", "frame matches \"(jfif|png)\"",
           "tcp.analysis.retransmission || tcp.analysis.duplicate_ack", "http.request.method == \"GET\"", "tcp.time_delta > 0.01",
           "tcp.port not in {80, 8000..9999}", "len(tcp.payload) > 500 && not tcp.flags.push == 1"]


def run(arguments, **options):
    return subprocess.run(arguments, capture_output=True, **options)


def of_imgnet(program, capture):
    done = run([program, "analyze", "--format", "json", capture])
    if done.returncode not in (0, 3):
        return None
    return json.loads(done.stdout)


def of_tshark(capture):
    """Frames, bytes, and for each stream of each transport what each sender sent: frames, bytes, frames that
    come again or late, frames before which something is missing."""
    fields = [part for field in FIELDS for part in ("-e", field)]
    done = run([*TSHARK, "-r", capture, "-T", "fields", *fields, "-E", "occurrence=l", "-E", "separator=\t"], text=True)
    frames = total = 0
    streams = {"tcp": {}, "udp": {}}
    for line in done.stdout.splitlines():
        length, tcp, udp, ip4, ip6, tcp_port, udp_port, payload, again, late, lost = line.split("\t")
        frames += 1
        total += int(length)
        for kind, stream, port in (("tcp", tcp, tcp_port), ("udp", udp, udp_port)):
            if stream:
                sender = f"[{ip6}]:{port}" if ip6 else f"{ip4}:{port}"
                counts = streams[kind].setdefault(int(stream), {}).setdefault(sender, [0, 0, 0, 0])
                counts[0] += 1
                counts[1] += int(length)
                # A FIN alone, or a SYN, that comes again repeats no payload.
                counts[2] += bool(again or late) and payload not in ("", "0")
                counts[3] += bool(lost)
    return frames, total, streams


def followed(capture, number):
    """SHA-256 of what each side sent, as tshark puts it together; absent where something is missing."""
    done = run([*TSHARK, "-r", capture, "-q", "-z", f"follow,tcp,raw,{number}"], text=True)
    sides, nodes = {0: bytearray(), 1: bytearray()}, []
    for line in done.stdout.splitlines():
        if line.startswith("Node "):
            nodes.append(line.split(": ", 1)[1])
        elif line.strip() and all(digit in "0123456789abcdef" for digit in line.strip()):
            data = bytes.fromhex(line.strip())
            if b"bytes missing in capture file]" in data:
                return None
            sides[line.startswith("\t")] += data
    if len(nodes) != 2:
        return None
    return {node: hashlib.sha256(sides[at]).hexdigest() for at, node in enumerate(nodes)}


def http_objects(capture):
    """SHA-256 of the pictures that tshark exports of HTTP."""
    found = set()
    with tempfile.TemporaryDirectory() as folder:
        run([*TSHARK, "-r", capture, "-q", "--export-objects", f"http,{folder}"])
        for path in pathlib.Path(folder).iterdir():
            data = path.read_bytes()
            if data[:3] == b"\xff\xd8\xff" or data[:8] == b"\x89PNG\r\n\x1a\n" or data[:4] == b"GIF8":
                found.add(hashlib.sha256(data).hexdigest())
    return found


def differences(program, capture):
    """Pairs of a kind and what differs."""
    report = of_imgnet(program, capture)
    if report is None:
        yield "unread", "imgnet cannot read it"
        return
    frames, total, streams = of_tshark(capture)
    ours = sum(file["packets"] for file in report["captures"])
    if ours != frames:
        yield "frames", f"imgnet {ours}, tshark {frames}"
    ours = sum(file["original_bytes"] for file in report["captures"])
    if ours != total:
        yield "bytes", f"imgnet {ours}, tshark {total}"
    for kind in ("tcp", "udp"):
        mine = {s["transport_stream"]: s for s in report["streams"] if s["transport"] == kind}
        theirs = streams[kind]
        if len(mine) != len(theirs):
            yield f"{kind}-streams", f"imgnet {len(mine)}, tshark {len(theirs)}"
            continue
        for number, stream in mine.items():
            senders = theirs.get(number, {})
            for direction in stream["directions"]:
                counts = [direction["packets"], direction["wire_bytes"]]
                *other, again, lost = senders.get(direction["from"], [0, 0, 0, 0])
                if counts != other:
                    yield f"{kind}-direction", f"stream {number} from {direction['from']}: imgnet {counts}, tshark {other}"
                # Which of the two it is tshark guesses from the time that passed.
                ours = direction["retransmitted_packets"] + direction["out_of_order_packets"]
                if kind == "tcp" and ours != again:
                    yield "retransmissions", f"stream {number} from {direction['from']}: imgnet {ours}, tshark {again}"
                # tshark says only before which frames something is missing, for a while; and it may come later.
                inside = [gap for gap in direction["gaps"] if gap["cause"] not in ("snap-length", "limit")]
                if kind == "tcp" and inside and not lost:
                    yield "gaps", f"stream {number} from {direction['from']}: imgnet {len(inside)}, tshark none"
    tcp = [s for s in report["streams"] if s["transport"] == "tcp"]
    for stream in tcp[:MOST_STREAMS]:
        if any(d["gap_bytes"] or not d["sha256"] for d in stream["directions"]):
            continue
        digests = followed(capture, stream["transport_stream"])
        for direction in stream["directions"] if digests else []:
            other = digests.get(direction["from"].replace("[", "").replace("]", ""), digests.get(direction["from"]))
            if direction["unique_bytes"] and other and other != direction["sha256"]:
                yield "stream-digest", f"stream {stream['transport_stream']} from {direction['from']}"
    pictures = {image["sha256"] for image in report["images"] if image["complete"]}
    for digest in http_objects(capture) - pictures:
        yield "http-picture", f"tshark exports one of SHA-256 {digest[:12]}…, imgnet has none such"


def without_zeros(value):
    """Colons of bytes and zeros behind a decimal point are ways to write, no values."""
    return value.replace(":", "") if "." in value or ":" in value else value


def looking_inside(program, capture):
    """Pairs as `differences` gives them, of what the packet list says of each frame and which frames filters choose."""
    wanted = [part for field in [*LISTED, "icmp.type", "icmpv6.type"] for part in ("-e", field)]
    theirs = run(["tshark", "-n", "-r", capture, "-T", "fields", *wanted, "-E", "separator=;", "-E", "occurrence=a"], text=True).stdout
    ours = run([program, "packets", capture, "--format", "csv", "--columns", ",".join(LISTED)], text=True).stdout
    theirs = [line.split(";") for line in theirs.splitlines()]
    ours = list(csv.reader(ours.splitlines()))[1:]
    if len(ours) != len(theirs):
        yield "listed", f"imgnet {len(ours)}, tshark {len(theirs)} frames"
        return
    # Of a packet that an ICMP error quotes tshark gives the fields, too: docs/inspect.md.
    quoting = {mine[0] for mine, other in zip(ours, theirs) if other[-1] or other[-2]}
    for mine, other in zip(ours, theirs):
        if mine[0] in quoting:
            continue
        for field, a, b in zip(LISTED, mine, other):
            if without_zeros(a) != without_zeros(b):
                yield f"field {field}", f"frame {mine[0]}: imgnet {a[:60]!r}, tshark {b[:60]!r}"
    for filter in FILTERS:
        theirs = run(["tshark", "-n", "-r", capture, "-Y", filter, "-T", "fields", "-e", "frame.number"], text=True).stdout.split()
        ours = run([program, "packets", capture, "-Y", filter, "--format", "csv", "--columns", "number"], text=True).stdout.split()[1:]
        only = sorted((set(ours) ^ set(theirs)) - quoting, key=int)[:8]
        if only:
            yield f"filter {filter}", f"imgnet {len(ours)}, tshark {len(theirs)} frames; not both: {' '.join(only)}"


def explained(path):
    rules = []
    for line in path.read_text().splitlines() if path.exists() else []:
        if line.strip() and not line.startswith("#"):
            rules.append([part.strip() for part in line.split("|", 2)])
    return rules


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--imgnet", default="imgnet")
    parser.add_argument("--explained", type=pathlib.Path, default=HERE / "explained.txt")
    parser.add_argument("captures", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    missing = [name for name in ("tshark", arguments.imgnet) if not shutil.which(name)]
    if missing:
        print(f"not found: {', '.join(missing)}", file=sys.stderr)
        return 2
    files = []
    for path in arguments.captures:
        found = path.rglob("*") if path.is_dir() else [path]
        files += sorted(file for file in found if file.is_file() and file.suffix in SUFFIXES)
    rules = explained(arguments.explained)
    totals = collections.Counter(files=len(files), equal=0, explained=0, unexplained=0)
    found_in = [(file, lambda file=file: differences(arguments.imgnet, str(file))) for file in files]
    # Of a tunnel tshark shows all packets, imgnet the innermost: docs/inspect.md.
    made = [str(file) for file in files if file.name.startswith("made-") and "tunnel" not in file.name]
    folder = tempfile.TemporaryDirectory()
    together = pathlib.Path(folder.name) / "made-together.pcapng"
    if made and run(["mergecap", "-a", "-w", together, *made]).returncode == 0:
        found_in.append((together, lambda: looking_inside(arguments.imgnet, str(together))))
    for file, look in found_in:
        found = list(look())
        totals["equal"] += not found
        for kind, what in found:
            why = next((why for glob, wanted, why in rules if wanted == kind and fnmatch.fnmatch(file.name, glob)), None)
            totals["explained" if why else "unexplained"] += 1
            print(f"{file}: {kind}: {what}" + (f"  ({why})" if why else "  NOT EXPLAINED"))
    print("  ".join(f"{name} {count}" for name, count in totals.items()))
    return 1 if totals["unexplained"] else 0


if __name__ == "__main__":
    sys.exit(main())
