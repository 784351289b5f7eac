"""The table of reasons. Generated from the core's by `generate.py`: do not edit."""

from enum import Enum


class Reason(str, Enum):
    """Why something was refused, dropped or closed: a string, the reason's name, which also stands in logs,
    metrics, problem documents and error replies.
    """

    @property
    def number(self) -> int:
        """The pinned number; one that is retired is never used again."""
        return _FACTS[self.value][0]

    @property
    def status(self) -> int:
        """The status of the HTTP answer, when it is given before the 101."""
        return _FACTS[self.value][1]

    @property
    def close_code_rfc(self) -> int:
        """The code of the close frame in the dialects "rfc" and "guide"."""
        return _FACTS[self.value][2]

    @property
    def close_code_app(self) -> int:
        """The code of the close frame in the dialect "app"."""
        return _FACTS[self.value][3]

    @property
    def retry(self) -> str:
        """What the peer should do next: "never", "now", "backoff", "after_delay" or "with_new_credential"."""
        return _FACTS[self.value][4]

    @property
    def sentence(self) -> str:
        """One sentence for people."""
        return _FACTS[self.value][5]

    __str__ = str.__str__

    BAD_REQUEST = "bad_request"
    """The request is not a valid WebSocket upgrade."""
    METHOD_NOT_ALLOWED = "method_not_allowed"
    """A WebSocket upgrade is a GET request."""
    WRONG_VERSION = "wrong_version"
    """Only version 13 of the WebSocket protocol is spoken."""
    URI_TOO_LONG = "uri_too_long"
    """The request target is too long."""
    HEADERS_TOO_LARGE = "headers_too_large"
    """The request's header fields are too many or too large."""
    HANDSHAKE_TIMEOUT = "handshake_timeout"
    """The upgrade was not finished in time."""
    INSECURE_TRANSPORT = "insecure_transport"
    """Only connections over TLS are accepted."""
    HOST_NOT_ALLOWED = "host_not_allowed"
    """This server does not answer for that host."""
    ORIGIN_NOT_ALLOWED = "origin_not_allowed"
    """Pages of this origin may not connect."""
    ORIGIN_MISSING = "origin_missing"
    """A request with this kind of credential needs an Origin."""
    SUBPROTOCOL_NOT_SUPPORTED = "subprotocol_not_supported"
    """None of the offered subprotocols is spoken here."""
    CREDENTIAL_MISSING = "credential_missing"
    """A credential is needed."""
    CREDENTIAL_INVALID = "credential_invalid"
    """The credential is not valid."""
    CREDENTIAL_AMBIGUOUS = "credential_ambiguous"
    """More than one credential was sent."""
    TOKEN_EXPIRED = "token_expired"
    """The credential has expired."""
    REVOKED = "revoked"
    """The credential has been revoked."""
    FORBIDDEN = "forbidden"
    """The credential does not permit this."""
    AUTH_TIMEOUT = "auth_timeout"
    """No valid credential came in time."""
    RATE_LIMITED = "rate_limited"
    """Too much was sent in too short a time."""
    TOO_MANY_CONNECTIONS = "too_many_connections"
    """Too many connections are open for this user or address."""
    OVERLOADED = "overloaded"
    """The server is full."""
    BANNED = "banned"
    """This user or address has been shut out for a while."""
    IDENTITY_UNAVAILABLE = "identity_unavailable"
    """The credential could not be checked just now."""
    MESSAGE_TOO_BIG = "message_too_big"
    """The message is larger than allowed."""
    TOO_MANY_FRAGMENTS = "too_many_fragments"
    """The message came in too many fragments."""
    WRONG_FRAME_TYPE = "wrong_frame_type"
    """Messages of this kind, text or binary, are not accepted."""
    INVALID_UTF8 = "invalid_utf8"
    """The text is not valid UTF-8."""
    INVALID_JSON = "invalid_json"
    """The message is not valid JSON."""
    DUPLICATE_KEY = "duplicate_key"
    """An object in the message has the same key twice."""
    JSON_LIMIT = "json_limit"
    """The message goes over a limit on depth, members or digits."""
    FORBIDDEN_KEY = "forbidden_key"
    """An object in the message has a key that is never accepted."""
    SCHEMA_VIOLATION = "schema_violation"
    """The message does not match its schema."""
    UNKNOWN_TYPE = "unknown_type"
    """Messages of this type are not known here."""
    TOO_COSTLY = "too_costly"
    """Checking the message would cost too much."""
    AUTHENTICATION_REQUIRED = "authentication_required"
    """A credential must come before any other message."""
    TOO_MANY_ERRORS = "too_many_errors"
    """Too many messages were invalid."""
    TOO_MANY_CHANNELS = "too_many_channels"
    """No more channels can be joined on this connection."""
    IDENTITY_CHANGED = "identity_changed"
    """A renewed credential must be for the same user and no wider."""
    PING_TIMEOUT = "ping_timeout"
    """The peer did not answer a ping in time."""
    IDLE_TIMEOUT = "idle_timeout"
    """Nothing was sent for too long."""
    SLOW_CONSUMER = "slow_consumer"
    """The peer reads more slowly than it is sent to."""
    MAX_LIFETIME = "max_lifetime"
    """The connection has reached its greatest age."""
    DRAINING = "draining"
    """The server is going down."""
    CLOSE_TIMEOUT = "close_timeout"
    """The close handshake was not finished in time."""
    PROTOCOL_ERROR = "protocol_error"
    """The peer broke the WebSocket protocol."""
    CLOSED_BY_PEER = "closed_by_peer"
    """The peer closed the connection."""
    CLOSED_BY_HOST = "closed_by_host"
    """The server closed the connection."""
    CONNECTION_LOST = "connection_lost"
    """The connection was cut without a close handshake."""
    POLICY_CHANGED = "policy_changed"
    """The server's rules have changed and no longer allow this connection."""
    INTERNAL = "internal"
    """The server made a mistake."""


