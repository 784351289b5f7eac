// wswarden/socketio, seen from Socket.IO's own client and from one that writes packets by hand.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Server as SocketServer } from 'socket.io'
import { io as socketClient } from 'socket.io-client'
import { createGuard } from 'wswarden'
import * as socketio from 'wswarden/socketio'
import { ORIGIN, POLICY, token, until } from './lab.mjs'

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

/** A guarded server of Socket.IO; `before` runs ahead of `protect`, `connection` is its listener. */
async function serve(t, { options = {}, policy = {}, before, connection } = {}) {
  const guard = createGuard({ ...events, ...policy })
  const server = createServer()
  const io = new SocketServer(server, options)
  before?.(io)
  socketio.protect(io, guard)
  if (connection) io.on('connection', connection)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => { guard.dispose(); io.close() })
  return {
    guard, io,
    async open(namespace = '/', more = {}) {
      const client = socketClient(`http://127.0.0.1:${server.address().port}${namespace}`, {
        transports: ['websocket'], reconnection: false, forceNew: true, extraHeaders: { origin: ORIGIN, authorization: `Bearer ${token()}` }, ...more,
      })
      t.after(() => client.close())
      const notices = []
      client.on(socketio.NOTICE, (notice) => notices.push(notice))
      await once(client, 'connect')
      return { client, notices, raw: (packet) => client.io.engine.write(packet) }
    },
  }
}

/** Puts every event that the application sees into `seen`. */
const watch = (seen) => (socket) => {
  for (const name of ['chat', 'evil', 'any', 'num']) socket.on(name, (...given) => seen.push([name, ...given]))
}

/** A policy with a type that takes anything. */
const anything = { message: { ...events.message, kinds: ['text', 'binary'], types: { ...events.message.types, any: { schema: { type: 'array' } } } } }

test('an event that nests deeper than the stack goes is an invalid message, and the process lives', async (t) => {
  const seen = []
  const { open } = await serve(t, { policy: anything, connection: watch(seen) })
  const { client, notices, raw } = await open()
  for (const depth of [128, 6000, 30_000]) raw(`2["any",${'['.repeat(depth)}${']'.repeat(depth)}]`)
  await until(() => notices.length === 3)
  assert.deepEqual(notices.map(({ code }) => code), ['json_limit', 'json_limit', 'json_limit'])
  assert.deepEqual(seen, [])
  client.emit('chat', { text: 'still there' })
  await until(() => seen.length === 1)
})

test('what the application sees is what was judged: no endless numbers, no bytes in disguise', async (t) => {
  const seen = []
  const { open } = await serve(t, { policy: anything, connection: watch(seen) })
  const { client, notices, raw } = await open()
  raw('2["any",1e999]')
  raw('2["any",{"a":[-1e999]}]')
  await until(() => notices.length === 2)
  assert.deepEqual(seen, [])
  assert.ok(notices.every(({ type }) => type === 'error'))
  client.emit('any', { type: 'Buffer', data: [1] })
  client.emit('any', 1e300, null, -0)
  await until(() => seen.length === 2)
  assert.deepEqual(seen, [['any', { type: 'Buffer', data: [1] }], ['any', 1e300, null, 0]])
})

test('an event with bytes is a binary message: closed for unless the policy takes them', async (t) => {
  const seen = []
  const { open, guard } = await serve(t, { connection: watch(seen) })
  for (const bytes of [Buffer.from('x'), Buffer.alloc(0)]) {
    const { client, notices } = await open()
    client.emit('chat', { text: bytes })
    await until(() => notices.length === 1)
    assert.deepEqual([notices[0].reason, notices[0].code], ['wrong_frame_type', 1003])
  }
  assert.deepEqual(seen, [])
  await until(() => guard.stats().connections === 0)
})

