/**
 * wswarden in Fastify, with `@fastify/websocket`.
 *
 * ```ts
 * await app.register(websocket)
 * await app.register(guarded, { guard })
 * app.get('/chat', { websocket: true }, (socket, request) => {
 *   socket.on('message', (data) => socket.send(`${sessionOf(request)?.subject}: ${data}`))
 * })
 * ```
 *
 * @module
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import type { WebSocketServer } from 'ws'

import { misuse } from './errors.js'
import { SOCKET, type Guard, type Host } from './guard.js'
import { answerTo, boundHeads, gone, upgradeRequest } from './node-http.js'
import type { Session } from './session.js'
import { equip } from './ws.js'

/** What `@fastify/websocket` can do: everything, since `ws` is below it. */
export const HOST: Host = SOCKET

const sessions = new WeakMap<IncomingMessage, Session<unknown>>()

/** The session of a request that was let in; undefined for one that is no upgrade. */
export function sessionOf<Message = unknown>(request: FastifyRequest): Session<Message> | undefined {
  return sessions.get(request.raw) as Session<Message> | undefined
}

/**
 * The plugin: register it after `@fastify/websocket` and before your routes. Every upgrade is judged in an `onRequest`
 * hook, every message before your listeners.
 */
export async function guarded<Message>(app: FastifyInstance, options: { guard: Guard<Message> }): Promise<void> {
  const { guard } = options
  guard.require(HOST, 'wswarden/fastify')
  const { websocketServer } = app as unknown as { websocketServer?: WebSocketServer }
  if (!websocketServer) throw misuse('register @fastify/websocket first')
  const admit = equip(websocketServer, guard)
  boundHeads(app.server, guard)
  app.addHook('onRequest', async (request: FastifyRequest & { ws?: boolean }, reply: FastifyReply) => {
    if (!request.ws) return
    const peer = gone(request.raw.socket)
    try {
      const session = await guard.upgrade(upgradeRequest(request.raw), { signal: peer.signal })
      sessions.set(request.raw, session)
      admit(request.raw, session)
    } catch (error) {
      const { status, headers, body } = answerTo(error)
      return reply.code(status).headers(Object.fromEntries(headers)).send(body)
    } finally {
      peer.release()
    }
  })
}

// The hook must see the routes of the whole application, not of this plugin alone (what fastify-plugin does).
Object.assign(guarded, { [Symbol.for('skip-override')]: true, [Symbol.for('fastify.display-name')]: 'wswarden' })
