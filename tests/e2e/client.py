"""The stock Python client, with a user and an address of its own.

It is the asyncio client on a thread of its own: pings are answered while a test sleeps. (The threaded client of the
same library uses one TLS object from two threads: with Python 3.11 about one request in a hundred was never sent.)
"""

import asyncio
import base64
import hashlib
import hmac
import http.client
import itertools
import json
import os
import socket as sockets
import ssl
import threading
import time
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.asyncio.client import connect

# Limits by address must not mix what different tests do: each client comes from its own 127.81.x.y.
_numbers = itertools.count(1)
_process = os.getpid()

_loop = asyncio.new_event_loop()
threading.Thread(target=_loop.run_forever, daemon=True).start()


def _run(coroutine):
    return asyncio.run_coroutine_threadsafe(coroutine, _loop).result(30)


class Socket:
    """An open connection, for the length of a `with` block."""

    def __init__(self, url, **options):
        self._url, self._options = url, options

    async def _connect(self):
        return await connect(self._url, **self._options)

    def __enter__(self):
        self._socket = _run(self._connect())
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, message, text=None):
        """Sends a message; a list is sent in fragments."""
        _run(self._socket.send(message, text=text))

    def recv(self, timeout):
        """The next message; TimeoutError when there is none in so many seconds."""
        return _run(asyncio.wait_for(self._socket.recv(), timeout))

    def close(self, code=1000):
        """Closes, and waits for the answer."""
        _run(self._socket.close(code))

    def ignore_pings(self):
        """Answers no ping from now on, which no stock client does by itself."""
        send_frame = self._socket.protocol.send_frame
        self._socket.protocol.send_frame = lambda frame: None if frame.opcode == 10 else send_frame(frame)

    @property
    def close_code(self):
        """The code of the close frame that came."""
        return self._socket.close_code


def _base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Client:
    """One user at one address."""

    def __init__(self, about, user=None):
        self.about = about
        number = next(_numbers)
        self.address = f"127.81.{_process % 250 + 1}.{number % 250 + 1}"
        self.user = f"{user or 'user'}-{_process}-{number}"
        self.tls = ssl.create_default_context(cafile=about["cert"])
        self.url = about["url"]

    def token(self, *, secret=None, header=None, **claims):
        """A good token but for what is told; a claim of None is left out."""
        now = int(time.time())
        body = {"iss": self.about["issuer"], "aud": self.about["audience"], "sub": self.user, "iat": now, "exp": now + 600}
        body = {name: value for name, value in (body | claims).items() if value is not None}
        head = header or {"typ": "JWT", "alg": "HS256"}
        signed = ".".join(_base64url(json.dumps(part).encode()) for part in (head, body))
        mac = hmac.new((secret or self.about["secret"]).encode(), signed.encode(), hashlib.sha256)
        return f"{signed}.{_base64url(mac.digest())}"

    def connect(self, *, token=True, headers=None, origin=True, url=None, **options):
        """Connects as a browser page of the allowed origin with the token in the Authorization header."""
        token = self.token() if token is True else token
        headers = dict(headers or {})
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        url = url or self.url
        return Socket(
            url,
            ssl=self.tls if url.startswith("wss:") else None,
            origin=self.about["origin"] if origin is True else origin,
            additional_headers=headers,
            local_addr=(self.address, 0),
            compression=None,
            proxy=None,
            ping_interval=None,
            close_timeout=5,
            **options,
        )

    def refusal(self, **options):
        """The HTTP answer of a handshake that must be refused."""
        try:
            with self.connect(**options):
                pass
        except InvalidStatus as refused:
            return refused.response
        raise AssertionError("let in")

    def http(self, method="GET", **headers):
        """A handshake by the stock HTTP client, which can say things that a WebSocket client cannot."""
        url = urlsplit(self.url)
        connection = http.client.HTTPSConnection(
            url.hostname, url.port, context=self.tls, source_address=(self.address, 0), timeout=10
        )
        good = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version": "13",
            "Origin": self.about["origin"],
            "Authorization": f"Bearer {self.token()}",
        }
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        merged = {name: value for name, value in (good | headers).items() if value is not None}
        connection.request(method, url.path or "/", headers=merged)
        answer = connection.getresponse()
        answer.body = b"" if answer.status == 101 else answer.read()
        connection.close()
        return answer

    def speaks_plain(self):
        """Whether the server speaks HTTP without TLS on its port: what it answered, if anything."""
        url = urlsplit(self.url)
        with sockets.create_connection((url.hostname, url.port), timeout=5, source_address=(self.address, 0)) as plain:
            plain.sendall(f"GET / HTTP/1.1\r\nHost: {url.netloc}\r\n\r\n".encode())
            try:
                return plain.recv(4096)
            except ConnectionResetError:
                return b""


def chat(text):
    """The guide's chat message."""
    return json.dumps({"type": "chat", "content": text})


def until(socket, text, seconds=5):
    """Reads until a message contains the text; the messages before it."""
    before, deadline = [], time.monotonic() + seconds
    while True:
        message = socket.recv(timeout=max(deadline - time.monotonic(), 0.01))
        if text in message:
            return before
        before.append(message)


def error(socket, seconds=5):
    """The next error reply."""
    deadline = time.monotonic() + seconds
    while True:
        message = json.loads(socket.recv(timeout=max(deadline - time.monotonic(), 0.01)))
        if message.get("type") == "error":
            return message


def closed(socket, seconds=5):
    """Reads until the server closes; its code and all messages before."""
    messages, deadline = [], time.monotonic() + seconds
    try:
        while True:
            messages.append(socket.recv(timeout=max(deadline - time.monotonic(), 0.01)))
    except ConnectionClosed:
        return socket.close_code, messages


def delivered(socket, count, tag, quiet=0.6):
    """Sends so many chats at once; how many came back, and how many were answered by an error."""
    try:
        for number in range(count):
            socket.send(chat(f"{tag}-{number}"))
    except ConnectionClosed:
        pass
    good = bad = 0
    try:
        while True:
            message = socket.recv(timeout=quiet)
            if json.loads(message).get("type") == "error":
                bad += 1
            elif tag in message:
                good += 1
    except (TimeoutError, ConnectionClosed):
        return good, bad
