#!/usr/bin/env python3
"""Counts the instructions that imgnet takes, room by room, and compares them with those recorded in bench/instructions.txt.

    bench/instructions.py            builds, counts, compares; exit 1 where something takes more than a twentieth more
    bench/instructions.py --record   writes bench/instructions.txt anew, for what was meant
    bench/instructions.py --top RUN  the functions of one run that take the most (a name of the first column, or a capture)

Counted under `valgrind --tool=callgrind`, on one thread, with nothing of the caller's environment, in the build of the tests: what
.ci/run has built by then is not built again, and a step shows there as it does in an optimised build, though the figures are larger.
What depends on chance (the seeds of hash tables) makes a few thousandths. The processor that valgrind shows has no SHA instructions
and no AVX-512, so SHA-256 takes more here than on most machines.

Exit 0 as recorded, 1 more than recorded, 2 usage, 77 valgrind is missing (said in words)."""
import argparse, collections, json, os, pathlib, platform, re, shutil, struct, subprocess, sys, tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
RECORD = ROOT / "bench/instructions.txt"
# What a room may take more than recorded: a twentieth, and so many instructions in which small rooms may differ.
TWENTIETH, SLACK = 20, 20_000
# Another compiler makes another program, and other libraries or another processor choose other ways: of them more is let pass, only the
# sum of a run counts, and that is said.
OTHER_PLACE = 6
# Libraries choose by these how they copy, search and add up.
FEATURES = ("sse4_2", "pclmulqdq", "avx", "avx2", "bmi2", "fma", "erms", "fsrm")

# The rooms of docs/architecture.md whose steps are worth knowing apart. `wire` is told by its files in captures of each format.
ROOMS = ("source decode flow reassembly wire picture analysis digest ledger findings verify align report dissect expect cli capture "
         "imaging units frame transfer").split()


def build():
    """The two examples, as .ci/run builds them; returns their paths."""
    env = dict(os.environ, CARGO_PROFILE_DEV_OPT_LEVEL="1", CARGO_PROFILE_DEV_DEBUG="0", CARGO_INCREMENTAL="0")
    command = ["cargo", "build", "--locked", "--features", "archive", "--example", "each-capture", "--example", "make-capture",
               "--message-format=json-render-diagnostics", "--quiet"]
    out = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, check=True, text=True).stdout
    made = [json.loads(line) for line in out.splitlines()]
    return {one["target"]["name"]: one["executable"] for one in made if one.get("executable")}


def cut(path, to, snap):
    """A classic pcap file with at most `snap` bytes of each frame."""
    data = path.read_bytes()
    with open(to, "wb") as out:
        out.write(data[:24])
        at = 24
        while at < len(data):
            seconds, micros, captured, length = struct.unpack_from("<IIII", data, at)
            kept = min(captured, snap)
            out.write(struct.pack("<IIII", seconds, micros, kept, length) + data[at + 16:at + 16 + kept])
            at += 16 + captured


def room(function):
    """Whose instructions a function's are."""
    found = re.search(r"\bimgnet\[?[0-9a-f]*\]?::(\w+)", function)
    if found:
        return found.group(1) if found.group(1) in ROOMS else "other"
    crate = re.match(r"[<&*\[( ]*(?:dyn |mut |\[)*(\w+)(?:\[[0-9a-f]+\])?::", function)
    if crate:
        name = crate.group(1)
        return "std" if name in ("core", "std", "alloc", "hashbrown", "compiler_builtins", "memchr") else "crates"
    return "libc"


