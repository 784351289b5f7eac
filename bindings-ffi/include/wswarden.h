/* wswarden 0.1.0: the security layer for WebSocket servers.
 * Made from the Rust source by `make generate`; README.md has the contract. */

#ifndef WSWARDEN_H
#define WSWARDEN_H

#include <stddef.h>
#include <stdint.h>

/** The version of this header. */
#define WSW_VERSION_MAJOR 0
/** The version of this header. */
#define WSW_VERSION_MINOR 1
/** The version of this header. */
#define WSW_VERSION_PATCH 0
/** The version of this header, as `wsw_version` tells the library's. */
#define WSW_VERSION "0.1.0"

/** A wait or time that never ends. */
#define WSW_NEVER UINT64_MAX

/** What to do: a `wsw_verdict`. */
#define WSW_VERDICT(verdict) ((verdict) & 0xffu)
/** Why: a `wsw_reason`; 0 where nothing was refused. */
#define WSW_VERDICT_REASON(verdict) ((uint8_t)(((verdict) >> 8) & 0xffu))
/** The type of a message that is delivered, in the order of the policy's types. */
#define WSW_VERDICT_TYPE(verdict) (((verdict) >> 16) & 0x3fffu)
/** Whether there is something to record: see `wsw_registry_event`. */
#define WSW_VERDICT_HAS_EVENT(verdict) (((verdict) >> 30) & 1u)

/** A text message's opcode (RFC 6455 section 5.2). */
#define WSW_TEXT 1
/** A binary message's opcode. */
#define WSW_BINARY 2
/** A close frame's opcode. */
#define WSW_CLOSE_FRAME 8
/** A ping frame's opcode. */
#define WSW_PING_FRAME 9
/** A pong frame's opcode. */
#define WSW_PONG_FRAME 10

/** A string literal as a `wsw_str`. What is no literal does not compile: of a pointer, the length would be wrong. */
#ifdef __cplusplus
#define WSW_STR(literal) (wsw_str{("" literal), sizeof("" literal) - 1})
#else
#define WSW_STR(literal) ((wsw_str){("" literal), sizeof("" literal) - 1})
#endif

/** Why something was refused, dropped or closed. The numbers are pinned. */
enum wsw_reason {
    /** No reason. */
    WSW_REASON_NONE = 0,
    /** The request is not a valid WebSocket upgrade. */
    WSW_REASON_BAD_REQUEST = 1,
    /** A WebSocket upgrade is a GET request. */
    WSW_REASON_METHOD_NOT_ALLOWED = 2,
    /** Only version 13 of the WebSocket protocol is spoken. */
    WSW_REASON_WRONG_VERSION = 3,
    /** The request target is too long. */
    WSW_REASON_URI_TOO_LONG = 4,
    /** The request's header fields are too many or too large. */
    WSW_REASON_HEADERS_TOO_LARGE = 5,
    /** The upgrade was not finished in time. */
    WSW_REASON_HANDSHAKE_TIMEOUT = 6,
    /** Only connections over TLS are accepted. */
    WSW_REASON_INSECURE_TRANSPORT = 7,
    /** This server does not answer for that host. */
    WSW_REASON_HOST_NOT_ALLOWED = 8,
    /** Pages of this origin may not connect. */
    WSW_REASON_ORIGIN_NOT_ALLOWED = 9,
    /** A request with this kind of credential needs an Origin. */
    WSW_REASON_ORIGIN_MISSING = 10,
    /** None of the offered subprotocols is spoken here. */
    WSW_REASON_SUBPROTOCOL_NOT_SUPPORTED = 11,
    /** A credential is needed. */
    WSW_REASON_CREDENTIAL_MISSING = 12,
    /** The credential is not valid. */
    WSW_REASON_CREDENTIAL_INVALID = 13,
    /** More than one credential was sent. */
    WSW_REASON_CREDENTIAL_AMBIGUOUS = 14,
    /** The credential has expired. */
    WSW_REASON_TOKEN_EXPIRED = 15,
    /** The credential has been revoked. */
    WSW_REASON_REVOKED = 16,
    /** The credential does not permit this. */
    WSW_REASON_FORBIDDEN = 17,
    /** No valid credential came in time. */
    WSW_REASON_AUTH_TIMEOUT = 18,
    /** Too much was sent in too short a time. */
    WSW_REASON_RATE_LIMITED = 19,
    /** Too many connections are open for this user or address. */
    WSW_REASON_TOO_MANY_CONNECTIONS = 20,
    /** The server is full. */
    WSW_REASON_OVERLOADED = 21,
    /** This user or address has been shut out for a while. */
    WSW_REASON_BANNED = 22,
    /** The credential could not be checked just now. */
    WSW_REASON_IDENTITY_UNAVAILABLE = 23,
    /** The message is larger than allowed. */
    WSW_REASON_MESSAGE_TOO_BIG = 32,
    /** The message came in too many fragments. */
    WSW_REASON_TOO_MANY_FRAGMENTS = 33,
    /** Messages of this kind, text or binary, are not accepted. */
    WSW_REASON_WRONG_FRAME_TYPE = 34,
    /** The text is not valid UTF-8. */
    WSW_REASON_INVALID_UTF8 = 35,
    /** The message is not valid JSON. */
    WSW_REASON_INVALID_JSON = 36,
    /** An object in the message has the same key twice. */
    WSW_REASON_DUPLICATE_KEY = 37,
    /** The message goes over a limit on depth, members or digits. */
    WSW_REASON_JSON_LIMIT = 38,
    /** An object in the message has a key that is never accepted. */
    WSW_REASON_FORBIDDEN_KEY = 39,
    /** The message does not match its schema. */
    WSW_REASON_SCHEMA_VIOLATION = 40,
    /** Messages of this type are not known here. */
    WSW_REASON_UNKNOWN_TYPE = 41,
    /** Checking the message would cost too much. */
    WSW_REASON_TOO_COSTLY = 42,
    /** A credential must come before any other message. */
    WSW_REASON_AUTHENTICATION_REQUIRED = 43,
    /** Too many messages were invalid. */
    WSW_REASON_TOO_MANY_ERRORS = 44,
    /** No more channels can be joined on this connection. */
    WSW_REASON_TOO_MANY_CHANNELS = 45,
    /** A renewed credential must be for the same user and no wider. */
    WSW_REASON_IDENTITY_CHANGED = 46,
    /** The peer did not answer a ping in time. */
    WSW_REASON_PING_TIMEOUT = 64,
    /** Nothing was sent for too long. */
    WSW_REASON_IDLE_TIMEOUT = 65,
    /** The peer reads more slowly than it is sent to. */
    WSW_REASON_SLOW_CONSUMER = 66,
    /** The connection has reached its greatest age. */
    WSW_REASON_MAX_LIFETIME = 67,
    /** The server is going down. */
    WSW_REASON_DRAINING = 68,
    /** The close handshake was not finished in time. */
    WSW_REASON_CLOSE_TIMEOUT = 69,
    /** The peer broke the WebSocket protocol. */
    WSW_REASON_PROTOCOL_ERROR = 70,
    /** The peer closed the connection. */
    WSW_REASON_CLOSED_BY_PEER = 71,
    /** The server closed the connection. */
    WSW_REASON_CLOSED_BY_HOST = 72,
    /** The connection was cut without a close handshake. */
    WSW_REASON_CONNECTION_LOST = 73,
    /** The server's rules have changed and no longer allow this connection. */
    WSW_REASON_POLICY_CHANGED = 74,
    /** The server made a mistake. */
    WSW_REASON_INTERNAL = 255,
};