test('where the policy takes bytes, the schema sees their places, and their size counts', async (t) => {
  const seen = []
  const place = { type: 'object', required: ['_placeholder', 'num'], properties: { _placeholder: { const: true }, num: { type: 'integer' } }, additionalProperties: false }
  const { open } = await serve(t, {
    policy: { message: { discriminator: 0, maxBytes: 2000, kinds: ['text', 'binary'], types: { any: { schema: { type: 'array', minItems: 2, maxItems: 2, prefixItems: [{ const: 'any' }, place] } } } } },
    connection: watch(seen),
  })
  const { client, notices, raw } = await open()
  client.emit('any', Buffer.from('bytes'))
  await until(() => seen.length === 1)
  assert.equal(String(seen[0][1]), 'bytes')
  client.emit('any', { hidden: Buffer.from('bytes') })
  await until(() => notices.length === 1)
  assert.equal(notices[0].code, 'schema_violation')
  // One attachment that stands in two places is as large as two.
  raw('51-["any",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]')
  raw(Buffer.alloc(1500))
  await until(() => notices.length === 2)
  assert.equal(notices[1].reason, 'message_too_big')
  assert.equal(seen.length, 1)
})

test('onAny sees no more than other listeners', async (t) => {
  const seen = []
  const { open } = await serve(t, { connection: (socket) => socket.onAny((...given) => seen.push(given)) })
  const { client, notices } = await open()
  client.emit('chat', { text: 7 })
  client.emit('evil', 1)
  client.emit('chat', { text: 'good' })
  await until(() => seen.length > 0 && notices.length === 2)
  assert.deepEqual(seen, [['chat', { text: 'good' }]])
})

test('a connection whose state is recovered is guarded like any other', async (t) => {
  const [seen, recovered] = [[], []]
  const { open, io } = await serve(t, {
    options: { connectionStateRecovery: { maxDisconnectionDuration: 60_000 } },
    connection: (socket) => {
      watch(seen)(socket)
      recovered.push(socket.recovered)
      socket.emit('hello')
    },
  })
  const { client, notices } = await open('/', { reconnection: true, reconnectionDelay: 20 })
  await until(() => client._lastOffset !== undefined)
  client.io.engine.close()
  await once(client, 'connect')
  assert.deepEqual(recovered, [false, true])
  client.emit('evil', 1)
  client.emit('chat', { text: 7 })
  await until(() => notices.length === 2)
  client.emit('chat', { text: 'good' })
  await until(() => seen.length === 1)
  assert.deepEqual(seen, [['chat', { text: 'good' }]])
  assert.equal(io.sockets.sockets.size, 1)
})

test('namespaces are guarded whenever they were made', async (t) => {
  const seen = []
  const { open, io } = await serve(t, {
    before: (io) => {
      io.of('/early').on('connection', watch(seen))
      io.of(/^\/early-\d+$/).on('connection', watch(seen))
    },
    connection: watch(seen),
  })
  io.of('/late').on('connection', watch(seen))
  io.of(/^\/late-\d+$/).on('connection', watch(seen))
  for (const namespace of ['/', '/early', '/early-1', '/late', '/late-1']) {
    const { client, notices } = await open(namespace)
    client.emit('evil', 1)
    await until(() => notices.length === 1)
    client.close()
  }
  assert.deepEqual(seen, [])
})

test('a notice goes to the sockets of its connection, without a look at the others', async (t) => {
  const { open, io } = await serve(t)
  const { client, notices } = await open()
  // Who looks at all sockets for each of 10,000 that are revoked looks 100,000,000 times.
  let looks = 0
  const stranger = { get conn() { looks += 1; return {} } }
  for (let n = 0; n < 100; n += 1) io.sockets.sockets.set(`stranger ${n}`, stranger)
  client.emit('evil', 1)
  await until(() => notices.length === 1)
  for (let n = 0; n < 100; n += 1) io.sockets.sockets.delete(`stranger ${n}`)
  assert.equal(looks, 0)
})

test('a notice goes to every namespace of its connection, and to none that was left', async (t) => {
  const { open, io } = await serve(t, { before: (io) => io.of('/other') })
  const { client, notices } = await open()
  const other = client.io.socket('/other')
  const there = []
  other.on(socketio.NOTICE, (notice) => there.push(notice))
  await once(other, 'connect')
  client.emit('evil', 1)
  await until(() => notices.length === 1 && there.length === 1)
  other.disconnect()
  await until(() => io.of('/other').sockets.size === 0)
  client.emit('evil', 1)
  await until(() => notices.length === 2)
  await sleep(50)
  assert.equal(there.length, 1)
})
