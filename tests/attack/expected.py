"""What the attack program sees at servers whose library stands before the guard, and at the guide's own code."""

# What Node's HTTP parser and `ws` take, and show nobody above them.
NODE_EXPECT = """
[expect]
"upgrade.two-spaces" = "in"
"frame.length-in-two-bytes" = "in"
"frame.length-in-eight-bytes" = "in"
"""

# What gets in at a server that is the guide's own code, and what does not.
GUIDE_WEAK = [
    "credential.twice", "credential.echoed", "token.aud-wrong", "token.iss-missing", "token.nbf-future",
    "transport.slow-head", "transport.half-open", "message.duplicate-key", "message.proto", "message.deep-arrays",
    "message.binary", "message.one-mebibyte", "message.many-fragments", "rate.reconnect", "rate.one-of-two-closes",
    "rate.one-of-two-resets", "cap.per-user", "heartbeat.wrong-payload", "heartbeat.unsolicited-pongs",
    "lifecycle.expires",
]
GUIDE_HOLDS = ["control.query", "control.messages", "token.wrong-key", "token.expired", "origin.foreign", "rate.messages",
               "message.unknown-type", "heartbeat.silent", "control.afterwards"]

# What is below the application and never reaches the guard: how uvicorn and websockets read a request and frames. There
# any refusal that the client sees will do ("below"), but for what the library itself takes ("open"): its own gaps, which
# the README names.
BELOW = {
    "websockets": {"cut": [
        "upgrade.http-2.0", "upgrade.content-length", "upgrade.content-length-twice", "upgrade.transfer-encoding",
        "upgrade.bad-target", "upgrade.nul-in-value", "upgrade.control-in-value", "upgrade.bare-cr-in-value",
        "upgrade.space-before-colon", "upgrade.name-with-space", "upgrade.empty-name", "upgrade.one-bare-lf",
        "upgrade.obs-fold", "upgrade.fold-first", "upgrade.no-colon", "upgrade.two-spaces", "upgrade.pipelined",
    ], "below": [
        # It closes with 1009 by itself, and the socket with bytes unread: the reset may overtake the close frame.
        "message.one-mebibyte", "message.too-big-in-fragments",
    ], "open": []},
    "uvicorn": {"cut": [], "below": [
        # Too large: it closes with 1009 by itself, and the socket with bytes unread, whose reset may overtake it.
        "transport.*", "token.too-long", "upgrade.*", "message.one-mebibyte", "message.too-big-in-fragments", "message.many-fragments",
        "message.empty-fragments", "frame.*", "rate.pings", "rate.pongs", "heartbeat.*",
    ], "open": [
        "transport.silent-before-tls", "transport.slow-head", "transport.half-open", "token.too-long",
        "upgrade.http-1.0", "upgrade.http-2.0", "upgrade.content-length", "upgrade.transfer-encoding",
        "upgrade.long-target", "upgrade.huge-header", "upgrade.many-headers", "upgrade.many-headers-first",
        "upgrade.control-in-value", "upgrade.bare-lf", "upgrade.one-bare-lf", "upgrade.obs-fold",
        "upgrade.bytes-behind", "upgrade.list-of-spaces", "upgrade.list-of-commas", "upgrade.unclosed-quote",
        "message.many-fragments", "message.empty-fragments", "frame.length-in-two-bytes",
        "frame.length-in-eight-bytes", "rate.pings", "rate.pongs",
    ]},
}
