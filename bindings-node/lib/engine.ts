// What a guard and its sessions share: the addon's guard, the one timer, and whom to ask and tell.

import { randomBytes } from 'node:crypto'

import { WswardenError, call, codeOf } from './errors.js'
import { native, type Admission, type KeysToFetch, type NativeAnswer, type NativeEvent, type NativeIdentity, type NativeNeed, type NativeRefusal } from './native.js'
import { callWithPolicy, type CheckedPolicy } from './policy.js'
import type { Session } from './session.js'
import { fetchKeys } from './fetch-keys.js'
import type { Clock, FetchKeys, Identity, Need, Resolve, SpendTicket } from './types.js'

type Receive = (handle: number, opcode: number, payload: Uint8Array | string) => number
type Sending = (handle: number, sent: number, more: number) => number
type ReceiveText = (handle: number, opcode: number, payload: Uint8Array | string) => number | string

/** What the user brings. */
export interface Own {
  resolve?: Resolve | undefined
  spendTicket?: SpendTicket | undefined
  fetchKeys?: FetchKeys | undefined
  clock?: Clock | undefined
}

/** What an engine tells its guard. */
export interface Audience {
  record(session: Session, event: NativeEvent): void
  failed(error: WswardenError): void
}

/** A record of the addon's `tick`. */
const RECORD = 32
/** So many are taken at once. */
const RECORDS = 16
/** So long, in milliseconds, what is due is done before other events of the loop get their turn. */
const TURN = 0.25
/** The actions of a ping, and of a request that ran out of time. */
const PING = 1
const REFUSED = 9
/** Node's timers hold 31 bits. */
const LONGEST = 2 ** 31 - 1

const KINDS = ['', 'opened', 'authenticated', 'refreshed', 'limited', 'violation', 'expired', 'closed'] as const

const NOTHING = Buffer.alloc(0)

/**
 * What a listener of the application throws is thrown on a turn of its own, as from any event: what the policy wants
 * done, for this connection and for all others, is done first.
 */
function apart(work: () => void): void {
  try {
    work()
  } catch (error) {
    setImmediate(() => { throw error })
  }
}

export class Engine {
  readonly native: InstanceType<typeof native.NativeGuard>
  readonly receive: Receive
  readonly receiveText: ReceiveText
  readonly sending: Sending
  readonly #audience: Audience
  readonly #own: Own
  readonly #clock: Clock | undefined
  /** Who waits for a key set, by its URL. */
  readonly #fetches = new Map<string, Array<() => void>>()
  #fetchTimer: NodeJS.Timeout | undefined
  readonly #sessions = new Map<number, Session>()
  readonly #candidates = new Map<number, (refusal: NativeRefusal) => void>()
  readonly #records = Buffer.alloc(RECORD * RECORDS)
  #timer: NodeJS.Timeout | undefined
  #soon: NodeJS.Immediate | undefined
  /** When the timer fires, by `performance.now()`. */
  #at = Infinity
  #disposed = false

