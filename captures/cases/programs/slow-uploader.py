# healthy: the uploader sends picture and marker, takes its time, and closes; no answer is due
import socket, threading, time
M=b"<END>"
def server():
    s=socket.socket(); s.bind(("127.0.0.1",6004)); s.listen(); ready.set()
    c,_=s.accept(); buf=b""
    while (b:=c.recv(2048)):
        buf+=b
        if buf.endswith(M): open("slow.jpg","wb").write(buf[:-len(M)])
    c.close()
ready=threading.Event(); t=threading.Thread(target=server); t.start(); ready.wait()
s=socket.socket(); s.connect(("127.0.0.1",6004)); d=open("photo.jpg","rb").read()
for i in range(0,len(d),2048): s.send(d[i:i+2048])
s.send(M); time.sleep(3); s.close(); t.join()