_FACTS: dict[str, tuple[int, int, int, int, str, str]] = {
    "bad_request": (1, 400, 1002, 4400, "never", "The request is not a valid WebSocket upgrade."),
    "method_not_allowed": (2, 405, 1002, 4400, "never", "A WebSocket upgrade is a GET request."),
    "wrong_version": (3, 426, 1002, 4400, "never", "Only version 13 of the WebSocket protocol is spoken."),
    "uri_too_long": (4, 414, 1009, 4414, "never", "The request target is too long."),
    "headers_too_large": (5, 431, 1009, 4431, "never", "The request's header fields are too many or too large."),
    "handshake_timeout": (6, 408, 1008, 4408, "backoff", "The upgrade was not finished in time."),
    "insecure_transport": (7, 403, 1008, 4403, "never", "Only connections over TLS are accepted."),
    "host_not_allowed": (8, 421, 1008, 4421, "never", "This server does not answer for that host."),
    "origin_not_allowed": (9, 403, 1008, 4403, "never", "Pages of this origin may not connect."),
    "origin_missing": (10, 403, 1008, 4403, "never", "A request with this kind of credential needs an Origin."),
    "subprotocol_not_supported": (11, 400, 1002, 4400, "never", "None of the offered subprotocols is spoken here."),
    "credential_missing": (12, 401, 1008, 4401, "with_new_credential", "A credential is needed."),
    "credential_invalid": (13, 401, 1008, 4401, "with_new_credential", "The credential is not valid."),
    "credential_ambiguous": (14, 400, 1008, 4400, "never", "More than one credential was sent."),
    "token_expired": (15, 401, 1008, 4401, "with_new_credential", "The credential has expired."),
    "revoked": (16, 401, 1008, 4401, "never", "The credential has been revoked."),
    "forbidden": (17, 403, 1008, 4403, "never", "The credential does not permit this."),
    "auth_timeout": (18, 408, 1008, 4408, "now", "No valid credential came in time."),
    "rate_limited": (19, 429, 1008, 4429, "after_delay", "Too much was sent in too short a time."),
    "too_many_connections": (20, 429, 1013, 4429, "after_delay", "Too many connections are open for this user or address."),
    "overloaded": (21, 503, 1013, 1013, "after_delay", "The server is full."),
    "banned": (22, 429, 1008, 4429, "after_delay", "This user or address has been shut out for a while."),
    "identity_unavailable": (23, 503, 1013, 1013, "backoff", "The credential could not be checked just now."),
    "message_too_big": (32, 413, 1009, 1009, "never", "The message is larger than allowed."),
    "too_many_fragments": (33, 413, 1009, 1009, "never", "The message came in too many fragments."),
    "wrong_frame_type": (34, 415, 1003, 1003, "never", "Messages of this kind, text or binary, are not accepted."),
    "invalid_utf8": (35, 400, 1007, 1007, "never", "The text is not valid UTF-8."),
    "invalid_json": (36, 400, 1008, 4400, "never", "The message is not valid JSON."),
    "duplicate_key": (37, 400, 1008, 4400, "never", "An object in the message has the same key twice."),
    "json_limit": (38, 400, 1008, 4400, "never", "The message goes over a limit on depth, members or digits."),
    "forbidden_key": (39, 400, 1008, 4400, "never", "An object in the message has a key that is never accepted."),
    "schema_violation": (40, 400, 1008, 4400, "never", "The message does not match its schema."),
    "unknown_type": (41, 400, 1008, 4400, "never", "Messages of this type are not known here."),
    "too_costly": (42, 400, 1008, 4400, "never", "Checking the message would cost too much."),
    "authentication_required": (43, 401, 1008, 4401, "with_new_credential", "A credential must come before any other message."),
    "too_many_errors": (44, 400, 1008, 4400, "never", "Too many messages were invalid."),
    "too_many_channels": (45, 429, 1008, 4429, "never", "No more channels can be joined on this connection."),
    "identity_changed": (46, 401, 1008, 4401, "never", "A renewed credential must be for the same user and no wider."),
    "ping_timeout": (64, 408, 1008, 4408, "now", "The peer did not answer a ping in time."),
    "idle_timeout": (65, 408, 1001, 4408, "now", "Nothing was sent for too long."),
    "slow_consumer": (66, 408, 1008, 4408, "backoff", "The peer reads more slowly than it is sent to."),
    "max_lifetime": (67, 408, 1001, 1001, "now", "The connection has reached its greatest age."),
    "draining": (68, 503, 1012, 1012, "backoff", "The server is going down."),
    "close_timeout": (69, 408, 1008, 4408, "now", "The close handshake was not finished in time."),
    "protocol_error": (70, 400, 1002, 1002, "never", "The peer broke the WebSocket protocol."),
    "closed_by_peer": (71, 400, 1000, 1000, "now", "The peer closed the connection."),
    "closed_by_host": (72, 400, 1000, 1000, "now", "The server closed the connection."),
    "connection_lost": (73, 400, 1001, 1001, "now", "The connection was cut without a close handshake."),
    "policy_changed": (74, 403, 1008, 4403, "never", "The server's rules have changed and no longer allow this connection."),
    "internal": (255, 500, 1011, 1011, "backoff", "The server made a mistake."),
}