/** What kind of thing happened. The numbers are pinned. */
enum wsw_event_kind {
    /** Nothing. */
    WSW_EVENT_NONE = 0,
    /** `opened` in logs and metrics. */
    WSW_EVENT_OPENED = 1,
    /** `authenticated` in logs and metrics. */
    WSW_EVENT_AUTHENTICATED = 2,
    /** `refreshed` in logs and metrics. */
    WSW_EVENT_REFRESHED = 3,
    /** `limited` in logs and metrics. */
    WSW_EVENT_LIMITED = 4,
    /** `violation` in logs and metrics. */
    WSW_EVENT_VIOLATION = 5,
    /** `expired` in logs and metrics. */
    WSW_EVENT_EXPIRED = 6,
    /** `closed` in logs and metrics. */
    WSW_EVENT_CLOSED = 7,
};

/// How a call went. 0 is never returned, so that zeroed memory does not read as success.
enum wsw_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// Nothing was decided. No function returns it.
    WSW_STATUS_INVALID = 0,
    /// It is done.
    WSW_STATUS_OK = 1,
    /// The peer is refused: send the response that was written.
    WSW_STATUS_REFUSED = 2,
    /// Something only the host can find out is needed first; see `wsw_registry_need`.
    WSW_STATUS_WAIT = 3,
    /// There is nothing: nothing is due, no event, not enough bytes yet.
    WSW_STATUS_NONE = 4,
    /// A pointer that must not be NULL is, or a text has a length but no bytes.
    WSW_STATUS_NULL_POINTER = 16,
    /// An argument is not what the function takes: an unknown number, a wrong size, text that is not UTF-8.
    WSW_STATUS_BAD_ARGUMENT = 17,
    /// The handle's connection is gone, or is at another point of its life, or the handle is another registry's.
    WSW_STATUS_STALE_HANDLE = 18,
    /// The policy cannot be; the message says where and why.
    WSW_STATUS_POLICY_ERROR = 19,
    /// There is no room for another.
    WSW_STATUS_FULL = 20,
    /// Another thread is in a call with this object. Nothing was done.
    WSW_STATUS_BUSY = 21,
    /// A bug: the call was given up. The object that it worked on refuses every further call.
    WSW_STATUS_PANIC = 22,
    /// An earlier call ended with `WSW_STATUS_PANIC`: the object can only be freed.
    WSW_STATUS_POISONED = 23,
    /// The object was made in the process that this one was forked from. Make a guard of your own after the fork.
    WSW_STATUS_FORKED = 24,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum wsw_status wsw_status;
#else
typedef int32_t wsw_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// What a host can do, as bits to be joined. A guard refuses a policy that its host cannot keep.
enum wsw_ability
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// It can send ping frames and sees the pongs.
    WSW_ABILITY_PINGS = 1,
    /// It shows every control frame, so that they can be metered.
    WSW_ABILITY_CONTROL_FRAMES = 2,
    /// It shows a repeated header as often as it was sent.
    WSW_ABILITY_REPEATED_HEADERS = 4,
    /// It bounds the fragments of a message.
    WSW_ABILITY_FRAGMENTS = 8,
    /// It can refuse with any HTTP status and headers before the upgrade.
    WSW_ABILITY_HTTP_REFUSAL = 16,
    /// All of these: a host that reads the socket itself.
    WSW_ABILITY_ALL = 31,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum wsw_ability wsw_ability;
#else
typedef uint32_t wsw_ability;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// What the host must do of its own accord.
enum wsw_action
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// Send a ping frame with this payload.
    WSW_ACTION_PING = 1,
    /// Send a close frame with this payload, then go on as after `WSW_CLOSE`.
    WSW_ACTION_CLOSE = 2,
    /// Ask the identity's source again, and hand the answer to `wsw_registry_revalidated`.
    WSW_ACTION_REVALIDATE = 3,
    /// Tell the client to renew its credential, if the host has a way: it has expired.
    WSW_ACTION_EXPIRED = 4,
    /// Cut the connection and remove the session.
    WSW_ACTION_TERMINATE = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum wsw_action wsw_action;
#else
typedef int32_t wsw_action;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// The host's answer to a need.
enum wsw_answer
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// The credential is this identity's.
    WSW_ANSWER_IDENTITY = 1,
    /// It is nobody's, or the ticket was used before.
    WSW_ANSWER_REFUSED = 2,
    /// The host cannot tell just now. The connection is refused: fail closed.
    WSW_ANSWER_UNAVAILABLE = 3,
    /// The keys were fetched, or could not be: look again.
    WSW_ANSWER_KEYS = 4,
    /// The ticket was not used before, and is marked as used now.
    WSW_ANSWER_UNUSED = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum wsw_answer wsw_answer;
#else
typedef int32_t wsw_answer;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// Which codes a peer gets for the same decision.
enum wsw_dialect
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// The codes of RFC 6455 section 7.4 and the IANA registry only.
    WSW_DIALECT_RFC = 1,
    /// 4400 + the last two digits of the HTTP status where an application should tell causes apart.
    WSW_DIALECT_APP = 2,
    /// The codes of `WSW_DIALECT_RFC`, and the guide's own two error replies.
    WSW_DIALECT_GUIDE = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum wsw_dialect wsw_dialect;
#else
typedef int32_t wsw_dialect;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// A version of JSON Schema.
enum wsw_draft
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// What `$schema` says; 2020-12 where it says nothing.
    WSW_DRAFT_AUTO = 0,
    /// Draft 4.
    WSW_DRAFT_4 = 4,
    /// Draft 6.
    WSW_DRAFT_6 = 6,
    /// Draft 7.
    WSW_DRAFT_7 = 7,
    /// Draft 2019-09.
    WSW_DRAFT_2019_09 = 2019,
    /// Draft 2020-12.
    WSW_DRAFT_2020_12 = 2020,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum wsw_draft wsw_draft;
#else
typedef int32_t wsw_draft;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// The protocol a request came in.
enum wsw_http_version
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// HTTP/1.0, which has no upgrade to WebSocket.
    WSW_HTTP_1_0 = 10,
    /// HTTP/1.1.
    WSW_HTTP_1_1 = 11,
    /// HTTP/2, with the extended CONNECT of RFC 8441. Put `:authority` in as `host`, and `:protocol` under its own name.
    WSW_HTTP_2 = 20,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum wsw_http_version wsw_http_version;
#else
typedef int32_t wsw_http_version;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// Whose connection it is.
enum wsw_identity_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// A user.
    WSW_IDENTITY_USER = 1,
    /// Nobody in particular: it has the limits of its address only.
    WSW_IDENTITY_GUEST = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum wsw_identity_kind wsw_identity_kind;
#else
typedef int32_t wsw_identity_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// Which machinery a schema may use.
enum wsw_machinery
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// One pass over the bytes where possible, a tree for the rest.
    WSW_MACHINERY_AUTO = 0,
    /// One pass only: a schema that needs more is an error.
    WSW_MACHINERY_FAST = 1,
    /// A tree of every value.
    WSW_MACHINERY_FULL = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum wsw_machinery wsw_machinery;
#else
typedef int32_t wsw_machinery;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// What only the host can find out.
enum wsw_need_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// Whose token this is.
    WSW_NEED_IDENTITY = 1,
    /// Whether the session's identity still holds, and what it may do now.
    WSW_NEED_REVALIDATE = 2,
    /// The keys that are published at `url`: answer `WSW_ANSWER_KEYS` when `wsw_guard_keys_fetched` or
    /// `wsw_guard_keys_failed` was called for it. `wsw_guard_tick` says when to fetch them.
    WSW_NEED_KEYS = 3,
    /// Whether the ticket known by `ticket_id` was used before: mark it as used, in one step, in the store that your
    /// servers share, and answer `WSW_ANSWER_UNUSED` if it was not there. Keep it until `until`.
    WSW_NEED_TICKET = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum wsw_need_kind wsw_need_kind;
#else
typedef int32_t wsw_need_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// How full a session's queue of bytes to send is.
enum wsw_pressure
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// Under the soft mark.
    WSW_PRESSURE_FREE = 1,
    /// Over the soft mark: hold back what can wait.
    WSW_PRESSURE_FULL = 2,
    /// Over the hard mark, the peer does not read: do what `wsw_registry_outcome` says.
    WSW_PRESSURE_CLOSE = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum wsw_pressure wsw_pressure;