def counts(path):
    """Instructions by function of one callgrind file, without those of the functions that they call."""
    names, by, current, skip = {}, collections.Counter(), None, False
    for line in path.read_text(errors="replace").splitlines():
        if line.startswith("fn="):
            number, _, name = line[3:].partition(" ")
            if name:
                names[number] = name
            current = names.get(number, number)
        elif line.startswith(("cfn=", "cfi=", "cfl=", "cob=", "fl=", "fi=", "fe=", "ob=")):
            if line.startswith("cfn="):
                number, _, name = line[4:].partition(" ")
                if name:
                    names[number] = name
        elif line.startswith("calls="):
            skip = True
        elif line[:1].isdigit() or line[:1] in "+-*":
            if skip:
                skip = False
            elif current is not None:
                # A line without a cost stands where nothing was collected.
                by[current] += sum(map(int, line.split()[1:2]))
    return by


def callgrind(arguments, scratch, cwd, each=None):
    """Counters by function: one of the whole run, or one for each call of the function `each`."""
    out = pathlib.Path(scratch) / "callgrind"
    for old in pathlib.Path(scratch).glob("callgrind*"):
        old.unlink()
    options = ["--tool=callgrind", f"--callgrind-out-file={out}", "--compress-strings=yes", "--compress-pos=yes", "-q"]
    if each:
        options += [f"--toggle-collect={each}", f"--dump-after={each}"]
    env = {"HOME": "/nonexistent", "PATH": "/usr/bin:/bin", "LC_ALL": "C", "TERM": "dumb", "COLUMNS": "120"}
    command = ["valgrind", *options, *map(str, arguments)]
    # One core, so that whoever asks how many there are is told the same everywhere.
    core = min(os.sched_getaffinity(0))
    done = subprocess.run(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, preexec_fn=lambda: os.sched_setaffinity(0, {core}))
    if done.returncode not in (0, 1) or (each and done.returncode):
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
    if not each:
        return counts(out)
    parts = sorted(pathlib.Path(scratch).glob("callgrind.*"), key=lambda part: int(part.suffix[1:]))
    return [counts(part) for part in parts]


def captures():
    """Small captures, one or more of each wire format."""
    found = sorted((ROOT / "captures").glob("*.pcap*")) + sorted((ROOT / "captures/formats").glob("*.pcap*"))
    return found + sorted((ROOT / "captures/protocols").glob("*.pcap*"))


def runs(built, scratch, only=None):
    """Name and counter of every run."""
    folder = pathlib.Path(scratch)
    wanted = lambda name: only is None or only == name
    small = [path for path in captures() if wanted(path.stem)]
    each = built["each-capture"]
    if small:
        parts = callgrind([each, "sha256+json", *small], scratch, ROOT, "each_capture::one_capture")
        assert len(parts) >= len(small), f"{len(parts)} parts of {len(small)} captures"
        yield from ((path.stem, part) for path, part in zip(small, parts))
    made = {"made-loopback": ("loopback", "0.006", "blake3", None), "made-mtu1500": ("mtu1500", "0.01", "none", None),
            "made-connections": ("connections", "0.01", "none", None), "made-headers-only": ("connections", "0.01", "none", 96),
            "made-headers-only-mtu1500": ("mtu1500", "0.01", "none", 96)}
    for name, (kind, size, digest, snap) in made.items():
        if not wanted(name):
            continue
        path = folder / f"{kind}.pcap"
        subprocess.run([built["make-capture"], kind, path, "--size", size], check=True, stdout=subprocess.DEVNULL)
        if snap:
            whole, path = path, folder / f"{kind}-{snap}.pcap"
            cut(whole, path, snap)
        # A file that was written a moment ago is not mapped: it may go on.
        os.utime(path, (0, 0))
        [part] = callgrind([each, digest, path], scratch, ROOT, "each_capture::one_capture")[:1]
        yield name, part
    eof = ["captures/eof.pcap"]
    (folder / "expected.toml").write_text("[run]\npictures = 1\n")
    files = ["--sent", "captures/pipeline/sent", "--received", "captures/pipeline/received"]
    commands = {
        "command-analyze": ["analyze", *eof],
        "command-check": ["check", "--expect", scratch + "/expected.toml", *eof],
        "command-packets": ["packets", "captures/pipeline.pcap"],
        "command-verify": ["verify", "captures/pipeline.pcap", *files],
        "command-verify-differs": ["verify", "captures/marker-in-file.pcap", "--sent", "captures/marker-in-file/sent",
                                   "--received", "captures/marker-in-file/received"],
    }
    for name, arguments in commands.items():
        if wanted(name):
            yield name, callgrind([each, "imgnet", *arguments], scratch, ROOT)


