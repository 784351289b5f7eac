"""A client that is connected when the server is told to go: prints `open`, then the code it was closed with."""

import json
import os

from client import Client
from websockets.exceptions import ConnectionClosed

with Client(json.load(open(os.environ["WSW_E2E"])), user="drain").connect() as socket:
    print("open", flush=True)
    try:
        while True:
            socket.recv(timeout=15)
    except TimeoutError:
        print("still open", flush=True)
    except ConnectionClosed:
        print("closed", socket.close_code, flush=True)