#else
typedef int32_t wsw_pressure;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// What is at the other end of a connection. It has to be said: a forgotten address must not read as a trusted one.
enum wsw_remote
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// An IP address.
    WSW_REMOTE_ADDRESS = 1,
    /// A process of this machine, by a Unix-domain socket.
    WSW_REMOTE_UNIX = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum wsw_remote wsw_remote;
#else
typedef int32_t wsw_remote;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// What to take back.
enum wsw_revocation_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// The token with this `id` (`jti`).
    WSW_REVOKE_TOKEN = 1,
    /// All of a user's credentials issued up to `issued_until`. One that does not say when it was issued is covered.
    WSW_REVOKE_USER = 2,
    /// All credentials of the host's session with this `id` (`sid`).
    WSW_REVOKE_SESSION = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum wsw_revocation_kind wsw_revocation_kind;
#else
typedef int32_t wsw_revocation_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// What kind a value is of.
enum wsw_value_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// `null`
    WSW_VALUE_NULL = 1,
    /// `true`
    WSW_VALUE_TRUE = 2,
    /// `false`
    WSW_VALUE_FALSE = 3,
    /// A number, from its first to past its last character.
    WSW_VALUE_NUMBER = 4,
    /// A string, without its quotes.
    WSW_VALUE_STRING = 5,
    /// The name of a member, without its quotes; its value follows.
    WSW_VALUE_KEY = 6,
    /// An array, from bracket to past the closing one; its items follow.
    WSW_VALUE_ARRAY = 7,
    /// An object, from brace to past the closing one; its keys and values follow, in turn.
    WSW_VALUE_OBJECT = 8,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum wsw_value_kind wsw_value_kind;
#else
typedef uint8_t wsw_value_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// What the host must do with a frame or message: bits 0 to 7 of a verdict. See `WSW_VERDICT`.
enum wsw_verdict
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// No verdict: the call failed. Close the connection.
    WSW_INVALID = 0,
    /// Hand the message to the application. `WSW_VERDICT_TYPE` is its type.
    WSW_DELIVER = 1,
    /// Send the text that `wsw_registry_outcome` gives, and drop the message.
    WSW_REPLY = 2,
    /// Drop the message.
    WSW_DROP = 3,
    /// Send the close frame that `wsw_registry_outcome` gives, and hand over no more messages.
    WSW_CLOSE = 4,
    /// The message carries a credential: call `wsw_registry_authenticate` with it.
    WSW_AUTHENTICATE = 5,
    /// Answer the ping with its own payload.
    WSW_PONG = 6,
    /// Nothing to do.
    WSW_IGNORE = 7,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum wsw_verdict wsw_verdict;
#else
typedef uint32_t wsw_verdict;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// An upgrade request that passed every check that needs no credential judged. It holds an unauthenticated slot of its
/// address until it is admitted or freed.
typedef struct wsw_candidate wsw_candidate;

/// A key set that is to be fetched.
typedef struct wsw_fetch wsw_fetch;

/// Reads the frame headers of one peer's byte stream and counts how many frames make up a message: for hosts that see
/// the bytes, below a library that does not bound them.
typedef struct wsw_frame_meter wsw_frame_meter;

/// A policy, and what the connections of one server share under it: limits by user and address, open slots,
/// revocations. One for each server; any number of threads may use it.
typedef struct wsw_guard wsw_guard;

/// A parser that finds and reads one request head in bytes that arrive bit by bit. Each byte is looked at once.
typedef struct wsw_head wsw_head;

/// Numbers of sessions, ascending: those that a change of the guard concerns. `wsw_registry_tick` tells each of them by
/// itself; a host with many event loops wakes those that hold one of these.
typedef struct wsw_ids wsw_ids;

/// A connection whose request has not come whole. It holds a slot of its address until it is freed.
typedef struct wsw_knock wsw_knock;

/// What is allowed: an immutable value, read from TOML or JSON. Any number of guards can be made of one.
typedef struct wsw_policy wsw_policy;

/// The candidates and sessions of one event loop, each by a handle: a number that is never 0 and never used again. One
/// thread at a time; a second one is answered with `WSW_STATUS_BUSY`, not with a race.
typedef struct wsw_registry wsw_registry;

/// The answer to an upgrade request: the 101, or a refusal with its status, headers and problem document (RFC 9457).
typedef struct wsw_response wsw_response;

/// A compiled JSON Schema: an immutable value, for any number of threads.
typedef struct wsw_schema wsw_schema;

/// The values of the last message that was accepted with it, in the order in which they stand. It grows to the largest
/// message and then allocates no more. One thread at a time.
typedef struct wsw_tape wsw_tape;

/// A ticket: a secret, which opens one connection. Or why there is none.
typedef struct wsw_ticket wsw_ticket;

/// Whose token it was.
typedef struct wsw_verified wsw_verified;

/// Both clocks, read together.
typedef struct wsw_time {
    /// Nanoseconds on a monotonic clock of any fixed origin. It should go on while the machine sleeps.
    uint64_t mono_ns;
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    uint64_t unix_ns;
} wsw_time;

/// Text or bytes, not ended by a NUL. `{NULL, 0}` is empty. Into the library it is read during the call alone; out of it,
/// each function says how long it is valid.
typedef struct wsw_str {
    /// The first byte.
    const char *ptr;
    /// How many bytes.
    size_t len;
} wsw_str;

/// Who may do what, and until when. Handing one in claims that the host has authenticated the subject: nothing here can
/// check that.
typedef struct wsw_identity {
    /// `sizeof (wsw_identity)`.
    uint32_t size;
    /// A `wsw_identity_kind`.
    int32_t kind;
    /// The user's name, unique together with the next two.
    struct wsw_str subject;
    /// Who vouches for it: the JWT's issuer, or the host's name for its session store.
    struct wsw_str vouched_by;
    /// The tenant; empty for none.
    struct wsw_str tenant;
    /// What it permits, compared as exact strings.
    const struct wsw_str *scopes;
    /// How many scopes.
    size_t scope_count;
    /// When it ends, in Unix nanoseconds; 0 where it does not say.
    uint64_t expires;
    /// When the credential was issued, in Unix nanoseconds; 0 where it does not say.
    uint64_t issued_at;
    /// The credential's own id (`jti`); empty for none.
    struct wsw_str token_id;
    /// The host's session that it belongs to (`sid`); empty for none.
    struct wsw_str session_id;
} wsw_identity;

/// What the socket knows.
typedef struct wsw_connection {
    /// `sizeof (wsw_connection)`.
    uint32_t size;
    /// A `wsw_remote`.
    int32_t remote;
    /// The address as text, such as "203.0.113.9" or "2001:db8::9": no port, no brackets, no zone.
    struct wsw_str address;
    /// 1 if the connection to this process is encrypted, 0 if it is not.
    int32_t tls;
} wsw_connection;

/// What a ticket is bound to.
typedef struct wsw_binding {
    /// `sizeof (wsw_binding)`.
    uint32_t size;
    /// Zero.
    uint32_t reserved;
    /// The path it opens.
    struct wsw_str path;
    /// The page's origin; empty where there is none.
    struct wsw_str origin;
    /// The client's address as text; empty where there is none.
    struct wsw_str address;
    /// 32 random bytes, fresh for each ticket; NULL takes them from the operating system.
    const uint8_t *entropy;
} wsw_binding;

/// Where a message went wrong, in words. It never shows what the sender chose.
typedef struct wsw_explanation {
    /// `sizeof (wsw_explanation)`.
    uint32_t size;
    /// A `wsw_reason`.
    uint32_t reason;
    /// The offset of the byte or value at fault.
    uint32_t at;
    /// Zero.
    uint32_t reserved;
    /// The JSON Pointer of the value at fault; the function says how long it is valid.
    struct wsw_str pointer;
    /// The JSON Pointer of the schema that was not met; empty where no schema is at fault.
    struct wsw_str schema;
} wsw_explanation;

