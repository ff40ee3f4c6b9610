#!/usr/bin/env python3
"""Makes a PNG of what a program draws on a real terminal.

usage: screen.py OUT.png COLUMNSxROWS [KEY…] -- COMMAND…

Runs the command in tmux, waits until its screen stands still, sends the keys one after the other, each once the screen stands still
again, and paints the screen with its colours. The pictures of docs/ are made so, in captures/:

    screen.py ../docs/view.png 100x30 Enter Tab Tab -- imgnet view pipeline-hang.pcap
    screen.py ../docs/view-picture.png 100x20 4 -- imgnet view udp-receiver-overflow.pcap --sent udp-receiver-overflow/sent \\
        --received udp-receiver-overflow/received

Keys are those of `tmux send-keys`. Needs tmux, Pillow and the font DejaVu Sans Mono.
"""

import os
import re
import shlex
import subprocess
import sys
import time

from PIL import Image, ImageDraw, ImageFont

FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono{}.ttf"
SIZE = 15
INK, PAPER = (216, 222, 233), (17, 21, 28)
BASIC = [(40, 44, 52), (224, 108, 117), (152, 195, 121), (229, 192, 123), (97, 175, 239), (198, 120, 221), (86, 182, 194), (200, 204, 212),
         (110, 118, 129), (255, 134, 143), (176, 219, 145), (255, 216, 147), (121, 199, 255), (222, 144, 245), (110, 206, 218), (240, 244, 252)]


def indexed(number):
    if number < 16:
        return BASIC[number]
    if number >= 232:
        return (8 + (number - 232) * 10,) * 3
    levels = [0, 95, 135, 175, 215, 255]
    number -= 16
    return levels[number // 36], levels[number // 6 % 6], levels[number % 6]


class Style:
    def __init__(self):
        self.fore, self.back, self.bold, self.reverse, self.dim = None, None, False, False, False

    def take(self, codes):
        codes = [int(code or 0) for code in codes.split(";")]
        while codes:
            code = codes.pop(0)
            if code == 0:
                self.__init__()
            elif code in (1, 2, 7):
                setattr(self, {1: "bold", 2: "dim", 7: "reverse"}[code], True)
            elif code in (22, 27):
                self.bold, self.dim, self.reverse = (False, False, self.reverse) if code == 22 else (self.bold, self.dim, False)
            elif code in (38, 48):
                kind = codes.pop(0)
                colour = indexed(codes.pop(0)) if kind == 5 else tuple(codes.pop(0) for _ in range(3))
                setattr(self, "fore" if code == 38 else "back", colour)
            elif code in (39, 49):
                setattr(self, "fore" if code == 39 else "back", None)
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self.fore = BASIC[code - 30 if code < 90 else code - 82]
            elif 40 <= code <= 47 or 100 <= code <= 107:
                self.back = BASIC[code - 40 if code < 100 else code - 92]

    def colours(self):
        fore, back = self.fore or INK, self.back or PAPER
        if self.dim:
            fore = tuple((a * 6 + b * 4) // 10 for a, b in zip(fore, back))
        return (back, fore) if self.reverse else (fore, back)


def painted(screen, columns, rows):
    fonts = [ImageFont.truetype(FONT.format(kind), SIZE) for kind in ("", "-Bold")]
    width = round(fonts[0].getlength("M"))
    ascent, descent = fonts[0].getmetrics()
    height = ascent + descent
    image = Image.new("RGB", (columns * width + 16, rows * height + 16), PAPER)
    draw = ImageDraw.Draw(image)
    style = Style()
    for row, line in enumerate(screen.split("\n")[:rows]):
        column = 0
        for codes, character in re.findall(r"\x1b\[([\d;]*)m|([^\x1b])", line):
            if not character:
                style.take(codes)
                continue
            fore, back = style.colours()
            x, y = 8 + column * width, 8 + row * height
            draw.rectangle((x, y, x + width - 1, y + height - 1), fill=back)
            if character == "▀":
                draw.rectangle((x, y, x + width - 1, y + height // 2 - 1), fill=fore)
            elif character == "█":
                draw.rectangle((x, y, x + width - 1, y + height - 1), fill=fore)
            elif character != " ":
                draw.text((x, y), character, font=fonts[style.bold], fill=fore)
            column += 1
    return image


def main():
    at = sys.argv.index("--")
    out, size, keys, command = sys.argv[1], sys.argv[2], sys.argv[3:at], sys.argv[at + 1:]
    columns, rows = map(int, size.split("x"))
    socket = f"screen-{os.getpid()}"

    def tmux(*arguments):
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "COLORTERM": "truecolor"}
        return subprocess.run(["tmux", "-L", socket, *arguments], capture_output=True, text=True, env=environment).stdout

    def still():
        before, since = None, time.monotonic()
        while time.monotonic() - since < 20:
            now = tmux("capture-pane", "-p", "-e")
            if now.strip() and now == before:
                return now
            before = now
            time.sleep(0.7)
        return before

    try:
        line = "TERM=xterm-256color COLORTERM=truecolor exec " + shlex.join(command)
        tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), line)
        screen = still()
        for key in keys:
            tmux("send-keys", key)
            screen = still()
    finally:
        tmux("kill-server")
    painted(screen, columns, rows).quantize(256, method=Image.Quantize.FASTOCTREE).save(out, optimize=True)


if __name__ == "__main__":
    main()
