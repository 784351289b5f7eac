/**
 * wswarden before the WebSocket server of `ws`.
 *
 * ```ts
 * const server = createServer(tls)
 * const wss = protect(new WebSocketServer({ noServer: true }), guard, { server })
 * wss.on('connection', async (ws, request, session) => {
 *   for await (const message of session.messages(ws)) ws.send(`${session.subject}: ${message.text}`)
 * })
 * ```
 *
 * @module
 */

import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import type { WebSocket, WebSocketServer } from 'ws'

import { WswardenError, misuse } from './errors.js'
import { SOCKET, type Guard, type Host } from './guard.js'
import { answerTo, boundHeads, gone, refuse, upgradeRequest } from './node-http.js'
import { Opcode, type Session } from './session.js'

/** What `ws` can do: everything. */
export const HOST: Host = SOCKET

/** Where upgrade requests come from. */
export interface ProtectOptions {
  /** The HTTP server: its upgrade requests are judged, and the time for their heads is bounded. */
  server?: Server
  /** Which upgrade requests are ours; default: all. Others are left to your other listeners. */
  when?: (request: IncomingMessage) => boolean
}

/** A `WebSocketServer` of `ws`, as far as it matters: its declarations differ between ES modules and CommonJS. */
export interface AnyServer {
  options: { noServer?: boolean | undefined }
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, callback: (client: any, request: any) => void): void
}

/** A `WebSocketServer` whose connections come with their session. */
export type Protected<Server extends AnyServer, Message> = Omit<Server, 'on' | 'once'> & {
  on: Listen<Server, Message>
  once: Listen<Server, Message>
  /** Judges an upgrade request that came from elsewhere, and completes or refuses it. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>
}

interface Listen<Server extends AnyServer, Message> {
  (event: 'connection', listener: (socket: WebSocket, request: IncomingMessage, session: Session<Message>) => void): Protected<Server, Message>
  (event: 'close' | 'listening', listener: () => void): Protected<Server, Message>
  (event: 'error', listener: (error: Error) => void): Protected<Server, Message>
  (event: 'headers', listener: (headers: string[], request: IncomingMessage) => void): Protected<Server, Message>
}

/**
 * Puts a guard before a `WebSocketServer`: upgrades are judged before the 101 and refused in HTTP; messages are
 * judged before any listener sees them; heartbeats, limits and closes are the policy's.
 *
 * @param wss Made with `noServer: true`, without `verifyClient` and `handleProtocols`.
 */
export function protect<Server extends AnyServer, Message>(wss: Server, guard: Guard<Message>, options: ProtectOptions = {}): Protected<Server, Message> {
  const { server, when = everything } = options
  guard.require(HOST, 'wswarden/ws')
  if (!wss.options.noServer) throw misuse('protect() wants new WebSocketServer({ noServer: true }): else upgrades would pass it by')
  const library = wss as unknown as WebSocketServer
  const admit = equip(library, guard)
  if (server) share(server, when)

  const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    // Before anything is awaited: an error without a listener would end the process.
    const peer = gone(socket)
    let session: Session<Message>
    try {
      session = await guard.upgrade(upgradeRequest(request), { signal: peer.signal })
    } catch (error) {
      return refuse(socket, answerTo(error))
    }
    if (socket.destroyed) return session.end()
    admit(request, session)
    library.handleUpgrade(request, socket, head, (ws) => library.emit('connection', ws, request, session))
    peer.release()
  }
  if (server) {
    boundHeads(server, guard)
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (claimed.has(request) || !when(request)) return
      claimed.add(request)
      void upgrade(request, socket, head)
    })
    // Node cuts these without a word; the guard says why not.
    if (server.listenerCount('connect') === 0) server.on('connect', (request: IncomingMessage, socket: Duplex, head: Buffer) => void upgrade(request, socket, head))
  }
  return Object.assign(wss, { upgrade }) as unknown as Protected<Server, Message>
}

/** Whose upgrade requests are taken, by server: all of them, or some. */
const shares = new WeakMap<Server, 'all' | 'some'>()
/** The upgrade requests that a guard has taken: two that both want one would answer it twice. */
const claimed = new WeakSet<IncomingMessage>()

function everything(): boolean {
  return true
}

/** Two guards that judge every request of a server would each answer it, and the second ends the process. */
function share(server: Server, when: (request: IncomingMessage) => boolean): void {
  const before = shares.get(server)
  const asked = when === everything ? 'all' : 'some'
  if (before === 'all' || (before && asked === 'all')) {
    throw misuse('this server is protected already: where two guards share one, each says with `when` which requests are its own')
  }
  shares.set(server, asked)
}

const SESSION = Symbol('session')
const equipped = new WeakSet<WebSocketServer>()

type Socket = WebSocket & { [SESSION]?: Session }

/**
 * For adapters over `ws`: sets its options from the policy, and has every connection judged. The answer takes the
 * session of an upgrade request, before `handleUpgrade`; a request without one is cut.
 */
