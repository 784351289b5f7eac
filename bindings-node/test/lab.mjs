// What the tests share: tokens, a server that is guarded, a client that tells what came of it.

import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket, WebSocketServer } from 'ws'
import { createGuard } from 'wswarden'
import { protect } from 'wswarden/ws'

export const ORIGIN = 'https://app.example.com'
export const SECRET = 'for the tests of this repository only: 3b1c'

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A token that the policy below takes, with other claims where they are given. */
export function token(claims = {}, secret = SECRET) {
  const now = Math.floor(Date.now() / 1000)
  const body = { iss: 'https://id.example.com', aud: 'chat', sub: 'ann', iat: now, exp: now + 600, ...claims }
  const signed = `${encoded({ alg: 'HS256', typ: 'JWT' })}.${encoded(body)}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

/** A chat of one message type. */
export const POLICY = {
  transport: { secure: 'dangerous-any' },
  origin: { allow: [ORIGIN] },
  credential: { jwt: { keys: [{ alg: 'HS256', secret: SECRET }], issuer: ['https://id.example.com'], audience: ['chat'] } },
  message: {
    types: {
      chat: {
        schema: {
          type: 'object', required: ['type', 'text'], additionalProperties: false,
          properties: { type: { const: 'chat' }, text: { type: 'string', maxLength: 100 } },
        },
      },
    },
  },
}

export const chat = (text) => JSON.stringify({ type: 'chat', text })

/** A guarded server of `ws` that echoes what it is given. */
export async function serve(t, options = {}, connection = echo) {
  const guard = createGuard({ ...POLICY, ...options })
  const server = createServer()
  const wss = protect(new WebSocketServer({ noServer: true }), guard, { server })
  wss.on('connection', connection)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(async () => {
    guard.dispose()
    wss.clients.forEach((ws) => ws.terminate())
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  })
  return {
    guard, server, wss,
    url: `ws://127.0.0.1:${server.address().port}/chat`,
  }
}

function echo(ws) {
  ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }))
}

/** Connects: `{ socket, messages, closed }`, or `{ status, headers, body }` of the refusal, or `{ error }`. */
export function connect(url, { bearer = token(), origin = ORIGIN, headers = {}, ...options } = {}) {
  const socket = new WebSocket(url, { origin, headers: { ...(bearer && { authorization: `Bearer ${bearer}` }), ...headers }, ...options })
  const messages = []
  socket.on('message', (data) => messages.push(data.toString()))
  const closed = new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('not closed within 10 s')), 10_000)
    socket.on('close', (code, reason) => {
      clearTimeout(late)
      resolve({ code, reason: reason.toString() })
    })
  })
  closed.catch(() => {})
  return new Promise((resolve) => {
    socket.on('open', () => resolve({ socket, messages, closed }))
    socket.on('unexpected-response', (request, answer) => {
      let body = ''
      answer.on('data', (data) => { body += data })
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, body }))
    })
    socket.on('error', (error) => resolve({ error }))
  })
}

/** An upgrade request as text, for clients that do what none should. */
export function requestText(port, { bearer = token(), origin = ORIGIN, path = '/chat', more = [] } = {}) {
  return [
    `GET ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', ...(bearer ? [`Authorization: Bearer ${bearer}`] : []), `Origin: ${origin}`, ...more,
  ].join('\r\n') + '\r\n\r\n'
}

/** Waits until something is so. */
export async function until(what, ms = 3000) {
  for (const end = performance.now() + ms; !what(); await sleep(5)) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`)
  }
}

/** The event's first argument, or an error after a while. */
export async function heard(emitter, name, ms = 3000) {
  const [value] = await once(emitter, name, { signal: AbortSignal.timeout(ms) })
  return value
}
