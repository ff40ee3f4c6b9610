#!/usr/bin/env python3
"""Makes an archive of small captures of which the truth is known: what became of the picture in each.

    make-archive.py DIR --captures 100 --seed 7

writes DIR/captures/HOST/run-N.pcap, DIR/sent/N.png (what the sending program had), DIR/truth.csv, and DIR/units.jsonl: the
units with their files sent, for `imgnet archive --unit - -o LAKE < DIR/units.jsonl`. Same seed, same bytes.

One picture over one TCP connection a capture, ended by FIN (the wire format eof):
  good      all of it arrives                                          match
  cut       the sender closes before the last byte                     incomplete (its file is not in units.jsonl)
  lost      the capture lacks a segment that the receiver acknowledged inconclusive
  mismatch  one byte on the wire differs from the file sent            mismatch
"""

import argparse
import csv
import json
import pathlib
import random
import struct
import zlib

VERDICTS = {"good": "match", "cut": "incomplete", "lost": "inconclusive", "mismatch": "mismatch"}
SEGMENT = 1448


def picture(rng):
    """A PNG of noise, so that its rows do not compress."""
    width, height = rng.randrange(16, 48), rng.randrange(16, 48)
    rows = b"".join(b"\0" + rng.randbytes(3 * width) for _ in range(height))

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    # Stored, not compressed: the bytes do not depend on which zlib is there.
    blocks = [rows[at:at + 65535] for at in range(0, len(rows), 65535)]
    stored = b"".join(struct.pack("<BHH", index == len(blocks) - 1, len(block), len(block) ^ 0xFFFF) + block
                      for index, block in enumerate(blocks))
    pixels = b"\x78\x01" + stored + struct.pack(">I", zlib.adler32(rows))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Capture:
    """A pcap with nanoseconds, of one connection."""

    def __init__(self, client, server, start, sequence):
        self.ends = (client, server)
        self.time = start
        self.next = list(sequence)
        self.records = []

    def segment(self, side, flags, payload=b"", captured=True):
        (source, sport), (target, dport) = self.ends[side], self.ends[1 - side]
        ack = self.next[1 - side] if flags & 0x10 else 0
        tcp = struct.pack(">HHIIBBHHH", sport, dport, self.next[side], ack, 5 << 4, flags, 64240, 0, 0)
        pseudo = source + target + struct.pack(">BBH", 0, 6, len(tcp) + len(payload))
        tcp = tcp[:16] + struct.pack(">H", checksum(pseudo + tcp + payload)) + tcp[18:]
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp) + len(payload), 0, 0x4000, 64, 6, 0, source, target)
        ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
        frame = b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0" + ip + tcp + payload
        if captured:
            self.records.append((self.time, frame))
        self.time += 150_000
        self.next[side] = (self.next[side] + len(payload) + bool(flags & 0x03)) & 0xFFFFFFFF

    def bytes(self):
        out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1)]
        for time, frame in self.records:
            out.append(struct.pack("<IIII", time // 10**9, time % 10**9, len(frame), len(frame)) + frame)
        return b"".join(out)


def transfer(rng, kind, sent, start, host):
    client = (bytes([10, 0, host, rng.randrange(2, 250)]), rng.randrange(32768, 60999))
    capture = Capture(client, (bytes([10, 0, host, 1]), 65432), start, (rng.randrange(2**32), rng.randrange(2**32)))
    wire = bytearray(sent)
    if kind == "mismatch":
        # Within the pixels: the picture keeps its form.
        at = rng.randrange(60, len(wire) - 20)
        wire[at] ^= 1 + rng.randrange(255)
    if kind == "cut":
        del wire[rng.randrange(len(wire) // 3, len(wire) - 20):]
    capture.segment(0, 0x02)
    capture.segment(1, 0x12)
    capture.segment(0, 0x10)
    pieces = [bytes(wire[at:at + SEGMENT]) for at in range(0, len(wire), SEGMENT)]
    missing = rng.randrange(1, len(pieces)) if kind == "lost" and len(pieces) > 1 else None
    for index, piece in enumerate(pieces):
        capture.segment(0, 0x18, piece, captured=index != missing)
        capture.segment(1, 0x10)
    capture.segment(0, 0x11)
    capture.segment(1, 0x10)
    capture.segment(1, 0x11)
    capture.segment(0, 0x10)
    return capture.bytes(), bytes(wire)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--captures", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hosts", type=int, default=4)
    parser.add_argument("--days", type=int, default=3)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    folder = arguments.folder
    (folder / "sent").mkdir(parents=True)
    truth, units = [], []
    day = 1_795_132_800  # 2026-11-20T00:00:00Z
    for number in range(arguments.captures):
        kind = rng.choices(list(VERDICTS), weights=[7, 1, 1, 1])[0]
        host = rng.randrange(arguments.hosts)
        start = (day + 86_400 * rng.randrange(arguments.days) + rng.randrange(86_000)) * 10**9 + rng.randrange(10**9)
        sent = picture(rng)
        while kind == "lost" and len(sent) <= 2 * SEGMENT:
            sent = picture(rng)
        capture, wire = transfer(rng, kind, sent, start, host)
        place = folder / "captures" / f"lab{host}" / f"run-{number:05}.pcap"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(capture)
        original = folder / "sent" / f"{number:05}.png"
        original.write_bytes(sent)
        truth.append({"name": place.stem, "host": f"lab{host}", "kind": kind, "verdict": VERDICTS[kind],
                      "sent_bytes": len(sent), "wire_bytes": len(wire)})
        units.append({"schema": "imgnet/unit/v1", "name": place.stem, "host": f"lab{host}", "files": [str(place)],
                      "sent": [] if kind == "cut" else [str(original)]})
    with open(folder / "truth.csv", "w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, list(truth[0]) if truth else ["name"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(truth)
    with open(folder / "units.jsonl", "w", encoding="utf-8") as out:
        out.writelines(json.dumps(unit) + "\n" for unit in units)


if __name__ == "__main__":
    main()