export function equip<Message>(wss: WebSocketServer, guard: Guard<Message>): (request: IncomingMessage, session: Session<Message>) => void {
  const options = wss.options
  if (equipped.has(wss)) throw misuse('this server is protected already')
  if (options.verifyClient) throw misuse('verifyClient is what the policy does: take it out')
  if (options.handleProtocols) throw misuse('which subprotocol is spoken says the policy, `subprotocols`: take handleProtocols out')
  equipped.add(wss)
  const admitted = new WeakMap<IncomingMessage, Session<Message>>()
  Object.assign(options, {
    WebSocket: guardedClass(options.WebSocket as unknown as typeof WebSocket),
    // The guard meters pings and answers them; what is compressed it could not bound.
    autoPong: false,
    skipUTF8Validation: false,
    perMessageDeflate: false,
    handleProtocols: (_offered: Set<string>, request: IncomingMessage) => admitted.get(request)?.subprotocol ?? false,
  })
  // `ws` reads these right after this event: a route's limits hold for its connections.
  wss.on('headers', (_headers, request) => {
    const { maxBytes, maxFragments } = guard.limits(admitted.get(request)?.peer.path)
    Object.assign(options, { maxPayload: maxBytes, maxFragments })
  })
  wss.prependListener('connection', (ws: Socket, request: IncomingMessage) => {
    const session = admitted.get(request)
    if (session) request.socket.off('close', lost.get(session)!)
    if (session && admitted.delete(request)) bind(ws, session)
    else ws.terminate()
  })
  const lost = new WeakMap<Session<Message>, () => void>()
  return (request, session) => {
    // Whoever is not upgraded after all gives everything back.
    const leave = (): void => session.end()
    lost.set(session, leave)
    admitted.set(request, session)
    request.socket.once('close', leave)
  }
}

const bases = new WeakMap<WebSocket, typeof WebSocket.prototype>()

function bind(ws: Socket, session: Session): void {
  const base = bases.get(ws)!
  ws[SESSION] = session
  // A connection without an 'error' listener would end the process.
  ws.on('error', (error: Error & { code?: string }) => session.close(reasonFor(error)))
  ws.on('close', (code) => {
    // 1006: no close frame has come (RFC 6455 section 7.1.5).
    if (code !== 1006) session.receive(Opcode.close, code === 1005 ? new Uint8Array() : Uint8Array.of(code >> 8, code & 0xff))
    session.end()
  })
  session.attach({
    send: (text) => base.send.call(ws, text, {}),
    ping: (payload) => base.ping.call(ws, payload),
    pong: (payload) => base.pong.call(ws, payload),
    close: (code, reason) => base.close.call(ws, code || undefined, reason),
    terminate: () => ws.terminate(),
    pause: () => ws.pause(),
    resume: () => ws.resume(),
  }, ws)
}

/** What the library's own errors are in the table of reasons. */
function reasonFor(error: { code?: string }): string {
  switch (error.code) {
    case 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH':
    case 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH':
      return 'message_too_big'
    case 'WS_ERR_TOO_MANY_BUFFERED_PARTS':
      return 'too_many_fragments'
    case 'WS_ERR_INVALID_UTF8':
      return 'invalid_utf8'
    default:
      return error.code?.startsWith('WS_ERR_') ? 'protocol_error' : 'connection_lost'
  }
}

/** What `ws` knows of itself. Should these names change, peers are closed all the same, with the library's codes. */
interface Inside {
  _receiver?: { errored: (Error & { code?: string }) | null }
  _closeFrameReceived?: boolean
}

/** `ws` lets its class be replaced: by one that emits no message that was not judged. */
function guardedClass(Base: typeof WebSocket): typeof WebSocket {
  const base = Base.prototype
  class Guarded extends Base {
    [SESSION]?: Session

    constructor(...given: ConstructorParameters<typeof WebSocket>) {
      super(...given)
      bases.set(this, base)
    }

    override emit(event: string | symbol, ...given: unknown[]): boolean {
      switch (event) {
        case 'message':
          if (!this[SESSION]?.receive(given[1] ? Opcode.binary : Opcode.text, bytes(given[0]))) return false
          break
        case 'ping':
          this[SESSION]?.receive(Opcode.ping, given[0] as Buffer)
          break
        case 'pong':
          this[SESSION]?.receive(Opcode.pong, given[0] as Buffer)
          break
      }
      const heard = base.emit.call(this, event, ...given)
      if (!heard && event === 'message' && !given[1]) this[SESSION]?.unheard(bytes(given[0]))
      return heard
    }

    override send(data: Parameters<WebSocket['send']>[0], options?: unknown, callback?: unknown): void {
      const session = this[SESSION]
      // What else there is, the library takes or throws for: nothing is sent for undefined, a number as its digits.
      const size = typeof data === 'string' ? Buffer.byteLength(data) : ((data as Buffer | undefined)?.byteLength ?? (data as Blob | undefined)?.size ?? 0)
      if (session && !session.sending(this.bufferedAmount, size)) {
        const done = typeof options === 'function' ? options : callback
        if (typeof done === 'function') done(new WswardenError('the connection is closing', { code: 'WSW_CLOSED', reason: session.closed?.reason, closeCode: session.closed?.code }))
        return
      }
      base.send.call(this, data, options as object, callback as (error?: Error) => void)
    }

    /** The application's close; and the library's own, in answer to the peer's or to an error of its receiver. */
    override close(code?: number, reason?: string | Buffer): void {
      const session = this[SESSION]
      const { _receiver: receiver, _closeFrameReceived: answered } = this as unknown as Inside
      if (session && receiver?.errored) session.close(reasonFor(receiver.errored))
      else if (!answered) session?.closing(code ?? 1005, String(reason ?? ''))
      base.close.call(this, code, reason)
    }
  }
  // The constructor has overloads, which a class cannot show to be the same.
  return Guarded as unknown as typeof WebSocket
}

/** The message's bytes, whatever `binaryType` says. */
function bytes(data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data
  if (data instanceof ArrayBuffer) return new Uint8Array(data)
  return Buffer.concat(data as Buffer[])
}