def place():
    """What the figures depend on beside the source: the compiler, the C library, valgrind, the processor."""
    said = lambda *command: subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    flags = re.search(r"^flags\s*:(.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    has = [one for one in FEATURES if flags and one in flags.group(1).split()]
    return f"rustc {said('rustc', '--version')[1]}, {' '.join(platform.libc_ver())}, {said('valgrind', '--version')[0]}, {' '.join(has)}"


def by_room(counter):
    rooms = collections.Counter()
    for function, cost in counter.items():
        rooms[room(function)] += cost
    return {"total": sum(rooms.values()), **dict(sorted(rooms.items()))}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--top", metavar="RUN")
    parser.add_argument("--lines", type=int, default=40)
    given = parser.parse_args()
    if not shutil.which("valgrind"):
        print("skipped: valgrind is not installed (Debian package valgrind), so instructions cannot be counted")
        return 77
    built = build()
    with tempfile.TemporaryDirectory() as scratch:
        if given.top:
            for name, counter in runs(built, scratch, given.top):
                all = sum(counter.values())
                print(f"{name}: {all:,}", by_room(counter))
                for function, cost in counter.most_common(given.lines):
                    print(f"{cost:>14,} {cost / all:6.1%} {function[:150]}")
            return 0
        now = {(name, what): cost for name, counter in runs(built, scratch) for what, cost in by_room(counter).items()}
    if given.record:
        lines = [f"# instructions: run, room, how many; {place()}; written by bench/instructions.py --record"]
        lines += [f"{name} {what} {cost}" for (name, what), cost in now.items()]
        RECORD.write_text("\n".join(lines) + "\n")
        print(f"recorded: {sum(cost for (_, what), cost in now.items() if what == 'total'):,} instructions")
        return 0
    return compare(now, place())


def compare(now, here):
    if not RECORD.exists():
        print(f"nothing is recorded in {RECORD.name}: counted, and compared with nothing")
        return 0
    head, *lines = RECORD.read_text().splitlines()
    there = head.split(";")[1].strip()
    same = there == here
    part = TWENTIETH if same else OTHER_PLACE
    if not same:
        print(f"recorded elsewhere ({there}; this is {here}): only a run that takes more than 1/{part} more in all counts")
    before = {(name, what): int(cost) for name, what, cost in (line.split(" ") for line in lines)}
    more = [f"  {name}, {what}: {cost:,}, recorded {before[name, what]:,} ({cost / max(before[name, what], 1) - 1:+.1%})"
            for (name, what), cost in now.items()
            if (name, what) in before and (same or what == "total") and cost > before[name, what] + before[name, what] // part + SLACK]
    unknown = sorted({name for name, _ in now} - {name for name, _ in before})
    gone = sorted({name for name, _ in before} - {name for name, _ in now})
    sums = collections.Counter()
    for (name, what), cost in now.items():
        sums[what] += cost
    was = collections.Counter()
    for (name, what), cost in before.items():
        was[what] += cost
    print(f"{'room':<12} {'instructions':>15} {'recorded':>15}")
    for what, cost in sums.most_common():
        print(f"{what:<12} {cost:>15,} {was[what]:>15,} {cost / max(was[what], 1) - 1:+7.1%}")
    for name in unknown:
        print(f"not recorded: {name}")
    for name in gone:
        print(f"recorded, and not counted any more: {name}")
    if more:
        print(f"more instructions than recorded, by more than 1/{part} (bench/instructions.py --record, if that is meant):")
        print("\n".join(more))
    return 1 if more else 0


if __name__ == "__main__":
    sys.exit(main())
