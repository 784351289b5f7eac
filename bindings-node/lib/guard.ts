// A policy, and what the connections of one server share under it.

import { randomBytes } from 'node:crypto'
import { EventEmitter } from 'node:events'

import { Engine, nativeIdentity } from './engine.js'
import { WswardenError, call, codeOf, kindOf, misuse, reasons, translated } from './errors.js'
import type { MessageOf } from './infer.js'
import type { Admission, HostLimits, NativeEvent, NativeRefusal } from './native.js'
import type { PolicyOptions } from './policy-options.js'
import { callWithPolicy, checkPolicy, optionsOf, type CheckedPolicy, type PolicyFile } from './policy.js'
import { Session } from './session.js'
import type { Clock, Denied, FetchKeys, GuardEvents, Identity, Resolve, Revocation, SpendTicket, Stats, TicketBinding, UpgradeRequest } from './types.js'

/** Something a policy asks for and a server library cannot do. */
export type Gap = 'pings' | 'control_frames' | 'repeated_headers' | 'fragments' | 'http_refusal'

/** What a server library can do: everything it can is named. An adapter states it once, as a constant. */
export type Host = readonly Gap[]

/** A library that reads the socket itself can do everything. */
export const SOCKET: Host = ['pings', 'control_frames', 'repeated_headers', 'fragments', 'http_refusal']

/** What is yours to give beside the policy. */
export interface HostOptions {
  /** Says whose session token something is, and whether an identity still holds. */
  resolve?: Resolve
  /** Marks signed tickets as used, where several servers share them. */
  spendTicket?: SpendTicket
  /** Fetches published key sets in place of `fetch`: through a proxy, or from a file in tests. */
  fetchKeys?: FetchKeys
  /** A clock of your own, for tests: see `wswarden/testing`. */
  clock?: Clock
  /** What the server library cannot do and you have seen to elsewhere. */
  waive?: readonly Gap[]
  /** What the server library can do. Default: everything, as `ws` can; each adapter says what it needs. */
  host?: Host
}

/** The options of {@link createGuard}: a policy, in camelCase or as a file, and what is yours to give. */
export type GuardOptions = ((PolicyOptions & { readonly file?: never }) | OnlyFile) & HostOptions

/** A file is the whole policy: no field of it stands beside. */
type OnlyFile = PolicyFile & { readonly [Field in keyof PolicyOptions]?: never }

/** Forever, for {@link Guard.revoke}. */
const FOREVER = Infinity

/**
 * Makes a guard.
 *
 * ```ts
 * const guard = createGuard({
 *   origin: { allow: ['https://app.example.com'] },
 *   credential: { jwt: { keys: [{ alg: 'HS256', secret: 'env:JWT_KEY' }], issuer: ['https://id.example.com'], audience: ['chat'] } },
 *   message: { schema: z.strictObject({ text: z.string().max(500) }), maxBytes: '16KiB' },
 * })
 * ```
 *
 * Durations are `'30s'` or numbers of milliseconds. Everything has a finite default.
 *
 * @throws {@link WswardenError} `WSW_POLICY`: what is wrong, where, and what was probably meant.
 */
export function createGuard<const Options extends GuardOptions>(options: Options): Guard<MessageOf<Options>> {
  return new Guard(options)
}

/** A policy, and what the connections of one server share: limits, open slots, revocations. */
export class Guard<Message = unknown> extends EventEmitter<GuardEvents<Session<Message>>> {
  readonly #engine: Engine
  readonly #host: Host
  #policy: CheckedPolicy

