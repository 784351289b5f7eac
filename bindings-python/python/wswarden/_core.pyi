"""
What is compiled of wswarden; import the package `wswarden` instead.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from os import PathLike
from typing import Any, Literal, NoReturn, Self
from typing_extensions import Buffer
from wswarden._types import Action, Answer, Verdict
from typing import Final, SupportsFloat, SupportsIndex, final
from typing_extensions import disjoint_base
from wswarden._reason import Reason

__all__ = ["VERSION", "Authenticate", "Candidate", "Close", "Deliver", "Drop", "Event", "Expired", "FetchKeys", "FrameMeter", "Guard", "Host", "HostLimits", "Identity", "Ignore", "KeysFetched", "Knock", "Need", "Now", "Peer", "Ping", "Policy", "Pong", "Registry", "Reply", "Response", "Revalidate", "Revocation", "Secret", "Session", "Stats", "Terminate", "TicketUnused", "Unavailable", "Waiting", "conform_line", "forked", "reason_table", "run"]

VERSION: Final[str]

@final
class Authenticate:
    """
    The message carries a credential: call `session.authenticate` with it.
    """
    def __repr__(self, /) -> str: ...

@final
class Candidate:
    """
    An upgrade request that passed every check that needs no credential judged.

    It holds an unauthenticated slot of its address until it is admitted, refused, abandoned or
    collected.
    """
    def __repr__(self, /) -> str: ...
    def abandon(self, /) -> None:
        """
        Gives its slot back: the client has gone. May be called at any time, and again.
        """
    def admit(self, /, *, now: Now | None = None) -> Session | Waiting:
        """
        Judges the credential, as far as that needs nobody else.

        Args:
            now: the moment; by default the guard's clock is read.

        Returns:
            A `Session` to go on with, or a `Waiting` when something only the host can find out is needed.

        Raises:
            Refused: with the HTTP answer to send.
            Ended: when it was used before.
        """
    @property
    def deadline(self, /) -> int:
        """
        When it must have been admitted, in nanoseconds on the monotonic clock.

        Raises:
            Ended: when it was used before.
        """
    @property
    def peer(self, /) -> Peer:
        """
        Where it comes from.

        Raises:
            Ended: when it was used before.
        """

@final
class Close:
    """
    Send a close frame with this code and text, and hand over no more messages.
    """
    __match_args__ = ('code', 'reason')
    def __repr__(self, /) -> str: ...
    @property
    def code(self, /) -> int:
        """
        The status code (RFC 6455 section 7.4); 0 stands for a close frame without one.
        """
    @property
    def event(self, /) -> Event | None:
        """
        What to record, if anything.
        """
    @property
    def reason(self, /) -> Reason:
        """
        Why.
        """
    @property
    def retry_after(self, /) -> float | None:
        """
        Seconds until another try can succeed; None when no wait helps.
        """
    @property
    def text(self, /) -> str:
        """
        The text to send with the code: the reason's name.
        """

@final
class Deliver:
    """
    Hand the message to the application.
    """
    __match_args__ = ('type',)
    def __repr__(self, /) -> str: ...
    @property
    def type(self, /) -> str | None:
        """
        The name of the message's type; None when the policy has no names for its messages.
        """

@final
class Drop:
    """
    Drop the message, or take no notice of the frame.
    """
    __match_args__ = ('reason',)
    def __repr__(self, /) -> str: ...
    @property
    def event(self, /) -> Event | None:
        """
        What to record, if anything.
        """
    @property
    def reason(self, /) -> Reason:
        """
        Why the message is not delivered.
        """
    @property
    def retry_after(self, /) -> float | None:
        """
        Seconds until another try can succeed; None when no wait helps.
        """

@final
class Event:
    """
    Something worth a record: numbers and names only, so that no token or message can be in it.
    """
    def __repr__(self, /) -> str: ...
    @property
    def at(self, /) -> int:
        """
        When, in nanoseconds on the monotonic clock.
        """
    @property
    def kind(self, /) -> str:
        """
        What happened: opened, "authenticated", "refreshed", "limited", "violation", "expired" or
        "closed".
        """
    @property
    def reason(self, /) -> Reason | None:
        """
        Why; None where the kind says it all.
        """
    @property
    def session(self, /) -> int:
        """
        The number of the session it happened on.
        """
    @property
    def suppressed(self, /) -> int:
        """
        How many events of the session were left out since its last one: an attacker cannot write the
        log full.
        """

@final
class Expired:
    """
    Tell the client to renew its credential, if there is a way: it has expired, and only a refresh
    message is taken until the grace is over.
    """
    def __repr__(self, /) -> str: ...
    @property
    def event(self, /) -> Event | None:
        """
        What to record.
        """

@final
class FetchKeys:
    """
    Fetch the key set that is published at `url`, and hand what came to `Guard.keys_fetched`, or say
    `Guard.keys_failed`. Only over verified TLS, without following redirects and without credentials: whoever could
    change the answer could sign for anybody.
    """
    def __repr__(self, /) -> str: ...
    @property
    def max_bytes(self, /) -> int:
        """
        So many bytes the body may have; one that is larger has failed.
        """
    @property
    def url(self, /) -> str:
        """
        The URL, `https://` always.
        """
    @property
    def within(self, /) -> float:
        """
        For so many seconds it may take, in all; after that it has failed.
        """

@final
class FrameMeter:
    """
    Reads the frame headers of a client's byte stream and counts how many frames make up a message: for server libraries
    that bound only a message's bytes.

    Args:
        limit: the most frames of a message.
    """
    def __new__(cls, /, limit: SupportsIndex) -> Self: ...
    def __repr__(self, /) -> str: ...
    def feed(self, /, data: Buffer) -> Reason | None:
        """
        Counts the frames in `data`, the next bytes of the stream.

        Returns:
            None, or the reason to close for as soon as a message has one frame too many.
        """

@disjoint_base
class Guard:
    """
    A policy, and what the connections of one server share under it: limits by user and address, open
    slots, revocations.

    It may be used from any thread, and only in the process that made it. Servers want the guard of
    their adapter: `wswarden.asgi.Guard`, `wswarden.websockets.Guard`, `wswarden.aiohttp.Guard`.

    Args:
        policy: what is allowed.
        host: what the server library below can do.
        waive: the names of gaps between policy and host that are seen to elsewhere: pings,
            "control_frames", "repeated_headers", "fragments", "http_refusal".
        clock: a callable that gives a `Now`, for tests; by default the operating system's clocks are read.
        seed: 32 random bytes, for tests that repeat; by default the operating system gives them.

    Raises:
        PolicyError: when the policy asks for what the host cannot do, and that gap is not waived.
        ValueError: for a name that is no gap's, or a seed of another length.
    """
    def __new__(cls, /, policy: Policy, *, host: Host, waive: Sequence[str] = ..., clock: Callable[[], Now] | None = None, seed: bytes | None = None) -> Self: ...
    def __reduce__(self, /) -> NoReturn:
        """
        A guard counts for one process.
        """
    def __repr__(self, /) -> str: ...
    def drain(self, /, *, now: Now | None = None) -> list[int]:
        """
        Refuses new connections and closes the open ones, spread evenly over the policy's `deadline.drain`.

        Returns:
            The numbers of the sessions to wake, by calling `handle_timeout` on each.
        """
    def handle_timeout(self, /, *, now: Now | None = None) -> FetchKeys | None:
        """
        What is due; call until it answers None. It says each thing once.
        """
    @property
    def host(self, /) -> Host:
        """
        What the server library below can do.
        """
    def keys_failed(self, /, url: str) -> None:
        """
        Takes note that `url` could not be fetched. Those who wait are answered with `KeysFetched()`, too.
        """
    def keys_fetched(self, /, url: str, body: str | Buffer, *, now: Now | None = None) -> None:
        """
        Takes the key set that was fetched from `url`. Those who wait for it are answered with `KeysFetched()`.

        Raises:
            PolicyError: what is wrong with it, for the log. It counts as a failure then: the keys at hand stay.
        """
    def knock(self, /, remote: str | IPv4Address | IPv6Address, *, now: Now | None = None) -> Knock:
        """
        Asks whether a new socket may stay open while its TLS handshake and its request are awaited. Of one address,
        `cap.unauthenticated_per_address` may.

        Args:
            remote: the address of the other end of the connection; "unix" for a local socket.
            now: the moment; by default the guard's clock is read.

        Returns:
            A place to wait in: give it back right before `screen`, or when the connection ends.

        Raises:
            Refused: before TLS there is no way to tell it: close the socket.
        """
    def mint_ticket(self, /, identity: Identity, *, path: str, origin: str | None = None, address: str | IPv4Address | IPv6Address | None = None, entropy: bytes | None = None, now: Now | None = None) -> str:
        """
        Makes a single-use ticket for a user whom the host knows by the usual credential of its HTTPS endpoint.

        The answer that carries a ticket must not be cached (`Cache-Control: no-store`).

        Args:
            identity: whom the ticket stands for.
            path: the path of the connection that it opens.
            origin: the page's origin, as the request for the ticket has it.
            address: the client's address; needed where the policy binds tickets to it.
            entropy: 32 random bytes, for tests that repeat; by default the operating system gives them.
            now: the moment; by default the guard's clock is read.

        Returns:
            The ticket, URL-safe: the client puts it where the policy has a source of kind "ticket".

        Raises:
            Refused: with the HTTP answer to send.
        """
    def next_timeout(self, /) -> int | None:
        """
        When to call `handle_timeout`, in nanoseconds on the monotonic clock; None where the policy needs nothing fetched.
        A candidate that needs keys, and a reload, may bring it nearer.
        """
    def now(self, /) -> Now:
        """
        The moment, as the guard's clock tells it.
        """
    @property
    def policy(self, /) -> Policy:
        """
        The policy in force.
        """
    def reload(self, /, policy: Policy) -> list[int]:
        """
        Puts another policy in force: for new connections at once, for open ones at their next message or
        timeout. Limits apply to what is already stored.

        Args:
            policy: what is allowed from now on.

        Returns:
            The numbers of the sessions to wake, by calling `handle_timeout` on each.

        Raises:
            PolicyError: when the host cannot keep it; the old policy then stays.
        """
    def revoke(self, /, what: Revocation, *, lasts: float | None = None, now: Now | None = None) -> list[int]:
        """
        Refuses credentials from now on, and closes the sessions that were opened with them.

        Args:
            what: what is taken back.
            lasts: for so many seconds it is kept: no shorter than the longest life of a credential that it
                covers. None: for ever.
            now: the moment; by default the guard's clock is read.

        Returns:
            The numbers of the sessions to wake, by calling `handle_timeout` on each.

        Raises:
            LimitReached: when 100,000 revocations are in force already. The open sessions close all the same, and are in
                its `affected`; new handshakes are not refused.
        """
    def screen(self, /, target: str | bytes, headers: Iterable[tuple[str | bytes, str | bytes]], *, remote: str | IPv4Address | IPv6Address, tls: bool, method: str | bytes | None = None, version: str = "1.1", now: Now | None = None) -> Candidate:
        """
        Judges an upgrade request by all that needs no credential judged.

        Args:
            target: the request target as it came: path and query.
            headers: pairs of (name, value), in the order they came, repeated ones as often as they came.
            remote: the address of the other end of the connection; "unix" for a local socket.
            tls: whether the connection to this process is encrypted.
            method: the request's method.
            version: 1.1, "1.0" or "2".
            now: the moment; by default the guard's clock is read.

        Returns:
            The candidate: call its `admit`.

        Raises:
            Refused: with the HTTP answer to send.
            ValueError: for a `remote` that is no address, or an unknown `version`.
            Forked: in a child of the process that made the guard.
        """
    def stats(self, /) -> Stats:
        """
        The guard's state in numbers.
        """
    def verify_token(self, /, token: str | bytes, *, path: str = "/", now: Now | None = None) -> Identity:
        """
        Judges a token by the policy's keys and claims: for the application's own endpoints, such as the one that mints
        tickets, which has to know who asks. Nothing is charged: such an endpoint has limits of its own.

        Args:
            token: the token, without "Bearer".
            path: the path whose policy counts.
            now: the moment; by default the guard's clock is read.

        Raises:
            Refused: with the HTTP answer to send; for `IDENTITY_UNAVAILABLE` while keys are being fetched.
        """

@final
class Host:
    """
    What the server library below can do. A guard refuses a policy that its host cannot keep,
    unless the gap is waived by name.

    Args:
        pings: it can send ping frames and sees the pongs.
        control_frames: it shows every control frame, so that they can be metered.
        repeated_headers: it shows a repeated header as often as it was sent.
        fragments: it bounds the fragments of a message.
        http_refusal: it can refuse with any HTTP status and headers before the upgrade.
    """
    SOCKET: Final[Host]
    """
    A host that reads the socket itself, and can do everything.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(cls, /, *, pings: bool = False, control_frames: bool = False, repeated_headers: bool = False, fragments: bool = False, http_refusal: bool = False) -> Self: ...
    def __repr__(self, /) -> str: ...

