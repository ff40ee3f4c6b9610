"""A server that saves a picture and a client that sends one, in one program: both.py PICTURE RECEIVED"""
import socket
import sys
import threading

sent, received = sys.argv[1:3]
listener = socket.create_server(("127.0.0.1", 65432))


def server():
    connection, _ = listener.accept()
    with connection, open(received, "wb") as file:
        while data := connection.recv(1024):
            file.write(data)


saving = threading.Thread(target=server)
saving.start()
with socket.create_connection(("127.0.0.1", 65432)) as client, open(sent, "rb") as file:
    while data := file.read(1024):
        client.sendall(data)
saving.join()
