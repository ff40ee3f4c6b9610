# a server whose queue is full: the third client's SYNs are not answered
import socket
l=socket.socket(); l.bind(("127.0.0.1",6003)); l.listen(0)
clients=[]
for _ in range(4):
    c=socket.socket(); c.connect(("127.0.0.1",6003)); clients.append(c)
