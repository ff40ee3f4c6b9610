#!/usr/bin/env python3
"""imgnet archive on Ray: one task a unit, with Ray's own retries.

    archive.py CAPTURES LAKE [--imgnet imgnet] [--address auto] [--slots 1] [--query SQL] [-- OPTIONS OF imgnet archive]

Without --address it starts Ray on this machine; with it, it uses the cluster there, whose machines must see captures and lake
under the same paths and have imgnet. A task that dies with its worker (kill -9, a machine that is gone) is run again: a unit is
in the lake once, whole, however often it is run.
"""

import argparse
import json
import subprocess
import sys

import ray


def one(imgnet, lake, options, line):
    """Does a unit in a process of its own. What imgnet refuses is told, not tried again: it would refuse it again."""
    done = subprocess.run([imgnet, "archive", "--unit", "-", "-o", lake, *options], input=line, text=True,
                          capture_output=True, check=False)
    if done.returncode < 0:
        raise RuntimeError(f"imgnet was ended by signal {-done.returncode}")
    answer = done.stdout.strip()
    if not answer:
        raise RuntimeError(done.stderr.strip() or f"imgnet ended with {done.returncode} and said nothing")
    return {**json.loads(answer), "said": done.stderr.strip()}


def main():
    mine, options = sys.argv[1:], []
    if "--" in mine:
        at = mine.index("--")
        mine, options = mine[:at], mine[at + 1:]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captures", help="a folder of captures, or - for units as JSON lines on standard input")
    parser.add_argument("lake")
    parser.add_argument("--imgnet", default="imgnet")
    parser.add_argument("--address", help="the cluster; else Ray is started here")
    parser.add_argument("--slots", type=float, default=1, help="processors a unit takes")
    parser.add_argument("--workers", type=int, help="processors to use, where Ray is started here")
    parser.add_argument("--ahead", type=int, default=1000, help="units handed to Ray at once")
    parser.add_argument("--query", help="a question to ask once all units are there")
    arguments = parser.parse_args(mine)
    if arguments.captures == "-":
        lines = sys.stdin
    else:
        listing = subprocess.Popen([arguments.imgnet, "archive", arguments.captures, "--list-units"],
                                   stdout=subprocess.PIPE, text=True)
        lines = listing.stdout
    if arguments.address:
        ray.init(address=arguments.address, log_to_driver=False)
    else:
        ray.init(num_cpus=arguments.workers, include_dashboard=False, log_to_driver=False)
    # A worker that dies, and imgnet ended by a signal, are tried again.
    task = ray.remote(num_cpus=arguments.slots, max_retries=5, retry_exceptions=[RuntimeError])(one)
    states, waiting = {}, []

    def take(results):
        for result in results:
            try:
                answer = ray.get(result)
            except ray.exceptions.RayError as error:
                answer = {"name": "?", "state": "failed", "said": str(error).strip().splitlines()[-1]}
            states[answer["state"]] = states.get(answer["state"], 0) + 1
            if answer["state"] == "failed":
                print(answer["said"] or answer["name"], file=sys.stderr)

    for line in lines:
        if line.strip():
            waiting.append(task.remote(arguments.imgnet, arguments.lake, options, line))
        if len(waiting) >= arguments.ahead:
            ready, waiting = ray.wait(waiting, num_returns=1)
            take(ready)
    take(waiting)
    print(json.dumps(states, sort_keys=True))
    ray.shutdown()
    if arguments.captures != "-" and listing.wait() not in (0,):
        return 2
    if arguments.query and not states.get("failed"):
        return subprocess.run([arguments.imgnet, "query", arguments.lake, arguments.query], check=False).returncode
    return 2 if states.get("failed") else 0


if __name__ == "__main__":
    sys.exit(main())
