// wswarden/ws, seen from a stock client: the six steps, and how connections end.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { connect as tcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as tls } from 'node:tls'
import selfsigned from 'selfsigned'
import { WebSocketServer } from 'ws'
import { createGuard } from 'wswarden'
import { protect } from 'wswarden/ws'
import { POLICY, chat, connect, heard, requestText, serve, token, until } from './lab.mjs'

test('a good client chats, and leaves nothing behind', async (t) => {
  const lab = await serve(t)
  const { socket, messages, closed } = await connect(lab.url)
  socket.send(chat('hello'))
  await until(() => messages.includes(chat('hello')))
  assert.equal(lab.guard.stats().sessions, 1)
  const ended = heard(lab.guard, 'close')
  socket.close(1000)
  assert.equal((await closed).code, 1000)
  assert.equal((await ended).reason, 'closed_by_peer')
  assert.equal(lab.guard.stats().connections, 0)
})

test('step 1: plain text is refused where the policy does not say otherwise', async (t) => {
  const lab = await serve(t, { transport: {} })
  const { status, body } = await connect(lab.url)
  assert.equal(status, 403)
  assert.equal(JSON.parse(body).code, 'insecure_transport')
})

test('step 2: without a token 401, and the audit knows more than the peer', async (t) => {
  const lab = await serve(t)
  const denied = heard(lab.guard, 'denied')
  const { status, headers, body } = await connect(`${lab.url}?secret=in-the-query`, { bearer: null })
  assert.equal(status, 401)
  assert.equal(headers['www-authenticate'], 'Bearer')
  assert.equal(JSON.parse(body).code, 'credential_missing')
  assert.deepEqual(await denied, {
    reason: 'credential_missing', code: 'WSW_CREDENTIAL_MISSING', status: 401, detail: undefined, retryAfterMs: undefined,
    address: '127.0.0.1', path: '/chat',
  })
})

test('step 2: a forged token is 401', async (t) => {
  const lab = await serve(t)
  const denied = heard(lab.guard, 'denied')
  assert.equal((await connect(lab.url, { bearer: token({}, 'another key of at least 32 bytes!!') })).status, 401)
  assert.equal(typeof (await denied).detail, 'string')
})

test('step 3: a foreign origin is 403', async (t) => {
  const lab = await serve(t)
  assert.equal((await connect(lab.url, { origin: 'https://evil.example' })).status, 403)
})

test('step 4: a listener sees only what is within policy', async (t) => {
  const seen = []
  const lab = await serve(t, {}, (ws) => {
    ws.on('message', (data) => seen.push(data.toString()))
    ws.addEventListener('message', (event) => seen.push(event.data))
  })
  const { socket, messages } = await connect(lab.url)
  for (const bad of ['{', '{"type":"chat"}', '{"type":"chat","text":"x","__proto__":{}}', '{"type":"chat","text":"a","text":"b"}']) socket.send(bad)
  socket.send(chat('good'))
  await until(() => seen.length === 2)
  assert.deepEqual(seen, [chat('good'), chat('good')])
  assert.deepEqual(messages.map((text) => JSON.parse(text).code), ['unknown_type', 'schema_violation', 'schema_violation', 'duplicate_key'])
})

for (const [name, send, code] of [
  ['bytes', (socket) => socket.send(Buffer.from(chat('x'))), 1003],
  ['a message too big', (socket) => socket.send(chat('x'.repeat(70_000))), 1009],
  ['text that is not UTF-8', (socket) => socket.send(Buffer.from('{"type":"\xff"}', 'latin1'), { binary: false }), 1007],
  ['too many fragments', (socket) => { for (let n = 0; n < 100; n += 1) socket.send(' ', { fin: false }) }, 1009],
]) {
  test(`step 4: ${name} closes with ${code}, and the peer learns it`, async (t) => {
    const lab = await serve(t)
    const { socket, closed } = await connect(lab.url)
    send(socket)
    assert.equal((await closed).code, code)
    await until(() => lab.guard.stats().connections === 0)
  })
}

test('step 5: too fast is answered, then closed with 4429; reconnecting resets nothing', async (t) => {
  const lab = await serve(t, { rate: { user: { messages: { limit: 5, per: '60s', burst: 5 } } } })
  const { socket, messages, closed } = await connect(lab.url)
  for (let n = 0; n < 50; n += 1) socket.send(chat('x'))
  assert.equal((await closed).code, 4429)
  assert.equal(messages.filter((text) => text === chat('x')).length, 5)
  const again = await connect(lab.url)
  again.socket.send(chat('x'))
  await until(() => again.messages.length === 1)
  assert.equal(JSON.parse(again.messages[0]).code, 'rate_limited')
  again.socket.terminate()
})

