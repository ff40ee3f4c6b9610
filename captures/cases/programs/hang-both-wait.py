import socket, struct, sys, threading

# both sides wait: python3 hang-both-wait.py stops|newline|second|whole
how = sys.argv[1]
photo = open("photo.jpg", "rb").read()
ready = threading.Event()


def read(sock, length):
    data = b""
    while len(data) < length:
        more = sock.recv(length - len(data))
        if not more:
            break
        data += more
    return data


def line(sock):
    data = b""
    while not data.endswith(b"\n"):
        data += sock.recv(1) or b"\n"
    return data


def server():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 7010))
    listener.listen()
    ready.set()
    sock, _ = listener.accept()
    if how == "newline":
        length = int(line(sock))  # the client sends no newline
        sock.sendall(b"ok\n")
        read(sock, length)
        return
    for number in range(3):
        head = read(sock, 4)
        data = read(sock, struct.unpack(">I", head)[0]) if len(head) == 4 else b""
        if how == "whole":
            open("out.jpg", "wb").write(data)  # and on to the next, without an answer
        elif number == 0:
            sock.sendall(b"OK")  # the later ones are never answered


threading.Thread(target=server, daemon=True).start()
ready.wait()
sock = socket.create_connection(("127.0.0.1", 7010))
if how == "stops":
    sock.sendall(struct.pack(">I", len(photo)) + photo[:100000])  # send() took a part of it, say
    sock.recv(2)
elif how == "newline":
    sock.sendall(str(len(photo)).encode())
    line(sock)
    sock.sendall(photo)
else:
    for number in range(1 if how == "whole" else 2):
        sock.sendall(struct.pack(">I", len(photo)) + photo)
        sock.recv(2)
