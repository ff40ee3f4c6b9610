#!/usr/bin/env python3
"""imgnet archive on Spark: units as lines through `pipe`, one imgnet for each partition.

    spark-submit archive.py CAPTURES LAKE [--imgnet imgnet] [--partitions N]

The machines must see captures and lake under the same paths and have imgnet. Spark runs a partition again when its process
dies: a unit is in the lake once, whole, however often it is run.
"""

import argparse
import collections
import json
import shlex
import subprocess
import sys

from pyspark.sql import SparkSession


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captures")
    parser.add_argument("lake")
    parser.add_argument("--imgnet", default="imgnet")
    parser.add_argument("--partitions", type=int, default=0, help="how many; else one for eight units")
    arguments = parser.parse_args()
    listed = subprocess.run([arguments.imgnet, "archive", arguments.captures, "--list-units"], stdout=subprocess.PIPE,
                            text=True, check=True).stdout.splitlines()
    spark = SparkSession.builder.appName("imgnet archive").getOrCreate()
    units = spark.sparkContext.parallelize(listed, arguments.partitions or max(1, len(listed) // 8))
    # imgnet ends with 3 where a capture is cut short: that is an answer, and no reason to run it again.
    command = shlex.join([arguments.imgnet, "archive", "--unit", "-", "-o", arguments.lake])
    answers = units.pipe(shlex.join(["sh", "-c", f"{command} || test $? -lt 128"]), checkCode=True).collect()
    states = collections.Counter(json.loads(answer)["state"] for answer in answers)
    spark.stop()
    print(json.dumps(states, sort_keys=True))
    return 2 if states["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
