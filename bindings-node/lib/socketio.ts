/**
 * wswarden before Socket.IO: its handshakes, over WebSocket and over long polling, and its events.
 *
 * An event is judged as the array that it is, `["chat", { "text": "hi" }]`: so the policy says
 * `message: { discriminator: 0, types: { chat: { schema: { type: 'array', ... } } } }`.
 *
 * ```ts
 * const guard = createGuard({ ...policy, host: HOST, waive: ['control_frames', 'fragments'] })
 * protect(io, guard)
 * io.on('connection', (socket) => socket.on('chat', ({ text }) => socket.emit('chat', sessionOf(socket)?.subject, text)))
 * ```
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Namespace, Server, Socket } from 'socket.io'

import { misuse } from './errors.js'
import { eventFrame } from './event-frame.js'
import type { Guard, Host } from './guard.js'
import { answerTo, gone, refuse, upgradeRequest } from './node-http.js'
import { Opcode, type Session } from './session.js'
import type { UpgradeRequest } from './types.js'

/** Engine.IO beats by itself (no second heartbeat is added), and shows neither control frames nor fragments. */
export const HOST: Host = ['pings', 'repeated_headers', 'http_refusal']

/** The event that tells a client why: an error reply, or `{ type: 'close', code, reason }` before the end. */
export const NOTICE = 'wswarden'

/** A client that is gone from Engine.IO's side. */
interface Connection {
  readonly request: IncomingMessage
  readonly readyState: string
  close(discard?: boolean): void
  on(event: 'close', listener: () => void): void
}

/** What Socket.IO makes of a packet: an event's parts, and what is called for each. */
interface Inside {
  onevent(packet: { data?: unknown[] }): void
}

const sessions = new WeakMap<object, Session<unknown>>()
/** The sockets of a connection, one in each of its namespaces. */
const spoken = new WeakMap<object, Set<Socket>>()
const attached = new WeakSet<Session<unknown>>()

/** How long, in milliseconds, Engine.IO may take to connect whom it was told to. */
const CONNECTED_WITHIN = 1000

/** The session of a connection. */
export function sessionOf<Message = unknown>(socket: Socket): Session<Message> | undefined {
  return sessions.get(socket.conn) as Session<Message> | undefined
}

/** Puts a guard before a Socket.IO server, all its namespaces and both its transports. Call it before clients come. */
export function protect<Message, IO extends Server>(io: IO, guard: Guard<Message>): IO {
  guard.require(HOST, 'wswarden/socketio')
  const { opts, ws } = io.engine as unknown as { opts: Record<string, unknown>; ws?: { options: object } }
  if (opts.allowRequest) throw misuse('allowRequest is what the policy does: take it out')
  const { maxBytes, maxFragments, heartbeatIntervalMs, heartbeatTimeoutMs } = guard.limits()
  Object.assign(opts, {
    maxHttpBufferSize: maxBytes,
    pingInterval: heartbeatIntervalMs,
    pingTimeout: heartbeatTimeoutMs,
    perMessageDeflate: false,
    allowRequest: (request: IncomingMessage & { res?: ServerResponse }, allow: (error: null, ok: boolean) => void) => {
      void judge(request, guard).then((session) => session && allow(null, true))
    },
  })
  if (ws) Object.assign(ws.options, { maxPayload: maxBytes, maxFragments })
  io.engine.on('connection', (connection: Connection) => {
    const session = sessions.get(connection.request)
    if (!session) return connection.close(true)
    sessions.set(connection, session)
    attached.add(session)
    connection.on('close', () => session.end())
    const say = (notice: unknown): void => {
      for (const socket of spoken.get(connection) ?? []) socket.emit(NOTICE, notice)
    }
    session.attach({
      send: (text) => say(JSON.parse(text)),
      // Engine.IO asks the client itself, and ends the connection of one that does not answer.
      ping: (payload) => void (connection.readyState === 'open' && session.receive(Opcode.pong, payload)),
      pong: () => {},
      close: (code, reason) => {
        say({ type: 'close', code, reason })
        connection.close()
      },
      terminate: () => connection.close(true),
    }, connection)
  })
  const guardNamespace = (namespace: Namespace): void => {
    // Not a middleware: connections whose state is recovered skip those, and `onAny` runs ahead of them.
    namespace.prependListener('connect', (socket) => guardSocket(socket, guard))
  }
  for (const namespace of io._nsps.values()) guardNamespace(namespace)
  io.on('new_namespace', guardNamespace)
  return io
}

/** Has every event of a socket judged before anything of the application sees it. */
function guardSocket<Message>(socket: Socket, guard: Guard<Message>): void {
  const session = sessions.get(socket.conn)
  const inside = socket as unknown as Inside
  const take = inside.onevent
  if (!session || typeof take !== 'function') {
    inside.onevent = () => {}
    return void socket.disconnect(true)
  }
  const sockets = spoken.get(socket.conn) ?? new Set()
  spoken.set(socket.conn, sockets.add(socket))
  socket.on('disconnect', () => sockets.delete(socket))
  const most = (): number => guard.limits(session.peer.path).maxBytes
  inside.onevent = (packet) => {
    // What is refused is not passed on; the client is told by the policy's `onInvalid`.
    if (session.receive(...eventFrame(packet.data ?? [], most))) take.call(socket, packet)
  }
}

/** Judges a handshake; a refusal is answered here, with the status and headers it should have. */
async function judge<Message>(request: IncomingMessage & { res?: ServerResponse }, guard: Guard<Message>): Promise<Session<Message> | undefined> {
  const peer = gone(request.socket)
  try {
    const session = await guard.upgrade(asUpgrade(request), { signal: peer.signal })
    sessions.set(request, session)
    // Engine.IO connects it at once; should it not, the session must not stay.
    setTimeout(() => attached.has(session) || session.end(), CONNECTED_WITHIN).unref()
    return session
  } catch (error) {
    const answer = answerTo(error)
    const { res } = request
    if (res && 'writeHead' in res) res.writeHead(answer.status, answer.headers.flat() as string[]).end(answer.body)
    else refuse(request.socket, answer)
    return undefined
  } finally {
    peer.release()
  }
}

/** A poll asks for a connection without an upgrade: it is judged as if it asked for one. */
function asUpgrade(request: IncomingMessage): UpgradeRequest {
  const asked = upgradeRequest(request)
  if (request.headers.upgrade !== undefined) return asked
  const own = new Set(['connection', 'upgrade', 'sec-websocket-version', 'sec-websocket-key'])
  const headers = asked.headers.flatMap((name, at) => (at % 2 === 0 && !own.has(name.toLowerCase()) ? [name, asked.headers[at + 1]!] : []))
  headers.push('connection', 'Upgrade', 'upgrade', 'websocket', 'sec-websocket-version', '13', 'sec-websocket-key', 'AAAAAAAAAAAAAAAAAAAAAA==')
  return { ...asked, headers }
}
