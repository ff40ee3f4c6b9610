#!/usr/bin/env python3
"""Makes captures of programs that other people wrote, for differential.py.

    make.py FOLDER [SCENE...]

Each scene runs in a network of its own (unshare), so that it needs no port of this machine. A scene whose programs are not
there, or whose kind of interface the kernel has not, is left out and said so: nothing is made up in its place.
Exit code 0 where every scene was captured or left out, 1 where one went wrong, 2 where nothing can be captured at all.
"""
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

PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
ROOT = pathlib.Path(__file__).resolve().parents[2]
PICTURES = [ROOT / "captures/eof/sent/a.jpg", ROOT / "examples/ci/photo.png"]
SCENES = {}
ABSENT = 77


class Absent(Exception):
    """Something that the scene needs is not there."""


def scene(*programs, modules=()):
    def register(function):
        SCENES[function.__name__.replace("_", "-")] = (function, programs, modules)
        return function

    return register


def run(*command, check=True, timeout=20, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, timeout=timeout, **options)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.decode(errors='replace').strip()}")
    return done


def ip(*words, optional=False):
    done = run("ip", *words, check=False)
    if done.returncode and optional:
        raise Absent(f"ip {' '.join(words)}: {done.stderr.decode().strip()}")
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.decode().strip()}")


@contextlib.contextmanager
def running(*command, **options):
    options.setdefault("stdout", subprocess.DEVNULL)
    options.setdefault("stderr", subprocess.DEVNULL)
    process = subprocess.Popen([str(part) for part in command], **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def captured(file, interface="lo"):
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            ["tcpdump", "-n", "-U", "-Z", "root", "--immediate-mode", "-B", "16384", "-i", interface, "-w", str(file)],
            stdout=subprocess.DEVNULL, stderr=said)
        for _ in range(200):
            said.seek(0)
            if "listening on" in said.read():
                break
            if process.poll() is not None:
                said.seek(0)
                raise RuntimeError(f"tcpdump: {said.read().strip()}")
            time.sleep(0.05)
        try:
            yield
            time.sleep(0.5)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(10)


def listening(port, host="127.0.0.1", seconds=10):
    """Waits until somebody listens on a TCP port, without connecting to it."""
    wanted = f":{port:04X}"
    for _ in range(int(seconds / 0.05)):
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            for line in pathlib.Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[1].endswith(wanted) and fields[3] == "0A":
                    return
        time.sleep(0.05)
    raise RuntimeError(f"nobody listens on port {port}")


def bound(port, seconds=10):
    wanted = f":{port:04X}"
    for _ in range(int(seconds / 0.05)):
        for table in ("/proc/net/udp", "/proc/net/udp6"):
            if any(line.split()[1].endswith(wanted) for line in pathlib.Path(table).read_text().splitlines()[1:]):
                return
        time.sleep(0.05)
    raise RuntimeError(f"nobody is bound to port {port}")


def pictures(folder):
    for picture in PICTURES:
        shutil.copy(picture, folder)
    (folder / "text.txt").write_text("a line that compresses well\n" * 500)
    return [picture.name for picture in PICTURES]


@scene("curl")
def http_server(folder, file):
    names = pictures(folder)
    with captured(file), running(PYTHON, "-m", "http.server", "--bind", "127.0.0.1", "8000", cwd=folder):
        listening(8000)
        for name in names:
            run("curl", "-sf", "-o", os.devnull, f"http://127.0.0.1:8000/{name}")
        run("curl", "-s", "-o", os.devnull, "http://127.0.0.1:8000/none.png")
        run("curl", "-sfI", f"http://127.0.0.1:8000/{names[0]}")


NGINX = """
daemon off; master_process off; user root; pid {folder}/pid; error_log {folder}/error;
events {{ worker_connections 64; }}
http {{
  access_log off; types {{ image/jpeg jpg; image/png png; text/plain txt; }}
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  gzip on; gzip_types text/plain image/png; gzip_min_length 1; root {folder};
  server {{ listen 127.0.0.1:8080; }}
  server {{ listen 127.0.0.1:8082 http2; }}
}}
"""


@contextlib.contextmanager
def nginx(folder):
    (folder / "conf").write_text(NGINX.format(folder=folder))
    folder.chmod(0o755)
    with running("nginx", "-e", folder / "error", "-c", folder / "conf"):
        listening(8080)
        listening(8082)
        yield


@scene("nginx", "curl")
def nginx_one_connection(folder, file):
    names = pictures(folder)
    with captured(file), nginx(folder):
        run("curl", "-sf", *[part for name in names for part in ("-o", os.devnull, f"http://127.0.0.1:8080/{name}")])


@scene("nginx", "curl")
def nginx_gzip_and_chunks(folder, file):
    pictures(folder)
    with captured(file), nginx(folder):
        for name in ("text.txt", "photo.png"):
            run("curl", "-sf", "--compressed", "-o", os.devnull, f"http://127.0.0.1:8080/{name}")


