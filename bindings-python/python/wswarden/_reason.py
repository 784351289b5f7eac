"""The table of reasons. Generated from the core's by ``generate.py``: do not edit."""

from enum import Enum


class Reason(str, Enum):
    """Why something was refused, dropped or closed: a string, the reason's name, which also stands in logs,
    metrics, problem documents and error replies.
    """

    number: int
    """The pinned number; one that is retired is never used again."""
    status: int
    """The status of the HTTP answer, when it is given before the 101."""
    close_code_rfc: int
    """The code of the close frame in the dialects "rfc" and "guide"."""
    close_code_app: int
    """The code of the close frame in the dialect "app"."""
    retry: str
    """What the peer should do next: "never", "now", "backoff", "after_delay" or "with_new_credential"."""
    sentence: str
    """One sentence for people."""

    def __new__(
        cls, name: str, number: int, status: int, close_code_rfc: int, close_code_app: int, retry: str, sentence: str
    ) -> "Reason":
        reason = str.__new__(cls, name)
        reason._value_ = name
        reason.number = number
        reason.status = status
        reason.close_code_rfc = close_code_rfc
        reason.close_code_app = close_code_app
        reason.retry = retry
        reason.sentence = sentence
        return reason

    __str__ = str.__str__

    BAD_REQUEST = ("bad_request", 1, 400, 1002, 4400, "never", "The request is not a valid WebSocket upgrade.")
    """The request is not a valid WebSocket upgrade."""
    METHOD_NOT_ALLOWED = ("method_not_allowed", 2, 405, 1002, 4400, "never", "A WebSocket upgrade is a GET request.")
    """A WebSocket upgrade is a GET request."""
    WRONG_VERSION = ("wrong_version", 3, 426, 1002, 4400, "never", "Only version 13 of the WebSocket protocol is spoken.")
    """Only version 13 of the WebSocket protocol is spoken."""
    URI_TOO_LONG = ("uri_too_long", 4, 414, 1009, 4414, "never", "The request target is too long.")
    """The request target is too long."""
    HEADERS_TOO_LARGE = ("headers_too_large", 5, 431, 1009, 4431, "never", "The request's header fields are too many or too large.")
    """The request's header fields are too many or too large."""
    HANDSHAKE_TIMEOUT = ("handshake_timeout", 6, 408, 1008, 4408, "backoff", "The upgrade was not finished in time.")
    """The upgrade was not finished in time."""
    INSECURE_TRANSPORT = ("insecure_transport", 7, 403, 1008, 4403, "never", "Only connections over TLS are accepted.")
    """Only connections over TLS are accepted."""
    HOST_NOT_ALLOWED = ("host_not_allowed", 8, 421, 1008, 4421, "never", "This server does not answer for that host.")
    """This server does not answer for that host."""
    ORIGIN_NOT_ALLOWED = ("origin_not_allowed", 9, 403, 1008, 4403, "never", "Pages of this origin may not connect.")
    """Pages of this origin may not connect."""
    ORIGIN_MISSING = ("origin_missing", 10, 403, 1008, 4403, "never", "A request with this kind of credential needs an Origin.")
    """A request with this kind of credential needs an Origin."""
    SUBPROTOCOL_NOT_SUPPORTED = ("subprotocol_not_supported", 11, 400, 1002, 4400, "never", "None of the offered subprotocols is spoken here.")
    """None of the offered subprotocols is spoken here."""
    CREDENTIAL_MISSING = ("credential_missing", 12, 401, 1008, 4401, "with_new_credential", "A credential is needed.")
    """A credential is needed."""
    CREDENTIAL_INVALID = ("credential_invalid", 13, 401, 1008, 4401, "with_new_credential", "The credential is not valid.")
    """The credential is not valid."""
    CREDENTIAL_AMBIGUOUS = ("credential_ambiguous", 14, 400, 1008, 4400, "never", "More than one credential was sent.")
    """More than one credential was sent."""
    TOKEN_EXPIRED = ("token_expired", 15, 401, 1008, 4401, "with_new_credential", "The credential has expired.")
    """The credential has expired."""
    REVOKED = ("revoked", 16, 401, 1008, 4401, "never", "The credential has been revoked.")
    """The credential has been revoked."""
    FORBIDDEN = ("forbidden", 17, 403, 1008, 4403, "never", "The credential does not permit this.")
    """The credential does not permit this."""
    AUTH_TIMEOUT = ("auth_timeout", 18, 408, 1008, 4408, "now", "No valid credential came in time.")
    """No valid credential came in time."""
    RATE_LIMITED = ("rate_limited", 19, 429, 1008, 4429, "after_delay", "Too much was sent in too short a time.")
    """Too much was sent in too short a time."""
    TOO_MANY_CONNECTIONS = ("too_many_connections", 20, 429, 1013, 4429, "after_delay", "Too many connections are open for this user or address.")
    """Too many connections are open for this user or address."""
    OVERLOADED = ("overloaded", 21, 503, 1013, 1013, "after_delay", "The server is full.")
    """The server is full."""
    BANNED = ("banned", 22, 429, 1008, 4429, "after_delay", "This user or address has been shut out for a while.")
    """This user or address has been shut out for a while."""
    IDENTITY_UNAVAILABLE = ("identity_unavailable", 23, 503, 1013, 1013, "backoff", "The credential could not be checked just now.")
    """The credential could not be checked just now."""
    MESSAGE_TOO_BIG = ("message_too_big", 32, 413, 1009, 1009, "never", "The message is larger than allowed.")
    """The message is larger than allowed."""
    TOO_MANY_FRAGMENTS = ("too_many_fragments", 33, 413, 1009, 1009, "never", "The message came in too many fragments.")
    """The message came in too many fragments."""
    WRONG_FRAME_TYPE = ("wrong_frame_type", 34, 415, 1003, 1003, "never", "Messages of this kind, text or binary, are not accepted.")
    """Messages of this kind, text or binary, are not accepted."""
    INVALID_UTF8 = ("invalid_utf8", 35, 400, 1007, 1007, "never", "The text is not valid UTF-8.")
    """The text is not valid UTF-8."""
    INVALID_JSON = ("invalid_json", 36, 400, 1008, 4400, "never", "The message is not valid JSON.")
    """The message is not valid JSON."""
    DUPLICATE_KEY = ("duplicate_key", 37, 400, 1008, 4400, "never", "An object in the message has the same key twice.")
    """An object in the message has the same key twice."""
    JSON_LIMIT = ("json_limit", 38, 400, 1008, 4400, "never", "The message goes over a limit on depth, members or digits.")
    """The message goes over a limit on depth, members or digits."""
    FORBIDDEN_KEY = ("forbidden_key", 39, 400, 1008, 4400, "never", "An object in the message has a key that is never accepted.")
    """An object in the message has a key that is never accepted."""
    SCHEMA_VIOLATION = ("schema_violation", 40, 400, 1008, 4400, "never", "The message does not match its schema.")
    """The message does not match its schema."""
    UNKNOWN_TYPE = ("unknown_type", 41, 400, 1008, 4400, "never", "Messages of this type are not known here.")
    """Messages of this type are not known here."""
    TOO_COSTLY = ("too_costly", 42, 400, 1008, 4400, "never", "Checking the message would cost too much.")
    """Checking the message would cost too much."""
    AUTHENTICATION_REQUIRED = ("authentication_required", 43, 401, 1008, 4401, "with_new_credential", "A credential must come before any other message.")
    """A credential must come before any other message."""
    TOO_MANY_ERRORS = ("too_many_errors", 44, 400, 1008, 4400, "never", "Too many messages were invalid.")
    """Too many messages were invalid."""
    TOO_MANY_CHANNELS = ("too_many_channels", 45, 429, 1008, 4429, "never", "No more channels can be joined on this connection.")
    """No more channels can be joined on this connection."""
    IDENTITY_CHANGED = ("identity_changed", 46, 401, 1008, 4401, "never", "A renewed credential must be for the same user and no wider.")
    """A renewed credential must be for the same user and no wider."""
    PING_TIMEOUT = ("ping_timeout", 64, 408, 1008, 4408, "now", "The peer did not answer a ping in time.")
    """The peer did not answer a ping in time."""
    IDLE_TIMEOUT = ("idle_timeout", 65, 408, 1001, 4408, "now", "Nothing was sent for too long.")
    """Nothing was sent for too long."""
    SLOW_CONSUMER = ("slow_consumer", 66, 408, 1008, 4408, "backoff", "The peer reads more slowly than it is sent to.")
    """The peer reads more slowly than it is sent to."""
    MAX_LIFETIME = ("max_lifetime", 67, 408, 1001, 1001, "now", "The connection has reached its greatest age.")
    """The connection has reached its greatest age."""
    DRAINING = ("draining", 68, 503, 1012, 1012, "backoff", "The server is going down.")
    """The server is going down."""
    CLOSE_TIMEOUT = ("close_timeout", 69, 408, 1008, 4408, "now", "The close handshake was not finished in time.")
    """The close handshake was not finished in time."""
    PROTOCOL_ERROR = ("protocol_error", 70, 400, 1002, 1002, "never", "The peer broke the WebSocket protocol.")
    """The peer broke the WebSocket protocol."""
    CLOSED_BY_PEER = ("closed_by_peer", 71, 400, 1000, 1000, "now", "The peer closed the connection.")
    """The peer closed the connection."""
    CLOSED_BY_HOST = ("closed_by_host", 72, 400, 1000, 1000, "now", "The server closed the connection.")
    """The server closed the connection."""
    CONNECTION_LOST = ("connection_lost", 73, 400, 1001, 1001, "now", "The connection was cut without a close handshake.")
    """The connection was cut without a close handshake."""
    POLICY_CHANGED = ("policy_changed", 74, 403, 1008, 4403, "never", "The server's rules have changed and no longer allow this connection.")
    """The server's rules have changed and no longer allow this connection."""
    INTERNAL = ("internal", 255, 500, 1011, 1011, "backoff", "The server made a mistake.")
    """The server made a mistake."""
