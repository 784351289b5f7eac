"""UniFFI's Python bindings: one connection from its request to its end. (The wheel `wswarden` is what Python wants.)"""

import os

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

# The judge alone, and what explains.
schema = w.Schema.compile('{"type":"object","required":["content"]}')
assert schema.engine() == "fast" and schema.is_valid(b'{"content":1}') and not schema.is_valid(b"{}")
assert schema.explain(b'{"content":1}') is None
assert schema.explain(b"{}").reason == "schema_violation"
assert policy.type_names("/") == ["chat"] and '"$schema"' in w.policy_schema()

# A head in two pieces, then the session that it opens; its message is explained without being charged.
lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
head = f"GET /chat HTTP/1.1\r\n{lines}\r\n".encode()
here = w.Peer.ADDRESS(ip="198.51.100.7")
knock = guard.knock(here, now.mono)
assert guard.stats().connections == 1
knock.give_back()
knock.give_back()
assert guard.stats().connections == 0
parser = w.HeadParser(guard)
assert parser.parse(head[:40], here, True).is_INCOMPLETE()
found = parser.parse(head + b"\x81", here, True)
assert found.is_COMPLETE() and found.consumed == len(head) and found.request.target == "/chat"
assert w.HeadParser(guard).parse(b"GET /chat HTTP/1.1\nHost: x\r\n\r\n", here, True).is_REFUSED()
handle = registry.open(found.request, now).handle
registry.provide(handle, w.Answer.IDENTITY(identity=w.Identity(subject="ann")), now)
assert registry.explain(handle, w.FrameKind.TEXT, b'{"type":"chat"}').reason == "schema_violation"
assert registry.explain(handle, w.FrameKind.TEXT, b'{"type":"chat","content":1}') is None
assert registry.session(handle).latency is None
meter = w.FrameMeter(2)
assert meter.feed(b"\x01\x80\0\0\0\0\x00\x80\0\0\0\0") is None
assert meter.feed(b"\x00\x80\0\0\0\0") == "too_many_fragments"
assert guard.verify_token("/", b"x", now).is_REFUSED()

# A child that was forked is told so, whatever it does.
child = os.fork()
if child == 0:
    for work in (guard.stats, registry.count, lambda: registry.receive(handle, w.FrameKind.TEXT, b"{}", now.mono)):
        try:
            work()
        except w.WswardenError.Forked as error:
            assert "after the fork" in str(error)
        else:
            os._exit(1)
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert registry.count() == 1