@scene("nginx", "curl")
def nginx_ranges(folder, file):
    names = pictures(folder)
    with captured(file), nginx(folder):
        for part in ("0-999", "1000-1999", "2000-"):
            run("curl", "-sf", "-r", part, "-o", os.devnull, f"http://127.0.0.1:8080/{names[0]}")
        run("curl", "-sf", "-r", "0-99,200-299", "-o", os.devnull, f"http://127.0.0.1:8080/{names[0]}")


@scene("nginx", "curl")
def nginx_http2(folder, file):
    names = pictures(folder)
    with captured(file), nginx(folder):
        # curl 7.88 fails where it takes such a connection again.
        for name in names:
            run("curl", "-sf", "--http2-prior-knowledge", "-o", os.devnull, f"http://127.0.0.1:8082/{name}")


@scene("socat")
def socat_tcp(folder, file):
    pictures(folder)
    with captured(file):
        for family, port in (("4", 7000), ("6", 7001)):
            host = "127.0.0.1" if family == "4" else "[::1]"
            with running("socat", "-u", f"TCP{family}-LISTEN:{port},reuseaddr", f"CREATE:{folder}/got"):
                listening(port)
                run("socat", "-u", f"FILE:{folder}/a.jpg", f"TCP{family}:{host}:{port}")


@scene("socat")
def socat_udp(folder, file):
    pictures(folder)
    with captured(file), running("socat", "-u", "UDP4-RECV:7002", f"CREATE:{folder}/got"):
        bound(7002)
        run("socat", "-u", "-b1024", f"FILE:{folder}/a.jpg", "UDP4-SENDTO:127.0.0.1:7002")


@scene("socat")
def ipv6_fragments(folder, file):
    pictures(folder)
    ip("link", "set", "lo", "mtu", "1500")
    with captured(file), running("socat", "-u", "-b", "9000", "UDP6-RECV:7003", f"CREATE:{folder}/got"):
        bound(7003)
        run("socat", "-u", "-b", "6000", f"FILE:{folder}/a.jpg", "UDP6-SENDTO:[::1]:7003")


@scene("socat")
def on_any(folder, file):
    pictures(folder)
    with captured(file, "any"), running("socat", "-u", "TCP4-LISTEN:7004", f"CREATE:{folder}/got"):
        listening(7004)
        run("socat", "-u", f"FILE:{folder}/a.jpg", "TCP4:127.0.0.1:7004")


@scene("atftpd", "tftp")
def tftp(folder, file):
    names = pictures(folder)
    folder.chmod(0o755)
    with captured(file), running("atftpd", "--daemon", "--no-fork", "--user", "root", "--group", "root", "--port", "6969",
                                 "--bind-address", "127.0.0.1", folder):
        bound(6969)
        for name in names:
            run("tftp", "-m", "binary", "127.0.0.1", "6969", "-c", "get", name, cwd=tempfile.gettempdir())
            os.unlink(os.path.join(tempfile.gettempdir(), name))


@scene("mosquitto", "mosquitto_pub", "mosquitto_sub")
def mosquitto(folder, file):
    names = pictures(folder)
    with captured(file), running("mosquitto", "-p", "1883"):
        listening(1883)
        with running("mosquitto_sub", "-h", "127.0.0.1", "-t", "pictures", "-C", "2") as subscriber:
            time.sleep(0.5)
            for name in names:
                run("mosquitto_pub", "-h", "127.0.0.1", "-t", "pictures", "-q", "1", "-f", folder / name)
            subscriber.wait(10)


@scene("ffmpeg", "socat")
def ffmpeg_rtp_jpeg(folder, file):
    with captured(file), running("socat", "-u", "UDP4-RECV:5004", "OPEN:/dev/null"), \
            running("socat", "-u", "UDP4-RECV:5005", "OPEN:/dev/null"):
        bound(5004)
        bound(5005)
        run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=10", "-t", "1", "-pix_fmt", "yuvj420p",
            "-c:v", "mjpeg", "-huffman", "default", "-force_duplicated_matrix", "1", "-f", "rtp", "rtp://127.0.0.1:5004")


@scene("curl", modules=("pyftpdlib",))
def ftp(folder, file):
    names = pictures(folder)
    with captured(file), running(PYTHON, "-m", "pyftpdlib", "-i", "127.0.0.1", "-p", "2121", "-w", "-d", folder):
        listening(2121)
        for name in names:
            run("curl", "-sf", "-o", os.devnull, f"ftp://127.0.0.1:2121/{name}")
        run("curl", "-sf", "--disable-epsv", "-T", folder / names[0], "ftp://127.0.0.1:2121/up.jpg")


WEBSOCKETS = """
import asyncio, sys, websockets
async def main():
    async def serve(socket, *_):
        await socket.send(await socket.recv())
    async with websockets.serve(serve, "127.0.0.1", 8765, compression="deflate" if sys.argv[1] == "deflate" else None):
        option = "deflate" if sys.argv[1] == "deflate" else None
        async with websockets.connect("ws://127.0.0.1:8765", compression=option) as socket:
            await socket.send(open(sys.argv[2], "rb").read())
            await socket.recv()
asyncio.run(main())
"""


@scene(modules=("websockets",))
def python_websockets(folder, file):
    pictures(folder)
    with captured(file):
        for option in ("plain", "deflate"):
            run(PYTHON, "-c", WEBSOCKETS, option, folder / "a.jpg")


