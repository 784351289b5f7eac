"""The stock Python client, with a user and an address of its own."""

import base64
import hashlib
import hmac
import http.client
import itertools
import json
import os
import socket as sockets
import ssl
import time
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

# Limits by address must not mix what different tests do: each client comes from its own 127.81.x.y.
_numbers = itertools.count(1)
_run = os.getpid()


def _base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Client:
    """One user at one address."""

    def __init__(self, about, user=None):
        self.about = about
        number = next(_numbers)
        self.address = f"127.81.{_run % 250 + 1}.{number % 250 + 1}"
        self.user = f"{user or 'user'}-{_run}-{number}"
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
        return connect(
            url,
            ssl=self.tls if url.startswith("wss:") else None,
            origin=self.about["origin"] if origin is True else origin,
            additional_headers=headers,
            source_address=(self.address, 0),
            compression=None,
            ping_interval=None,
            close_timeout=5,
            **options,
        )

    def refusal(self, **options):
        """The HTTP answer of a handshake that must be refused."""
        try:
            socket = self.connect(**options)
        except InvalidStatus as refused:
            return refused.response
        socket.close()
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