  constructor(policy: CheckedPolicy, host: string[], waived: string[], audience: Audience, own: Own) {
    const { clock } = own
    const start = clock?.now()
    this.native = callWithPolicy(() => new native.NativeGuard(policy.native, host, waived, randomBytes(32), start && [start.mono, start.unix]))
    this.#audience = audience
    this.#own = own
    this.#clock = clock
    const [receive, receiveText, sending] = [this.native.receiver(), this.native.textReceiver(), this.native.sender()]
    // A clock of the user's own is asked before each call: it is for tests.
    this.receive = clock ? (...frame) => (this.#set(), receive(...frame)) : receive
    this.receiveText = clock ? (...frame) => (this.#set(), receiveText(...frame)) : receiveText
    this.sending = clock ? (...bytes) => (this.#set(), sending(...bytes)) : sending
    if (clock) this.#set()
    clock?.attach?.({ nextTimeout: () => this.nextTimeout(), tick: () => this.tick() })
    this.fetchDue()
  }

  get disposed(): boolean {
    return this.#disposed
  }

  /** Calls the addon, by the user's clock if there is one. */
  call<T>(work: (guard: Engine['native']) => T): T {
    return call(() => {
      if (this.#clock) this.#set()
      return work(this.native)
    })
  }

  /** Civil time, in milliseconds since 1970. */
  unix(): number {
    return this.#clock?.now().unix ?? Date.now()
  }

  hold(handle: number, refused: (refusal: NativeRefusal) => void): void {
    this.#candidates.set(handle, refused)
  }

  release(handle: number): boolean {
    return this.#candidates.delete(handle)
  }

  enter(handle: number, session: Session): void {
    this.#sessions.set(handle, session)
    this.arm()
  }

  forget(handle: number): void {
    this.#sessions.delete(handle)
  }

  sessions(): IterableIterator<Session> {
    return this.#sessions.values()
  }

  record(session: Session, event: NativeEvent | undefined): void {
    if (event) apart(() => this.#audience.record(session, event))
  }

  /** Asks the user. Never throws: what cannot be told is refused. */
  async ask(need: NativeNeed, signal: AbortSignal): Promise<NativeAnswer> {
    try {
      if (need.keys != null) return await this.#fetched(need.keys)
      if (need.ticket != null) return { kind: (await this.#spend(need.ticket, new Date(need.until ?? 0))) ? 'unused' : 'refused' }
      const { resolve } = this.#own
      if (!resolve) throw new Error('the policy has sources of kind "session", or revalidates; that takes the option `resolve`')
      const question: Need = need.token != null ? { kind: 'identity', token: need.token } : { kind: 'revalidate', identity: need.identity ?? {} }
      const identity = await resolve(question, { signal })
      if (identity === undefined) throw new Error('`resolve` gave undefined; null refuses')
      return identity === null ? { kind: 'refused' } : { kind: 'identity', identity: nativeIdentity(identity) }
    } catch (cause) {
      this.#failed(new WswardenError('the credential could not be judged, so it was refused', { code: codeOf('resolve'), cause }))
      return { kind: 'unavailable' }
    }
  }

  /** Hands an answer of the user's in. One that the addon cannot take is none, and refuses. */
  answered<T>(answer: NativeAnswer, hand: (answer: NativeAnswer) => T): T {
    try {
      return hand(answer)
    } catch (cause) {
      this.#failed(new WswardenError('what `resolve` gave is no identity, so it was refused', { code: codeOf('resolve'), cause }))
      return hand({ kind: 'unavailable' })
    }
  }

  /** Fetches the key sets that are due, and sees to it that this is called again in time. */
  fetchDue(): void {
    if (this.#disposed) return
    for (let due = this.call((guard) => guard.dueFetch()); due; due = this.call((guard) => guard.dueFetch())) void this.#fetch(due)
    const wait = this.call((guard) => guard.nextFetch())
    if (wait === null || wait === undefined || this.#clock) return
    clearTimeout(this.#fetchTimer)
    this.#fetchTimer = setTimeout(() => this.fetchDue(), Math.min(Math.ceil(wait) + 1, LONGEST))
    this.#fetchTimer.unref()
  }

  async #fetch({ url, withinMs, maxBytes }: KeysToFetch): Promise<void> {
    const fetching = this.#own.fetchKeys ?? fetchKeys
    let body: Uint8Array | null = null
    try {
      body = await fetching(url, { signal: AbortSignal.timeout(withinMs), maxBytes })
      if (body.byteLength > maxBytes) throw new Error(`more than ${maxBytes} bytes`)
    } catch (cause) {
      body = null
      this.#failed(new WswardenError(`the keys at ${url} could not be fetched`, { code: codeOf('keys'), cause }))
    }
    if (this.#disposed) return
    try {
      this.call((guard) => guard.fetched(url, body))
    } catch (cause) {
      this.#failed(new WswardenError(`what is at ${url} are no keys`, { code: codeOf('keys'), cause }))
    }
    const waiting = this.#fetches.get(url) ?? []
    this.#fetches.delete(url)
    waiting.forEach((go) => go())
    this.fetchDue()
  }

  #fetched(url: string): Promise<NativeAnswer> {
    return new Promise((resolve) => {
      const waiting = this.#fetches.get(url) ?? []
      this.#fetches.set(url, [...waiting, () => resolve({ kind: 'keys' })])
      this.fetchDue()
    })
  }

  async #spend(id: Uint8Array, until: Date): Promise<boolean> {
    const { spendTicket } = this.#own
    if (!spendTicket) throw new Error('signed tickets that servers share take the option `spendTicket`')
    return (await spendTicket(id, until)) === true
  }

  #failed(error: WswardenError): void {
    apart(() => this.#audience.failed(error))
  }

  provide(handle: number, answer: NativeAnswer): Admission | null {
    return this.call((guard) => guard.provide(handle, answer)) ?? null
  }

  nextTimeout(): number | null {
    return this.#disposed ? null : (this.call((guard) => guard.nextTimeout()) ?? null)
  }

  /** Sees to it that the timer fires when something is due. */
  arm(): void {
    if (this.#disposed || this.#clock || this.#soon) return
    const wait = this.native.nextTimeout()
    if (wait === null || wait === undefined) return
    const at = performance.now() + wait
    if (at >= this.#at - 1) return
    clearTimeout(this.#timer)
    this.#at = at
    this.#timer = setTimeout(this.#fire, Math.min(Math.ceil(wait), LONGEST))
    // A server's sockets keep the process alive; its timer must not.
    this.#timer.unref()
  }

  /** For clocks of the user's own: does all that is due. */
  tick(): void {
    while (!this.#disposed && (this.#turn() > 0 || this.nextTimeout() === 0));
  }

  dispose(): void {
    if (this.#disposed) return
    clearTimeout(this.#fetchTimer)
    for (const session of this.#sessions.values()) session[Symbol.dispose]()
    this.#disposed = true
    clearTimeout(this.#timer)
    if (this.#soon) clearImmediate(this.#soon)
    this.native.dispose()
    for (const refused of this.#candidates.values()) refused(this.native.refusal('draining'))
    this.#candidates.clear()
  }

  readonly #fire = (): void => {
    this.#timer = this.#soon = undefined
    this.#at = Infinity
    if (this.#disposed) return
    const until = performance.now() + TURN
    let more: boolean
    do {
      this.#turn()
      if (this.#disposed) return
      more = this.native.nextTimeout() === 0
    } while (more && performance.now() < until)
    if (more) {
      // A million timers that run out together must not hold the loop.
      this.#soon = setImmediate(this.#fire)
      this.#soon.unref()
    } else {
      this.arm()
    }
  }

  #turn(): number {
    const records = this.#records
    const count = this.call((guard) => guard.tick(records))
    if (count === 0) return 0
    // The payloads of pings are copied, all at once: they may have to wait in their sockets.
    const payloads = Buffer.from(records)
    for (let at = 0; at < count * RECORD; at += RECORD) {
      const handle = records.readDoubleLE(at)
      const action = records[at + 8]!
      if (action === REFUSED) {
        const refused = this.#candidates.get(handle)
        this.#candidates.delete(handle)
        refused?.(this.native.refusal('handshake_timeout'))
        continue
      }
      const session = this.#sessions.get(handle)
      if (!session) continue
      const kind = KINDS[records[at + 12]!]
      const event = kind ? { kind, reason: undefinedOr(records[at + 13]!), suppressed: records.readUInt32LE(at + 24) } : undefined
      const payload = action === PING ? payloads.subarray(at + 16, at + 24) : NOTHING
      apart(() => session.due(action, records[at + 9]!, records.readUInt16LE(at + 10), payload))
      this.record(session, event)
      if (this.#disposed) break
    }
    return count
  }

  #set(): void {
    if (this.#disposed) return
    const { mono, unix } = this.#clock!.now()
    this.native.setClock(mono, unix)
  }
}

function undefinedOr(reason: number): string | undefined {
  return names.get(reason)
}

const names = new Map(native.reasons().map(({ number, name }) => [number, name]))

/** An identity as the addon wants it. */
export function nativeIdentity(identity: Identity): NativeIdentity {
  const { subject, namespace, tenant, scopes, expires, issuedAt, tokenId, sessionId } = identity
  const millis = (time: Date | number | undefined): number | undefined => (time === undefined ? undefined : Number(time))
  const given: NativeIdentity = {
    subject, namespace, tenant, tokenId, sessionId,
    scopes: scopes === undefined ? undefined : [...scopes],
    expires: millis(expires),
    issuedAt: millis(issuedAt),
  }
  return given
}
