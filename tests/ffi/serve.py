#!/usr/bin/env python3
"""Starts an example server the way tests/e2e/driver.py starts a server, and passes SIGINT on.

    WSW_SERVER="tests/ffi/serve.py PROGRAM" ... --listen 127.0.0.1:0 --policy FILE --ready-file FILE

It makes a certificate for localhost and a token for the user "demo", which the program itself cannot.
"""

import base64
import ctypes
import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path


def certificate(folder):
    """A self-signed certificate for localhost."""
    cert, key = Path(folder) / "cert.pem", Path(folder) / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )
    return cert, key


def token(policy):
    """A token for the user "demo", good for an hour."""
    rules = tomllib.loads(Path(policy).read_text())["credential"]["jwt"]
    now = int(time.time())
    claims = {"iss": rules["issuer"][0], "aud": rules["audience"][0], "sub": "demo", "iat": now, "exp": now + 3600}
    encoded = [base64.urlsafe_b64encode(part).rstrip(b"=")
               for part in (b'{"alg":"HS256","typ":"JWT"}', json.dumps(claims).encode())]
    mac = hmac.new(rules["keys"][0]["secret"].encode(), b".".join(encoded), hashlib.sha256).digest()
    return b".".join([*encoded, base64.urlsafe_b64encode(mac).rstrip(b"=")]).decode()


def end_with_parent():
    """Whoever kills this script kills the server, too (prctl(2): PR_SET_PDEATHSIG is 1)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def main(program, *arguments):
    options = dict(zip(arguments[::2], arguments[1::2]))
    with tempfile.TemporaryDirectory() as folder:
        cert, key = certificate(folder)
        server = subprocess.Popen(
            [program, "--listen", options["--listen"], "--policy", options["--policy"], "--cert", cert, "--key", key],
            stdout=subprocess.PIPE, text=True, preexec_fn=end_with_parent,
        )
        signal.signal(signal.SIGINT, lambda *_: server.send_signal(signal.SIGINT))
        try:
            for line in server.stdout:
                print(line, end="", flush=True)
                if line.startswith("port "):
                    port = int(line.split()[1])
                    ready = {"url": f"wss://localhost:{port}/", "cert": str(cert), "token": token(options["--policy"])}
                    part = Path(options["--ready-file"] + ".part")
                    part.write_text(json.dumps(ready))
                    os.replace(part, options["--ready-file"])
            return server.wait()
        finally:
            server.kill()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
