#!/usr/bin/env python3
"""Archives on an engine with a worker killed in the middle: the lake must equal that of one imgnet alone, row for row.

    check.py --imgnet PROGRAM --engine ray|spark [--captures 200] [--workers 4] [--kills 3]

Exit 0: equal, and something was killed. 1: not. 2: the engine is not there. Needs pyarrow to read the rows.
"""

import argparse
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLES = ["captures", "streams", "images", "chunks", "findings"]


def rows(lake):
    import pyarrow.parquet as parquet

    tables = {}
    for table in TABLES:
        found = []
        for file in sorted(pathlib.Path(lake, f"table={table}").rglob("*.parquet")):
            place = str(file.parent.relative_to(lake))
            found += [place + repr(row) for row in parquet.ParquetFile(file).read().to_pylist()]
        tables[table] = sorted(found)
    return tables


def descendants(pid):
    """Processes that came of one, by the system's own table."""
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                parents.setdefault(int(fields[1]), []).append(int(entry.name))
            except OSError:
                pass
    found, left = [], [pid]
    while left:
        children = parents.get(left.pop(), [])
        found += children
        left += children
    return found


def title(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--imgnet", required=True)
    parser.add_argument("--engine", required=True, choices=["ray", "spark"])
    parser.add_argument("--captures", type=int, default=200)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--kills", type=int, default=3)
    arguments = parser.parse_args()
    try:
        import pyarrow  # noqa: F401
        __import__({"ray": "ray", "spark": "pyspark"}[arguments.engine])
    except ImportError as error:
        print(f"{arguments.engine} cannot be tried: {error}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        made, alone, spread = (f"{folder}/{name}" for name in ("made", "alone", "spread"))
        subprocess.run([sys.executable, ROOT / "scripts/make-archive.py", made, "--captures", str(arguments.captures)], check=True)
        subprocess.run([arguments.imgnet, "archive", "-q", f"{made}/captures", "-o", alone], check=True)
        command = [sys.executable, str(ROOT / f"engines/{arguments.engine}/archive.py"), f"{made}/captures", spread,
                   "--imgnet", arguments.imgnet]
        environment = dict(os.environ)
        if arguments.engine == "ray":
            command += ["--workers", str(arguments.workers)]
            victims = ("ray::one", "imgnet archive --unit", f"{arguments.imgnet} archive --unit")
        else:
            command += ["--partitions", str(max(arguments.workers, arguments.captures // 8))]
            # With one machine alone Spark tries nothing again unless told: the second number says how often.
            environment["PYSPARK_SUBMIT_ARGS"] = f"--master local[{arguments.workers},5] pyspark-shell"
            victims = (f"{arguments.imgnet} archive --unit",)
        begun = time.monotonic()
        running = subprocess.Popen(command, env=environment)
        killed = 0
        while running.poll() is None:
            units = sum(1 for _ in pathlib.Path(spread, "table=captures").rglob("*.parquet"))
            if killed < arguments.kills and units > (killed + 1) * arguments.captures // (arguments.kills + 2):
                for pid in descendants(running.pid):
                    if title(pid).startswith(victims):
                        os.kill(pid, signal.SIGKILL)
                        killed += 1
                        print(f"killed {title(pid)[:60]!r} with {units} units there")
                        break
            time.sleep(0.02)
        took = time.monotonic() - begun
        if running.returncode:
            print(f"the engine ended with {running.returncode}", file=sys.stderr)
            return 1
        expected, found = rows(alone), rows(spread)
        for table in TABLES:
            equal = expected[table] == found[table]
            print(f"{table}: {len(found[table])} rows, {'equal' if equal else 'DIFFERENT from'} {len(expected[table])}")
        print(f"{arguments.engine}: {arguments.captures} captures in {took:.1f} s, {killed} processes killed")
        return 0 if expected == found and killed else 1


if __name__ == "__main__":
    sys.exit(main())
