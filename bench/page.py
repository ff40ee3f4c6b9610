#!/usr/bin/env python3
"""How long the page of many pictures takes: made by `imgnet report`, opened by headless Chromium.

usage: page.py IMGNET [--pictures 20000] [--slack 1] [--keep DIR]

Writes a capture with a connection for each picture (most in `eof`; some cut short, some sent again), makes its report, and opens it
in Chromium through chromedriver. Prints what each took and how large things are; exits 1 where the report took more than 10 s or the
page more than 3 s to open, times the slack. Opened: loaded, laid out and painted, by the browser's own clock (Navigation Timing, Paint Timing), and
by the wall clock of whoever asked for it.
"""

import argparse
import json
import os
import pathlib
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
import zlib

MAKE, OPEN = 10.0, 3.0
MSS = 1448


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(number):
    """A picture of its own: noise that depends on its number."""
    width, height, state, rows = 24, 18 + number % 24, number * 2654435761 + 1, []
    for _ in range(height):
        row = bytearray(b"\0")
        for _ in range(width * 3 // 4):
            state = (state * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
            row += struct.pack("<I", state >> 32)
        rows.append(bytes(row))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"".join(rows), 0)) + chunk(b"IEND", b"")


class Capture:
    """A pcap of Ethernet frames with correct lengths; checksums are those of offloading, unfinished."""

    def __init__(self, path):
        self.file, self.now = open(path, "wb", buffering=1 << 20), 1_700_000_000_000_000
        self.file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))

    def segment(self, ports, numbers, flags, data=b"", back=False):
        self.now += 25
        addresses = bytes([10, 0, 0, 1, 10, 0, 0, 2])
        if back:
            addresses, ports, numbers = addresses[4:] + addresses[:4], ports[::-1], numbers[::-1]
        tcp = struct.pack(">HHIIBBHHH", *ports, *numbers, 5 << 4, flags, 65535, 0, 0) + data
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + addresses
        frame = b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0" + ip + tcp
        self.file.write(struct.pack("<IIII", self.now // 1_000_000, self.now % 1_000_000, len(frame), len(frame)) + frame)

    def transfer(self, number):
        data, ports = png(number), (1024 + number % 60000, 65432 + number // 60000)
        if number % 97 == 0:
            data = data[: len(data) // 2]
        self.segment(ports, (1000, 0), 0x02)
        self.segment(ports, (1001, 5000), 0x12, back=True)
        self.segment(ports, (1001, 5001), 0x10)
        for start in range(0, len(data), MSS):
            piece = data[start : start + MSS]
            self.segment(ports, (1001 + start, 5001), 0x18, piece)
            if number % 53 == 0:
                self.segment(ports, (1001 + start, 5001), 0x18, piece)
            self.segment(ports, (1001 + start + len(piece), 5001), 0x10, back=True)
        end = 1001 + len(data)
        self.segment(ports, (end, 5001), 0x11)
        self.segment(ports, (end + 1, 5001), 0x11, back=True)
        self.segment(ports, (end + 1, 5002), 0x10)


class Browser:
    def __init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.driver = subprocess.Popen(["chromedriver", f"--port={self.port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        options = {"args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1280,900"]}
        wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}}
        for _ in range(200):
            try:
                self.session = self.ask("POST", "/session", wanted)["sessionId"]
                break
            except OSError:
                time.sleep(0.1)

    def ask(self, method, path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method, data=json.dumps(body or {}).encode()
                                         if method == "POST" else None, headers={"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)["value"]

    def open(self, address):
        self.ask("POST", f"/session/{self.session}/url", {"url": address})

    def run(self, script):
        return self.ask("POST", f"/session/{self.session}/execute/async", {"script": script, "args": []})

    def end(self):
        try:
            self.ask("DELETE", f"/session/{self.session}")
        finally:
            self.driver.terminate()
            self.driver.wait()


PAINTED = """
const done = arguments[0];
requestAnimationFrame(() => setTimeout(() => {
  const [load] = performance.getEntriesByType("navigation");
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  done({load: load.loadEventEnd, paint: paint ? paint.startTime : null, now: performance.now(),
        elements: document.getElementsByTagName("*").length});
}, 0));
"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("imgnet")
    parser.add_argument("--pictures", type=int, default=20000)
    parser.add_argument("--slack", type=float, default=1.0, help="for a machine that does other things too")
    parser.add_argument("--keep", help="folder for capture and page")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or temporary
        os.makedirs(folder, exist_ok=True)
        path, page = os.path.join(folder, "many.pcap"), os.path.join(folder, "many.html")
        capture = Capture(path)
        for number in range(options.pictures):
            capture.transfer(number)
        capture.file.close()
        before, since = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run([options.imgnet, "report", path, "-o", page, "-q"], check=True)
        made = time.monotonic() - since
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"capture  {os.path.getsize(path) / 1e6:.1f} MB, {options.pictures:,} pictures")
        print(f"report   made in {made:.2f} s ({cpu:.2f} s of processor time), {os.path.getsize(page) / 1e6:.1f} MB")
        browser = Browser()
        try:
            browser.open("about:blank")
            since = time.monotonic()
            browser.open(pathlib.Path(page).resolve().as_uri())
            told = browser.run(PAINTED)
            opened = time.monotonic() - since
        finally:
            browser.end()
        paint = f"{told['paint'] / 1000:.2f} s" if told["paint"] else "not told"
        print(f"page     loaded after {told['load'] / 1000:.2f} s, first paint {paint}, laid out and painted {told['now'] / 1000:.2f} s; "
              f"{opened:.2f} s by the wall clock; {told['elements']:,} elements")
    return 1 if made > MAKE * options.slack or opened > OPEN * options.slack else 0


if __name__ == "__main__":
    sys.exit(main())
