"""The pipeline's picture beside the one that the original computes with Pillow.

    python3 pillow.py --bin DIR

Every pairing: whose server, whose workers. Prints the PSNR of the merged picture against Pillow's (quality 75, colours at half size);
exit 1 where one is below 40 dB. Also whether filters make Pillow's pixels on odd pictures. 77 where there is no Pillow.
"""

import argparse
import io
import math
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import zlib

import kinds

try:
    from PIL import Image, ImageFilter, ImageOps
except ImportError:
    print("SKIPPED: Pillow is not here")
    sys.exit(77)

HOST = "127.0.0.1"
LEAST = 40.0
FILTERS = {
    "find-edges": lambda image: image.filter(ImageFilter.FIND_EDGES),
    "contour": lambda image: image.filter(ImageFilter.CONTOUR),
    "blur": lambda image: image.filter(ImageFilter.BLUR),
    "sharpen": lambda image: image.filter(ImageFilter.SHARPEN),
    "emboss": lambda image: image.filter(ImageFilter.EMBOSS),
    "edge-enhance": lambda image: image.filter(ImageFilter.EDGE_ENHANCE),
    "grayscale": lambda image: image.convert("L"),
    "invert": ImageOps.invert,
}


def scene(width, height):
    """Something with edges, gradients and a little noise; the same in every run."""
    image = Image.new("RGB", (width, height))
    pixels = image.load()
    for y in range(height):
        for x in range(width):
            noise = (x * 7919 + y * 104729 + x * y) % 13
            inside = (x - width // 3) ** 2 + (y - height // 2) ** 2 < (height // 4) ** 2
            pixels[x, y] = (
                min(255, 200 * inside + x * 120 // width + noise),
                min(255, y * 200 // height + noise),
                min(255, (60 if (x // 17 + y // 23) % 2 else 180) + noise),
            )
    return image


def jpeg(image):
    out = io.BytesIO()
    image.convert("RGB").save(out, "JPEG")
    return out.getvalue()


def opened(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def halves(image):
    middle = image.width // 2
    return image.crop((0, 0, middle, image.height)), image.crop((middle, 0, image.width, image.height))


def merged(parts):
    whole = Image.new("RGB", (sum(part.width for part in parts), parts[0].height))
    left = 0
    for part in parts:
        whole.paste(part, (left, 0))
        left += part.width
    return whole


def original(upload):
    """What the original computes, without any socket."""
    edited = [opened(jpeg(FILTERS["find-edges"](opened(jpeg(half))))) for half in halves(opened(upload))]
    return opened(jpeg(merged(edited)))


def psnr(one, other):
    if one.size != other.size:
        return 0.0
    pairs = zip(one.convert("RGB").tobytes(), other.convert("RGB").tobytes())
    squares = sum((left - right) ** 2 for left, right in pairs)
    return math.inf if squares == 0 else 10 * math.log10(255 ** 2 * 3 * one.width * one.height / squares)


def until_marker(peer):
    data = b""
    while not data.endswith(kinds.MARKER):
        piece = peer.recv(2048)
        if not piece:
            raise EOFError("closed before the marker")
        data += piece
    return data[:-len(kinds.MARKER)]


def give(peer, data):
    kinds.in_pieces(peer, data, 2048)
    peer.sendall(kinds.MARKER)


def worker(port):
    peer = socket.create_connection((HOST, port))
    give(peer, jpeg(FILTERS["find-edges"](opened(until_marker(peer)))))
    peer.close()


def server(listener, result):
    uploader, _ = listener.accept()
    parts = []
    for half in halves(opened(until_marker(uploader))):
        peer, _ = listener.accept()
        give(peer, jpeg(half))
        parts.append(opened(until_marker(peer)))
    result.append(jpeg(merged(parts)))


def paired(binaries, upload, our_server, our_workers):
    """The merged picture of this pairing."""
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "a.jpg")
        with open(file, "wb") as out:
            out.write(upload)
        result = []
        if our_server:
            ours = subprocess.Popen([os.path.join(binaries, "imgnet-server"), "pipeline", "--port", "0", "--out", folder + "/out",
                                     "--rounds", "1", "--json"], stdout=subprocess.PIPE, text=True)
            port = int(kinds.json_port(ours.stdout.readline()))
        else:
            listener = socket.create_server((HOST, 0))
            port = listener.getsockname()[1]
            thread = threading.Thread(target=server, args=(listener, result))
            thread.start()
        client = os.path.join(binaries, "imgnet-client")
        subprocess.run([client, "send", f"{HOST}:{port}", file, "--protocol", "marker", "-q"], check=True)
        for _ in range(2):
            if our_workers:
                subprocess.run([client, "work", f"{HOST}:{port}", "-q"], check=True)
            else:
                worker(port)
        if not our_server:
            thread.join()
            return opened(result[0])
        ours.communicate()
        with open(folder + "/out/round-0001-merged.jpg", "rb") as merged_file:
            return opened(merged_file.read())


def odd_pictures():
    """Name, file and what Pillow makes of it; the filters equal Pillow's to the pixel."""
    def saved(image, form, **options):
        out = io.BytesIO()
        image.save(out, form, **options)
        return out.getvalue()

    base = scene(31, 17)
    for name, image, form in [
        ("1×1", base.crop((0, 0, 1, 1)), "PNG"),
        ("2×3", base.crop((0, 0, 2, 3)), "PNG"),
        ("odd width", base, "PNG"),
        ("grey", base.convert("L"), "PNG"),
        ("alpha", base.convert("RGBA"), "PNG"),
        ("grey with alpha", base.convert("LA"), "PNG"),
        ("BMP", base, "BMP"),
        ("JPEG", base, "JPEG"),
        ("grey JPEG", base.convert("L"), "JPEG"),
    ]:
        yield name, saved(image, form)
    yield "JPEG, colours at full size", saved(base, "JPEG", subsampling=0)
    yield "JPEG, colours at half width", saved(base, "JPEG", subsampling=1)
    yield "progressive JPEG", saved(scene(75, 61), "JPEG", progressive=True)
    for turned in range(2, 9):
        exif = Image.Exif()
        exif[0x0112] = turned
        yield f"EXIF-turned JPEG ({turned})", saved(base, "JPEG", exif=exif)
    palette = base.convert("P", palette=Image.Palette.ADAPTIVE)
    yield "palette", saved(palette, "PNG")
    yield "palette with a transparent colour", saved(palette, "PNG", transparency=3)
    yield "palette GIF", saved(palette, "GIF")
    yield "palette BMP", saved(palette, "BMP")
    yield "1 bit", saved(base.convert("1"), "PNG")
    yield "a transparent colour", saved(base, "PNG", transparency=base.getpixel((3, 3)))
    yield "lossless WebP", saved(base, "WEBP", lossless=True)
    for name, colour, channels in [("16 bit", 2, 3), ("16 bit with alpha", 6, 4), ("16 bit grey with alpha", 4, 2)]:
        yield name, png16(colour, channels)


def refused_pictures():
    """Name, file, and a word of why it is refused."""
    out = io.BytesIO()
    scene(31, 17).convert("CMYK").save(out, "JPEG")
    yield "CMYK JPEG", out.getvalue(), "CMYK"
    yield "16 bit grey", png16(0, 1), "16 bits"


def png16(colour, channels):
    """A PNG of 16 bits a sample, whose lower bytes would round the upper ones up."""
    width, height = 31, 17

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    samples = [[(x * 2111 * (c + 1) + y * 977) % 65536 for x in range(width) for c in range(channels)] for y in range(height)]
    rows = b"".join(b"\0" + struct.pack(f">{width * channels}H", *row) for row in samples)
    head = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def pillow_makes(image, make):
    """What Pillow makes of it; of a palette, which it refuses, and of single bits, which it cannot hold between, of the colours."""
    if image.mode == "P" and make is not FILTERS["grayscale"]:
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode == "1":
        image = image.convert("L")
    if image.mode in ("RGBA", "LA") and make is FILTERS["invert"]:
        # Refused too: the colours are, alpha stays.
        *colours, alpha = image.split()
        return Image.merge(image.mode, [make(colour) for colour in colours] + [alpha])
    return make(image)


def same(came, expected):
    """Whether these are the pixels; one may say with an alpha that all is opaque."""
    return came.size == expected.size and came.convert(expected.mode).tobytes() == expected.tobytes()


def edited(binaries, upload, name):
    """What `edit` makes of a picture."""
    with tempfile.TemporaryDirectory() as folder:
        ours = subprocess.Popen([os.path.join(binaries, "imgnet-server"), "edit", "--port", "0", "--out", folder, "--count", "1",
                                 "--filter", name, "--json"], stdout=subprocess.PIPE, text=True)
        port = kinds.json_port(ours.stdout.readline())
        peer = socket.create_connection((HOST, port))
        give(peer, upload)
        data = until_marker(peer)
        peer.close()
        ours.communicate()
        return data


def refusal(binaries, upload):
    """What `edit` says of a picture that it does not filter, with what it ends; None where a picture came back."""
    with tempfile.TemporaryDirectory() as folder:
        ours = subprocess.Popen([os.path.join(binaries, "imgnet-server"), "edit", "--port", "0", "--out", folder, "--count", "1",
                                 "--json"], stdout=subprocess.PIPE, text=True)
        port = kinds.json_port(ours.stdout.readline())
        peer = socket.create_connection((HOST, port))
        give(peer, upload)
        came = kinds.until_closed(peer)
        peer.close()
        told = ours.communicate()[0]
        return None if came or ours.returncode == 0 else told


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    binaries = os.path.abspath(parser.parse_args().bin)
    bad = 0
    for width, height in [(320, 240), (257, 131)]:
        upload = jpeg(scene(width, height))
        expected = original(upload)
        for our_server in [True, False]:
            for our_workers in [True, False]:
                found = psnr(expected, paired(binaries, upload, our_server, our_workers))
                who = f"{'ours' if our_server else 'Pillow'} × {'ours' if our_workers else 'Pillow'}"
                shown = "equal to the pixel" if found == math.inf else f"{found:.1f} dB"
                print(f"{width}×{height}, server × workers: {who:16} {shown}")
                bad += found < LEAST
    for name, file in odd_pictures():
        image = opened(file)
        for filter_name, make in FILTERS.items():
            answer = edited(binaries, file, filter_name)
            expected = pillow_makes(image, make)
            # JPEG comes back as JPEG: what Pillow saves of the same pixels.
            if image.format == "JPEG":
                out = io.BytesIO()
                expected.save(out, "JPEG")
                expected = opened(out.getvalue())
            came = opened(answer)
            if not same(came, expected):
                print(f"{name}, {filter_name}: {came.mode} {expected.mode}, {psnr(expected, came):.1f} dB")
                bad += 1
    for name, file, word in refused_pictures():
        told = refusal(binaries, file)
        if told is None or word not in told:
            print(f"{name} is not refused by name: {told}")
            bad += 1
    print("all pairings and filters are as Pillow's" if not bad else f"{bad} are not")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
