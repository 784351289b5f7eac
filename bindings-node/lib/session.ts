// One open connection, as the application and an adapter see it.

import type { Engine } from './engine.js'
import { WswardenError, call, codeOf, misuse, reasonOf } from './errors.js'
import { Feed } from './feed.js'
import type { NativeOutcome, NativeSession } from './native.js'
import type { Explanation, Identity, Peer, Transport } from './types.js'

/** RFC 6455 section 5.2. */
export const Opcode = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

// The outcomes in a verdict's number.
const NONE = 0
const DELIVER = 1
const DROP = 3
const AUTHENTICATE = 5
const PONG = 6
const EVENT = 1 << 30

/** So many messages are kept for {@link Session.messages} at most. */
const EARLY = 64

/** What closing for a reason the application chooses may be called. */
const BY_HOST = 'closed_by_host'

/**
 * One open connection. It ends when its socket does, or by {@link Session.close}; disposing of it gives back
 * everything it holds.
 *
 * @typeParam Message What a message is, as the schema says.
 */
export class Session<Message = unknown> {
  readonly #engine: Engine
  readonly #handle: number
  #about: NativeSession
  #transport: Transport | undefined
  #socket: object | undefined
  #gone: AbortController | undefined
  #feed: Feed<unknown> | undefined
  /** The messages that came while nobody took them; null once they were too many. */
  #early: unknown[] | null | undefined
  #closed: { code: number; reason: string } | undefined
  #ended = false
  /** The bytes that the guard counts as waiting to be sent. */
  #waiting = 0
  #done: { promise: Promise<void>; resolve: () => void } | undefined

  /** @internal */
  constructor(engine: Engine, handle: number) {
    this.#engine = engine
    this.#handle = handle
    this.#about = this.#read()
  }

  /** Its number, never used twice by one guard. */
  get id(): number {
    return this.#about.id
  }

  /** Who it belongs to; undefined while a first message's credential is awaited. */
  get identity(): Readonly<Identity> | undefined {
    return this.#about.identity
  }

  /** The user's name; undefined for a guest. */
  get subject(): string | undefined {
    return this.#about.identity?.subject
  }

