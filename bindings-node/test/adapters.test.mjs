// The other adapters, each with its framework's own server and client.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import websocket from '@fastify/websocket'
import { serve as serveHono, upgradeWebSocket } from '@hono/node-server'
import crossws from 'crossws/adapters/node'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import { WebSocketServer } from 'ws'
import { createGuard } from 'wswarden'
import * as fastify from 'wswarden/fastify'
import * as fetching from 'wswarden/fetch'
import * as hono from 'wswarden/hono'
import { protect } from 'wswarden/ws'
import { POLICY, chat, connect, until } from './lab.mjs'

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

/** A server of crossws on Node, behind a guard. */
async function crossing(t, options, hooks) {
  const guard = createGuard({ ...POLICY, host: fetching.HOST, waive: fetching.WAIVE, heartbeat: { mode: 'message' }, ...options })
  const ws = crossws({ hooks: fetching.guardHooks(guard, hooks, { address: () => '127.0.0.1', tls: false }) })
  const server = createServer()
  server.on('upgrade', (request, socket, head) => void ws.handleUpgrade(request, socket, head))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(async () => { guard.dispose(); await ws.close(); server.close(); server.closeAllConnections() })
  return { guard, port: server.address().port }
}

for (const [how, upgrade] of [
  ['at once', () => { throw new Response('full', { status: 403 }) }],
  ['later', async () => { throw new Response('full', { status: 403 }) }],
]) {
  test(`crossws: an upgrade hook of the application that throws ${how} gives the place back at once`, async (t) => {
    const { guard, port } = await crossing(t, {}, { upgrade })
    assert.equal((await connect(`ws://127.0.0.1:${port}/`)).status, 403)
    assert.equal(guard.stats().connections, 0)
  })
}

test('crossws: messages() begins with what came while nobody listened', async (t) => {
  const taken = []
  const { port } = await crossing(t, {}, {
    async open(peer) {
      await sleep(100)
      for await (const { text } of fetching.sessionOf(peer).messages(peer)) taken.push(text)
    },
  })
  const { socket } = await connect(`ws://127.0.0.1:${port}/`)
  socket.send(chat('early'))
  await until(() => taken.length === 1)
  assert.deepEqual(taken, ['early'])
  socket.terminate()
})

test('where a Request can tell that its client has left, it is heard', async () => {
  const guard = createGuard({
    ...POLICY, host: fetching.HOST, waive: fetching.WAIVE, heartbeat: { mode: 'message' },
    credential: { sources: [{ kind: 'session', in: 'header', name: 'authorization' }] },
    resolve: () => new Promise(() => {}),
  })
  const { upgrade } = fetching.guardHooks(guard, {}, { address: () => '127.0.0.1', tls: false })
  const client = new AbortController()
  const headers = new Headers({ host: 'a', connection: 'Upgrade', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', authorization: 'Bearer opaque' })
  // What `new Request` would not take: the runtimes make such requests themselves.
  headers.set('upgrade', 'websocket')
  const judged = upgrade({ url: 'http://a/', method: 'GET', headers, signal: client.signal })
  assert.equal(guard.stats().connections, 1)
  client.abort()
  await assert.rejects(Promise.resolve(judged), (answer) => answer instanceof Response)
  assert.equal(guard.stats().connections, 0)
  guard.dispose()
})

test('an adapter refuses a guard that was made for a library that can do more', () => {
  const guard = createGuard(POLICY)
  assert.throws(() => fetching.guardHooks(guard, {}, { address: () => '' }), { code: 'WSW_ARGUMENT' })
  assert.throws(() => createGuard({ ...POLICY, host: fetching.HOST }), { code: 'WSW_POLICY', message: /heartbeat\.mode/ })
  guard.dispose()
})
