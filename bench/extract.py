"""Counts what tools take out of captures: see extract.sh."""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

IMGNET = os.environ.get("IMGNET", "imgnet")
STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"RIFF", b"BM")
# driftnet does not end with its file.
TIMEOUT = 8


def run(*arguments):
    """Runs a program and gives what it wrote; one that does not end is ended, and what it left counts."""
    # In a session of its own: driftnet ends its whole group where it is ended.
    child = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             start_new_session=True)
    try:
        return child.communicate(timeout=TIMEOUT)[0]
    except subprocess.TimeoutExpired:
        child.terminate()
        try:
            return child.communicate(timeout=5)[0]
        except subprocess.TimeoutExpired:
            child.kill()
            return child.communicate()[0]


def pictures(folder):
    """The digests, by name, of the files below a folder that begin as pictures do."""
    found = {}
    for path in pathlib.Path(folder).rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            if data.startswith(STARTS):
                found[str(path.relative_to(folder))] = hashlib.sha256(data).hexdigest()
    return found


def of_tshark(capture, folder):
    run("tshark", "-n", "-r", capture, "-q", "--export-objects", f"http,{folder}")
    return pictures(folder)


def of_tcpflow(capture, folder):
    run("tcpflow", "-r", capture, "-o", folder)
    return pictures(folder)


def of_foremost(capture, folder):
    os.mkdir(f"{folder}/streams")
    run("tcpflow", "-r", capture, "-o", f"{folder}/streams")
    streams = [path for path in sorted(pathlib.Path(f"{folder}/streams").iterdir()) if path.suffix != ".xml"]
    blob = pathlib.Path(folder) / "all"
    blob.write_bytes(b"".join(path.read_bytes() for path in streams))
    run("foremost", "-Q", "-t", "jpeg,png,gif,bmp", "-i", str(blob), "-o", f"{folder}/carved")
    return pictures(f"{folder}/carved")


def of_tcpxtract(capture, folder):
    run("tcpxtract", "-f", capture, "-o", folder)
    return pictures(folder)


def of_driftnet(capture, folder):
    run("driftnet", "-f", capture, "-a", "-d", folder)
    return pictures(folder)


def of_imgnet(capture, folder):
    run(IMGNET, "analyze", capture, "--quiet", "--extract", folder)
    return pictures(folder)


# What a row needs, and how it takes pictures out.
TOOLS = {
    "driftnet": (["driftnet"], of_driftnet),
    "tcpxtract": (["tcpxtract"], of_tcpxtract),
    "tcpflow, whole streams": (["tcpflow"], of_tcpflow),
    "tcpflow, then foremost": (["tcpflow", "foremost"], of_foremost),
    "tshark, export of HTTP objects": (["tshark"], of_tshark),
    "imgnet": ([IMGNET], of_imgnet),
}


def main():
    root = pathlib.Path(sys.argv[1])
    captures = sorted(root.glob("*.pcap")) + sorted(root.glob("formats/*.pcap"))
    sent = {hashlib.sha256(path.read_bytes()).hexdigest() for path in root.rglob("*")
            if path.is_file() and path.parent.name in ("sent", "received")}
    there = {tool: take for tool, (needs, take) in TOOLS.items() if all(map(shutil.which, needs))}
    for tool in TOOLS:
        if tool not in there:
            print(f"{tool}: not installed", file=sys.stderr)
    sums = {tool: [0, 0, 0, 0] for tool in there}
    for capture in captures:
        for tool, take in there.items():
            with tempfile.TemporaryDirectory() as folder:
                found = take(str(capture), folder)
            # imgnet alone says that a picture is not whole: in the name of its file.
            other = {name for name, digest in found.items() if digest not in sent}
            said = {name for name in other if tool == "imgnet" and ".partial." in name}
            wrong = sorted(other - said)
            if "-v" in sys.argv and wrong:
                print(f"{capture.name}: {tool}: wrong: {', '.join(wrong)}", file=sys.stderr)
            for at, number in enumerate((len(found), len(found) - len(other), len(said), len(wrong))):
                sums[tool][at] += number
    print(f"{len(captures)} captures\n\n| tool | found | right | not whole, and said to be | wrong |\n|---|--:|--:|--:|--:|")
    for tool, numbers in sums.items():
        print("| " + " | ".join([tool, *map(str, numbers)]) + " |")


if __name__ == "__main__":
    main()