test('step 6: who answers pings lives; who does not is closed with 4408', async (t) => {
  const lab = await serve(t, { heartbeat: { interval: 150, timeout: 100 } })
  const good = await connect(lab.url)
  const silent = await connect(lab.url, { autoPong: false })
  assert.equal((await silent.closed).code, 4408)
  await sleep(300)
  assert.equal(good.socket.readyState, good.socket.OPEN)
  good.socket.terminate()
})

test('a peer that does not answer the close frame is cut by the deadline', async (t) => {
  const lab = await serve(t, { deadline: { close: 200 } })
  const { socket } = await connect(lab.url)
  socket.pause()
  const [session] = lab.guard.sessions()
  session.close('forbidden')
  await until(() => lab.guard.stats().connections === 0, 1500)
  assert.equal(session.closed.reason, 'forbidden')
  socket.terminate()
})

test('a head that does not end in time is cut', async (t) => {
  const lab = await serve(t, { transport: { secure: 'dangerous-any', headTimeout: 200 } })
  const socket = tcp(lab.server.address().port, '127.0.0.1')
  socket.on('error', () => {})
  const cut = new Promise((resolve) => socket.on('close', resolve))
  const drip = setInterval(() => socket.write('G'), 50)
  t.after(() => clearInterval(drip))
  const began = performance.now()
  await cut
  assert.ok(performance.now() - began < 1000)
})

test('on a local socket, and over TLS, the time for the head ends with the head', async (t) => {
  const { private: key, cert } = await selfsigned.generate([{ name: 'commonName', value: 'localhost' }])
  const path = join(mkdtempSync(join(tmpdir(), 'wswarden-')), 'socket')
  for (const [server, where, dial] of [
    [createServer(), { path }, () => tcp(path)],
    [createSecureServer({ key, cert }), { host: '127.0.0.1', port: 0 }, (server) => tls({ port: server.address().port, host: '127.0.0.1', rejectUnauthorized: false })],
    [createSecureServer({ key, cert }), { path: `${path}s` }, () => tls({ path: `${path}s`, rejectUnauthorized: false })],
  ]) {
    const guard = createGuard({ ...POLICY, transport: { secure: 'dangerous-any', headTimeout: 300 } })
    protect(new WebSocketServer({ noServer: true }), guard, { server })
    server.listen(where)
    await once(server, 'listening')
    t.after(() => { guard.dispose(); server.closeAllConnections(); server.close() })
    const [first, second, silent] = [dial(server), dial(server), dial(server)]
    let cut = 0
    for (const socket of [first, second]) {
      socket.write(requestText(80))
      socket.on('close', () => { cut += 1 })
    }
    silent.on('error', () => {})
    await Promise.all([once(first, 'data'), once(second, 'data'), once(silent.resume(), 'close')])
    await sleep(300)
    assert.deepEqual([cut, guard.stats().sessions], [0, 2])
  }
})

test('two guards of one server: one of them judges a request, or it is an error at once', async (t) => {
  const lab = await serve(t)
  const second = (options) => protect(new WebSocketServer({ noServer: true }), lab.guard, options)
  assert.throws(() => second({ server: lab.server }), { code: 'WSW_ARGUMENT', message: /`when`/ })
  assert.throws(() => second({ server: lab.server, when: () => true }), { code: 'WSW_ARGUMENT', message: /`when`/ })
  const server = createServer()
  const wanted = []
  for (const name of ['a', 'b', 'c']) {
    const wss = protect(new WebSocketServer({ noServer: true }), lab.guard, { server, when: ({ url }) => url.includes(name) })
    wss.on('connection', () => wanted.push(name))
  }
  assert.throws(() => second({ server }), { code: 'WSW_ARGUMENT' })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  // The second is wanted by two: the first of them takes it.
  for (const path of ['b', 'ca']) (await connect(`ws://127.0.0.1:${server.address().port}/${path}`)).socket.terminate()
  await until(() => wanted.length === 2)
  assert.deepEqual(wanted, ['b', 'a'])
})

