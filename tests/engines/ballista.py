#!/usr/bin/env python3
"""Questions on a cluster of Ballista: a scheduler and three executors, one of which is killed at some moment of each question.

    ballista.py --imgnet PROGRAM --query PROGRAM [--captures 240] [--rounds 30]

`imgnet-ballista` lies beside the query program or on the path. The answers must be those of the lake, or none: exit 2 with the
advice to ask again. Exit 0: no wrong answer, at least one question answered though an executor was killed. 1: not. 2: the programs are not there.
"""

import argparse
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Several stages, and more tasks than three executors take at once.
QUESTIONS = [
    "SELECT verdict, count(*), sum(bytes) FROM images GROUP BY 1 ORDER BY 1",
    "SELECT i.unit, i.host, count(*) FROM images i JOIN chunks c ON c.unit = i.unit AND c.host = i.host GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT unit, host, date, verdict FROM images ORDER BY 1, 2, 3, 4",
    "SELECT unit, host, verdict FROM images",
]


def free():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


class Cluster:
    """Scheduler and executors on loopback; all of them end with it."""

    def __init__(self, program, folder):
        self.program, self.folder, self.executors = program, folder, []
        self.port = free()
        self.scheduler = self.start("scheduler", "--bind-host", "127.0.0.1", "--external-host", "127.0.0.1", "--bind-port",
                                    str(self.port), "--executor-timeout-seconds", "10", "--expire-dead-executor-interval-seconds", "2")
        self.url = f"df://127.0.0.1:{self.port}"

    def start(self, *arguments):
        log = open(f"{self.folder}/log", "ab")
        return subprocess.Popen([self.program, *arguments], stdout=log, stderr=log)

    def join(self):
        work = tempfile.mkdtemp(dir=self.folder)
        ports = [str(free()) for _ in range(3)]
        self.executors.append(self.start(
            "executor", "--scheduler-host", "127.0.0.1", "--scheduler-port", str(self.port), "--bind-host", "127.0.0.1",
            "--external-host", "127.0.0.1", "-p", ports[0], "--bind-grpc-port", ports[1], "--bind-health-port", ports[2],
            "--vcores", "1", "--work-dir", work, "--scheduler-connect-timeout-seconds", "60",
            "--executor-heartbeat-interval-seconds", "2"))

    def end(self):
        for process in [*self.executors, self.scheduler]:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--imgnet", required=True)
    parser.add_argument("--query", required=True)
    parser.add_argument("--captures", type=int, default=240)
    parser.add_argument("--rounds", type=int, default=30)
    arguments = parser.parse_args()
    beside = pathlib.Path(arguments.query).with_name("imgnet-ballista")
    program = str(beside) if beside.is_file() else shutil.which("imgnet-ballista")
    if not program or not os.access(arguments.query, os.X_OK):
        print("Ballista cannot be tried: imgnet-query or imgnet-ballista is not there", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        made, lake = f"{folder}/made", f"{folder}/lake"
        subprocess.run([sys.executable, ROOT / "scripts/make-archive.py", made, "--captures", str(arguments.captures)], check=True)
        subprocess.run([arguments.imgnet, "archive", "-q", f"{made}/captures", "-o", lake], check=True)

        def ask(sql, *options):
            return subprocess.Popen([arguments.query, lake, sql, "--format", "csv", *options], stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True)

        def rows(text, sql):
            lines = text.splitlines()
            return lines if "ORDER BY" in sql else [lines[0], *sorted(lines[1:])]

        truth = {}
        for sql in QUESTIONS:
            out, error = (asked := ask(sql)).communicate()
            if asked.returncode:
                print(error, file=sys.stderr)
                return 1
            truth[sql] = rows(out, sql)
        cluster = Cluster(program, folder)
        right = none = wrong = struck = 0
        try:
            for _ in range(3):
                cluster.join()
            time.sleep(3)
            took = {}
            for sql in QUESTIONS:
                begun = time.monotonic()
                out, error = (asked := ask(sql, "--ballista", cluster.url)).communicate(timeout=300)
                took[sql] = time.monotonic() - begun
                if asked.returncode or rows(out, sql) != truth[sql]:
                    print(f"undisturbed: {sql}: {error or 'another answer'}", file=sys.stderr)
                    return 1
                print(f"{took[sql]:.1f} s: {sql}")
            for round in range(arguments.rounds):
                sql = QUESTIONS[round % len(QUESTIONS)]
                asked = ask(sql, "--ballista", cluster.url)
                # Anywhere between the first tasks and the last ones.
                time.sleep(took[sql] * (0.2 + 0.8 * ((round * 37) % 100) / 100))
                victim = cluster.executors.pop(0)
                during = asked.poll() is None
                victim.send_signal(signal.SIGKILL)
                victim.wait()
                cluster.join()
                try:
                    out, error = asked.communicate(timeout=300)
                except subprocess.TimeoutExpired:
                    asked.kill()
                    asked.communicate()
                    print(f"no end within 300 s: {sql}", file=sys.stderr)
                    wrong += 1
                    continue
                struck += during
                if asked.returncode == 0 and rows(out, sql) == truth[sql]:
                    right += 1
                elif asked.returncode == 2 and "ask again" in error:
                    none += 1
                else:
                    wrong += 1
                    print(f"{sql}: exit {asked.returncode}, {len(out.splitlines())} lines of {len(truth[sql])}: {error}", file=sys.stderr)
                time.sleep(1)
        finally:
            cluster.end()
        print(f"{arguments.captures} captures, three executors, {arguments.rounds} killed, {struck} while a question was asked: "
              f"{right} right answers, {none} times none ('ask again'), {wrong} wrong")
        return 0 if wrong == 0 and right and struck else 1


if __name__ == "__main__":
    sys.exit(main())
