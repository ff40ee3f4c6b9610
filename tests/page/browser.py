#!/usr/bin/env python3
"""Opens pages in headless Chromium and holds them against the JSON of the same captures.

usage: browser.py [--screenshots DIR] PAGE.html=REPORT.json…

Speaks WebDriver to chromedriver with nothing but the standard library. Prints a line for each thing that is wrong, and
exits 1 if there is one.
"""

import base64
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

WRONG = []

NUMBERS = r"""
const out = [];
const number = (text) => text.trim() === "–" ? null : Number(text.replaceAll(",", ""));
for (const e of document.querySelectorAll("data[data-p]"))
  out.push([e.dataset.p, number(e.textContent), Number(e.value)]);
for (const row of document.querySelectorAll("tr[data-p]")) {
  const heads = Array.from(row.closest("table").querySelectorAll("thead th"));
  Array.from(row.children).forEach((cell, at) => {
    const key = heads[at] && heads[at].dataset.k;
    if (key) out.push([row.dataset.p + "/" + key, number(cell.textContent), null]);
  });
}
for (const e of document.querySelectorAll("data[data-length]"))
  out.push([e.dataset.length + "#", number(e.textContent), Number(e.value)]);
const frames = Array.from(document.querySelectorAll("[data-frames]"), (e) => [e.dataset.frames, e.textContent]);
return {numbers: out, frames};
"""

STRUCTURE = r"""
const wrong = [];
const ids = new Set();
for (const e of document.querySelectorAll("[id]")) {
  if (ids.has(e.id)) wrong.push("the id " + e.id + " is there twice");
  ids.add(e.id);
}
for (const a of document.querySelectorAll('a[href^="#"]')) {
  const target = a.getAttribute("href").slice(1);
  if (!ids.has(target) && !target.includes("/chunk-")) wrong.push("#" + target + " leads nowhere");
}
for (const img of document.querySelectorAll("img")) {
  if (!img.alt) wrong.push("a picture without words");
  if (!img.complete || !img.naturalWidth) wrong.push("a picture that does not load");
}
for (const input of document.querySelectorAll("input"))
  if (!input.labels.length && !input.ariaLabel) wrong.push("the input " + input.id + " has no label");
for (const region of document.querySelectorAll("[role=region]"))
  if (!region.ariaLabel) wrong.push("a region without a name");
for (const link of document.querySelectorAll("a"))
  if (!link.textContent.trim() && !link.getAttribute("aria-label")) wrong.push("a link without words");
let level = 0;
for (const h of document.querySelectorAll("h1,h2,h3,h4")) {
  const now = Number(h.tagName[1]);
  if (now > level + 1 && level) wrong.push("the heading " + h.textContent + " skips a level");
  level = now;
}
if (document.querySelectorAll("h1").length !== 1) wrong.push("not one h1");
if (document.documentElement.lang !== "en") wrong.push("no language");
if (document.documentElement.scrollWidth > innerWidth + 1) wrong.push("it scrolls sideways: " + document.documentElement.scrollWidth + " of " + innerWidth);
if (window.pwned) wrong.push("a name became a script");
return wrong;
"""

CONTRAST = r"""
const wrong = [];
const parse = (text) => {
  const m = text.match(/rgba?\(([^)]+)\)/);
  if (!m) return null;
  const [r, g, b, a = 1] = m[1].split(/[ ,\/]+/).filter(Boolean).map(Number);
  return [r, g, b, a];
};
const light = ([r, g, b]) => {
  const f = (v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b);
};
const ground = (e) => {
  for (; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor);
    if (c && c[3] === 1) return c;
  }
  return [255, 255, 255, 1];
};
const seen = new Set();
for (const e of document.querySelectorAll("body *")) {
  const own = Array.from(e.childNodes).some((n) => n.nodeType === 3 && n.textContent.trim());
  if (!own || !e.getClientRects().length || ["STYLE", "SCRIPT", "TITLE", "title"].includes(e.tagName)) continue;
  const style = getComputedStyle(e);
  const svg = e instanceof SVGElement;
  const color = parse(svg ? style.fill : style.color);
  if (!color) continue;
  const [a, b] = [light(color), light(ground(e))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.6 && Number(style.fontWeight) >= 700);
  const key = e.tagName + "." + (e.getAttribute("class") || "");
  if (ratio < (large ? 3 : 4.5) && !seen.has(key)) {
    seen.add(key);
    wrong.push("contrast " + ratio.toFixed(2) + " of " + key + ": " + e.textContent.trim().slice(0, 40));
  }
}
return wrong;
"""