  /** Where it comes from. */
  get peer(): Peer {
    return { address: this.#about.address, origin: this.#about.origin, path: this.#about.path }
  }

  /** The subprotocol that was agreed on. */
  get subprotocol(): string | undefined {
    return this.#about.subprotocol
  }

  /** Whether it waits for a first message's credential: nothing is delivered until then. */
  get pending(): boolean {
    return this.#about.pending
  }

  /** Why it is closing or closed; undefined while it is open. */
  get closed(): Readonly<{ code: number; reason: string }> | undefined {
    return this.#closed
  }

  /** Resolves when the session has ended, whichever way. */
  get done(): Promise<void> {
    if (this.#ended) return Promise.resolve()
    if (!this.#done) {
      let resolve!: () => void
      const promise = new Promise<void>((settle) => { resolve = settle })
      this.#done = { promise, resolve }
    }
    return this.#done.promise
  }

  /** How long the last refused message has to wait, in milliseconds. */
  get retryAfterMs(): number | undefined {
    return this.#ended ? undefined : (this.#call(() => this.#engine.native.retryAfterMs(this.#handle)) ?? undefined)
  }

  /** How long the peer took to answer the last ping, in milliseconds. */
  get latencyMs(): number | undefined {
    if (!this.#ended) this.#about = this.#read()
    return this.#about.latencyMs
  }

  /** Closes the connection; the peer gets the code of the policy's dialect for `reason`. */
  close(reason: string = BY_HOST): void {
    if (this.#ended) return
    this.#act(this.#call(() => this.#engine.native.close(this.#handle, reason)))
  }

  /** Enters a channel; false when it was in it already. Throws `WSW_REFUSED` over `cap.channelsPerConnection`. */
  join(channel: string): boolean {
    return this.#call(() => this.#engine.native.join(this.#handle, channel))
  }

  /** Leaves a channel; false when it was not in it. */
  leave(channel: string): boolean {
    return !this.#ended && this.#call(() => this.#engine.native.leave(this.#handle, channel))
  }

  /** The channels it is in, in the order of their names. */
  get channels(): string[] {
    return this.#ended ? [] : this.#call(() => this.#engine.native.channels(this.#handle))
  }

  /**
   * The messages that are within policy, parsed; ends when the connection does.
   *
   * What the policy refuses never comes here: no duplicate keys, no `__proto__`, nothing the schema forbids. Who
   * does not keep up makes the peer wait.
   *
   * What came before this is called, and had no listener either, comes first. Of that 64 messages are kept: call it
   * before you wait for anything long, or the connection closes with `overloaded` here.
   *
   * @param socket The connection's socket, where the adapter gives one: it must be this session's.
   * @param options `signal` ends the iteration.
   */
  messages(socket?: object, options: { signal?: AbortSignal } = {}): AsyncIterableIterator<Message> & AsyncDisposable {
    if (socket !== undefined && socket !== this.#transport && socket !== this.#socket) throw misuse('this is not the socket of the session')
    if (this.#feed) throw misuse('the messages of a session can be taken once at a time')
    const feed = new Feed<Message>({
      ended: () => { if (this.#feed === (feed as Feed<unknown>)) this.#feed = undefined },
      pause: () => {
        if (!this.#transport?.pause) return false
        this.#transport.pause()
        return true
      },
      overrun: () => this.close('overloaded'),
      resume: () => this.#transport?.resume?.(),
    }, options.signal)
    this.#feed = feed as Feed<unknown>
    const early = this.#early
    this.#early = undefined
    // A stream with a hole in it would be worse than none.
    if (early === null) this.close('overloaded')
    else early?.forEach((message) => feed.push(message as Message))
    if (this.#ended || this.#closed) feed.end()
    return feed
  }

  /** Ends it without a word to the peer, and gives everything back. Adapters call it when the socket is gone. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#done?.resolve()
    this.#engine.forget(this.#handle)
    this.#feed?.end()
    this.#gone?.abort()
    if (this.#engine.disposed) return
    const event = this.#engine.native.remove(this.#handle) ?? undefined
    this.#closed ??= { code: 1006, reason: event?.reason ?? 'connection_lost' }
    this.#engine.record(this, event)
  }

  /** Cuts the connection and gives everything back. */
  [Symbol.dispose](): void {
    const transport = this.#transport
    this.end()
    transport?.terminate()
  }

  /**
   * Says in words why a message is refused; undefined if its content is not the reason. It is judged again: nothing is
   * charged for that, and it costs more than the verdict. The words hold nothing of the message.
   */
  explain(payload: Uint8Array | string, opcode: number = Opcode.text): Explanation | undefined {
    return this.#call(() => this.#engine.native.explain(this.#handle, opcode, bytesOf(payload))) ?? undefined
  }

  /** For adapters: says which connection it is, before anything is received. */
  attach(transport: Transport, socket?: object): void {
    if (this.#transport) throw misuse('the session has its connection already')
    this.#transport = transport
    this.#socket = socket
    if (this.#ended) transport.terminate()
    else this.#engine.record(this, this.#engine.native.opened(this.#handle) ?? undefined)
  }

  /**
   * For adapters: judges a frame, does what the verdict says, and answers whether to hand the message to the
   * application. A close frame's payload begins with its code (RFC 6455 section 5.5.1).
   */
  receive(opcode: number, payload: Uint8Array | string): boolean {
    if (this.#feed && opcode === Opcode.text) return this.#receiveText(this.#feed, payload)
    const number = this.#engine.receive(this.#handle, opcode, payload)
    return (number & (0xff | EVENT)) === DELIVER || this.#judged(number, payload)
  }

  /** For adapters: a text message was delivered, and nobody listened. It is kept for {@link messages}. */
  unheard(payload: Uint8Array | string): void {
    if (this.#feed || this.#early === null || this.#ended) return
    this.#early ??= []
    if (this.#early.length < EARLY) this.#early.push(JSON.parse(typeof payload === 'string' ? payload : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString()))
    else this.#early = null
  }

  /** For adapters: the application sends a close frame with a code of its own. */
  closing(code: number, reason: string): void {
    if (this.#ended || this.#closed || this.#engine.disposed) return
    this.#closed = { code, reason }
    this.#feed?.end()
    const outcome = this.#call(() => this.#engine.native.close(this.#handle, BY_HOST))
    this.#engine.record(this, outcome?.event)
    this.#engine.arm()
  }

  /**
   * For adapters: asks before bytes are sent. Past the policy's hard mark the connection closes, and they are not.
   *
   * @param waiting How many bytes wait to be sent already.
   * @param more How many these are.
   */
  sending(waiting: number, more: number): boolean {
    if (this.#ended || this.#engine.disposed) return false
    const sent = Math.max(0, this.#waiting - waiting)
    this.#waiting += more - sent
    if (this.#engine.sending(this.#handle, sent, more) > 0) return true
    this.#act(this.#call(() => this.#engine.native.pressed()))
    return false
  }

  /** @internal What time has brought. */
  due(action: number, reason: number, code: number, payload: Uint8Array): void {
    switch (action) {
      case 1:
        this.#transport?.ping(payload)
        break
      case 2:
        this.#close(code, reasonOf(reason)?.name ?? 'internal')
        break
      case 3:
        this.#ask({ identity: this.#about.identity ?? {} }, (answer) => this.#engine.native.revalidated(this.#handle, answer))
        break
      case 5:
        this.#transport?.terminate()
        this.end()
        break
    }
  }

  /** In place of {@link receive} while somebody takes the messages: the text is made natively, for `JSON.parse`. */
  #receiveText(feed: Feed<unknown>, payload: Uint8Array | string): boolean {
    const answer = this.#engine.receiveText(this.#handle, Opcode.text, payload)
    if (typeof answer !== 'string') return this.#judged(answer, payload)
    feed.push(JSON.parse(answer))
    return true
  }

  /** Everything but a plain delivery. Whether to deliver. */
  #judged(number: number, payload: Uint8Array | string): boolean {
    const kind = number & 0xff
    switch (kind) {
      case PONG:
        this.#transport?.pong(bytesOf(payload))
        break
      case AUTHENTICATE:
        this.#act(this.#engine.native.authenticate(this.#handle, bytesOf(payload)))
        break
      case NONE:
        // The connection is not known any more, or the guard has ended: fail closed.
        this.#close(1011, 'internal')
        this.#transport?.terminate()
        this.end()
        break
      case DROP:
        // A flood that is dropped must stay cheap: there is nothing to do but, once a second, to record it.
        if (number & EVENT) this.#act(this.#engine.native.last())
        break
      default:
        this.#act(this.#engine.native.last())
    }
    return kind === DELIVER
  }

  /** Does what an outcome says. */
  #act(outcome: NativeOutcome | null | undefined): void {
    if (!outcome) return
    if (outcome.need) {
      this.#ask(outcome.need, (answer) => this.#engine.native.authenticated(this.#handle, answer))
      return
    }
    if (outcome.reply !== undefined && outcome.reply !== null) this.#transport?.send(outcome.reply)
    if (outcome.close !== undefined && outcome.close !== null) this.#close(outcome.close, outcome.reason ?? '')
    if (outcome.event) {
      this.#about = this.#read()
      this.#engine.record(this, outcome.event)
    }
    this.#engine.arm()
  }

  #ask(need: Parameters<Engine['ask']>[0], answer: (answer: Awaited<ReturnType<Engine['ask']>>) => NativeOutcome | null | undefined): void {
    this.#gone ??= new AbortController()
    void this.#engine.ask(need, this.#gone.signal).then((found) => {
      if (this.#ended || this.#engine.disposed) return
      this.#act(this.#engine.answered(found, answer))
    })
  }

  #close(code: number, reason: string): void {
    if (this.#closed) return
    this.#closed = { code, reason }
    this.#feed?.end()
    this.#transport?.close(code, reason)
  }

  #read(): NativeSession {
    // Some hosts end the connection within the call that closes it.
    if (this.#ended) return this.#about
    return this.#call(() => this.#engine.native.session(this.#handle)) ?? this.#about
  }

  #call<T>(work: () => T): T {
    if (this.#ended) throw new WswardenError('the session has ended', { code: codeOf('ended'), reason: this.#closed?.reason, closeCode: this.#closed?.code })
    return call(work)
  }
}

function bytesOf(payload: Uint8Array | string): Uint8Array {
  return typeof payload === 'string' ? Buffer.from(payload) : payload
}