/// What a guard is made with.
typedef struct wsw_guard_options {
    /// `sizeof (wsw_guard_options)`.
    uint32_t size;
    /// What the host can do: `wsw_ability` bits.
    uint32_t abilities;
    /// What it cannot do, and the operator has seen to elsewhere: `wsw_ability` bits.
    uint32_t waived;
    /// Must be 0.
    uint32_t reserved;
    /// 32 random bytes, which must be different in every process; NULL takes them from the operating system. They key
    /// the tables' hashes, so that nobody can choose addresses, names or keys that collide.
    const uint8_t *seed;
} wsw_guard_options;

/// One field line of a request, as it came.
typedef struct wsw_header {
    /// The name, in any case.
    struct wsw_str name;
    /// The value.
    struct wsw_str value;
} wsw_header;

/// An upgrade request, as the host's HTTP parser gives it.
typedef struct wsw_request {
    /// `sizeof (wsw_request)`.
    uint32_t size;
    /// A `wsw_http_version`.
    int32_t version;
    /// The method.
    struct wsw_str method;
    /// The request target as it came: path and query.
    struct wsw_str target;
    /// The field lines in the order they came, repeated ones as often as they came.
    const struct wsw_header *headers;
    /// How many field lines.
    size_t header_count;
} wsw_request;

/// A credential, or all of a user's or session's, taken back before it ran out.
typedef struct wsw_revocation {
    /// `sizeof (wsw_revocation)`.
    uint32_t size;
    /// A `wsw_revocation_kind`.
    int32_t kind;
    /// Whose id or subject it is: the JWT's issuer, or the host's name for its session store.
    struct wsw_str vouched_by;
    /// The token's or session's id.
    struct wsw_str id;
    /// The user's tenant; empty for none.
    struct wsw_str tenant;
    /// The user's name.
    struct wsw_str subject;
    /// For a user: the last moment that is covered, in Unix nanoseconds.
    uint64_t issued_until;
} wsw_revocation;

/// A guard's state in numbers.
typedef struct wsw_stats {
    /// `sizeof (wsw_stats)`.
    uint32_t size;
    /// Connections that hold a slot: sessions, candidates, and requests being judged.
    uint32_t connections;
    /// Those of them that have not shown a good credential.
    uint32_t unauthenticated;
    /// Addresses the limiter remembers.
    uint32_t addresses;
    /// Users the limiter remembers.
    uint32_t users;
    /// 1 if the books agree with what is really held, 0 if something leaked: a bug.
    uint32_t agrees;
    /// Sessions.
    uint64_t sessions;
    /// Sessions opened since the guard was made.
    uint64_t opened;
} wsw_stats;

/// What a host tells its WebSocket library, which must not buffer more than the policy will take: of all routes the
/// loosest, because a library is set up before the route is known.
typedef struct wsw_limits {
    /// `sizeof (wsw_limits)`.
    uint32_t size;
    /// The most fragments of a message.
    uint32_t max_fragments;
    /// The largest message, in bytes, all fragments together.
    uint64_t max_message;
    /// The most bytes that wait to be sent.
    uint64_t max_queue;
    /// The largest request head, in bytes.
    uint64_t max_head;
    /// For the whole request head, in nanoseconds.
    uint64_t head_timeout;
    /// From our close frame to the cut, in nanoseconds.
    uint64_t close_timeout;
} wsw_limits;

/// A verdict in full.
typedef struct wsw_outcome {
    /// `sizeof (wsw_outcome)`.
    uint32_t size;
    /// The verdict's number.
    uint32_t verdict;
    /// For `WSW_REPLY` the text message to send; for `WSW_CLOSE` the payload of the close frame, code and text.
    struct wsw_str payload;
    /// For `WSW_CLOSE` the text in the close frame, which is the reason's name.
    struct wsw_str close_text;
    /// For a reply, when another try can succeed, in nanoseconds from now; `WSW_NEVER` where that is not known.
    uint64_t retry_after;
    /// For `WSW_CLOSE` the status code; 0 stands for a close frame without one.
    uint16_t close_code;
    /// Why, a `wsw_reason`; 0 where nothing was refused.
    uint8_t reason;
} wsw_outcome;

/// Something worth a record: numbers only. Who and where is read from the session by the sink that prints it.
typedef struct wsw_event {
    /// `sizeof (wsw_event)`.
    uint32_t size;
    /// A `wsw_event_kind`.
    uint32_t kind;
    /// Why, a `wsw_reason`; 0 where the kind says it all.
    uint32_t reason;
    /// How many events of the session were left out since its last one.
    uint32_t suppressed;
    /// The session's number, never used twice by one guard.
    uint64_t session;
    /// When, on the monotonic clock.
    uint64_t at;
} wsw_event;

/// A schema that `$ref` may name. Nothing is ever fetched.
typedef struct wsw_remote_schema {
    /// Its URI.
    struct wsw_str uri;
    /// The schema, as JSON.
    struct wsw_str json;
} wsw_remote_schema;

/// How a schema is read. Zeroed but for the size, it is as in a policy.
typedef struct wsw_schema_options {
    /// `sizeof (wsw_schema_options)`.
    uint32_t size;
    /// A `wsw_draft`: the draft where `$schema` names none.
    int32_t draft;
    /// A `wsw_machinery`.
    int32_t machinery;
    /// 1 to pass over unknown keywords and formats, as the specification says, and not to refuse them.
    int32_t tolerate_unknown;
    /// 1 to take `format` for a note, not for a rule.
    int32_t ignore_formats;
    /// How deep arrays and objects may stand in each other, at most 128; 0 for 32.
    uint32_t max_depth;
    /// The most members of one object; 0 for 1,024.
    uint32_t max_members;
    /// The most digits of one number, at most 65,536; 0 for 64.
    uint32_t max_digits;
    /// Schemas that `$ref` may name.
    const struct wsw_remote_schema *remotes;
    /// How many of them.
    size_t remote_count;
} wsw_schema_options;

/// Why JSON is refused, and where.
typedef struct wsw_flaw {
    /// A `wsw_reason`.
    uint32_t reason;
    /// The offset of the byte or value at fault.
    uint32_t at;
} wsw_flaw;

/// What only the host can find out, and the token it is about.
typedef struct wsw_need {
    /// `sizeof (wsw_need)`.
    uint32_t size;
    /// A `wsw_need_kind`.
    int32_t kind;
    /// The token: a secret. Never log it. All texts are valid until the next call with this registry.
    struct wsw_str token;
    /// Where the keys are published.
    struct wsw_str url;
    /// What the ticket is known by: 32 bytes, no secret.
    struct wsw_str ticket_id;
    /// When the ticket runs out, in Unix nanoseconds.
    uint64_t until;
} wsw_need;

/// What can be read of a session. Texts are valid until the next call with its registry, and all but `subprotocol` are
/// the peer's words.
typedef struct wsw_session {
    /// `sizeof (wsw_session)`.
    uint32_t size;
    /// 1 while it takes messages.
    uint8_t is_open;
    /// 1 while it waits for a first message's credential.
    uint8_t is_pending;
    /// Why it is closing or closed, a `wsw_reason`; 0 while it is neither.
    uint8_t closed_reason;
    /// Zero.
    uint8_t reserved;
    /// Its number, never used twice by one guard.
    uint64_t id;
    /// How long the peer took to answer the last ping, in nanoseconds; 0 where it has not yet.
    uint64_t latency;
    /// The client's address, as the socket or a trusted proxy tells it; empty on a local socket.
    struct wsw_str address;
    /// The page's origin, as it was sent; empty where none was.
    struct wsw_str origin;
    /// The path that was asked for, without the query.
    struct wsw_str path;
    /// The subprotocol that was agreed on; empty for none.
    struct wsw_str subprotocol;
} wsw_session;

