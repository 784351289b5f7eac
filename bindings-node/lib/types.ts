// What users write and read: requests, identities, events.

import type { WswardenError } from './errors.js'

/** An upgrade request, as the host's HTTP server read it. */
export interface UpgradeRequest {
  /** The method. */
  method: string
  /** The request target as it came: path and query. */
  target: string
  /** The HTTP version: `1.0`, `1.1` or `2`. */
  version: string
  /** Names and values in turn, as `rawHeaders` of Node: repeated headers as often as they came. */
  headers: string[]
  /** The other end's IP address; `unix` for a local socket. */
  peer: string
  /** Whether the connection to this process is encrypted. */
  tls: boolean
}

/** Who a connection belongs to, and what it may do. */
export interface Identity {
  /** The user's name within namespace and tenant; a guest has none. */
  subject?: string | undefined
  /** Who vouches for it: a JWT's issuer, or your name for your session store. */
  namespace?: string | undefined
  /** The tenant. */
  tenant?: string | undefined
  /** What it permits, compared exactly. */
  scopes?: readonly string[] | undefined
  /** When it ends; a number is milliseconds since 1970. */
  expires?: Date | number | undefined
  /** When the credential was issued. */
  issuedAt?: Date | number | undefined
  /** The credential's own id (`jti`). */
  tokenId?: string | undefined
  /** Your session's id (`sid`). */
  sessionId?: string | undefined
}

/** Where a connection comes from. */
export interface Peer {
  /** The client's address, as the socket or a trusted proxy tells it; undefined on a local socket. */
  readonly address: string | undefined
  /** The page's origin, as it was sent. */
  readonly origin: string | undefined
  /** The path that was asked for, without the query. */
  readonly path: string
}

/** What only you can find out: whose session token this is, or whether an identity still holds. */
export type Need = { readonly kind: 'identity'; readonly token: string } | { readonly kind: 'revalidate'; readonly identity: Identity }

/**
 * Answers a need: the identity, or null when the token is nobody's. An exception, or an answer after the
 * policy's `deadline.admit`, refuses: the server fails closed. The signal aborts when the client has left.
 */
export type Resolve = (need: Need, context: { readonly signal: AbortSignal }) => Identity | null | Promise<Identity | null>

/**
 * Marks a signed ticket as used, in one step, in the store that your servers share, until it runs out. True when it
 * was not there before. An exception refuses.
 */
export type SpendTicket = (id: Uint8Array, until: Date) => boolean | Promise<boolean>

/**
 * Fetches a published key set. Only over verified TLS, without following redirects, and with no credentials: whoever
 * could change the answer could sign for anybody. More than `maxBytes` is a failure.
 */
export type FetchKeys = (url: string, limits: { readonly signal: AbortSignal; readonly maxBytes: number }) => Promise<Uint8Array>

/** What a ticket is good for. */
export interface TicketBinding {
  /** The path it opens, as the request target has it. */
  path: string
  /** The origin of the page that asked for it, where there is one. */
  origin?: string | undefined
  /** The client's address; `unix` for a local socket. */
  address: string
}

/** What a guard's clock tells, in milliseconds. */
export interface Clock {
  /** Monotonic time since any origin, and civil time since 1970. */
  now(): { mono: number; unix: number }
  /** Called by each guard that uses this clock, so that the clock can say when time has passed. */
  attach?(guard: { nextTimeout(): number | null; tick(): void }): void
}

/** What is taken back. Ids go with their namespace: the JWT's issuer, or your name for your store. */
export type Revocation =
  | { /** A token's `jti`. */ tokenId: string; namespace?: string }
  | { /** A session's `sid`. */ sessionId: string; namespace?: string }
  | { /** A user's credentials. */ subject: string; namespace?: string; tenant?: string; /** Those issued until then; default: now. */ issuedUntil?: Date | number }

/** A guard's state in numbers. */
export interface Stats {
  /** Connections that hold a slot: sessions, and requests being judged. */
  readonly connections: number
  /** Those of them that have not shown a good credential. */
  readonly unauthenticated: number
  /** Open sessions. */
  readonly sessions: number
  /** Sessions opened since the guard was made. */
  readonly opened: number
  /** Addresses the limiter remembers. */
  readonly addresses: number
  /** Users the limiter remembers. */
  readonly users: number
  /** Requests refused since the guard was made, by reason. */
  readonly refused: ReadonlyMap<string, number>
}

/** An upgrade that was refused. Holds nothing the peer chose but its path, without the query. */
export interface Denied {
  /** The reason's name. */
  readonly reason: string
  /** The error's code: `WSW_ORIGIN_NOT_ALLOWED`. */
  readonly code: string
  /** The HTTP status. */
  readonly status: number
  /** What was wrong with the credential; the peer was not told. */
  readonly detail: string | undefined
  /** How long the peer has to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined
  /** The other end of the connection. */
  readonly address: string
  /** The path that was asked for. */
  readonly path: string
}

/** Something that happened on a session. */
export interface SessionEvent<S> {
  /** On which session. */
  readonly session: S
  /** The reason's name, where there is one. */
  readonly reason: string | undefined
  /** How many events of the session were left out since its last one: they repeat once a second at most. */
  readonly suppressed: number
}

/** The events of a guard. */
export interface GuardEvents<S> {
  /** An upgrade was refused. */
  denied: [Denied]
  /** A connection was admitted. */
  opened: [SessionEvent<S>]
  /** A first message's credential was good. */
  authenticated: [SessionEvent<S>]
  /** A credential was renewed on a live connection. */
  refreshed: [SessionEvent<S>]
  /** A message was over a rate limit. */
  limited: [SessionEvent<S>]
  /** A message was invalid or not permitted. */
  violation: [SessionEvent<S>]
  /** The credential has expired; the client may still renew it. */
  expired: [SessionEvent<S>]
  /** The connection is closing, or was lost. */
  close: [SessionEvent<S>]
  /** Your `resolve` or `spendTicket` failed, or a key set could not be fetched. Nobody is let in by that. */
  hostError: [WswardenError]
}

/** Why a message is refused, in words that hold nothing of it. */
export interface Explanation {
  /** The reason's name. */
  readonly reason: string
  /** Where in the message, in bytes. */
  readonly offset: number
  /** The whole sentence. */
  readonly text: string
}

/** The connection below a session, as an adapter drives it. */
export interface Transport {
  /** Sends a text message. */
  send(text: string): void
  /** Sends a ping frame. */
  ping(payload: Uint8Array): void
  /** Sends a pong frame. */
  pong(payload: Uint8Array): void
  /** Sends a close frame; a code of 0 is a frame without one. */
  close(code: number, reason: string): void
  /** Cuts the connection. */
  terminate(): void
  /** Stops reading, so that the peer has to wait. */
  pause?(): void
  /** Reads on. */
  resume?(): void
}