@final
class HostLimits:
    """
    What a host tells its WebSocket library, which must not buffer more than the policy will take: of all
    routes the loosest, because a library is set up before the route is known.
    """
    def __repr__(self, /) -> str: ...
    @property
    def close_timeout(self, /) -> float:
        """
        From our close frame to the cut, in seconds.
        """
    @property
    def head_timeout(self, /) -> float:
        """
        For the whole request head, in seconds.
        """
    @property
    def max_fragments(self, /) -> int:
        """
        The most fragments of a message.
        """
    @property
    def max_head(self, /) -> int:
        """
        The largest request head, in bytes.
        """
    @property
    def max_message(self, /) -> int:
        """
        The largest message, in bytes, all fragments together.
        """
    @property
    def max_queue(self, /) -> int:
        """
        The most bytes that wait to be sent.
        """

@final
class Identity:
    """
    Who may do what, and until when: what a credential stands for once it was judged good.

    Make one by `Identity.assertion` or `Identity.guest`.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __repr__(self, /) -> str:
        """
        Names nobody: the subject may be an e-mail address.
        """
    @staticmethod
    def assertion(subject: str, *, namespace: str = "", tenant: str = "", scopes: Sequence[str] = ..., expires: float | None = None, issued_at: float | None = None, token_id: str | None = None, session_id: str | None = None) -> Identity:
        """
        Claims that the caller has authenticated `subject`. Nothing here can check that; the name
        marks every place that says so without proof.

        Args:
            subject: the user's name within namespace and tenant.
            namespace: who vouches for the subject: an issuer, or the name of a session store.
            tenant: the tenant; empty where there are none.
            scopes: what the identity permits, compared as exact strings.
            expires: when it ends, in seconds since 1970; None: it does not.
            issued_at: when the credential was issued, in seconds since 1970.
            token_id: the credential's own id (`jti`).
            session_id: the host's session that the credential belongs to (`sid`).

        Raises:
            ValueError: for a time before 1970.
        """
    @property
    def expires(self, /) -> float | None:
        """
        When the identity ends, in seconds since 1970; None: it does not.
        """
    @staticmethod
    def guest() -> Identity:
        """
        A connection without a user: it has the limits of its address only.
        """
    def has_scope(self, /, scope: str) -> bool:
        """
        Whether `scope` is permitted.
        """
    @property
    def issued_at(self, /) -> float | None:
        """
        When the credential was issued, in seconds since 1970.
        """
    @property
    def namespace(self, /) -> str | None:
        """
        Who vouches for the subject; None for a guest.
        """
    @property
    def scopes(self, /) -> list[str]:
        """
        What the identity permits.
        """
    @property
    def session_id(self, /) -> str | None:
        """
        The host's session that the credential belongs to (`sid`).
        """
    @property
    def subject(self, /) -> str | None:
        """
        The user's name within namespace and tenant; None for a guest.
        """
    @property
    def tenant(self, /) -> str | None:
        """
        The tenant within the namespace, empty where there are none; None for a guest.
        """
    @property
    def token_id(self, /) -> str | None:
        """
        The credential's own id (`jti`).
        """

@final
class Ignore:
    """
    Nothing to do: a pong, a renewed credential, the peer's answer to our close frame.
    """
    def __repr__(self, /) -> str: ...
    @property
    def event(self, /) -> Event | None:
        """
        What to record, if anything.
        """

@final
class KeysFetched:
    """
    The keys were fetched, or could not be, and the guard was told: look again.
    """
    def __new__(cls, /) -> Self: ...
    def __repr__(self, /) -> str: ...

@final
class Knock:
    """
    The place of a connection whose request has not come whole.
    """
    def __repr__(self, /) -> str: ...
    def release(self, /) -> None:
        """
        Gives the place back: right before `Guard.screen`, or when the connection ends. May be called again.
        """

@final
class Need:
    """
    What only the host can find out.
    """
    def __repr__(self, /) -> str: ...
    @property
    def credential(self, /) -> Secret | None:
        """
        The session token, where its owner is asked for.
        """
    @property
    def identity(self, /) -> Identity | None:
        """
        The identity that is to be looked at again.
        """
    @property
    def kind(self, /) -> str:
        """
        "identity": whose session token `credential` is. "revalidate": whether `identity` still holds,
        and what it may do now. "keys": the key set at `url`; the answer is `KeysFetched()` when the guard was
        told of it. "ticket": whether the ticket `ticket_id` was used before; mark it as used until `until`, in one
        step, in the store that the servers share, and answer `TicketUnused()` if it was not there.
        """
    @property
    def ticket_id(self, /) -> bytes | None:
        """
        What the ticket is known by. It is no secret, and opens nothing.
        """
    @property
    def until(self, /) -> float | None:
        """
        When the ticket runs out, in seconds since 1970.
        """
    @property
    def url(self, /) -> str | None:
        """
        Where the keys are published.
        """

@final
class Now:
    """
    A moment on both clocks: what the `now` of every method takes.

    Without a `now` the operating system's clocks are read, or the guard's `clock` is asked.

    Args:
        mono: nanoseconds on a monotonic clock, since any fixed origin.
        unix: nanoseconds since 1970-01-01T00:00:00Z.
    """
    __match_args__ = ('mono', 'unix')
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(cls, /, mono: SupportsIndex, unix: SupportsIndex) -> Self: ...
    def __repr__(self, /) -> str: ...
    def after(self, /, seconds: SupportsFloat | SupportsIndex) -> Now:
        """
        This moment, later by so many seconds.

        Raises:
            ValueError: when the seconds are negative or not finite.
        """
    @property
    def mono(self, /) -> int:
        """
        Nanoseconds on the monotonic clock.
        """
    @staticmethod
    def read() -> Now:
        """
        Reads the operating system's clocks.

        The monotonic one goes on while the machine sleeps (`CLOCK_BOOTTIME` on Linux), so that no
        credential outlives its expiry by a suspend.
        """
    @property
    def unix(self, /) -> int:
        """
        Nanoseconds since 1970.
        """

@final
class Peer:
    """
    Where a connection comes from.
    """
    def __repr__(self, /) -> str:
        """
        Only the address: origin and path are the peer's words.
        """
    @property
    def address(self, /) -> str | None:
        """
        The client's address, as the socket or a trusted proxy tells it; None on a local socket.
        """
    @property
    def origin(self, /) -> str | None:
        """
        The page's origin, as it was sent; None where none was.
        """
    @property
    def path(self, /) -> str:
        """
        The path that was asked for, before any decoding and without the query.
        """

@final
class Ping:
    """
    Send a ping frame with this payload.
    """
    __match_args__ = ('payload',)
    def __repr__(self, /) -> str: ...
    @property
    def payload(self, /) -> bytes:
        """
        The payload; a pong must carry it back.
        """

@final
class Policy:
    """
    What is allowed on the connections of one server: an immutable value.

    Its arguments are the tables of the policy document, by name: `origin={"allow": [...]}`. Where a
    schema is expected it takes a dict, JSON text, a `Path`, a pydantic model or `TypeAdapter`, a msgspec
    `Struct`, a dataclass or a `TypedDict`; where a duration is, a `timedelta`, too. What stands elsewhere
    is written `"env:NAME"` or `"file:PATH"`.

    Every limit has a safe default. Secrets are never shown, neither here nor in errors.

    Raises:
        PolicyError: for whatever a policy must not be, with its place.
    """
    def __new__(cls, /, **tables: object) -> Self: ...
    def __reduce__(self, /) -> NoReturn:
        """
        A policy is read where it is used: its keys do not travel.
        """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str:
        """
        As JSON, with all defaults and without secrets.
        """
    @staticmethod
    def from_dict(document: Mapping[str, object]) -> Policy:
        """
        Checks a document given as one dict.

        Args:
            document: the tables of the policy document, by name.

        Raises:
            PolicyError: for whatever a policy must not be, with its place.
        """
    @staticmethod
    def from_file(path: str | PathLike[str]) -> Policy:
        """
        Reads a policy from a file: JSON if its name ends in `.json`, else TOML. `file:PATH` in it
        counts from the file's folder.

        Args:
            path: the file.

        Raises:
            PolicyError: for a file that cannot be read, or whatever a policy must not be.
        """
    @staticmethod
    def from_json(text: str) -> Policy:
        """
        Reads a policy from JSON text.

        Raises:
            PolicyError: for whatever a policy must not be, with its place.
        """
    @staticmethod
    def from_toml(text: str) -> Policy:
        """
        Reads a policy from TOML text.

        Raises:
            PolicyError: for whatever a policy must not be, with its place.
        """
    @property
    def host_limits(self, /) -> HostLimits:
        """
        What a host tells its WebSocket library, which must not buffer more than the policy will take.
        """
    @staticmethod
    def json_schema() -> dict[str, object]:
        """
        The JSON Schema (draft 2020-12) of the policy document, for editors.
        """
    @property
    def subprotocols(self, /) -> list[str]:
        """
        The subprotocols the server speaks, in its order of preference.
        """
    def to_dict(self, /) -> dict[str, object]:
        """
        The whole document with all defaults. Secrets are masked.
        """
    @property
    def warnings(self, /) -> list[str]:
        """
        What is allowed but seldom meant, a sentence each.
        """

@final
class Pong:
    """
    Answer the ping with its own payload.
    """
    def __repr__(self, /) -> str: ...

@final
class Registry:
    """
    The sessions of one event loop. One timer serves them all: wake at `next_timeout` and call `tick`.

    Args:
        guard: whose sessions it takes.
        now: the moment; by default the guard's clock is read.
    """
    def __len__(self, /) -> int: ...
    def __new__(cls, /, guard: Guard, *, now: Now | None = None) -> Self: ...
    def __repr__(self, /) -> str: ...
    def add(self, /, session: Session) -> None:
        """
        Takes a session in: from now on its deadlines are the registry's to watch. It is used as before.

        Raises:
            ValueError: when it is another guard's, or in a registry already.
            Ended: when it has ended.
            Refused: when 16,777,216 sessions are in the registry; the session has then ended.
        """
    def next_timeout(self, /) -> int | None:
        """
        When to call `tick`, in nanoseconds on the monotonic clock; None when nothing is due, ever. A time that is past
        means that there is more to do at once.
        """
    def tick(self, /, *, now: Now | None = None) -> tuple[Session, Action] | None:
        """
        The next thing that is due; call until it answers None, then again at `next_timeout`.

        One call looks at a bounded number of sessions, so that messages can be served in between.
        """

@final
class Reply:
    """
    Send `text` as a text message, and drop the message that came.
    """
    __match_args__ = ('reason', 'text')
    def __repr__(self, /) -> str: ...
    @property
    def event(self, /) -> Event | None:
        """
        What to record, if anything.
        """
    @property
    def reason(self, /) -> Reason:
        """
        Why the message is not delivered.
        """
    @property
    def retry_after(self, /) -> float | None:
        """
        Seconds until another try can succeed; None when no wait helps.
        """
    @property
    def text(self, /) -> str:
        """
        The error reply, as JSON.
        """

@final
class Response:
    """
    The HTTP answer to an upgrade request, as data and as bytes.
    """
    def __bytes__(self, /) -> bytes:
        """
        The whole answer as HTTP/1.1 writes it.
        """
    def __repr__(self, /) -> str: ...
    @property
    def body(self, /) -> bytes:
        """
        The body.
        """
    def header(self, /, name: str) -> str | None:
        """
        The value of one header field, by its name in lower case; None where there is none.
        """
    @property
    def headers(self, /) -> list[tuple[str, str]]:
        """
        The header fields as (name in lower case, value).
        """
    @property
    def status(self, /) -> int:
        """
        The status code.
        """

@final
class Revalidate:
    """
    Ask the identity's source again and hand the answer to `session.revalidated`.
    """
    __match_args__ = ('need',)
    def __repr__(self, /) -> str: ...
    @property
    def need(self, /) -> Need:
        """
        What is asked.
        """

@final
class Revocation:
    """
    What is taken back: a token, a user's tokens up to a moment, or a host's session.
    """
    def __repr__(self, /) -> str: ...
    @staticmethod
    def session(id: str, *, namespace: str = "") -> Revocation:
        """
        All credentials of a host's session (`sid`).

        Args:
            id: the id.
            namespace: whose id it is: the token's issuer, or the name of a session store.
        """
    @staticmethod
    def token(id: str, *, namespace: str = "") -> Revocation:
        """
        The token with this id (`jti`).

        Args:
            id: the id.
            namespace: whose id it is: the token's issuer.
        """
    @staticmethod
    def user(subject: str, *, namespace: str = "", tenant: str = "", issued_until: float | None = None) -> Revocation:
        """
        All of a user's credentials issued up to a moment, that moment's whole second included.

        Args:
            subject: the user's name within namespace and tenant.
            namespace: who vouches for the subject.
            tenant: the tenant; empty where there are none.
            issued_until: seconds since 1970; by default the moment of revoking.

        Raises:
            ValueError: for a time before 1970.
        """

@final
class Secret:
    """
    A credential: its `repr` says nothing, and it is wiped from memory when it goes.

    What `expose` gives is the caller's to keep out of logs.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __repr__(self, /) -> str: ...
    def expose(self, /) -> bytes:
        """
        The bytes themselves. Named so that a search finds every place that looks.
        """
    def expose_str(self, /) -> str:
        """
        The bytes as text.

        Raises:
            ValueError: when they are not UTF-8.
        """

