#!/usr/bin/env python3
"""Makes the captures beside it: make.py SENT OUT, as root (tcpdump on the loopback interface).

Needs: pip install websockets paho-mqtt amqtt grpcio pyftpdlib tftpy aiosmtpd pillow; for java-*.pcap a JDK and Send.java.
Each transfer is made by the library's own client and server.
"""
import asyncio, base64, io, json, os, struct, subprocess, sys, tempfile, threading, time

SENT, OUT = sys.argv[1], sys.argv[2]
PHOTO = open(f"{SENT}/photo.jpg", "rb").read()
CHART = open(f"{SENT}/chart.png", "rb").read()


class Dump:
    def __init__(self, name, expression):
        command = ["tcpdump", "-i", "lo", "-U", "-s", "0", "-w", f"{OUT}/{name}.pcap"]
        self.dump = subprocess.Popen(command + expression.split(), stderr=subprocess.PIPE)
        self.dump.stderr.readline()
        time.sleep(0.5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        time.sleep(0.7)
        self.dump.terminate()
        self.dump.wait()


def websocket():
    from websockets.asyncio.client import connect
    from websockets.asyncio.server import serve

    async def run(name, port, compression, message):
        async def answer(socket):
            async for _ in socket:
                await socket.send("ok")

        with Dump(name, f"port {port}"):
            async with serve(answer, "127.0.0.1", port, compression=compression):
                url = f"ws://127.0.0.1:{port}"
                async with connect(url, compression=compression) as socket:
                    await socket.send(message)
                    await socket.recv()

    pieces = [PHOTO[at : at + 500] for at in range(0, len(PHOTO), 500)]
    text = json.dumps({"type": "image", "data": base64.b64encode(PHOTO).decode()})
    asyncio.run(run("ws-deflate", 17101, "deflate", PHOTO))
    asyncio.run(run("ws-frag", 17103, None, pieces))
    asyncio.run(run("ws-frag-deflate", 17104, "deflate", pieces))
    asyncio.run(run("ws-text-deflate", 17105, "deflate", text))


def smtp():
    import smtplib
    from email.message import EmailMessage

    from aiosmtpd.controller import Controller

    class Handler:
        async def handle_DATA(self, server, session, envelope):
            return "250 OK"

    controller = Controller(Handler(), hostname="127.0.0.1", port=17125)
    controller.start()
    with Dump("smtp", "port 17125"):
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "a@b.c", "d@e.f", "pictures"
        mail.set_content("hello\n.dot\n")
        mail.add_attachment(PHOTO, maintype="image", subtype="jpeg", filename="photo.jpg")
        mail.add_attachment(CHART, maintype="image", subtype="png", filename="chart.png")
        client = smtplib.SMTP("127.0.0.1", 17125)
        client.send_message(mail)
        client.quit()
    controller.stop()


def ftp():
    from ftplib import FTP

    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.servers import FTPServer

    authorizer = DummyAuthorizer()
    authorizer.add_anonymous(tempfile.mkdtemp(), perm="elradfmw")
    FTPHandler.authorizer, FTPHandler.passive_ports = authorizer, range(17200, 17240)
    server = FTPServer(("127.0.0.1", 17121), FTPHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def binary(client):
        client.storbinary("STOR photo.jpg", io.BytesIO(PHOTO))

    def text(client):
        client.voidcmd("TYPE A")
        data = client.transfercmd("STOR chart.png")
        data.sendall(CHART.replace(b"\n", b"\r\n"))
        data.close()
        client.voidresp()

    for name, transfer in (("ftp-i", binary), ("ftp-a", text)):
        with Dump(name, "tcp and (portrange 17200-17240 or port 17121)"):
            client = FTP()
            client.connect("127.0.0.1", 17121)
            client.login()
            transfer(client)
            client.quit()


def tftp():
    import tftpy

    folder = tempfile.mkdtemp()
    open(f"{folder}/photo.jpg", "wb").write(PHOTO)
    server = tftpy.TftpServer(folder)
    threading.Thread(target=lambda: server.listen("127.0.0.1", 17169), daemon=True).start()
    time.sleep(0.3)
    with Dump("tftp-get", "udp and host 127.0.0.1"):
        tftpy.TftpClient("127.0.0.1", 17169).download("photo.jpg", f"{folder}/got.jpg")
    with Dump("tftp-put", "udp and host 127.0.0.1"):
        client = tftpy.TftpClient("127.0.0.1", 17169, options={"blksize": 1428})
        client.upload("chart.png", f"{SENT}/chart.png")


def grpc():
    from concurrent import futures

    import grpc

    def varint(value):
        out = b""
        while value > 127:
            out += bytes([value & 127 | 128])
            value >>= 7
        return out + bytes([value])

    def field(number, data):
        return varint(number << 3 | 2) + varint(len(data)) + data

    class Handler(grpc.GenericRpcHandler):
        def service(self, details):
            if details.method.endswith("/Unary"):
                return grpc.unary_unary_rpc_method_handler(lambda request, context: b"\x08\x01")
            return grpc.stream_unary_rpc_method_handler(lambda requests, context: (list(requests), b"\x08\x01")[1])

    server = grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((Handler(),))
    server.add_insecure_port("127.0.0.1:17150")
    server.start()
    pieces = [field(2, PHOTO[at : at + 500]) for at in range(0, len(PHOTO), 500)]
    calls = {
        "grpc-unary": lambda channel: channel.unary_unary("/I/Unary")(field(1, b"photo.jpg") + b"\x10\x07" + field(3, PHOTO)),
        "grpc-stream": lambda channel: channel.stream_unary("/I/Stream")(iter([field(1, b"photo.jpg")] + pieces)),
    }
    for name, call in calls.items():
        with Dump(name, "port 17150"):
            channel = grpc.insecure_channel("127.0.0.1:17150")
            call(channel)
            channel.close()
    server.stop(0)


def mqtt():
    import paho.mqtt.client as paho
    from amqtt.broker import Broker

    loop = asyncio.new_event_loop()

    async def broker():
        plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
        listeners = {"default": {"type": "tcp", "bind": "127.0.0.1:17183"}}
        await Broker({"listeners": listeners, "plugins": plugins}).start()

    def run():
        asyncio.set_event_loop(loop)
        loop.run_until_complete(broker())
        loop.run_forever()

    threading.Thread(target=run, daemon=True).start()
    time.sleep(2)
    with Dump("mqtt", "port 17183"):
        version = paho.CallbackAPIVersion.VERSION2
        receiver, sender = paho.Client(version, "receiver"), paho.Client(version, "sender")
        receiver.connect("127.0.0.1", 17183)
        receiver.subscribe("camera/#", 2)
        receiver.loop_start()
        time.sleep(0.5)
        sender.connect("127.0.0.1", 17183)
        sender.loop_start()
        for quality, data in ((0, PHOTO), (1, CHART), (2, PHOTO)):
            sender.publish("camera/1", data, quality).wait_for_publish(5)
        time.sleep(1)
        sender.disconnect()
        receiver.disconnect()


def java():
    here = os.path.dirname(os.path.abspath(__file__))
    for name, port in (("write", 17401), ("object", 17402)):
        with Dump(f"java-{name}", f"port {port}"):
            subprocess.run(["java", f"{here}/Send.java", name, str(port), f"{SENT}/photo.jpg"], check=True)


for make in (websocket, smtp, ftp, tftp, grpc, mqtt, java):
    make()
