"""The questions of docs/sql/README.md for pandas: written from the questions, not from the SQL."""

import pandas as pd


def read(lake, tables):
    """Each table as a frame; `date` and `host` come from the folders."""
    return {table: pd.read_parquet(f"{lake}/table={table}").astype({"date": str, "host": str}) for table in tables}


FAILED = ["mismatch", "incomplete"]


def named(t, frame):
    return frame.merge(t["captures"][["unit", "name"]], on="unit")


def transfers(t):
    frame = named(t, t["images"]).rename(columns={"name": "capture"})
    frame["microseconds"] = ((frame["ended"] - frame["started"]).dt.total_seconds() * 1e6).round()
    return frame


def q1(t):
    c = t["captures"]
    return pd.DataFrame([{"captures": len(c), "streams": c.totals_streams.sum(), "pictures": c.totals_images.sum(),
                          "bytes": c.totals_image_bytes.sum()}])


def q2(t):
    return t["images"].groupby("verdict").size().reset_index(name="pictures")


def q3(t):
    f = t["findings"]
    f = f[(f.severity != "note") & f.image.notna()]
    f = f.groupby(["unit", "image"])["name"].agg(lambda names: " ".join(sorted(set(names)))).reset_index(name="findings")
    frame = transfers(t)
    frame = frame[frame.verdict == "incomplete"].merge(f, how="left", left_on=["unit", "id"], right_on=["unit", "image"])
    return frame.sort_values("capture")[["capture", "verdict", "findings"]]


def q4(t):
    c, i = t["captures"], t["images"]
    frame = c.groupby("date").agg(captures=("unit", "size"), pictures=("totals_images", "sum")).reset_index()
    days = i.merge(c[["unit", "date"]].rename(columns={"date": "day"}), on="unit")
    days = days.assign(failed=days.verdict.isin(FAILED), inconclusive=days.verdict == "inconclusive")
    days = days.groupby("day")[["failed", "inconclusive"]].sum().reset_index()
    return frame.merge(days, left_on="date", right_on="day").drop(columns="day")


def q5(t):
    i = t["images"].assign(failed=t["images"].verdict.isin(FAILED))
    return i.groupby("host").agg(pictures=("id", "size"), failed=("failed", "sum")).reset_index()


def q6(t):
    i = t["images"].assign(failed=t["images"].verdict.isin(FAILED))
    frame = i.groupby("from_address").agg(pictures=("id", "size"), failed=("failed", "sum")).reset_index()
    return frame[frame.failed > 0].sort_values(["failed", "from_address"], ascending=[False, True])


def q7(t):
    frame = transfers(t).sort_values(["bytes", "capture"], ascending=[False, True]).head(5)
    return frame[["capture", "width", "height", "bytes"]]


def q8(t):
    return transfers(t).sort_values(["microseconds", "capture"], ascending=[False, True]).head(5)[["capture", "microseconds"]]


def q9(t):
    frame = t["images"].groupby("format")["bytes"].agg(pictures="size", least="min", most="max", average="mean").reset_index()
    return frame.assign(average=frame.average.round())


def q10(t):
    frame = t["findings"][t["findings"].certainty == "proven"].groupby(["name", "severity", "certainty"]).size().reset_index(name="times")
    return frame.sort_values(["times", "name", "certainty"], ascending=[False, True, True])


def q11(t):
    frame = transfers(t)
    frame = frame[frame.gap_bytes > 0].sort_values("capture")
    frame["percent"] = (100 * frame.gap_bytes / frame.bytes).round(1)
    return frame[["capture", "gap_bytes", "bytes", "percent"]]


def q12(t):
    frame = transfers(t)
    frame = frame[frame.compared_mismatch_side == "sender-to-wire"].sort_values("capture")
    columns = {"capture": "name", "compared_mismatch_first_difference": "first_difference",
               "compared_mismatch_differing_bytes": "differing_bytes", "compared_blame_who": "blame"}
    return frame.rename(columns=columns)[list(columns.values())]


def q13(t):
    k = t["chunks"]
    k = k[(k.gap_bytes > 0) | (k.duplicate_bytes > 0)]
    k = k.sort_values(["gap_bytes", "duplicate_bytes", "packets", "unit", "image", "index"],
                      ascending=[False, False, False, True, True, True]).head(5)
    return k.assign(place=range(1, len(k) + 1))[["place", "gap_bytes", "duplicate_bytes", "index"]]


def q14(t):
    k = named(t, t["chunks"][t["chunks"].gap_bytes > 0])
    return k.groupby("name").agg(chunks=("index", "size"), gap_bytes=("gap_bytes", "sum")).reset_index()


def q15(t):
    wire, pictures = t["streams"].wire_bytes.sum(), t["streams"].picture_bytes.sum()
    return pd.DataFrame([{"wire_bytes": wire, "picture_bytes": pictures, "percent": round(100 * pictures / wire, 1)}])


def q16(t):
    return t["streams"].groupby(["direction", "closed"], dropna=False).size().reset_index(name="streams")


def q17(t):
    i = t["images"].assign(hour=t["images"].started.dt.hour)
    frame = i.groupby("hour").agg(pictures=("id", "size"), bytes=("bytes", "sum")).reset_index()
    return frame.sort_values(["pictures", "hour"], ascending=[False, True]).head(5)


def q18(t):
    known = t["images"].sha256.dropna()
    return pd.DataFrame([{"pictures": len(known), "different": known.nunique()}])


def q19(t):
    s = t["streams"][["unit", "id", "confidence"]].drop_duplicates().rename(columns={"id": "stream"})
    frame = t["images"].merge(s, on=["unit", "stream"])
    return frame.groupby(["to_port", "protocol", "confidence"]).size().reset_index(name="pictures")


def q20(t):
    c = t["captures"]
    c = c[~c.coverage_whole.astype(bool)].sort_values("name")
    columns = {"name": "name", "coverage_gaps": "gaps", "coverage_gap_bytes": "gap_bytes", "coverage_unfinished": "unfinished"}
    return c.rename(columns=columns)[list(columns.values())]


QUESTIONS = {number: globals()[f"q{number}"] for number in range(1, 21)}
