"""Small catalogues and lists of what a capture file is made of, for the targets catalog_file and pcapng_writer; see make-seeds.sh."""
import sqlite3, pathlib, sys, struct
corpus = pathlib.Path(sys.argv[1])
TABLE = """pictures (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    name   TEXT NOT NULL UNIQUE,
    format TEXT NOT NULL,
    width  INTEGER,
    height INTEGER,
    sha256 TEXT NOT NULL,
    added  TEXT NOT NULL,
    bytes  BLOB NOT NULL
)"""
folder = corpus / "catalog_file"
folder.mkdir(parents=True, exist_ok=True)
def catalog(name, rows, tables=("CREATE TABLE " + TABLE,)):
    path = folder / name
    path.unlink(missing_ok=True)
    base = sqlite3.connect(path)
    base.executescript("PRAGMA page_size = 512; PRAGMA application_id = 0x696d676e; PRAGMA user_version = 1;")
    for table in tables:
        base.execute(table)
    for row in range(rows):
        base.execute("INSERT INTO pictures (name, format, width, height, sha256, added, bytes) VALUES (?, 'gif', 1, 1, ?, '', ?)",
                     (f"{row}.gif", "0" * 8, b"GIF89a" + bytes(40)))
    base.commit()
    base.close()
    return path
catalog("empty", 0)
catalog("two", 2)
catalog("pages", 40)
catalog("a-view-without-end", 0, ["""CREATE VIEW pictures AS WITH RECURSIVE all_numbers(number) AS (SELECT 1 UNION ALL SELECT number + 1
    FROM all_numbers) SELECT number, 'a' name, 'gif' format, 1 width, 1 height, '' sha256, '' added, x'' bytes FROM all_numbers"""])
catalog("a-made-up-column", 0, ["CREATE TABLE " + TABLE.replace("bytes  BLOB NOT NULL", "bytes BLOB AS (zeroblob(1000000000))")])
catalog("a-trigger", 1, ["CREATE TABLE " + TABLE, "CREATE TRIGGER t AFTER DELETE ON pictures BEGIN INSERT INTO pictures SELECT * FROM pictures; END"])
# Every branch of the tree leads to the same leaf, on four levels.
path = catalog("the-same-leaf-again-and-again", 200)
data = bytearray(path.read_bytes())
pages = [data[at:at + 512] for at in range(0, len(data), 512)]
kind = lambda page: pages[page - 1][100 if page == 1 else 0]
inner = [number for number in range(2, len(pages) + 1) if kind(number) == 5]
leaf = next(number for number in range(2, len(pages) + 1) if kind(number) == 13)
root = next(number for number in inner)
levels = [root]
while len(levels) < 4:
    pages.append(bytearray(512))
    levels.append(len(pages))
for level, number in enumerate(levels):
    below = levels[level + 1] if level + 1 < len(levels) else leaf
    page = bytearray(512)
    cells = 60
    page[0] = 5
    struct.pack_into(">HHHB", page, 1, 0, cells, 512 - 5 * cells, 0)
    struct.pack_into(">I", page, 8, below)
    for cell in range(cells):
        at = 512 - 5 * (cell + 1)
        struct.pack_into(">IB", page, at, below, min(cell + 1, 127))
        struct.pack_into(">H", page, 12 + 2 * cell, at)
    pages[number - 1] = page
struct.pack_into(">I", pages[0], 28, len(pages))
path.write_bytes(b"".join(pages))

folder = corpus / "pcapng_writer"
folder.mkdir(parents=True, exist_ok=True)
text = lambda words: bytes([len(words)]) + words
interface = lambda link, name: b"\0" + struct.pack(">H", link) + text(name) + text(b"tcp") + struct.pack(">I", 262144)
packet = lambda to, data, comment=b"", wire=0: b"\4" + bytes([to]) + struct.pack(">Q", 1_700_000_000_000_000_000) + \
    struct.pack(">I", wire or len(data)) + struct.pack(">H", len(data)) + data + text(comment)
statistics = lambda to, which: b"\1" + bytes([to, which]) + struct.pack(">QQQ", 5, 7, 9) + b"\0" * 6 + b"\3" + b"\0\0\0\4" + b"\0\1" + b"\0" * 24
(folder / "plain").write_bytes(text(b"words") + interface(1, b"lo") + packet(0, b"abc") + packet(0, b"d" * 60, b"a comment", 1500))
(folder / "two-interfaces").write_bytes(text(b"") + interface(1, b"lo") + interface(101, "ŏ".encode()) + packet(1, b"") + packet(0, b"x" * 33) + statistics(0, 63) + statistics(1, 8) + b"\3")
(folder / "no-such-interface").write_bytes(text(b"") + packet(3, b"abc") + statistics(9, 255) + interface(113, b"\0") + packet(0, b"abcd"))
(folder / "names").write_bytes(text(b"x") + b"\2\12\0\0\1" + text(b"receiver") + interface(276, b"any") + packet(0, b"y" * 200, b"z" * 250))
