#!/usr/bin/env python3
"""imgnet-query counts every row once while --compact works and after it was killed, and nothing of a unit that is not complete.

    interrupted.py LAKE --imgnet PROGRAM --query PROGRAM [--rounds 12]

Works on copies of the lake. Exit 0: it held.
"""

import argparse
import csv
import io
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

TABLES = ["captures", "streams", "images", "chunks", "findings"]
COUNTS = " UNION ALL ".join(f"SELECT '{table}' AS name, count(*) AS rows, count(DISTINCT unit) AS units FROM {table}"
                            for table in TABLES) + " ORDER BY name"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lake")
    parser.add_argument("--imgnet", required=True)
    parser.add_argument("--query", required=True)
    parser.add_argument("--rounds", type=int, default=12)
    arguments = parser.parse_args()

    def counts(lake):
        answer = subprocess.run([arguments.query, lake, COUNTS, "--format", "csv"], capture_output=True, text=True, check=True)
        return {row["name"]: (int(row["rows"]), int(row["units"])) for row in csv.DictReader(io.StringIO(answer.stdout))}

    expected = counts(arguments.lake)
    rng = random.Random(5)
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        # A unit whose `captures` is not there yet does not count, in no table.
        half = f"{folder}/half"
        shutil.copytree(arguments.lake, half)
        next(pathlib.Path(half, "table=captures").rglob("*.parquet")).unlink()
        found = counts(half)
        if found["captures"][0] != expected["captures"][0] - 1 or found["images"][1] != expected["images"][1] - 1:
            wrong.append(f"half a unit: {found}")
        whole = f"{folder}/whole"
        shutil.copytree(arguments.lake, whole)
        begun = time.monotonic()
        subprocess.run([arguments.imgnet, "archive", "-q", "--compact", "-o", whole], check=True)
        took = time.monotonic() - begun
        if counts(whole) != expected:
            wrong.append(f"joined: {counts(whole)}")
        killed = 0
        joined = f"{folder}/joined"
        shutil.copytree(arguments.lake, joined)
        for number in range(arguments.rounds):
            running = subprocess.Popen([arguments.imgnet, "archive", "-q", "--compact", "-o", joined])
            # The first ends before it can be over, however fast the machine is.
            time.sleep(rng.random() * took * 0.6 if number else 0)
            in_time = running.poll() is None
            killed += in_time
            running.kill()
            running.wait()
            if counts(joined) != expected:
                wrong.append(f"killed while joining: {counts(joined)}")
            if not in_time:
                # All is joined: begin again.
                shutil.rmtree(joined)
                shutil.copytree(arguments.lake, joined)
    for line in wrong:
        print(line, f"instead of {expected}")
    print(f"{expected['captures'][0]} units, joined and killed {killed} times: {'each row once' if not wrong else 'WRONG'}")
    return 1 if wrong or not killed else 0


if __name__ == "__main__":
    sys.exit(main())
