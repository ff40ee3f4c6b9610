#!/usr/bin/env python3
"""Rewrites an Ethernet pcap file (little-endian, microseconds) as ERF: erf.py IN.pcap OUT.erf"""
import struct
import sys

data = open(sys.argv[1], "rb").read()
at, out = 24, b""
while at < len(data):
    seconds, micros, captured, wire = struct.unpack_from("<IIII", data, at)
    frame = data[at + 16 : at + 16 + captured]
    at += 16 + captured
    length = 16 + 2 + captured
    padding = -length % 8
    stamp = (seconds << 32) + (micros << 32) // 1_000_000
    # Type 2: Ethernet, behind an offset and a byte of padding; flags 4: records of varying length.
    out += struct.pack("<Q", stamp) + struct.pack(">BBHHH", 2, 4, length + padding, 0, wire)
    out += b"\0\0" + frame + b"\0" * padding
open(sys.argv[2], "wb").write(out)