/// One value or key of a message.
typedef struct wsw_value {
    /// Its first byte in the message.
    uint32_t start;
    /// Past its last byte in the message.
    uint32_t end;
    /// Of an array or object, how many of the entries that follow are in it, at any depth: the entry behind them is the
    /// next one beside it. 0 of all others.
    uint32_t children;
    /// A `wsw_value_kind`.
    uint8_t kind;
    /// 1 where a string or key holds escapes: see `wsw_tape_text`.
    uint8_t escaped;
    /// Zero.
    uint16_t reserved;
} wsw_value;

/// What is due on a connection.
typedef struct wsw_tick {
    /// `sizeof (wsw_tick)`.
    uint32_t size;
    /// A `wsw_action`; 0 when a candidate is refused.
    int32_t action;
    /// Whose it is.
    uint64_t handle;
    /// The payload of the ping or close frame to send; valid until the next call with this registry.
    struct wsw_str payload;
    /// For `WSW_ACTION_CLOSE` the text in the close frame, which is the reason's name.
    struct wsw_str close_text;
    /// For `WSW_ACTION_CLOSE` the status code; 0 stands for a close frame without one.
    uint16_t close_code;
    /// Why, a `wsw_reason`; 0 where nothing is refused.
    uint8_t reason;
} wsw_tick;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/// Judges the credential in a message that was answered with `WSW_AUTHENTICATE`; the bytes are that message.
///
/// `WSW_STATUS_OK`: `*verdict` is written, as `wsw_registry_receive` returns it. `WSW_STATUS_WAIT`: something only the
/// host can find out is needed first; see `wsw_registry_need` and `wsw_registry_provide_session`. One thread at a time.
wsw_status wsw_registry_authenticate(struct wsw_registry *registry,
                                     uint64_t handle,
                                     const uint8_t *ptr,
                                     size_t len,
                                     struct wsw_time now,
                                     uint32_t *verdict);

/// Hands a live session the host's answer to the need that `wsw_registry_authenticate` had. Otherwise as that function.
/// One thread at a time.
wsw_status wsw_registry_provide_session(struct wsw_registry *registry,
                                        uint64_t handle,
                                        int32_t answer,
                                        const struct wsw_identity *identity,
                                        struct wsw_time now,
                                        uint32_t *verdict);

/// Hands a session the host's answer to `WSW_ACTION_REVALIDATE`. `WSW_STATUS_OK`: `*verdict` is written. One thread at a
/// time.
wsw_status wsw_registry_revalidated(struct wsw_registry *registry,
                                    uint64_t handle,
                                    int32_t answer,
                                    const struct wsw_identity *identity,
                                    struct wsw_time now,
                                    uint32_t *verdict);

/// Closes a session for `reason`, a `wsw_reason`; the outcome holds the close frame to send. `WSW_STATUS_OK`: `*verdict`
/// is written. One thread at a time.
wsw_status wsw_registry_close(struct wsw_registry *registry,
                              uint64_t handle,
                              uint8_t reason,
                              uint64_t now_mono,
                              uint32_t *verdict);

/// Takes back a message that was delivered, as a validator of the application's own has found fault with it: it is
/// answered, counted and recorded like one that the schema refuses. `WSW_STATUS_OK`: `*verdict` is written. One thread
/// at a time.
wsw_status wsw_registry_refuse_delivered(struct wsw_registry *registry,
                                         uint64_t handle,
                                         uint64_t now_mono,
                                         uint32_t *verdict);

/// Both clocks of the operating system, now: `CLOCK_BOOTTIME` on Linux, which goes on while the machine sleeps, and
/// civil time. Thread-safe.
struct wsw_time wsw_now(void);

/// The monotonic clock of `wsw_now` alone: what messages need. Thread-safe.
uint64_t wsw_now_mono(void);

/// Asks whether a new socket may stay open while its TLS handshake and its request are awaited: of one address, so many
/// may as the policy's `cap.unauthenticated_per_address` says. Free the knock right before the request is screened, or
/// when the connection ends.
///
/// `WSW_STATUS_OK`: `*knock` is to be freed by `wsw_knock_free`. `WSW_STATUS_REFUSED`: close the socket; before TLS there
/// is no way to tell why. Thread-safe.
wsw_status wsw_guard_knock(const struct wsw_guard *guard,
                           const struct wsw_connection *connection,
                           uint64_t now_mono,
                           struct wsw_knock **knock);

/// Frees a knock: its slot is given back. NULL is nothing to free. Thread-safe, once no other call with it is running.
void wsw_knock_free(struct wsw_knock *knock);

/// Makes a single-use ticket for a user whom the host knows by the usual credential of its HTTPS endpoint. The client
/// puts it where the policy has a source of kind `ticket`. The answer that carries it must not be cached
/// (`Cache-Control: no-store`).
///
/// `WSW_STATUS_OK`: `*ticket` has it. `WSW_STATUS_REFUSED`: there is none; `*ticket` says why. Either way it is to be
/// freed by `wsw_ticket_free`. Thread-safe.
wsw_status wsw_guard_mint_ticket(const struct wsw_guard *guard,
                                 const struct wsw_identity *identity,
                                 const struct wsw_binding *binding,
                                 struct wsw_time now,
                                 struct wsw_ticket **ticket);

/// The ticket: URL-safe text, which lives as long as the ticket. Empty where there is none, and after an error.
/// Thread-safe.
struct wsw_str wsw_ticket_text(const struct wsw_ticket *ticket);

/// Why there is no ticket, a `wsw_reason`; 0 where there is one, and after an error. Thread-safe.
uint8_t wsw_ticket_reason(const struct wsw_ticket *ticket);

/// Why there is no ticket, for the audit; empty where there is one, and after an error. Static. Thread-safe.
struct wsw_str wsw_ticket_detail(const struct wsw_ticket *ticket);

/// Wipes and frees a ticket. NULL is nothing to free. Thread-safe, once no other call with it is running.
void wsw_ticket_free(struct wsw_ticket *ticket);

/// When to call `wsw_guard_tick`, on the monotonic clock. `WSW_STATUS_NONE`: the policy needs nothing fetched. A
/// `WSW_NEED_KEYS`, and a reload, may bring it nearer: ask again then. Thread-safe.
wsw_status wsw_guard_next_timeout(const struct wsw_guard *guard, uint64_t *at_mono);

/// The next key set that is to be fetched at `now_mono`: call until it gives `WSW_STATUS_NONE`. Fetch it over verified
/// TLS alone, without following redirects and with no credentials: whoever could change the answer could sign for
/// anybody. `*fetch` is to be freed by `wsw_fetch_free`. Thread-safe.
wsw_status wsw_guard_tick(const struct wsw_guard *guard, uint64_t now_mono, struct wsw_fetch **fetch);

/// Where the key set is published: `https://` always. It lives as long as the fetch. Thread-safe.
struct wsw_str wsw_fetch_url(const struct wsw_fetch *fetch);

/// How long it may take in all, in nanoseconds; after that it has failed. 0 after an error. Thread-safe.
uint64_t wsw_fetch_within(const struct wsw_fetch *fetch);

/// How large the body may be, in bytes; one that is larger has failed. 0 after an error. Thread-safe.
size_t wsw_fetch_max_bytes(const struct wsw_fetch *fetch);

/// Frees a fetch. NULL is nothing to free. Thread-safe, once no other call with it is running.
void wsw_fetch_free(struct wsw_fetch *fetch);

/// Takes the key set that was fetched from `url`. Those who wait for it are answered with `WSW_ANSWER_KEYS`.
///
/// `WSW_STATUS_POLICY_ERROR`: something is wrong with it; that counts as a failure, and the keys at hand stay.
/// Thread-safe.
wsw_status wsw_guard_keys_fetched(const struct wsw_guard *guard,
                                  struct wsw_str url,
                                  struct wsw_str body,
                                  uint64_t now_mono);

/// Takes note that `url` could not be fetched. Those who wait are answered with `WSW_ANSWER_KEYS`, too. Thread-safe.
wsw_status wsw_guard_keys_failed(const struct wsw_guard *guard, struct wsw_str url);