@final
class Session:
    """
    One open connection.

    What came from outside: `receive`, `decode`, `receive_ping`, `receive_pong`, `receive_close`,
    `authenticate`, `provide`, `revalidated`. What time brings: `next_timeout`, `handle_timeout`. What the
    application does: `queued`, `drained`, `join`, `leave`, `close`. How it ends: `lost`, or the end of a
    `with` block, or nobody holding it any more; each gives every slot back, once.

    Every method takes `now`, by default the guard's clock is read; it may be called from any thread, and
    raises `Ended` after the end and `Forked` in a child of the process that made the guard.
    """
    def __enter__(self, /) -> Session: ...
    def __exit__(self, /, *_error: object) -> None:
        """
        Gives every slot back.
        """
    def __repr__(self, /) -> str: ...
    def authenticate(self, /, message: str | Buffer, *, now: Now | None = None) -> Verdict | Need:
        """
        Judges the credential in a message that was answered with `Authenticate`.

        Args:
            message: that message.
            now: the moment; by default the guard's clock is read.

        Returns:
            What to do, or a `Need` when only the host knows whose credential it is: hand the answer to `provide`.
        """
    @property
    def channels(self, /) -> list[str]:
        """
        The channels it is in, in the order of their names.
        """
    def close(self, /, reason: str = "closed_by_host", *, now: Now | None = None) -> Verdict:
        """
        Closes the connection. A session that is closing or closed already stays as it is.

        Args:
            reason: why; by default `Reason.CLOSED_BY_HOST`.
            now: the moment; by default the guard's clock is read.

        Returns:
            The `Close` to send, or `Drop` when it is closing already.
        """
    @property
    def closed(self, /) -> Close | None:
        """
        Why it is closing or closed; None while it is neither.
        """
    def decode(self, /, data: str | Buffer, *, binary: bool = False, now: Now | None = None) -> tuple[Verdict, Any]:
        """
        Judges a message, and builds its value in the same pass: no byte is parsed twice.

        Args:
            data: the message: bytes, str, or a buffer of bytes.
            binary: whether it came in a binary frame.
            now: the moment; by default the guard's clock is read.

        Returns:
            The verdict as `receive` gives it, and the message's value: what `json.loads` would give. None for
            a message that is not delivered.
        """
    def drained(self, /, size: SupportsIndex) -> None:
        """
        Counts bytes that were sent. After the end there is nothing to count, and no error.
        """
    def explain(self, /, data: str | Buffer, *, binary: bool = False) -> str | None:
        """
        Says in words why a message is refused; None if its content is not why. Nothing is charged, and nothing of
        the content is in the answer.
        """
    @property
    def guard(self, /) -> Guard:
        """
        The guard.
        """
    @property
    def handle(self, /) -> int | None:
        """
        The number of its place in a registry; None where it is in none.
        """
    def handle_timeout(self, /, *, now: Now | None = None) -> Action | None:
        """
        Does what is due; call until it answers None. Calling too early costs nothing.
        """
    @property
    def id(self, /) -> int:
        """
        The session's number, never used twice by one guard. It is known after the end, too.
        """
    @property
    def identity(self, /) -> Identity | None:
        """
        Who it belongs to; None while a first message's credential is awaited.
        """
    @property
    def is_open(self, /) -> bool:
        """
        Whether it still takes messages.
        """
    @property
    def is_pending(self, /) -> bool:
        """
        Whether it waits for a first message's credential.
        """
    def join(self, /, channel: str) -> bool:
        """
        Enters a channel; False when it was in it already.

        Raises:
            LimitReached: when `cap.channels_per_connection` is reached, or the name is longer than 256 bytes.
        """
    @property
    def latency(self, /) -> float | None:
        """
        How long the peer took to answer the last ping, in seconds; None before that.
        """
    def leave(self, /, channel: str) -> bool:
        """
        Leaves a channel; False when it was not in it.
        """
    def lost(self, /, *, now: Now | None = None) -> Event | None:
        """
        Says that the connection is gone, and gives every slot back. May be called again.

        Returns:
            The event to record, if no close was recorded before.
        """
    def next_timeout(self, /) -> int | None:
        """
        When to call `handle_timeout`, in nanoseconds on the monotonic clock; None when nothing is due, ever.
        """
    @property
    def opened(self, /) -> Event:
        """
        The event of its opening, for the audit.
        """
    @property
    def peer(self, /) -> Peer:
        """
        Where it comes from.
        """
    def provide(self, /, answer: Answer, *, now: Now | None = None) -> Verdict | Need:
        """
        Takes the host's answer to the need that `authenticate` gave.

        Args:
            answer: as for `Waiting.provide`.
            now: the moment; by default the guard's clock is read.
        """
    def queued(self, /, size: SupportsIndex, *, now: Now | None = None) -> Literal['free', 'full'] | Close:
        """
        Counts bytes that wait to be sent.

        Returns:
            "free", "full" above the soft mark (hold back what can wait), or the `Close` to send above the hard one.
        """
    def receive(self, /, data: str | Buffer, *, binary: bool = False, now: Now | None = None) -> Verdict:
        """
        Judges a message.

        Args:
            data: the message: bytes, str, or a buffer of bytes.
            binary: whether it came in a binary frame.
            now: the moment; by default the guard's clock is read.

        Returns:
            `Deliver`, `Reply`, `Drop`, `Close` or `Authenticate`: refusals are values here.
        """
    def receive_close(self, /, code: int | None = None, *, now: Now | None = None) -> Verdict:
        """
        Judges a close frame; `code` is None when it has no body. Returns the `Close` to answer with, or `Ignore`
        when it is the answer to ours.
        """
    def receive_ping(self, /, payload: Buffer | None = None, *, now: Now | None = None) -> Verdict:
        """
        Judges a ping frame. Returns `Pong`, `Drop` or `Close`.
        """
    def receive_pong(self, /, payload: Buffer | None = None, *, now: Now | None = None) -> Verdict:
        """
        Judges a pong frame: only the last ping's payload shows that the peer lives. Returns `Ignore`, `Drop` or `Close`.
        """
    def refuse_delivered(self, /, *, now: Now | None = None) -> Verdict:
        """
        Takes back a message that was delivered, as a validator of the application's own has found fault with it: it is
        answered, counted and recorded like one that the schema refuses.
        """
    @property
    def response(self, /) -> Response:
        """
        The 101 answer to send.
        """
    def revalidated(self, /, answer: Answer, *, now: Now | None = None) -> Verdict:
        """
        Takes the host's answer to the action `Revalidate`.

        Args:
            answer: an `Identity`; None when it no longer holds; `Unavailable()` when that cannot be told.
            now: the moment; by default the guard's clock is read.
        """
    @property
    def subprotocol(self, /) -> str | None:
        """
        The subprotocol that was chosen; None where there is none.
        """

