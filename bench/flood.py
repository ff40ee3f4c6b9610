"""Moves N copies of one picture over 127.0.0.1, each over a connection of its own, and says how long it took.

usage: flood.py FILE N [BYTES_PER_SECOND]    without a rate: as fast as it goes. The receiver throws the bytes away.
"""
import socket
import sys
import threading
import time

PORT = 65432


def receive(count, ready, got):
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", PORT))
        listener.listen()
        ready.set()
        room = bytearray(1 << 20)
        for _ in range(count):
            connection, _ = listener.accept()
            with connection:
                while length := connection.recv_into(room):
                    got[0] += length


def send(data, begun, sent, rate):
    with socket.create_connection(("127.0.0.1", PORT)) as connection:
        for at in range(0, len(data), 1 << 18):
            connection.sendall(data[at:at + (1 << 18)])
            ahead = (sent + at) / rate - (time.time() - begun) if rate else 0
            if ahead > 0.002:
                time.sleep(ahead)


def main():
    path, count = sys.argv[1], int(sys.argv[2])
    rate = float(sys.argv[3]) if len(sys.argv) > 3 else 0
    with open(path, "rb") as picture:
        data = memoryview(picture.read())
    ready, got = threading.Event(), [0]
    receiver = threading.Thread(target=receive, args=(count, ready, got))
    receiver.start()
    ready.wait()
    begun = time.time()
    for number in range(count):
        send(data, begun, number * len(data), rate)
    receiver.join()
    took = time.time() - begun
    print(f"moved {got[0]} bytes in {took:.2f} s, {got[0] / took / 1e6:.0f} MB/s", file=sys.stderr)


main()
