"""What a server does with sockets that say nothing."""

import select
import socket
import time
import tomllib

from built import ROOT


def strangers(running):
    """Of one address so many sockets may say nothing as the policy says; those beyond are closed before TLS."""
    most = tomllib.loads((ROOT / "tests" / "e2e" / "policy.toml").read_text())["cap"]["unauthenticated_per_address"]
    port = int(running.about["url"].rsplit(":", 1)[1].strip("/"))

    def kept(count):
        sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
        time.sleep(1)
        closed = select.select(sockets, [], [], 0)[0]
        for one in sockets:
            one.close()
        return count - len(closed)

    seen = [kept(most + 4)]
    time.sleep(1)
    seen.append(kept(most))
    assert seen == [most, most], f"of one address {seen} sockets may be silent, {most} by the policy"
