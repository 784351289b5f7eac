"""UniFFI's Python bindings: one connection from its request to its end. (The wheel `wswarden` is what Python wants.)"""

import wswarden_uniffi as w

policy = w.Policy.from_toml("""
    origin.allow = ["https://app.example.com"]
    credential.sources = [{ kind = "session", in = "cookie", name = "sid" }]
    [message.types.chat]
    schema = { type = "object", required = ["content"] }
""")
guard = w.Guard(policy, list(w.Ability))
now = w.Time(mono=1_000_000_000, unix=1_800_000_000_000_000_000)
registry = w.Registry(guard, now.mono)
headers = {
    "Host": "chat.example.com", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Origin": "https://app.example.com", "Cookie": "sid=s3cret",
}
request = w.Request(
    method="GET", target="/chat", version="1.1", peer=w.Peer.ADDRESS(ip="198.51.100.7"), tls=True,
    headers=[w.Header(name=name, value=value.encode()) for name, value in headers.items()],
)

admitted = registry.open(request, now)
assert admitted.is_WAIT() and admitted.need.token == b"s3cret"
admitted = registry.provide(admitted.handle, w.Answer.IDENTITY(identity=w.Identity(subject="ann")), now)
assert admitted.is_OPEN() and admitted.response.status == 101
good = registry.receive(admitted.handle, w.FrameKind.TEXT, b'{"type":"chat","content":"hello"}', now.mono)
assert good.verdict.is_DELIVER() and good.verdict.message_type == "chat"
bad = registry.receive(admitted.handle, w.FrameKind.TEXT, b'{"type":"chat"}', now.mono)
assert bad.verdict.is_REPLY() and bad.verdict.reason == "schema_violation"
registry.remove(admitted.handle)
assert guard.stats().connections == 0
try:
    registry.receive(admitted.handle, w.FrameKind.TEXT, b"{}", now.mono)
except w.WswardenError.StaleHandle:
    pass
else:
    raise AssertionError("a stale handle was taken")
try:
    w.Policy.from_toml("origin.allow = ['*']")
except w.WswardenError.Policy as error:
    assert "origin.allow[0]" in str(error), error
else:
    raise AssertionError("a policy that cannot be was taken")
