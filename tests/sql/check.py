#!/usr/bin/env python3
"""Runs the questions of docs/sql/README.md over a lake and compares the answers.

    check.py LAKE --engine datafusion [--query PROGRAM]     by imgnet-query; on a cluster with --ballista df://HOST:PORT
    check.py LAKE --engine duckdb                           by DuckDB (pip install duckdb)
    check.py LAKE --engine pandas                           the same questions written for pandas (pip install pandas pyarrow)
    check.py LAKE --engine … --update                       writes the answers instead

Exit 0: all answers are those of the page. 1: some are not. 2: the engine is not there.
"""

import argparse
import csv
import io
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/sql/README.md"
BLOCK = re.compile(r"(?m)^## (\d+)\. (.*)\n\n```sql\n((?:.*\n)*?)```\n\n```csv\n((?:.*\n)*?)```$")
TABLES = ["captures", "streams", "images", "chunks", "findings"]


def rows(text):
    return list(csv.reader(io.StringIO(text)))


def plain(value):
    """One way to write a value, whichever engine wrote it."""
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return f"{number:.6f}".rstrip("0").rstrip(".")


def normal(table):
    return [table[0]] + [[plain(cell) for cell in row] for row in table[1:]] if table else []


def datafusion(arguments):
    def ask(sql, _):
        command = [arguments.query, arguments.lake, sql, "--format", "csv"]
        if arguments.ballista:
            command += ["--ballista", arguments.ballista]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return rows(done.stdout)

    return ask


def duckdb(arguments):
    import duckdb as engine

    connection = engine.connect()
    for table in TABLES:
        connection.execute(
            f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{arguments.lake}/table={table}/**/*.parquet', "
            "hive_partitioning = true, hive_types_autocast = false, union_by_name = true)")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute((ROOT / "docs/sql/views.sql").read_text(encoding="utf-8"))

    def ask(sql, _):
        result = connection.execute(sql)
        return [[column[0] for column in result.description]] + [list(row) for row in result.fetchall()]

    return ask


def pandas(arguments):
    import frames

    tables = frames.read(arguments.lake, TABLES)

    def ask(_, number):
        frame = frames.QUESTIONS[number](tables)
        frame = frame.astype(object).where(frame.notna(), None)
        return [list(frame.columns)] + frame.values.tolist()

    return ask


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lake")
    parser.add_argument("--engine", required=True, choices=["datafusion", "duckdb", "pandas"])
    parser.add_argument("--query", default="imgnet-query", help="the program of --engine datafusion")
    parser.add_argument("--ballista", help="the scheduler of a cluster, for --engine datafusion")
    parser.add_argument("--update", action="store_true")
    arguments = parser.parse_args()
    try:
        ask = {"datafusion": datafusion, "duckdb": duckdb, "pandas": pandas}[arguments.engine](arguments)
    except ImportError as error:
        print(f"{arguments.engine} is not there: {error}", file=sys.stderr)
        return 2
    page = PAGE.read_text(encoding="utf-8")
    questions = BLOCK.findall(page)
    if len(questions) != 20:
        print(f"{PAGE} has {len(questions)} questions", file=sys.stderr)
        return 1
    wrong = 0
    answers = {}
    for number, question, sql, expected in questions:
        answer = normal(ask(sql, int(number)))
        if answer != normal(rows(expected)):
            wrong += 1
            if not arguments.update:
                print(f"{number}. {question}\n  {arguments.engine} says {answer}\n  the page has  {rows(expected)}")
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows(answer)
        answers[number] = out.getvalue()
    if arguments.update:
        PAGE.write_text(BLOCK.sub(lambda found: f"## {found[1]}. {found[2]}\n\n```sql\n{found[3]}```\n\n```csv\n{answers[found[1]]}```", page),
                        encoding="utf-8")
        return 0
    print(f"{arguments.engine}: {len(questions) - wrong} of {len(questions)} answers are those of the page")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
