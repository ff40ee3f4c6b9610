# the client comes before the server, tries again, and gets through
import socket, threading, time
def server():
    time.sleep(0.3)
    s=socket.socket(); s.bind(("127.0.0.1",6002)); s.listen(); c,_=s.accept(); f=open("early.jpg","wb")
    while (b:=c.recv(4096)): f.write(b)
    f.close(); c.close()
t=threading.Thread(target=server); t.start()
while True:
    try: s=socket.create_connection(("127.0.0.1",6002)); break
    except ConnectionRefusedError: time.sleep(0.05)
s.sendall(open("photo.jpg","rb").read()); s.close(); t.join()
