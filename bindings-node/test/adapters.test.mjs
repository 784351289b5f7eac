// The other adapters, each with its framework's own server and client.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { test } from 'node:test'
import websocket from '@fastify/websocket'
import { serve as serveHono, upgradeWebSocket } from '@hono/node-server'
import crossws from 'crossws/adapters/node'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import { Server as SocketServer } from 'socket.io'
import { io as socketClient } from 'socket.io-client'
import { WebSocketServer } from 'ws'
import { createGuard } from 'wswarden'
import * as fastify from 'wswarden/fastify'
import * as fetching from 'wswarden/fetch'
import * as hono from 'wswarden/hono'
import * as socketio from 'wswarden/socketio'
import { protect } from 'wswarden/ws'
import { ORIGIN, POLICY, chat, connect, token, until } from './lab.mjs'

/** What holds behind every adapter over WebSocket: the good get through, the rest does not. */
async function holds(t, guard, url, { body = true } = {}) {
  t.after(() => guard.dispose())
  const refused = await connect(url, { bearer: null })
  assert.equal(refused.status, 401)
  if (body) assert.equal(JSON.parse(refused.body).code, 'credential_missing')
  assert.equal((await connect(url, { origin: 'https://evil.example' })).status, 403)
  const { socket, messages, closed } = await connect(url)
  socket.send('{"type":"chat","text":7}')
  await until(() => messages.length === 1)
  assert.equal(JSON.parse(messages[0]).code, 'schema_violation')
  socket.send(chat('hello'))
  await until(() => messages.length === 2)
  assert.match(messages[1], /^ann: .*hello/)
  assert.equal(guard.stats().sessions, 1)
  socket.send(Buffer.from('bytes'))
  assert.equal((await closed).code, 1003)
  await until(() => guard.stats().connections === 0)
}

test('fastify', async (t) => {
  const guard = createGuard(POLICY)
  const app = Fastify()
  await app.register(websocket)
  await app.register(fastify.guarded, { guard })
  app.get('/chat', { websocket: true }, (socket, request) => {
    socket.on('message', (data) => socket.send(`${fastify.sessionOf(request).subject}: ${data}`))
  })
  app.get('/', async () => 'plain')
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.after(() => app.close())
  const { port } = app.server.address()
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'plain')
  await holds(t, guard, `ws://127.0.0.1:${port}/chat`)
})

test('hono', async (t) => {
  const guard = createGuard(POLICY)
  const app = new Hono()
  app.get('/chat', hono.guarded(guard), upgradeWebSocket((c) => ({
    onMessage: (event, ws) => ws.send(`${hono.sessionOf(c).subject}: ${event.data}`),
  })))
  app.get('/open', upgradeWebSocket(() => ({ onMessage: (event, ws) => ws.send(event.data) })))
  const wss = new WebSocketServer({ noServer: true })
  const server = serveHono({ fetch: app.fetch, port: 0, hostname: '127.0.0.1', websocket: { server: wss } })
  await once(server, 'listening')
  t.after(() => { wss.clients.forEach((ws) => ws.terminate()); server.close(); server.closeAllConnections() })
  await holds(t, guard, `ws://127.0.0.1:${server.address().port}/chat`, { body: false })
  // A route without the middleware gets nobody through.
  const { closed } = await connect(`ws://127.0.0.1:${server.address().port}/open`)
  assert.equal((await closed).code, 1006)
})

test('express, with the adapter of ws', async (t) => {
  const guard = createGuard(POLICY)
  const app = express()
  app.get('/', (_, answer) => answer.send('plain'))
  const server = createServer(app)
  const wss = protect(new WebSocketServer({ noServer: true }), guard, { server })
  wss.on('connection', (ws, _, session) => ws.on('message', (data) => ws.send(`${session.subject}: ${data}`)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => { server.close(); server.closeAllConnections() })
  assert.equal(await (await fetch(`http://127.0.0.1:${server.address().port}/`)).text(), 'plain')
  await holds(t, guard, `ws://127.0.0.1:${server.address().port}/chat`)
})

test('crossws, for everything that speaks fetch', async (t) => {
  const guard = createGuard({ ...POLICY, host: fetching.HOST, waive: fetching.WAIVE, heartbeat: { mode: 'message' } })
  const ws = crossws({ hooks: fetching.guardHooks(guard, {
    message: (peer, message) => void peer.send(`${fetching.sessionOf(peer).subject}: ${message.text()}`),
  }, { address: () => '127.0.0.1', tls: false }) })
  const server = createServer()
  server.on('upgrade', (request, socket, head) => void ws.handleUpgrade(request, socket, head))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(async () => { await ws.close(); server.close(); server.closeAllConnections() })
  await holds(t, guard, `ws://127.0.0.1:${server.address().port}/chat`)
})

test('an adapter refuses a guard that was made for a library that can do more', () => {
  const guard = createGuard(POLICY)
  assert.throws(() => fetching.guardHooks(guard, {}, { address: () => '' }), { code: 'WSW_ARGUMENT' })
  assert.throws(() => createGuard({ ...POLICY, host: fetching.HOST }), { code: 'WSW_POLICY', message: /heartbeat\.mode/ })
  guard.dispose()
})

const events = {
  ...POLICY, host: socketio.HOST, waive: ['control_frames', 'fragments'],
  message: {
    discriminator: 0,
    types: {
      chat: {
        schema: {
          type: 'array', minItems: 2, maxItems: 2,
          prefixItems: [{ const: 'chat' }, { type: 'object', required: ['text'], additionalProperties: false, properties: { text: { type: 'string', maxLength: 100 } } }],
        },
      },
    },
  },
}

for (const transport of ['websocket', 'polling']) {
  test(`socket.io over ${transport}`, async (t) => {
    const guard = createGuard(events)
    const server = createServer()
    const io = socketio.protect(new SocketServer(server), guard)
    const seen = []
    io.on('connection', (socket) => socket.on('chat', ({ text }, reply) => {
      seen.push(text)
      reply?.(`${socketio.sessionOf(socket).subject}: ${text}`)
    }))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => { guard.dispose(); io.close() })
    const url = `http://127.0.0.1:${server.address().port}`
    const open = (bearer) => {
      const client = socketClient(url, { transports: [transport], reconnection: false, extraHeaders: { origin: ORIGIN, ...(bearer && { authorization: `Bearer ${bearer}` }) } })
      t.after(() => client.close())
      return client
    }
    const stranger = open(null)
    const [error] = await once(stranger, 'connect_error')
    assert.ok(error)
    assert.equal(guard.stats().refused.get('credential_missing'), 1)

    const client = open(token())
    await once(client, 'connect')
    assert.equal(await client.emitWithAck('chat', { text: 'hello' }), 'ann: hello')
    const notices = []
    client.on(socketio.NOTICE, (notice) => notices.push(notice))
    client.emit('chat', { text: 7 })
    client.emit('shutdown')
    await until(() => notices.length === 2)
    assert.deepEqual(notices.map(({ code }) => code), ['schema_violation', 'unknown_type'])
    assert.deepEqual(seen, ['hello'])
    const gone = once(client, 'disconnect')
    guard.revoke({ subject: 'ann', namespace: 'https://id.example.com' })
    await gone
    assert.equal(notices.at(-1).reason, 'revoked')
    await until(() => guard.stats().connections === 0)
  })
}