@final
class Stats:
    """
    A guard's state in numbers.
    """
    def __repr__(self, /) -> str: ...
    @property
    def addresses(self, /) -> int:
        """
        Addresses the limiter remembers.
        """
    @property
    def connections(self, /) -> int:
        """
        Connections that hold a slot: sessions, candidates, and requests being judged.
        """
    @property
    def opened(self, /) -> int:
        """
        Sessions opened since the guard was made.
        """
    @property
    def refused(self, /) -> dict[str, int]:
        """
        Requests refused since the guard was made, by the reason's name.
        """
    @property
    def sessions(self, /) -> int:
        """
        Sessions.
        """
    @property
    def unauthenticated(self, /) -> int:
        """
        Those of them that have not shown a good credential.
        """
    @property
    def users(self, /) -> int:
        """
        Users the limiter remembers.
        """

@final
class Terminate:
    """
    Cut the connection and end the session: the close handshake is over, or was not finished in time.
    """
    def __repr__(self, /) -> str: ...

@final
class TicketUnused:
    """
    The ticket was not used before, and is marked as used now.
    """
    def __new__(cls, /) -> Self: ...
    def __repr__(self, /) -> str: ...

@final
class Unavailable:
    """
    The host cannot tell just now: the connection is refused.
    """
    def __new__(cls, /) -> Self: ...
    def __repr__(self, /) -> str: ...