DESCRIBE = r"""
const e = document.activeElement;
if (!e || e === document.body) return null;
const all = Array.from(document.querySelectorAll("*"));
return [all.indexOf(e), e.tagName, (e.textContent || e.ariaLabel || e.id || "").trim().slice(0, 40)];
"""


class Driver:
    def __init__(self):
        binary = shutil.which("chromedriver") or "/usr/bin/chromedriver"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.process = subprocess.Popen(
            [binary, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.base = f"http://127.0.0.1:{port}"
        for _ in range(300):
            try:
                with socket.create_connection(("127.0.0.1", port), 1):
                    break
            except OSError:
                time.sleep(0.1)
        options = {
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--allow-file-access-from-files"]
        }
        answer = self.call(
            "POST",
            "/session",
            {
                "capabilities": {
                    "alwaysMatch": {
                        "browserName": "chrome",
                        "goog:chromeOptions": options,
                        "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
                    }
                }
            },
        )
        self.session = "/session/" + answer["sessionId"]

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.base + path, data=data, method=method, headers={"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(error.read().decode()) from error

    def do(self, command, body=None, method="POST"):
        return self.call(method, self.session + command, {} if body is None and method == "POST" else body)

    def run(self, script):
        return self.do("/execute/sync", {"script": script, "args": []})

    def cdp(self, command, **params):
        return self.do("/goog/cdp/execute", {"cmd": command, "params": params})

    def log(self, kind):
        return self.do("/se/log", {"type": kind})

    def size(self, width, height):
        self.cdp(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def scheme(self, scheme, media=""):
        self.cdp(
            "Emulation.setEmulatedMedia", media=media, features=[
                {"name": "prefers-color-scheme", "value": scheme},
                # A scroll that takes its time is not where it goes when it is looked at.
                {"name": "prefers-reduced-motion", "value": "reduce"},
            ],
        )

    def tab(self):
        key = {"type": "key", "id": "keyboard", "actions": [{"type": "keyDown", "value": "\ue004"}, {"type": "keyUp", "value": "\ue004"}]}
        self.do("/actions", {"actions": [key]})

    def quit(self):
        try:
            self.do("", method="DELETE")
        finally:
            self.process.terminate()
            self.process.wait(10)


def at(document, pointer):
    """The value at a JSON pointer (RFC 6901)."""
    for step in pointer.split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document


def expand(words):
    """Frames as a list: `frames 44–46, 54`."""
    found = []
    for part in words.split(" ", 1)[1].split(", "):
        ends = [int(end) for end in part.split("–")]
        found.extend(range(ends[0], ends[-1] + 1))
    return found


def check(driver, page, report, screenshots):
    name = page.stem

    def wrong(what):
        WRONG.append(f"{name}: {what}")

    driver.size(1280, 900)
    driver.scheme("light")
    driver.log("browser"), driver.log("performance")
    started = time.monotonic()
    driver.do("/url", {"url": page.as_uri()})
    opened = time.monotonic() - started
    for entry in driver.log("browser"):
        wrong(f"console: {entry['message']}")
    for entry in driver.log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            url = message["params"]["request"]["url"]
            if url != page.as_uri() and not url.startswith("data:"):
                wrong(f"it asks for {url}")
    for what in driver.run(STRUCTURE):
        wrong(what)

    # The verdict and the numbers.
    verdict = driver.run('return document.querySelector("#verdict h1").textContent')
    if not verdict.strip():
        wrong("no verdict")
    named = report.get("verdict")
    if named in ("match", "mismatch", "incomplete", "inconclusive") and named not in verdict:
        wrong(f"the verdict {named} is not in {verdict!r}")
    cards = driver.run('return document.querySelectorAll(".card").length')
    if cards != min(100, len(report["images"])):
        wrong(f"{cards} cards for {len(report['images'])} pictures")
    if len(report["images"]) <= 4:
        cells = driver.run('return document.querySelectorAll(".cells a").length')
        chunks = sum(min(1800, len(image["chunks"] or [])) for image in report["images"])
        if cells != chunks:
            wrong(f"{cells} cells for {chunks} chunks")
    read = driver.run(NUMBERS)
    for pointer, shown, value in read["numbers"]:
        expected = len(at(report, pointer[:-1]) or []) if pointer.endswith("#") else at(report, pointer)
        if shown != expected or (value is not None and value != expected):
            wrong(f"{pointer} is {expected}, and the page says {shown}")
    for pointer, words in read["frames"]:
        if expand(words) != at(report, pointer):
            wrong(f"{pointer} is {at(report, pointer)}, and the page says {words}")
    if report["images"] and len(read["numbers"]) < 10:
        wrong("hardly any number was read back")

    # The keyboard: Tab goes through the page in its order, and out of every part again.
    last, stops = -1, 0
    for _ in range(40):
        driver.tab()
        active = driver.run(DESCRIBE)
        if active is None:
            break
        if active[0] <= last:
            wrong(f"Tab jumps back to {active[1]} {active[2]!r}")
            break
        last, stops = active[0], stops + 1
        if stops == 1 and not active[2].startswith("Skip"):
            wrong(f"the first stop of Tab is {active[2]!r}")
    if report["images"] and stops < 8:
        wrong(f"Tab stops {stops} times only")

    # Deep links open what they lead to.
    anchor = driver.run('const r = document.querySelectorAll("tr[id*=chunk]"); return r.length ? r[r.length - 1].id : null')
    if anchor:
        driver.run(f"location.hash = {json.dumps(anchor)}")
        time.sleep(0.3)
        place = driver.run(
            f"const b = document.getElementById({json.dumps(anchor)}).getBoundingClientRect(); return [b.height, b.top, innerHeight]"
        )
        if not place[0] or place[1] < -5 or place[1] > place[2]:
            wrong(f"#{anchor} is not in view: {place}")

    # The filter hides, and gives back.
    if len(report["images"]) > 1:
        left = driver.run(
            'const f = document.getElementById("filter"); f.value = "no such picture"; f.dispatchEvent(new Event("input"));'
            'const left = document.querySelectorAll(".card:not([hidden])").length;'
            'f.value = ""; f.dispatchEvent(new Event("input")); return left'
        )
        if left:
            wrong(f"{left} cards are left where none fits")

    # Without a script all that matters is there: it is in the text.
    if "<noscript" in page.read_text():
        wrong("it says something else without a script")

    for scheme in ("light", "dark"):
        driver.scheme(scheme)
        for what in driver.run(CONTRAST):
            wrong(f"{scheme}: {what}")
        for width in (1280, 390):
            driver.size(width, 900)
            driver.run("scrollTo(0, 0)")
            if driver.run("return document.documentElement.scrollWidth > innerWidth + 1"):
                wrong(f"it scrolls sideways at {width} pixels")
            if screenshots:
                tall = min(6000, driver.run("return document.documentElement.scrollHeight"))
                driver.size(width, tall)
                png = driver.cdp("Page.captureScreenshot", format="png")["data"]
                (screenshots / f"{name}-{width}-{scheme}.png").write_bytes(base64.b64decode(png))

    # Paper: no controls, nothing folded away.
    driver.size(1280, 900)
    driver.scheme("light", media="print")
    if driver.run('return getComputedStyle(document.querySelector(".bar")).display') != "none":
        wrong("the bar is printed")
    driver.scheme("light")
    pdf = base64.b64decode(driver.cdp("Page.printToPDF")["data"])
    if not pdf.startswith(b"%PDF") or len(pdf) < 5000:
        wrong("it does not print")
    print(f"{name}: {len(read['numbers'])} numbers, {stops} stops, opened in {opened:.2f} s, {page.stat().st_size} bytes")


def main():
    arguments = sys.argv[1:]
    screenshots = None
    if arguments[:1] == ["--screenshots"]:
        screenshots = pathlib.Path(arguments[1])
        screenshots.mkdir(parents=True, exist_ok=True)
        arguments = arguments[2:]
    driver = Driver()
    try:
        for pair in arguments:
            page, report = map(pathlib.Path, pair.split("="))
            check(driver, page.resolve(), json.loads(report.read_text()), screenshots)
    finally:
        driver.quit()
    for what in WRONG:
        print(what)
    sys.exit(bool(WRONG))


main()
