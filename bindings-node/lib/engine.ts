// What a guard and its sessions share: the addon's guard, the one timer, and whom to ask and tell.

import { randomBytes } from 'node:crypto'

import { WswardenError, call, codeOf } from './errors.js'
import { native, type Admission, type NativeAnswer, type NativeEvent, type NativeIdentity, type NativeNeed, type NativeRefusal } from './native.js'
import { callWithPolicy, type CheckedPolicy } from './policy.js'
import type { Session } from './session.js'
import type { Clock, Identity, Need, Resolve } from './types.js'

type Receive = (handle: number, opcode: number, payload: Uint8Array | string) => number
type ReceiveText = (handle: number, opcode: number, payload: Uint8Array | string) => number | string

/** What an engine tells its guard. */
export interface Audience {
  record(session: Session, event: NativeEvent): void
  failed(error: WswardenError): void
}

/** A record of the addon's `tick`. */
const RECORD = 32
/** So many are taken before other events of the loop get their turn. */
const RECORDS = 64
/** The action of a request that ran out of time. */
const REFUSED = 9
/** Node's timers hold 31 bits. */
const LONGEST = 2 ** 31 - 1

const KINDS = ['', 'opened', 'authenticated', 'refreshed', 'limited', 'violation', 'expired', 'closed'] as const

export class Engine {
  readonly native: InstanceType<typeof native.NativeGuard>
  readonly receive: Receive
  readonly receiveText: ReceiveText
  readonly #audience: Audience
  readonly #resolve: Resolve | undefined
  readonly #clock: Clock | undefined
  readonly #sessions = new Map<number, Session>()
  readonly #candidates = new Map<number, (refusal: NativeRefusal) => void>()
  readonly #records = Buffer.alloc(RECORD * RECORDS)
  #timer: NodeJS.Timeout | undefined
  #soon: NodeJS.Immediate | undefined
  /** When the timer fires, by `performance.now()`. */
  #at = Infinity
  #disposed = false

  constructor(policy: CheckedPolicy, host: string[], waived: string[], audience: Audience, resolve?: Resolve, clock?: Clock) {
    this.native = callWithPolicy(() => new native.NativeGuard(policy.native, host, waived, randomBytes(32)))
    this.#audience = audience
    this.#resolve = resolve
    this.#clock = clock
    const [receive, receiveText] = [this.native.receiver(), this.native.textReceiver()]
    // A clock of the user's own is asked before each call: it is for tests.
    this.receive = clock ? (...frame) => (this.#set(), receive(...frame)) : receive
    this.receiveText = clock ? (...frame) => (this.#set(), receiveText(...frame)) : receiveText
    if (clock) this.#set()
    clock?.attach?.({ nextTimeout: () => this.nextTimeout(), tick: () => this.tick() })
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
    if (event) this.#audience.record(session, event)
  }

  /** Asks the user. Never throws: what cannot be told is refused. */
  async ask(need: NativeNeed, signal: AbortSignal): Promise<NativeAnswer> {
    try {
      if (!this.#resolve) throw new Error('the policy has sources of kind "session", or revalidates; that takes the option `resolve`')
      const question: Need = need.token != null ? { kind: 'identity', token: need.token } : { kind: 'revalidate', identity: need.identity ?? {} }
      const identity = await this.#resolve(question, { signal })
      if (identity === undefined) throw new Error('`resolve` gave undefined; null refuses')
      return identity === null ? { refused: true } : { refused: false, identity: nativeIdentity(identity) }
    } catch (cause) {
      this.#audience.failed(new WswardenError('`resolve` failed, so the credential was refused', { code: codeOf('resolve'), cause }))
      return { refused: false }
    }
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

  /** Does what is due, a few dozen connections at a time. */
  tick(): void {
    while (this.#turn() > 0 || this.nextTimeout() === 0) if (!this.#clock) break
  }

  dispose(): void {
    if (this.#disposed) return
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
    this.#turn()
    if (this.#disposed) return
    if (this.native.nextTimeout() === 0) {
      // More is due: but a million timers that run out together must not hold the loop.
      this.#soon = setImmediate(this.#fire)
      this.#soon.unref()
    } else {
      this.arm()
    }
  }

  #turn(): number {
    const records = this.#records
    const count = this.call((guard) => guard.tick(records))
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
      // The payload is copied: it may have to wait in the socket.
      session.due(action, records[at + 9]!, records.readUInt16LE(at + 10), Buffer.from(records.subarray(at + 16, at + 24)))
      this.record(session, event)
      if (this.#disposed) break
    }
    return count
  }

  #set(): void {
    const { mono, unix } = this.#clock!.now()
    this.native.setClock(mono, unix)
  }
}

function undefinedOr(reason: number): string | undefined {
  return names.get(reason)
}

const names = new Map(native.reasons().map(({ number, name }) => [number, name]))

function nativeIdentity(identity: Identity): NativeIdentity {
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
