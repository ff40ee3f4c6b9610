# connects to a port on which nobody listens
import socket
try: socket.create_connection(("127.0.0.1",6001))
except ConnectionRefusedError as error: print(error)
