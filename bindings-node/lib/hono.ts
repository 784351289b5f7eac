/**
 * wswarden in Hono, on Node (`@hono/node-server`).
 *
 * ```ts
 * app.get('/chat', guarded(guard), upgradeWebSocket((c) => ({
 *   onMessage: (event, ws) => ws.send(`${sessionOf(c)?.subject}: ${event.data}`),
 * })))
 * serve({ fetch: app.fetch, websocket: { server: new WebSocketServer({ noServer: true }) } })
 * ```
 *
 * @module
 */

import type { Context, MiddlewareHandler } from 'hono'
import type { IncomingMessage } from 'node:http'
import type { WebSocketServer } from 'ws'

import { misuse } from './errors.js'
import { SOCKET, type Guard, type Host } from './guard.js'
import { answerTo, gone, upgradeRequest } from './node-http.js'
import type { Session } from './session.js'
import { equip } from './ws.js'

/** What `@hono/node-server` can do: everything, since `ws` is below it. Its refusals have no body. */
export const HOST: Host = SOCKET

const SESSION = 'wswarden:session'

/** The session of a request that was let in. */
export function sessionOf<Message = unknown>(context: Context): Session<Message> | undefined {
  return context.get(SESSION) as Session<Message> | undefined
}

type Admit<Message> = ReturnType<typeof equip<Message>>

/**
 * The middleware before `upgradeWebSocket`. From its first request on, the `WebSocketServer` takes no connection that a
 * guard has not let in: routes without this middleware are cut.
 */
export function guarded<Message>(guard: Guard<Message>): MiddlewareHandler {
  guard.require(HOST, 'wswarden/hono')
  return async (context, next) => {
    const { incoming, wss } = context.env as { incoming?: IncomingMessage; wss?: WebSocketServer }
    // An ordinary request to the route is none of ours; `upgradeWebSocket` lets it pass as well.
    if (context.req.header('upgrade')?.toLowerCase() !== 'websocket') return next()
    if (!incoming || !wss) throw misuse('wswarden/hono wants @hono/node-server with { websocket: { server } }; for other runtimes there is wswarden/fetch')
    const admit = admitting(wss, guard)
    const peer = gone(incoming.socket)
    try {
      const session = await guard.upgrade(upgradeRequest(incoming), { signal: peer.signal })
      context.set(SESSION, session)
      admit(incoming, session)
    } catch (error) {
      const { status, headers, body } = answerTo(error)
      return new Response(body, { status, headers: headers.map(([name, value]) => [name, value] as [string, string]) })
    } finally {
      peer.release()
    }
    return next()
  }
}

const known = new WeakMap<WebSocketServer, { guard: unknown; admit: Admit<never> }>()

function admitting<Message>(wss: WebSocketServer, guard: Guard<Message>): Admit<Message> {
  const before = known.get(wss)
  if (before && before.guard !== guard) throw misuse('one WebSocketServer has one guard; its policy may have a route for each path')
  const admit = (before?.admit as Admit<Message> | undefined) ?? equip(wss, guard)
  known.set(wss, { guard, admit: admit as Admit<never> })
  return admit
}