/// Where a text or binary message goes wrong, in words; charges nothing, and is for debugging: it takes as long as
/// judging the message again. The texts are valid until the next call with this registry. `WSW_STATUS_NONE`: nothing is
/// wrong with its content. One thread at a time.
wsw_status wsw_registry_explain(struct wsw_registry *registry,
                                uint64_t handle,
                                int32_t kind,
                                const uint8_t *ptr,
                                size_t len,
                                struct wsw_explanation *explanation);

/// Makes a meter that lets messages of up to `limit` frames pass. `*meter` is to be freed by `wsw_frame_meter_free`.
/// Thread-safe.
wsw_status wsw_frame_meter_new(uint32_t limit, struct wsw_frame_meter **meter);

/// Frees a meter. NULL is nothing to free. Thread-safe, once no other call with it is running.
void wsw_frame_meter_free(struct wsw_frame_meter *meter);

/// Counts the frames in the next bytes of the stream. `WSW_STATUS_REFUSED`: `*reason`, a `wsw_reason`, is written; close
/// for it. One thread at a time.
wsw_status wsw_frame_meter_feed(struct wsw_frame_meter *meter,
                                const uint8_t *ptr,
                                size_t len,
                                uint8_t *reason);

/// Makes a guard that keeps `policy` on a host that can do what `options` says. The policy may be freed then.
///
/// `WSW_STATUS_OK`: `*guard` is to be freed by `wsw_guard_free`. `WSW_STATUS_POLICY_ERROR`: the host cannot keep the
/// policy, and the gap is not waived. Thread-safe.
wsw_status wsw_guard_new(const struct wsw_policy *policy,
                         const struct wsw_guard_options *options,
                         struct wsw_guard **guard);

/// Frees a guard. Registries made of it keep what they need. NULL is nothing to free. Thread-safe, once no other call
/// with it is running.
void wsw_guard_free(struct wsw_guard *guard);

/// Judges an upgrade request by all that needs no credential judged: size and syntax, transport, client address and its
/// limits, Host, where the credential stands, Origin, RFC 6455.
///
/// `WSW_STATUS_OK`: `*candidate` is to be given to `wsw_registry_admit`, or freed. `WSW_STATUS_REFUSED`: send
/// `*response`, free it, and cut the connection. Thread-safe.
wsw_status wsw_guard_screen(const struct wsw_guard *guard,
                            const struct wsw_request *request,
                            const struct wsw_connection *connection,
                            struct wsw_time now,
                            struct wsw_candidate **candidate,
                            struct wsw_response **response);

/// Frees a candidate whose client has gone: its slot is given back. NULL is nothing to free. Thread-safe, once no other
/// call with it is running.
void wsw_candidate_free(struct wsw_candidate *candidate);

/// Puts another policy in force: for new connections at once, for open ones at their next message or timeout. Limits
/// apply to what is already stored. `*affected` is to be freed by `wsw_ids_free`.
///
/// `WSW_STATUS_POLICY_ERROR`: the host cannot keep it, and the old policy stays. Thread-safe.
wsw_status wsw_guard_reload(const struct wsw_guard *guard, const struct wsw_policy *policy, struct wsw_ids **affected);

/// Refuses credentials from now on, and closes the sessions that were opened with them. It is kept for `lasts`
/// nanoseconds, no shorter than the longest life of a credential that it covers. `*affected` is to be freed by
/// `wsw_ids_free`.
///
/// `WSW_STATUS_FULL`: 100,000 revocations are in force already; nothing was revoked. Thread-safe.
wsw_status wsw_guard_revoke(const struct wsw_guard *guard,
                            const struct wsw_revocation *revocation,
                            uint64_t lasts,
                            uint64_t now_unix,
                            struct wsw_ids **affected);

/// Refuses new connections and closes the open ones, spread evenly over the policy's `deadline.drain`. `*affected` is to
/// be freed by `wsw_ids_free`. Thread-safe.
wsw_status wsw_guard_drain(const struct wsw_guard *guard,
                           uint64_t now_mono,
                           struct wsw_ids **affected);

/// The guard's state in numbers. Thread-safe.
wsw_status wsw_guard_stats(const struct wsw_guard *guard, struct wsw_stats *stats);

/// How many requests were refused for `reason`, a `wsw_reason`, since the guard was made; 0 after an error. Thread-safe.
uint64_t wsw_guard_refused(const struct wsw_guard *guard,
                           uint8_t reason);

/// Makes a parser for one connection, within the limits of the guard's policy. `*head` is to be freed by
/// `wsw_head_free`. Thread-safe.
wsw_status wsw_head_new(const struct wsw_guard *guard, struct wsw_head **head);

/// Frees a parser. NULL is nothing to free. Thread-safe, once no other call with it is running.
void wsw_head_free(struct wsw_head *head);

/// Reads the head in `bytes`, all that came so far, what was given before included; once it is whole, judges it as
/// `wsw_guard_screen` does.
///
/// `WSW_STATUS_NONE`: it is not whole yet; read more. `WSW_STATUS_OK`: `*candidate` is written, and in `*consumed` how
/// many bytes the head took; what follows is the peer's first frames. `WSW_STATUS_REFUSED`: send `*response`, free it,
/// and cut the connection. One thread at a time for each parser.
wsw_status wsw_guard_screen_head(const struct wsw_guard *guard,
                                 struct wsw_head *head,
                                 struct wsw_str bytes,
                                 const struct wsw_connection *connection,
                                 struct wsw_time now,
                                 size_t *consumed,
                                 struct wsw_candidate **candidate,
                                 struct wsw_response **response);

/// How many numbers there are; 0 after an error. Thread-safe.
size_t wsw_ids_count(const struct wsw_ids *ids);

/// The number at `index`, from 0; 0 where there is none. Thread-safe.
uint64_t wsw_ids_at(const struct wsw_ids *ids, size_t index);

/// Frees the numbers. NULL is nothing to free. Thread-safe, once no other call with it is running.
void wsw_ids_free(struct wsw_ids *ids);

/// Reads a policy from TOML. What it writes as `env:NAME` or `file:PATH` cannot be read from text alone: that is an
/// error here, and what `wsw_policy_from_file` is for.
///
/// `WSW_STATUS_OK`: `*policy` is to be freed by `wsw_policy_free`. `WSW_STATUS_POLICY_ERROR`: the message says what is
/// wrong, and where. Thread-safe.
wsw_status wsw_policy_from_toml(struct wsw_str toml, struct wsw_policy **policy);

/// Reads a policy from JSON; otherwise as `wsw_policy_from_toml`. Thread-safe.
wsw_status wsw_policy_from_json(struct wsw_str json, struct wsw_policy **policy);

/// Reads a policy from a file: JSON if its name ends in ".json", else TOML. Values written as `env:NAME` come from the
/// environment, those written as `file:PATH` from files next to it. `path` ends with a NUL.
///
/// Otherwise as `wsw_policy_from_toml`. Thread-safe, as long as no thread changes the environment.
wsw_status wsw_policy_from_file(const char *path, struct wsw_policy **policy);

/// Frees a policy; guards made of it stay as they are. NULL is nothing to free. Thread-safe, once no other call with it
/// is running.
void wsw_policy_free(struct wsw_policy *policy);

/// How many warnings a policy has: what is allowed but seldom meant. Thread-safe.
size_t wsw_policy_warning_count(const struct wsw_policy *policy);

/// The warning at `index`, from 0: a sentence that names the field. NULL when there is none. It lives as long as the
/// policy. Thread-safe.
const char *wsw_policy_warning(const struct wsw_policy *policy, size_t index);

/// The whole document as JSON, defaults written out and secrets left out. NULL after an error. It lives as long as the
/// policy. Thread-safe.
const char *wsw_policy_json(const struct wsw_policy *policy);

/// The name of a type of messages on `path`, by its number `WSW_VERDICT_TYPE`: 1 for the first, and empty behind the
/// last. Number 0 is that of messages without a type, and has none. It lives as long as the policy. Thread-safe.
struct wsw_str wsw_policy_type_name(const struct wsw_policy *policy, struct wsw_str path, uint32_t index);

