// What the adapters over Node's own HTTP server share.

import { STATUS_CODES, type IncomingMessage, type Server } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

import { WswardenError, type HttpAnswer } from './errors.js'
import type { UpgradeRequest } from './types.js'

/** So long, in milliseconds, a refused peer may take to read why: a socket that is closed with bytes unread resets. */
const LINGER = 1000

/** The request as the guard wants it. */
export function upgradeRequest(request: IncomingMessage): UpgradeRequest {
  const socket = request.socket as Socket & { encrypted?: boolean }
  return {
    method: request.method ?? '',
    target: request.url ?? '',
    // What Node's parser has read is HTTP/1, whatever version the line claims.
    version: request.httpVersion === '1.1' ? '1.1' : '1.0',
    headers: request.rawHeaders,
    peer: peerOf(socket),
    tls: socket.encrypted === true,
  }
}

/**
 * The other end's address. A socket without one is local only if its server listens on a path: a connection that
 * was cut has none either, and must not pass for a local one.
 */
function peerOf(socket: Socket & { server?: unknown }): string {
  if (socket.remoteAddress !== undefined) return socket.remoteAddress
  const server = socket.server
  return !socket.destroyed && server instanceof NetServer && typeof server.address() === 'string' ? 'unix' : ''
}

/** Says no in HTTP, and sees to it that the peer can read it. */
export function refuse(socket: Duplex, answer: HttpAnswer): void {
  if (!socket.writable) return void socket.destroy()
  const head = [`HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ''}`, ...answer.headers.map((field) => field.join(': '))]
  socket.end(`${head.join('\r\n')}\r\n\r\n${answer.body}`)
  socket.resume()
  setTimeout(() => socket.destroy(), LINGER).unref()
}

/** The answer to an error: that of a refusal, and 500 to any other. */
export function answerTo(error: unknown): HttpAnswer {
  const answer = error instanceof WswardenError ? error.answer : undefined
  return answer ?? { status: 500, headers: [['content-length', '0'], ['connection', 'close']], body: '' }
}

/**
 * Aborts when the peer leaves. The socket's errors must not end the process, neither now nor while a framework goes on
 * with the request: a listener for them stays.
 */
export function gone(socket: Duplex): { signal: AbortSignal; release(): void } {
  const controller = new AbortController()
  const leave = (): void => controller.abort()
  if (!socket.listeners('error').includes(ignored)) socket.on('error', ignored)
  socket.on('close', leave)
  socket.on('end', leave)
  return {
    signal: controller.signal,
    release() {
      socket.off('close', leave)
      socket.off('end', leave)
    },
  }
}

/** A 'close' follows every 'error'. */
function ignored(): void {}

const bounded = new WeakSet<Server>()

/** Over TLS the request comes on another socket object than the connection did, which is below it. */
interface Under {
  _parent?: Socket
}

/**
 * Bounds how many sockets of an address wait without a request, and how long a client may take for its first request
 * head, the TLS handshake included: Node looks at `headersTimeout` every 30 seconds only.
 */
export function boundHeads(server: Server, guard: { limits(): { readonly headTimeoutMs: number }; knock(peer: string): (() => void) | null }): void {
  if (bounded.has(server)) return
  bounded.add(server)
  // By the socket itself: on a path of the file system no socket has an address to tell it by.
  const waiting = new WeakMap<Socket, () => void>()
  const arrived = (request: IncomingMessage): void => {
    const socket = request.socket as Socket & Under
    waiting.get(socket._parent ?? socket)?.()
  }
  server.on('connection', (socket: Socket) => {
    const knocked = admits(guard, socket)
    if (!knocked) return void socket.destroy()
    const timer = setTimeout(() => socket.destroy(), guard.limits().headTimeoutMs)
    timer.unref()
    const done = (): void => {
      clearTimeout(timer)
      knocked()
      waiting.delete(socket)
      socket.off('close', done)
    }
    waiting.set(socket, done)
    socket.on('close', done)
  })
  server.prependListener('request', arrived)
  server.prependListener('upgrade', arrived)
}

/** Whether a new socket may stay; never when that cannot be told. */
function admits(guard: { knock(peer: string): (() => void) | null }, socket: Socket): (() => void) | null {
  try {
    return guard.knock(peerOf(socket))
  } catch {
    return null
  }
}