  /** @see {@link createGuard}, which knows the type of the messages. */
  constructor(options: GuardOptions) {
    super()
    const { resolve, spendTicket, fetchKeys, clock, waive = [], host = SOCKET, ...policy } = optionsOf(options)
    for (const [name, own] of Object.entries({ resolve, spendTicket, fetchKeys })) {
      if (own !== undefined && typeof own !== 'function') throw misuse(`${name}: found ${kindOf(own)}; expected a function`)
    }
    if (clock !== undefined && typeof clock?.now !== 'function') throw misuse('clock: expected an object with a function `now`')
    for (const [name, list] of Object.entries({ waive, host })) {
      if (!Array.isArray(list)) throw misuse(`${name}: found ${kindOf(list)}; expected a list`)
    }
    this.#policy = checkPolicy(policy)
    this.#host = host
    this.#engine = new Engine(this.#policy, [...host], [...waive], {
      record: (session, event) => this.#record(session as Session<Message>, event),
      failed: (error) => void this.emit('hostError', error),
    }, { resolve, spendTicket, fetchKeys, clock })
  }

  /** What the policy allows and is seldom meant. */
  get warnings(): readonly string[] {
    return this.#policy.warnings
  }

  /** The policy in force as the document, with all defaults and without secrets. */
  get policy(): Record<string, unknown> {
    return JSON.parse(this.#policy.native.json())
  }

  /** What a server library is set to for connections to `path`. */
  limits(path = '/'): Readonly<HostLimits> {
    return call(() => this.#policy.native.limits(path))
  }

  /**
   * Judges an upgrade request: size, transport, address, Host, Origin, RFC 6455, credential, limits, in that order.
   *
   * @param options `signal` gives the place back when the client has left.
   * @returns The session: send the 101, {@link Session.attach} the connection.
   * @throws {@link WswardenError} with the `answer` to send.
   */
  async upgrade(request: UpgradeRequest, options: { signal?: AbortSignal } = {}): Promise<Session<Message>> {
    let admission: Admission
    try {
      admission = this.#engine.call((guard) => guard.admit(request))
    } catch (cause) {
      if (typeof request !== 'object' || request === null) throw misuse(`found ${kindOf(request)}; expected an upgrade request`)
      throw this.#denied(request, this.#engine.native.refusal('internal'), translated(cause))
    }
    while (admission.need) admission = await this.#waited(admission, options.signal)
    if (admission.refusal) throw this.#denied(request, admission.refusal)
    const session = new Session<Message>(this.#engine, admission.handle)
    this.#engine.enter(admission.handle, session)
    if (options.signal?.aborted) {
      session.end()
      throw left()
    }
    return session
  }

  /**
   * Makes a single-use ticket for a user whom your HTTPS endpoint knows by its usual credential: URL-safe text, which
   * the client puts where the policy has a source of kind `ticket`. Answer with `Cache-Control: no-store`.
   *
   * @throws {@link WswardenError} `WSW_TICKET`, with the `status` to answer with.
   */
  mintTicket(identity: Identity, binding: TicketBinding): string {
    for (const [name, given] of Object.entries({ identity, binding })) {
      if (typeof given !== 'object' || given === null) throw misuse(`${name}: found ${kindOf(given)}; expected an object`)
    }
    try {
      const { path, origin, address } = binding
      return this.#engine.call((guard) => guard.mintTicket(nativeIdentity(identity), path, origin ?? null, address, randomBytes(32)))
    } catch (cause) {
      if (!(cause instanceof WswardenError) || cause.code !== 'WSW_TICKET') throw cause
      const [reason = '', why = ''] = cause.message.split('\n')
      throw new WswardenError(`no ticket: ${why}`, { code: 'WSW_TICKET', reason, status: reasons.get(reason)?.status })
    }
  }

  /**
   * Judges a token by the policy's keys and claims: for your own endpoints, such as the one that mints tickets, which
   * has to know who asks. Nothing is charged: such an endpoint has limits of its own.
   *
   * @param token Without `Bearer`.
   * @param options `path` says whose rules count, where the policy has routes.
   * @throws {@link WswardenError} with the `answer` to send; `WSW_IDENTITY_UNAVAILABLE` while keys are being fetched.
   */
  verifyToken(token: string | Uint8Array, options: { path?: string } = {}): Identity {
    const { path = '/' } = options
    if (typeof token !== 'string' && !(token instanceof Uint8Array)) throw misuse(`found ${kindOf(token)}; expected a token`)
    const { identity, refusal } = this.#engine.call((guard) => guard.verifyToken(path, Buffer.from(token)))
    this.#engine.fetchDue()
    if (!identity) throw this.#refused(path, refusal ?? this.#engine.native.refusal('internal'), 'the token')
    return identity
  }

  /**
   * For adapters: asks whether a new socket may stay open while its request is awaited; null when it must be closed.
   * Call what it gives when the request has come, or the socket is gone.
   */
  knock(peer: string): (() => void) | null {
    const number = this.#engine.call((guard) => guard.knock(peer))
    if (number === null || number === undefined) return null
    return () => {
      if (!this.#engine.disposed) this.#engine.native.knocked(number)
    }
  }

  /** The sessions that are open. */
  sessions(): IterableIterator<Session<Message>> {
    return this.#engine.sessions() as IterableIterator<Session<Message>>
  }

  /** Puts another policy in force, also for the connections that are open. The old one stays if it throws. */
  reload(policy: PolicyOptions | PolicyFile): void {
    const checked = checkPolicy(optionsOf(policy))
    callWithPolicy(() => this.#engine.call((guard) => guard.reload(checked.native)))
    this.#policy = checked
    this.#engine.fetchDue()
    this.#engine.arm()
  }

  /**
   * Takes credentials back and closes the connections opened with them.
   *
   * @param lasts Milliseconds; no shorter than the longest life of a credential it covers. Default: for ever.
   * @returns How many connections that closes.
   */
  revoke(what: Revocation, lasts: number = FOREVER): number {
    const closed = this.#engine.call((guard) => guard.revoke(nativeRevocation(what, this.#engine.unix()), lasts))
    this.#engine.arm()
    return closed.length
  }

  /** Refuses new connections and closes the open ones, spread over the policy's `deadline.drain`. Resolves when all are gone. */
  async drain(): Promise<void> {
    this.#engine.call((guard) => guard.drain())
    this.#engine.arm()
    const open = [...this.sessions()]
    await Promise.all(open.map((session) => session.done))
  }

  /** The guard's state in numbers. */
  stats(): Stats {
    const { refused, ...numbers } = this.#engine.call((guard) => guard.stats())
    return { ...numbers, refused: new Map(refused.map(({ reason, count }) => [reason, count])) }
  }

  /** For adapters: throws when this guard was made for a library that can do more than `able` says. */
  require(able: Host, adapter: string): void {
    const missing = this.#host.filter((gap) => !able.includes(gap))
    if (missing.length > 0) {
      throw misuse(`${adapter} cannot do ${missing.join(', ')}: give createGuard its constant, { host: ... }, and waive what you have seen to`)
    }
  }

  /** Cuts every connection and gives everything back. The guard refuses from then on. */
  dispose(): void {
    this.#engine.dispose()
  }

  /** As {@link dispose}. */
  [Symbol.dispose](): void {
    this.dispose()
  }

  async #waited(admission: Admission, signal?: AbortSignal): Promise<Admission> {
    const { handle, need } = admission
    const gone = new AbortController()
    const leave = (): void => gone.abort()
    signal?.addEventListener('abort', leave)
    if (signal?.aborted) leave()
    const late = new Promise<Admission>((resolve, reject) => {
      this.#engine.hold(handle, (refusal) => resolve({ handle: 0, refusal }))
      gone.signal.addEventListener('abort', () => reject(left()))
      if (gone.signal.aborted) reject(left())
    })
    this.#engine.arm()
    const found = this.#engine.ask(need!, gone.signal).then((answer) => {
      // Whoever ran out of time was refused then; the promise of that is settled already.
      if (!this.#engine.release(handle) || this.#engine.disposed) return late
      return this.#engine.answered(answer, (taken) => this.#engine.provide(handle, taken)) ?? late
    })
    try {
      return await Promise.race([late, found])
    } finally {
      signal?.removeEventListener('abort', leave)
      if (this.#engine.release(handle)) this.#engine.call((guard) => guard.remove(handle))
      found.catch(() => {})
    }
  }

  #denied(request: UpgradeRequest, refusal: NativeRefusal, cause?: unknown): WswardenError {
    // Never the query: tokens stand there.
    const path = String(request.target).split('?', 1)[0] ?? ''
    const error = this.#refused(path, refusal, 'the upgrade', cause)
    const denied: Denied = {
      reason: refusal.reason,
      code: error.code,
      status: refusal.status,
      detail: refusal.detail ?? undefined,
      retryAfterMs: refusal.retryAfterMs ?? undefined,
      address: request.peer,
      path,
    }
    this.emit('denied', denied)
    return error
  }

  #refused(path: string, refusal: NativeRefusal, what: string, cause?: unknown): WswardenError {
    const { reason, status, body } = refusal
    const headers: Array<[string, string]> = []
    for (let at = 0; at + 1 < refusal.headers.length; at += 2) headers.push([refusal.headers[at]!, refusal.headers[at + 1]!])
    return new WswardenError(`${what} was refused: ${reason}`, {
      code: codeOf(reason),
      reason,
      status,
      closeCode: this.#policy.native.closeCode(path, reason) ?? undefined,
      retryAfterMs: refusal.retryAfterMs ?? undefined,
      detail: refusal.detail ?? undefined,
      answer: { status, headers, body },
      cause,
    })
  }

  #record(session: Session<Message>, event: NativeEvent): void {
    const kind = event.kind === 'closed' ? 'close' : (event.kind as 'opened')
    this.emit(kind, { session, reason: event.reason ?? undefined, suppressed: event.suppressed })
  }
}

function left(): WswardenError {
  return new WswardenError('the client has left', { code: codeOf('left') })
}

/** What is taken back, or an error: a slip here would leave open what was to be closed. */
function nativeRevocation(what: Revocation, now: number): Parameters<Engine['native']['revoke']>[0] {
  const { tokenId, sessionId, subject, namespace = '', tenant = '', issuedUntil = now } = { ...what } as Everything
  const named = Object.entries({ token: tokenId, session: sessionId, user: subject }).filter(([, id]) => id !== undefined)
  const [kind, id] = named[0] ?? []
  if (kind === undefined || typeof id !== 'string' || named.length > 1) throw misuse(`revoke: found ${kindOf(what)}; expected one of { subject }, { tokenId } or { sessionId }, with its namespace`)
  return { kind, id, namespace, tenant, issuedUntil: Number(issuedUntil) }
}

type Everything = { [Key in 'tokenId' | 'sessionId' | 'subject' | 'namespace' | 'tenant']?: string } & { issuedUntil?: Date | number }
