# http.server with ranges (RFC 9110, section 14), chunked bodies under /chunked/, and the media types of newer pictures
import http.server, mimetypes, os, re, sys

mimetypes.add_type("image/avif", ".avif"); mimetypes.add_type("image/jxl", ".jxl"); mimetypes.add_type("image/heic", ".heic")

class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_GET(self):
        chunked = self.path.startswith("/chunked/")
        path = os.path.basename(self.path)
        data = open(path, "rb").read()
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted:
            first = int(wanted[1]); last = min(int(wanted[2] or len(data) - 1), len(data) - 1)
            part = data[first:last + 1]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
        else:
            part = data
            self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding" if chunked else "Content-Length", "chunked" if chunked else str(len(part)))
        self.end_headers()
        if not chunked: self.wfile.write(part)
        else:
            for at in range(0, len(part), 1000):
                piece = part[at:at + 1000]
                self.wfile.write(b"%x\r\n" % len(piece) + piece + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")

http.server.ThreadingHTTPServer(("127.0.0.1", 8080), Handler).serve_forever()