@scene("socat", "tc")
def lossy(folder, file):
    (folder / "large").write_bytes(os.urandom(1 << 20))
    done = run("tc", "qdisc", "add", "dev", "lo", "root", "netem", "loss", "3%", "delay", "2ms", check=False)
    if done.returncode:
        raise Absent(f"tc: {done.stderr.decode().strip()}")
    ip("link", "set", "lo", "mtu", "1500")
    with captured(file), running("socat", "-u", "TCP4-LISTEN:7005", "OPEN:/dev/null"):
        listening(7005)
        run("socat", "-u", f"FILE:{folder}/large", "TCP4:127.0.0.1:7005", timeout=60)


def tunnel(kind, *options, inner4=True):
    """A scene in which a picture goes through a tunnel between two networks, captured outside of it."""

    def through(folder, file):
        pictures(folder)
        other = subprocess.Popen(["unshare", "--net", "sleep", "60"])
        try:
            time.sleep(0.3)
            there = ("nsenter", "-t", str(other.pid), "-n")
            ip("link", "add", "v0", "type", "veth", "peer", "name", "v1")
            ip("link", "set", "v1", "netns", str(other.pid))
            for where, own, peer in (((), "192.0.2.1", "192.0.2.2"), (there, "192.0.2.2", "192.0.2.1")):
                device = "v1" if where else "v0"
                run(*where, "ip", "addr", "add", f"{own}/24", "dev", device)
                run(*where, "ip", "link", "set", device, "up")
                run(*where, "ip", "link", "set", "lo", "up")
                words = [word.format(own=own, peer=peer, device=device) for word in options]
                done = run(*where, "ip", "link", "add", "inner", *words, check=False)
                if done.returncode:
                    raise Absent(f"{kind}: {done.stderr.decode().strip()}")
                address = ("10.1.0.{}/24" if inner4 else "fd00::{}/64").format(own[-1])
                run(*where, "ip", "addr", "add", address, "dev", "inner", *([] if inner4 else ["nodad"]))
                run(*where, "ip", "link", "set", "inner", "up")
            host, family = ("10.1.0.2", "4") if inner4 else ("[fd00::2]", "6")
            with captured(file, "v0"), running(*there, "socat", "-u", f"TCP{family}-LISTEN:7006", f"CREATE:{folder}/got"):
                time.sleep(1)
                run("socat", "-u", f"FILE:{folder}/a.jpg", f"TCP{family}:{host}:7006")
                time.sleep(0.3)
            if (folder / "got").read_bytes() != (folder / "a.jpg").read_bytes():
                raise RuntimeError("the picture did not come through the tunnel")
        finally:
            other.kill()
            other.wait()

    SCENES[f"tunnel-{kind}"] = (through, ("socat", "nsenter"), ())


tunnel("vlan", "link", "{device}", "type", "vlan", "id", "42")
tunnel("vxlan", "type", "vxlan", "id", "42", "remote", "{peer}", "local", "{own}", "dstport", "4789")
tunnel("geneve", "type", "geneve", "id", "42", "remote", "{peer}")
tunnel("gre", "type", "gre", "remote", "{peer}", "local", "{own}")
tunnel("gretap", "type", "gretap", "remote", "{peer}", "local", "{own}")
tunnel("ipip", "type", "ipip", "remote", "{peer}", "local", "{own}")
tunnel("6in4", "type", "sit", "remote", "{peer}", "local", "{own}", inner4=False)


def perform(name, file):
    """Within its own network."""
    function, programs, modules = SCENES[name]
    missing = [program for program in programs if not shutil.which(program)]
    missing += [f"Python's {module}" for module in modules
                if run(PYTHON, "-c", f"import {module}", check=False).returncode]
    if missing:
        print(f"absent   {name}: {', '.join(missing)}", flush=True)
        return ABSENT
    ip("link", "set", "lo", "up")
    with tempfile.TemporaryDirectory() as folder:
        try:
            function(pathlib.Path(folder), file)
        except Absent as why:
            file.unlink(missing_ok=True)
            print(f"absent   {name}: {why}", flush=True)
            return ABSENT
        except Exception as error:
            print(f"FAILED   {name}: {error}", flush=True)
            return 1
    print(f"captured {name}", flush=True)
    return 0


def main():
    if len(sys.argv) == 4 and sys.argv[1] == "--within":
        return perform(sys.argv[2], pathlib.Path(sys.argv[3]))
    if len(sys.argv) < 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    own = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--user", "--map-root-user"]
    if not shutil.which("tcpdump") or run(*own, "ip", "link", "set", "lo", "up", check=False).returncode:
        print("nothing can be captured here: tcpdump, ip or the right to a network of its own is missing", file=sys.stderr)
        return 2
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    failed = 0
    for name in sys.argv[2:] or SCENES:
        file = folder.resolve() / f"made-{name}.pcap"
        code = subprocess.run([*own, sys.executable, __file__, "--within", name, str(file)]).returncode
        failed |= code not in (0, ABSENT)
    return failed


if __name__ == "__main__":
    sys.exit(main())
