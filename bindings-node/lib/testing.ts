/**
 * For tests of your own: a clock that goes when it is told to, tokens, requests, and a connection that keeps what it
 * was sent. No sleeps, no sockets.
 *
 * ```ts
 * const clock = new FakeClock()
 * const guard = createGuard({ ...policy, clock })
 * const session = await guard.upgrade(upgradeRequest({ bearer: makeToken({ secret, claims: { sub: 'ann' } }) }))
 * const socket = new FakeTransport()
 * session.attach(socket)
 * clock.advance('25s')
 * assert.equal(socket.frames.at(-1).kind, 'ping')
 * ```
 *
 * @module
 */

import { createHmac } from 'node:crypto'

import { misuse } from './errors.js'
import type { Clock, Transport, UpgradeRequest } from './types.js'

/** A clock that stands still until it is told to go on. */
export class FakeClock implements Clock {
  #mono: number
  #unix: number
  readonly #guards: Array<{ nextTimeout(): number | null; tick(): void }> = []

  /** @param unix Civil time at the start, in milliseconds since 1970. */
  constructor(unix = 1_800_000_000_000) {
    this.#mono = 0
    this.#unix = unix
  }

  /** Both clocks, in milliseconds. */
  now(): { mono: number; unix: number } {
    return { mono: this.#mono, unix: this.#unix }
  }

  /** Called by guards. */
  attach(guard: { nextTimeout(): number | null; tick(): void }): void {
    this.#guards.push(guard)
  }

  /** Lets time pass, milliseconds or `'30s'`; everything that falls due is done at its time, in order. */
  advance(by: number | string): void {
    const end = this.#mono + millis(by)
    for (;;) {
      const due = this.#guards.map((guard) => guard.nextTimeout()).filter((wait) => wait !== null)
      const wait = Math.min(...due)
      if (due.length === 0 || this.#mono + wait > end) break
      // A turn that is not due for a fraction of a microsecond must not stand still for ever.
      this.#go(Math.max(wait, 0.001))
      for (const guard of this.#guards) guard.tick()
    }
    this.#go(Math.max(0, end - this.#mono))
    // What is due at the very end may have been a fraction away.
    for (const guard of this.#guards) guard.tick()
  }

  #go(by: number): void {
    this.#mono += by
    this.#unix += by
  }
}

/** What {@link makeToken} signs. */
export interface TokenOptions {
  /** The secret of HS256. */
  secret: string
  /** The claims; `iat` and `exp` are `now` and ten minutes later where they are left out. */
  claims?: Record<string, unknown>
  /** More for the header, such as `kid`. */
  header?: Record<string, unknown>
  /** When it is issued, in milliseconds since 1970. */
  now?: number
}

/** A JSON Web Token, signed with HS256. For tests: an identity provider makes the real ones. */
export function makeToken({ secret, claims = {}, header = {}, now = Date.now() }: TokenOptions): string {
  const iat = Math.floor(now / 1000)
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg: 'HS256', typ: 'JWT', ...header })}.${part({ iat, exp: iat + 600, ...claims })}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

/** What {@link upgradeRequest} asks for. */
export interface RequestOptions extends Partial<Omit<UpgradeRequest, 'headers'>> {
  /** A token for the `Authorization` header. */
  bearer?: string
  /** The page's origin. */
  origin?: string
  /** More headers. */
  headers?: ReadonlyArray<readonly [name: string, value: string]>
}

/** An upgrade request that is in order but for what you change. */
export function upgradeRequest(options: RequestOptions = {}): UpgradeRequest {
  const { bearer, origin, headers = [], ...rest } = options
  const fields: Array<readonly [string, string]> = [
    ['host', 'chat.example.com'], ['upgrade', 'websocket'], ['connection', 'Upgrade'], ['sec-websocket-version', '13'],
    ['sec-websocket-key', 'dGhlIHNhbXBsZSBub25jZQ=='],
    ...(origin === undefined ? [] : [['origin', origin] as const]),
    ...(bearer === undefined ? [] : [['authorization', `Bearer ${bearer}`] as const]),
    ...headers,
  ]
  return { method: 'GET', target: '/', version: '1.1', peer: '198.51.100.7', tls: true, ...rest, headers: fields.flat() }
}

/** A frame that a {@link FakeTransport} was sent. */
export type SentFrame =
  | { kind: 'text'; text: string }
  | { kind: 'ping' | 'pong'; payload: Uint8Array }
  | { kind: 'close'; code: number; reason: string }
  | { kind: 'terminate' }

/** A connection without a network: it keeps what it was sent. */
export class FakeTransport implements Transport {
  /** What was sent, in order. */
  readonly frames: SentFrame[] = []

  send(text: string): void {
    this.frames.push({ kind: 'text', text })
  }

  ping(payload: Uint8Array): void {
    this.frames.push({ kind: 'ping', payload })
  }

  pong(payload: Uint8Array): void {
    this.frames.push({ kind: 'pong', payload })
  }

  close(code: number, reason: string): void {
    this.frames.push({ kind: 'close', code, reason })
  }

  terminate(): void {
    this.frames.push({ kind: 'terminate' })
  }
}

const UNITS: Record<string, number> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 }

function millis(by: number | string): number {
  const [, number, unit] = /^(\d+)(ms|s|min|h|d)$/.exec(String(by)) ?? []
  const span = typeof by === 'number' ? by : number === undefined ? NaN : Number(number) * UNITS[unit!]!
  if (!(span >= 0)) throw misuse("a length of time is milliseconds, or '30s'")
  return span
}