test('messages() begins with what came while nobody listened', async (t) => {
  const [taken, late] = [[], []]
  const lab = await serve(t, {}, async (ws, request, session) => {
    await sleep(100)
    for await (const { text } of session.messages(ws)) {
      taken.push(text)
      if (text === '2') break
    }
    await sleep(100)
    // The same between two readers.
    for await (const { text } of session.messages(ws)) late.push(text)
  })
  const { socket } = await connect(lab.url)
  for (const text of ['1', '2']) socket.send(chat(text))
  await until(() => taken.length === 2)
  for (const text of ['3', '4']) socket.send(chat(text))
  await until(() => late.length === 2)
  assert.deepEqual([taken, late], [['1', '2'], ['3', '4']])
  socket.terminate()
})

test('what came while nobody listened outlives its connection, and goes to no listener and messages() both', async (t) => {
  const [listened, taken] = [[], []]
  const lab = await serve(t, {}, async (ws, request, session) => {
    if (request.url.endsWith('/listens')) ws.on('message', (data) => listened.push(String(data)))
    await session.done
    for await (const { text } of session.messages(ws)) taken.push(text)
  })
  for (const path of ['', '/listens']) {
    const { socket, closed } = await connect(lab.url + path)
    socket.send(chat(`to ${path}`))
    socket.close(1000)
    await closed
  }
  await until(() => taken.length === 1)
  assert.deepEqual([listened, taken], [[chat('to /listens')], ['to ']])
})

test('who takes no messages is sent any number; who takes them after too many is closed, not given a part', async (t) => {
  const taken = []
  let take
  const much = '10000/s'
  const lab = await serve(t, { rate: { connection: { messages: much }, user: { messages: much }, address: { messages: much } } }, async (ws, request, session) => {
    await new Promise((resolve) => { take = resolve })
    for await (const { text } of session.messages(ws)) taken.push(text)
  })
  const { socket, closed } = await connect(lab.url)
  for (let n = 0; n < 500; n += 1) socket.send(chat('more'))
  socket.ping()
  await heard(socket, 'pong')
  take()
  assert.equal((await closed).reason, 'overloaded')
  assert.deepEqual(taken, [])
})

test('send() takes and refuses what the library does', async (t) => {
  const lab = await serve(t, {}, (ws) => {
    for (const given of [undefined, null, 5, '', 'text', Buffer.from('bytes'), new Blob(['blob'])]) ws.send(given)
    for (const given of [{}, true, Symbol.iterator]) assert.throws(() => ws.send(given), TypeError)
    ws.send('end')
  })
  const { messages, socket } = await connect(lab.url)
  await until(() => messages.includes('end'))
  assert.deepEqual(messages, ['', '', '5', '', 'text', 'bytes', 'blob', 'end'])
  socket.terminate()
})

test('a client that leaves while it is looked up gives its place back', async (t) => {
  let aborted = false
  const lab = await serve(t, {
    credential: { sources: [{ kind: 'session', in: 'header', name: 'authorization' }] },
    resolve: (need, { signal }) => new Promise(() => signal.addEventListener('abort', () => { aborted = true })),
  })
  const { port } = lab.server.address()
  const socket = tcp(port, '127.0.0.1')
  socket.write(requestText(port, { bearer: 'opaque' }))
  await until(() => lab.guard.stats().connections === 1)
  socket.destroy()
  await until(() => lab.guard.stats().connections === 0)
  assert.ok(aborted)
})

test('who does not read is closed for that, and who does gets any amount', async (t) => {
  const chunk = 'x'.repeat(65_536)
  const [ends, sent] = [[], []]
  const { url } = await serve(t, { queue: { soft: '64KiB', hard: '256KiB' }, deadline: { close: '300ms' } }, (ws, _request, session) => {
    const fast = session.subject === 'ann'
    void (async () => {
      let count = 0
      for (; count < 400 && !session.closed; count += 1) {
        ws.send(chunk)
        do await new Promise((later) => setImmediate(later))
        while (fast && ws.bufferedAmount > 0)
      }
      sent.push(count)
      ends.push(session.closed?.reason)
      if (fast) ws.close(1000)
    })()
  })
  const { socket, closed, messages } = await connect(url)
  assert.equal((await closed).code, 1000)
  assert.equal(messages.length, 400)
  assert.deepEqual([ends.pop(), sent.pop()], [undefined, 400])
  socket.terminate()
  const slow = await connect(url, { bearer: token({ sub: 'ben' }) })
  slow.socket.pause()
  while (ends.length === 0) await new Promise((later) => setTimeout(later, 5))
  assert.equal(ends[0], 'slow_consumer')
  assert.ok(sent[0] < 400)
  slow.socket.terminate()
})