/// The JSON Schema (draft 2020-12) of policies, for editors and tools. NULL after an error. Static. Thread-safe.
const char *wsw_policy_schema(void);

/// What to tell the WebSocket library. Thread-safe.
wsw_status wsw_policy_limits(const struct wsw_policy *policy, struct wsw_limits *limits);

/// A reason's name in logs, metrics, problem documents and error replies; NULL for a number that is none. Static.
/// Thread-safe.
const char *wsw_reason_name(uint8_t reason);

/// One sentence for people; NULL for a number that is none. Static. Thread-safe.
const char *wsw_reason_sentence(uint8_t reason);

/// What a peer should do next: "never", "now", "backoff", "after_delay" or "with_new_credential"; NULL for a number that
/// is none. Static. Thread-safe.
const char *wsw_reason_retry(uint8_t reason);

/// The status of the HTTP answer, when it is given before the 101; 500 for a number that is no reason. Thread-safe.
uint16_t wsw_reason_http_status(uint8_t reason);

/// The code of the close frame, when it is given after the 101, in a `wsw_dialect`; 1011 for numbers that are none.
/// Thread-safe.
uint16_t wsw_reason_close_code(uint8_t reason, int32_t dialect);

/// Makes a registry for connections of `guard`, which may be freed then. `*registry` is to be freed by
/// `wsw_registry_free`. Thread-safe.
wsw_status wsw_registry_new(const struct wsw_guard *guard, uint64_t now_mono, struct wsw_registry **registry);

/// Frees a registry and gives back every slot that its connections hold. NULL is nothing to free. Thread-safe, once no
/// other call with it is running.
void wsw_registry_free(struct wsw_registry *registry);

/// How many connections it holds; 0 after an error. One thread at a time.
size_t wsw_registry_count(struct wsw_registry *registry);

/// Judges the candidate's credential as far as that needs nobody else, and takes the connection in. The candidate is
/// used up, whatever comes of it.
///
/// `WSW_STATUS_OK`: `*handle` is a session's; send `*response`, the 101. `WSW_STATUS_WAIT`: `*handle` is a candidate's;
/// `wsw_registry_need` says what is needed, `wsw_registry_provide` takes the answer. `WSW_STATUS_REFUSED`: send
/// `*response` and cut the connection. The response is to be freed. One thread at a time.
wsw_status wsw_registry_admit(struct wsw_registry *registry,
                              struct wsw_candidate *candidate,
                              struct wsw_time now,
                              uint64_t *handle,
                              struct wsw_response **response);

/// Hands a candidate the host's answer, a `wsw_answer`; `identity` is read only where the answer is one. Statuses are
/// those of `wsw_registry_admit`; after `WSW_STATUS_REFUSED` the handle is gone. One thread at a time.
wsw_status wsw_registry_provide(struct wsw_registry *registry,
                                uint64_t handle,
                                int32_t answer,
                                const struct wsw_identity *identity,
                                struct wsw_time now,
                                struct wsw_response **response);

/// The message path: judges one frame or whole message, whose opcode is `kind` (RFC 6455 section 5.2): 1 text, 2 binary,
/// 8 close, 9 ping, 10 pong.
///
/// Returns the verdict's number: see `WSW_VERDICT` and `wsw_verdict`. 0 is an error and means: close the connection; a
/// stale handle gives it. What a number cannot hold is in `wsw_registry_outcome` and, where `WSW_VERDICT_HAS_EVENT`, in
/// `wsw_registry_event`, until the next call with this registry. Nothing is copied or allocated for a message that is
/// delivered. One thread at a time.
uint32_t wsw_registry_receive(struct wsw_registry *registry,
                              uint64_t handle,
                              int32_t kind,
                              const uint8_t *ptr,
                              size_t len,
                              uint64_t now_mono);

/// The last verdict that this registry gave, in full: what to send, and why. Texts are valid until the next call with
/// this registry.
///
/// `WSW_STATUS_NONE`: the last message was delivered and there is nothing to send, or there was no verdict. One thread
/// at a time.
wsw_status wsw_registry_outcome(struct wsw_registry *registry, struct wsw_outcome *outcome);

/// The event of the last call with this registry, for the audit.
///
/// `WSW_STATUS_NONE`: there is nothing to record. One thread at a time.
wsw_status wsw_registry_event(struct wsw_registry *registry, struct wsw_event *event);

/// Frees a response. NULL is nothing to free. Thread-safe, once no other call with it is running.
void wsw_response_free(struct wsw_response *response);

/// The HTTP status; 500 after an error. Thread-safe.
uint16_t wsw_response_status(const struct wsw_response *response);

/// Why the request is refused, a `wsw_reason`; 0 for an answer that opens, and after an error. Thread-safe.
uint8_t wsw_response_reason(const struct wsw_response *response);

/// In how many nanoseconds the same request may succeed; `WSW_NEVER` where that is not known. Thread-safe.
uint64_t wsw_response_retry_after(const struct wsw_response *response);

/// What was wrong with the credential, for the audit; empty where there is nothing to tell. The peer must not be told:
/// it would help whoever guesses. Static. Thread-safe.
struct wsw_str wsw_response_detail(const struct wsw_response *response);

/// The whole answer as HTTP/1.1 writes it. It lives as long as the response. Empty after an error. Thread-safe.
struct wsw_str wsw_response_bytes(const struct wsw_response *response);

/// The body alone, for hosts that write the head themselves. It lives as long as the response. Thread-safe.
struct wsw_str wsw_response_body(const struct wsw_response *response);

/// How many header fields it has. Thread-safe.
size_t wsw_response_header_count(const struct wsw_response *response);

/// The header field at `index`, from 0; the name is in lower case.
///
/// `WSW_STATUS_OK`: both are written and live as long as the response. `WSW_STATUS_NONE`: there is none. Thread-safe.
wsw_status wsw_response_header(const struct wsw_response *response,
                               size_t index,
                               struct wsw_str *name,
                               struct wsw_str *value);

/// Compiles a JSON Schema; `options` may be NULL for the usual ones.
///
/// `WSW_STATUS_OK`: `*schema` is to be freed by `wsw_schema_free`. `WSW_STATUS_POLICY_ERROR`: the message says what is
/// wrong with it, and where. Thread-safe.
wsw_status wsw_schema_compile(struct wsw_str json,
                              const struct wsw_schema_options *options,
                              struct wsw_schema **schema);

/// Frees a schema. NULL is nothing to free. Thread-safe, once no other call with it is running.
void wsw_schema_free(struct wsw_schema *schema);

/// Judges the bytes of one JSON text: UTF-8, strict JSON and the schema, in one pass. It takes no lock, and for a schema
/// of the engine "fast" it allocates nothing but once for each thread.
///
/// `WSW_STATUS_OK`, and no other status: it is valid. `WSW_STATUS_REFUSED`: `*flaw` says why. Compare with
/// `WSW_STATUS_OK`: a refusal is no zero. Thread-safe.
wsw_status wsw_schema_judge(const struct wsw_schema *schema,
                            const uint8_t *ptr,
                            size_t len,
                            struct wsw_flaw *flaw);

/// `wsw_schema_judge`, and lists the values on `tape` in the same pass; the tape is empty where the JSON is refused.
///
/// One thread at a time for each tape.
wsw_status wsw_schema_read(const struct wsw_schema *schema,
                           const uint8_t *ptr,
                           size_t len,
                           struct wsw_tape *tape,
                           struct wsw_flaw *flaw);

/// Where a JSON text goes wrong, in words; for debugging: it takes as long as judging it again. The texts are valid until
/// this thread's next call of this function. `WSW_STATUS_NONE`: nothing is wrong with it. Thread-safe.
wsw_status wsw_schema_explain(const struct wsw_schema *schema,
                              const uint8_t *ptr,
                              size_t len,
                              struct wsw_explanation *explanation);