@final
class Waiting:
    """
    A candidate whose credential the host has to look up.
    """
    def __repr__(self, /) -> str: ...
    def abandon(self, /) -> None:
        """
        Gives its slot back: the client has gone. May be called at any time, and again.
        """
    @property
    def deadline(self, /) -> int:
        """
        When the answer must have come, in nanoseconds on the monotonic clock.

        Raises:
            Ended: when it was answered before.
        """
    @property
    def need(self, /) -> Need:
        """
        What the host has to find out.

        Raises:
            Ended: when it was answered before.
        """
    @property
    def peer(self, /) -> Peer:
        """
        Where the candidate comes from.

        Raises:
            Ended: when it was answered before.
        """
    def provide(self, /, answer: Answer, *, now: Now | None = None) -> Session | Waiting:
        """
        Takes the host's answer.

        Args:
            answer: an `Identity`; None when the credential is nobody's, or the ticket was used before;
                `Unavailable()` when that cannot be told just now; `KeysFetched()`; `TicketUnused()`.
            now: the moment; by default the guard's clock is read.

        Returns:
            A `Session`, or a `Waiting` when something else is needed, too.

        Raises:
            Refused: with the HTTP answer to send.
            Ended: when it was answered before.
        """

def conform_line(line: bytes) -> bytes:
    """
    Answers one line of the conformance protocol: for test programs, never for servers.

    Args:
        line: a question as JSON.

    Returns:
        The answer as JSON.
    """

def forked() -> None:
    """
    Called in a forked child, by the hook that the package registers.
    """

def reason_table() -> list[dict[str, object]]:
    """
    The table of reasons, from which `wswarden/_reason.py` is made.
    """

def run(arguments: Sequence[str]) -> int:
    """
    Runs the command line of wswarden.

    Args:
        arguments: the name of the program, and what follows it.

    Returns:
        The exit code.
    """
