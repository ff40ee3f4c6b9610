"""A server that sends a picture behind its length, and a client that saves it: fixed.py PICTURE RECEIVED"""
import socket
import sys
import threading
import time

picture, received = sys.argv[1:3]
listener = socket.create_server(("127.0.0.1", 6000))


def server():
    connection, _ = listener.accept()
    with connection, open(picture, "rb") as file:
        data = file.read()
        connection.sendall(len(data).to_bytes(4, "big"))
        for start in range(0, len(data), 1024):
            connection.sendall(data[start : start + 1024])
            time.sleep(0.01)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)


serving = threading.Thread(target=server)
serving.start()
with socket.create_connection(("127.0.0.1", 6000)) as client, open(received, "wb") as file:
    length = int.from_bytes(client.recv(4), "big")
    while length > 0 and (data := client.recv(min(length, 4096))):
        file.write(data)
        length -= len(data)
serving.join()