/// What it takes to judge by this schema: "fast" for one pass over the bytes, "mixed" where some of the values need a
/// tree, "full" for a tree of all; NULL after an error. Static. Thread-safe.
const char *wsw_schema_engine(const struct wsw_schema *schema);

/// The place of the schema at `index`, from 0, that one pass cannot decide, as a JSON Pointer, and why.
///
/// `WSW_STATUS_OK`: both are written and live as long as the schema. `WSW_STATUS_NONE`: there is none. Thread-safe.
wsw_status wsw_schema_slow_place(const struct wsw_schema *schema,
                                 size_t index,
                                 struct wsw_str *place,
                                 struct wsw_str *reason);

/// What a candidate, or a live session whose credential is being judged, needs: until it is answered, closed or removed.
/// `WSW_STATUS_OK`: `*need` is written. `WSW_STATUS_STALE_HANDLE`: it needs nothing, or is gone. One thread at a time.
wsw_status wsw_registry_need(struct wsw_registry *registry,
                             uint64_t handle,
                             struct wsw_need *need);

/// What can be read of a session. One thread at a time.
wsw_status wsw_registry_session(struct wsw_registry *registry, uint64_t handle, struct wsw_session *session);

/// Who a session belongs to. Texts and scopes are valid until the next call with this registry. `WSW_STATUS_NONE`: a first
/// message's credential is awaited. One thread at a time.
wsw_status wsw_registry_identity(struct wsw_registry *registry,
                                 uint64_t handle,
                                 struct wsw_identity *identity);

/// The scope at `index`, from 0, of a session's identity; empty where there is none, and after an error. Valid until the
/// next call with this registry. One thread at a time.
struct wsw_str wsw_registry_scope(struct wsw_registry *registry,
                                  uint64_t handle,
                                  size_t index);

/// The name of the type of a message that was delivered, by its verdict; empty where the policy has no names, and after
/// an error. It lives as long as the session's policy. One thread at a time.
struct wsw_str wsw_registry_type_name(struct wsw_registry *registry, uint64_t handle, uint32_t verdict);

/// In how many nanoseconds the session's last refused message may be tried again; `WSW_NEVER` where that is not known,
/// and after an error. One thread at a time.
uint64_t wsw_registry_retry_after(struct wsw_registry *registry, uint64_t handle, uint64_t now_mono);

/// Says that a session's connection is gone without a close handshake: the event, if there is one, records it. Then remove
/// the session. One thread at a time.
wsw_status wsw_registry_lost(struct wsw_registry *registry,
                             uint64_t handle,
                             uint64_t now_mono);

/// Takes a connection out, session or candidate: every slot that it holds is given back, and its handle is gone for ever.
/// One thread at a time.
wsw_status wsw_registry_remove(struct wsw_registry *registry,
                               uint64_t handle);

/// Counts `count` bytes that wait to be sent to a session's peer. `WSW_STATUS_OK`: `*pressure` is a `wsw_pressure`. One
/// thread at a time.
wsw_status wsw_registry_queued(struct wsw_registry *registry,
                               uint64_t handle,
                               uint64_t count,
                               uint64_t now_mono,
                               int32_t *pressure);

/// Counts `count` bytes that were sent. One thread at a time.
wsw_status wsw_registry_drained(struct wsw_registry *registry, uint64_t handle, uint64_t count);

/// Enters a session into a channel. `WSW_STATUS_OK`: it is in it now. `WSW_STATUS_NONE`: it was in it already.
/// `WSW_STATUS_REFUSED`: it is in as many as it may be, or the name is too long (`WSW_REASON_TOO_MANY_CHANNELS`); no
/// response is written. One thread at a time.
wsw_status wsw_registry_join(struct wsw_registry *registry, uint64_t handle, struct wsw_str channel);

/// Takes a session out of a channel. `WSW_STATUS_NONE`: it was not in it. One thread at a time.
wsw_status wsw_registry_leave(struct wsw_registry *registry, uint64_t handle, struct wsw_str channel);

/// What went wrong in the last call on this thread that gave an error: a sentence for people, empty if there was none.
/// It holds nothing that a peer sent, and no secret. It is this thread's alone: valid until the next call on it that gives
/// an error, and no longer than the thread lives. Thread-safe.
const char *wsw_last_error_message(void);

/// The library's version, such as "0.1.0". Static. Thread-safe.
const char *wsw_version(void);

/// A status's name, such as "stale_handle"; "invalid" for a number that is none. Static. Thread-safe.
const char *wsw_status_name(int32_t status);

/// Makes a tape, to be used again and again. `*tape` is to be freed by `wsw_tape_free`. Thread-safe.
wsw_status wsw_tape_new(struct wsw_tape **tape);

/// Frees a tape. NULL is nothing to free. Thread-safe, once no other call with it is running.
void wsw_tape_free(struct wsw_tape *tape);

/// `wsw_registry_receive`, and lists the values of a message that is delivered on `tape`, in the same pass: nobody has to
/// read the JSON again. The tape of a message that is not delivered is empty. One thread at a time.
uint32_t wsw_registry_receive_tape(struct wsw_registry *registry,
                                   uint64_t handle,
                                   int32_t kind,
                                   const uint8_t *ptr,
                                   size_t len,
                                   struct wsw_tape *tape,
                                   uint64_t now_mono);

/// The entries of the tape: `*entries` is written and points to as many as are returned, valid until the tape is filled
/// again or freed. 0 for an empty tape, and after an error; then nothing is behind `*entries`. One thread at a time.
size_t wsw_tape_entries(struct wsw_tape *tape, const struct wsw_value **entries);

/// The text of the string or key at `index`, its escapes resolved: UTF-8, and it may hold NUL. `ptr` and `len` are the
/// message that the tape was filled from.
///
/// `WSW_STATUS_OK`: `*text` is written. It is in the message itself where nothing is escaped, else valid until the next
/// text is asked for, or the tape is filled again or freed. One thread at a time.
wsw_status wsw_tape_text(struct wsw_tape *tape, size_t index, const uint8_t *ptr, size_t len, struct wsw_str *text);

/// When to call `wsw_registry_tick` next, on the monotonic clock; a time that is past means at once.
///
/// `WSW_STATUS_NONE`: nothing will be due. One thread at a time.
wsw_status wsw_registry_next_timeout(struct wsw_registry *registry, uint64_t *at_mono);

/// The next thing that is due at `now_mono`: call until it gives `WSW_STATUS_NONE`, then again at
/// `wsw_registry_next_timeout`. One call looks at a bounded number of connections.
///
/// `WSW_STATUS_OK`: do what `*tick` says. `WSW_STATUS_REFUSED`: the candidate of `tick->handle` has run out of time;
/// send `*response`, free it, and cut the connection: its handle is gone. One thread at a time.
wsw_status wsw_registry_tick(struct wsw_registry *registry,
                             uint64_t now_mono,
                             struct wsw_tick *tick,
                             struct wsw_response **response);

/// Judges a token by the keys and claims of the policy for `path`: for the host's own endpoints, such as the one that
/// mints tickets, which has to know who asks. Nothing is charged: such an endpoint has limits of its own.
///
/// `WSW_STATUS_OK`: `*verified` is to be freed by `wsw_verified_free`. `WSW_STATUS_REFUSED`: answer with `*response`, and
/// free it; `WSW_REASON_IDENTITY_UNAVAILABLE` is its reason while the keys are being fetched. Thread-safe.
wsw_status wsw_guard_verify_token(const struct wsw_guard *guard,
                                  struct wsw_str path,
                                  struct wsw_str token,
                                  struct wsw_time now,
                                  struct wsw_verified **verified,
                                  struct wsw_response **response);

/// Whose token it was: it can be handed to `wsw_guard_mint_ticket` as it is. Texts and scopes live as long as `verified`.
/// Thread-safe.
wsw_status wsw_verified_identity(const struct wsw_verified *verified,
                                 struct wsw_identity *identity);

/// Frees it. NULL is nothing to free. Thread-safe, once no other call with it is running.
void wsw_verified_free(struct wsw_verified *verified);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* WSWARDEN_H */
