"""Counts what tools take out of captures: see extract.sh."""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

IMGNET = os.environ.get("IMGNET", "imgnet")
STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"RIFF", b"BM")


def run(*arguments, **options):
    return subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120, **options)


def pictures(folder):
    """Digests of the files below a folder that begin as pictures do."""
    found = []
    for path in pathlib.Path(folder).rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            if data.startswith(STARTS):
                found.append(hashlib.sha256(data).hexdigest())
    return found


def of_tshark(capture, folder):
    run("tshark", "-n", "-r", capture, "-q", "--export-objects", f"http,{folder}")
    return pictures(folder), 0


def of_tcpflow(capture, folder):
    run("tcpflow", "-r", capture, "-o", folder)
    if shutil.which("foremost"):
        streams = b"".join(path.read_bytes() for path in pathlib.Path(folder).iterdir() if path.is_file())
        blob = pathlib.Path(folder) / "all"
        blob.write_bytes(streams)
        run("foremost", "-Q", "-i", str(blob), "-o", f"{folder}/carved")
        return pictures(f"{folder}/carved"), 0
    return pictures(folder), 0


def of_driftnet(capture, folder):
    run("driftnet", "-f", capture, "-a", "-d", folder)
    return pictures(folder), 0


def of_imgnet(capture, folder):
    done = run(IMGNET, "analyze", capture, "--format", "json", "--extract", folder)
    report = json.loads(done.stdout)
    said = sum(not image["complete"] for image in report["images"])
    return pictures(folder), said


TOOLS = {"driftnet": of_driftnet, "tcpflow": of_tcpflow, "tshark": of_tshark, IMGNET: of_imgnet}


def main():
    root = pathlib.Path(sys.argv[1])
    captures = sorted(root.glob("*.pcap")) + sorted(root.glob("formats/*.pcap"))
    sums = {}
    for capture in captures:
        sent = {hashlib.sha256(path.read_bytes()).hexdigest() for path in root.rglob("*")
                if path.is_file() and path.parent.name in ("sent", "received")}
        for tool, take in TOOLS.items():
            if not shutil.which(tool):
                continue
            with tempfile.TemporaryDirectory() as folder:
                try:
                    found, said = take(str(capture), folder)
                except subprocess.TimeoutExpired:
                    found, said = [], 0
            total = sums.setdefault(tool, [0, 0, 0, 0])
            right = sum(digest in sent for digest in found)
            for at, number in enumerate((len(found), right, len(found) - right, said)):
                total[at] += number
    print(f"{len(captures)} captures\n\n| tool | found | right | wrong | said to be not whole |\n|---|--:|--:|--:|--:|")
    for tool, numbers in sums.items():
        print("| " + " | ".join([pathlib.Path(tool).name, *map(str, numbers)]) + " |")


if __name__ == "__main__":
    main()
