/**
 * wswarden where upgrades are `Request`s: crossws, and through it Bun, Deno, Nitro and h3.
 *
 * ```ts
 * const guard = createGuard({ ...policy, host: HOST, waive: WAIVE, heartbeat: { mode: 'message' } })
 * const ws = crossws({ hooks: guardHooks(guard, {
 *   message(peer, message) { peer.send(`${sessionOf(peer)?.subject}: ${message.text()}`) },
 * }, { address: (request) => server.requestIP(request).address, tls: true }) })
 * ```
 *
 * @module
 */

import type { Hooks, Message as CrosswsMessage, Peer } from 'crossws'

import type { Gap, Guard, Host } from './guard.js'
import { answerTo } from './node-http.js'
import { Opcode, type Session } from './session.js'
import type { UpgradeRequest } from './types.js'

/**
 * What every host of `fetch` can do: refuse in HTTP. There are no pings, so the policy beats by message; control frames
 * are not shown; `Headers` hides which of them were repeated.
 */
export const HOST: Host = ['http_refusal']

/** What therefore has to be waived, and bounded by the runtime (`maxPayload`, `idleTimeout`). */
export const WAIVE: readonly Gap[] = ['control_frames', 'repeated_headers', 'fragments']

/** What a `Request` does not say. */
export interface ConnectionFacts {
  /** The client's IP address: `server.requestIP(request)` of Bun, `info.remoteAddr` of Deno. */
  address: (request: Request) => string
  /** Whether the connection to this process is encrypted. Default: what the request's URL says. */
  tls?: boolean | ((request: Request) => boolean)
}

/** Where a session stands in a peer's context. */
const SESSION = Symbol('wswarden.session')

/** The session of a peer. */
export function sessionOf<Message = unknown>(peer: Peer): Session<Message> | undefined {
  return (peer.context as Record<symbol, unknown>)[SESSION] as Session<Message> | undefined
}

/** The request as the guard wants it. */
export function fromRequest(request: Request, facts: ConnectionFacts): UpgradeRequest {
  const { pathname, search, protocol } = new URL(request.url)
  const { tls = protocol === 'https:' || protocol === 'wss:' } = facts
  return {
    method: request.method,
    target: pathname + search,
    version: '1.1',
    headers: [...request.headers].flat(),
    peer: facts.address(request),
    tls: typeof tls === 'function' ? tls(request) : tls,
  }
}

/**
 * The hooks of crossws, behind a guard: `upgrade` refuses in HTTP, `message` sees only what is within policy. Your own
 * `upgrade` runs after the guard's.
 */
export function guardHooks<Message>(guard: Guard<Message>, hooks: Partial<Hooks>, facts: ConnectionFacts): Hooks {
  guard.require(HOST, 'wswarden/fetch')
  const guarded: Partial<Hooks> = {
    ...hooks,
    async upgrade(request) {
      let session: Session<Message>
      try {
        // Who leaves while the credential is judged gives the place back at once.
        session = await guard.upgrade(fromRequest(request, facts), { signal: request.signal })
      } catch (error) {
        const { status, headers, body } = answerTo(error)
        // This is how crossws is told no.
        throw new Response(body, { status, headers: headers.map(([name, value]) => [name, value] as [string, string]) })
      }
      // Whom the runtime never opens gives the place back.
      const unopened = setTimeout(() => session.end(), OPENED_WITHIN)
      // Deno's own timers are numbers, and end with the process.
      unopened.unref?.()
      pending.set(session, unopened)
      const own = await refusable(() => hooks.upgrade?.(request), session)
      if (own instanceof Response) {
        session.end()
        return own
      }
      const context: Record<string | symbol, unknown> = { ...own?.context, [SESSION]: session }
      const { subprotocol } = session
      return { ...own, context, ...(subprotocol !== undefined && { headers: { ...Object.fromEntries(new Headers(own?.headers)), 'sec-websocket-protocol': subprotocol } }) }
    },
    open(peer) {
      const session = sessionOf(peer)
      if (!session) return cut(peer)
      clearTimeout(pending.get(session))
      pending.delete(session)
      session.attach({
        send: (text) => void peer.send(text),
        // Not asked for: the policy beats by message.
        ping: () => {},
        pong: () => {},
        close: (code, reason) => peer.close(code || undefined, reason),
        terminate: () => cut(peer),
      }, peer)
      return hooks.open?.(peer)
    },
    message(peer, message) {
      const session = sessionOf(peer)
      if (!session) return cut(peer)
      const [opcode, payload] = frame(message)
      if (!session.receive(opcode, payload)) return
      if (hooks.message) return hooks.message(peer, message)
      if (opcode === Opcode.text) session.unheard(payload)
    },
    close(peer, details) {
      const session = sessionOf(peer)
      const { code = 1006 } = details
      if (code !== 1006) session?.receive(Opcode.close, code === 1005 ? new Uint8Array() : Uint8Array.of(code >> 8, code & 0xff))
      session?.end()
      return hooks.close?.(peer, details)
    },
  }
  return guarded as Hooks
}

/** Runs the application's own hook. One that says no, at once or later, gives the place back. */
async function refusable<Answer>(hook: () => Answer, session: { end(): void }): Promise<Awaited<Answer>> {
  try {
    return await hook()
  } catch (error) {
    session.end()
    throw error
  }
}

/** Deno has no way to cut a connection: there it is closed. */
function cut(peer: Peer): void {
  try {
    peer.terminate()
  } catch {
    peer.close()
  }
}

const pending = new WeakMap<Session<never> | Session<unknown>, NodeJS.Timeout>()
/** How long, in milliseconds, a runtime may take to open a connection it was told to. */
const OPENED_WITHIN = 10_000

function frame(message: CrosswsMessage): [opcode: number, payload: Uint8Array | string] {
  return typeof message.rawData === 'string' ? [Opcode.text, message.rawData] : [Opcode.binary, message.uint8Array()]
}
