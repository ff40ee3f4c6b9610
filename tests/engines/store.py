#!/usr/bin/env python3
"""A lake in an object store: S3 as moto speaks it on this machine. The rows must be those of a lake in a folder.

    store.py --imgnet PROGRAM --query PROGRAM [--captures 60]

Both programs need the feature `cloud`; moto comes from PyPI (pip install 'moto[server]'), pyarrow too. Exit 0: equal, run once,
twice and by three at once, with one of the three killed. 1: not. 2: moto or the feature is not there.
"""

import argparse
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLES = ["captures", "streams", "images", "chunks", "findings"]


def free():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--imgnet", required=True)
    parser.add_argument("--query", required=True)
    parser.add_argument("--captures", type=int, default=60)
    arguments = parser.parse_args()
    try:
        import boto3
        import moto.server  # noqa: F401
    except ImportError as error:
        print(f"an object store cannot be tried: {error}", file=sys.stderr)
        return 2
    port = free()
    environment = dict(os.environ, AWS_ENDPOINT=f"http://127.0.0.1:{port}", AWS_ALLOW_HTTP="true", AWS_ACCESS_KEY_ID="test",
                       AWS_SECRET_ACCESS_KEY="test", AWS_REGION="us-east-1")
    server = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        store = boto3.client("s3", endpoint_url=environment["AWS_ENDPOINT"], region_name="us-east-1", aws_access_key_id="test",
                             aws_secret_access_key="test")
        store.create_bucket(Bucket="archives")
        with tempfile.TemporaryDirectory() as folder:
            made = f"{folder}/made"
            subprocess.run([sys.executable, ROOT / "scripts/make-archive.py", made, "--captures", str(arguments.captures)], check=True)
            command = [arguments.imgnet, "archive", f"{made}/captures", "-o"]
            subprocess.run(command + [f"{folder}/lake"], check=True, stderr=subprocess.DEVNULL)

            def ask(lake, sql):
                done = subprocess.run([arguments.query, lake, sql, "--format", "csv"], env=environment, capture_output=True, text=True)
                if done.returncode:
                    raise RuntimeError(done.stderr)
                return done.stdout

            lake = "s3://archives/a/lake"
            first = subprocess.run(command + [lake], env=environment, capture_output=True, text=True)
            if "feature" in first.stderr.lower() and first.returncode:
                print(f"an object store cannot be tried: {first.stderr.strip()}", file=sys.stderr)
                return 2
            print(first.stderr.strip())
            again = subprocess.run(command + [lake], env=environment, capture_output=True, text=True)
            print(again.stderr.strip())
            several = "s3://archives/b/lake"
            running = [subprocess.Popen(command + [several, "-q"], env=environment, stderr=subprocess.DEVNULL) for _ in range(3)]
            time.sleep(1)
            running[0].kill()
            codes = [one.wait() for one in running]
            print(f"three at once ended with {codes}")
            good = first.returncode == 0 and again.returncode == 0 and "0 units written" in again.stderr and codes[1:] == [0, 0]
            for table in TABLES:
                sql = f"SELECT * FROM {table}"
                expected = sorted(ask(f"{folder}/lake", sql).splitlines())
                found = [sorted(ask(one, sql).splitlines()) for one in (lake, several)]
                equal = all(one == expected for one in found)
                good = good and equal
                print(f"{table}: {len(expected) - 1} rows, {'equal' if equal else 'DIFFERENT'}")
            subprocess.run([arguments.imgnet, "archive", "-q", "--compact", "-o", lake], env=environment, check=True)
            joined = ask(lake, "SELECT count(*) FROM images") == ask(f"{folder}/lake", "SELECT count(*) FROM images")
            print(f"joined: {'equal' if joined else 'DIFFERENT'}")
            return 0 if good and joined else 1
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    sys.exit(main())
