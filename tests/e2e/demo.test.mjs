// The six steps of the guide, seen from the stock Node client over real TLS.

import assert from 'node:assert/strict'
import { createHmac, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import WebSocket from 'ws'

if (!process.env.WSW_E2E) throw new Error('WSW_E2E names no file: run tests/run.py, which starts the server')
const about = JSON.parse(readFileSync(process.env.WSW_E2E, 'utf8'))
const ca = readFileSync(about.cert)
const base64url = (data) => Buffer.from(data).toString('base64url')
const chat = (content) => JSON.stringify({ type: 'chat', content })

// A test that fails leaves its sockets open, and they would keep the process alive.
const sockets = new Set()
after(() => sockets.forEach((socket) => socket.terminate()))

// Limits by address and user must not mix what different tests do.
let clients = 0
class Client {
  constructor() {
    clients += 1
    this.address = `127.82.${(process.pid % 250) + 1}.${clients}`
    this.user = `node-${process.pid}-${clients}`
  }

  token(claims = {}, secret = about.secret) {
    const now = Math.floor(Date.now() / 1000)
    const body = { iss: about.issuer, aud: about.audience, sub: this.user, iat: now, exp: now + 600, ...claims }
    const signed = [{ typ: 'JWT', alg: 'HS256' }, body].map((part) => base64url(JSON.stringify(part))).join('.')
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
  }

  // What came of a handshake: { socket } or { status } or { error }, and every message and the close from then on.
  open({ token = this.token(), headers = {}, origin = about.origin, url = about.url, ...options } = {}) {
    const socket = new WebSocket(url, {
      ca, origin, localAddress: this.address, family: 4, perMessageDeflate: false,
      headers: { ...(token && { Authorization: `Bearer ${token}` }), ...headers }, ...options,
    })
    sockets.add(socket)
    const messages = []
    socket.on('message', (data) => messages.push(data.toString()))
    const closed = new Promise((resolve) => socket.on('close', resolve))
    return new Promise((resolve) => {
      socket.on('open', () => resolve({ socket, messages, closed }))
      socket.on('unexpected-response', (request, answer) => {
        resolve({ status: answer.statusCode, headers: answer.headers })
        request.destroy()
      })
      socket.on('error', (error) => resolve({ error }))
    })
  }
}

async function seen(messages, text, ms = 5000) {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(10)) {
    if (messages.some((message) => message.includes(text))) return
  }
  assert.fail(`${text} did not come; ${messages.length} messages did`)
}

async function within(promise, ms) {
  const late = Symbol('late')
  const result = await Promise.race([promise, sleep(ms, late, { ref: false })])
  assert.notEqual(result, late, `nothing within ${ms} ms`)
  return result
}

// Sends so many chats; how many came back, and how many error replies.
async function deliver({ socket, messages }, count) {
  const tag = randomUUID()
  const from = messages.length
  for (let number = 0; number < count; number += 1) socket.send(chat(tag))
  await sleep(500)
  const fresh = messages.slice(from)
  return { good: fresh.filter((text) => text.includes(tag)).length, bad: fresh.filter((text) => text.includes('"error"')).length }
}

test('a chat is delivered', async () => {
  const { socket, messages } = await new Client().open()
  socket.send(chat('hello from node'))
  await seen(messages, 'hello from node')
  socket.close()
})

test('a token may stand in the query', async () => {
  const client = new Client()
  const { socket } = await client.open({ token: null, url: `${about.url}?token=${client.token()}` })
  assert.ok(socket)
  socket.close()
})

test('a good peer outlives its heartbeats', async () => {
  const { socket, messages } = await new Client().open()
  let pings = 0
  socket.on('ping', () => { pings += 1 })
  await sleep(3 * about.heartbeat.interval_ms + about.heartbeat.timeout_ms)
  assert.ok(pings >= 2)
  socket.send(chat('still here'))
  await seen(messages, 'still here')
  socket.close()
})

test('step 1: plain ws:// is refused', async () => {
  const { socket, error, status } = await new Client().open({ url: about.url.replace('wss:', 'ws:') })
  assert.ok(!socket && (error || status >= 400))
})

test('step 2: no token is 401', async () => {
  const { status, headers } = await new Client().open({ token: null })
  assert.equal(status, 401)
  assert.match(headers['www-authenticate'], /^Bearer/)
})

const now = Math.floor(Date.now() / 1000)
for (const [name, claims, secret] of [
  ['expired', { exp: now - 3600 }], ['not yet valid', { nbf: now + 3600 }], ['for others', { aud: 'others' }],
  ['from others', { iss: 'https://evil.example' }], ['without expiry', { exp: undefined }],
  ['signed by others', {}, 'another secret, also of thirty-two bytes'],
]) {
  test(`step 2: a token ${name} is 401`, async () => {
    const client = new Client()
    assert.equal((await client.open({ token: client.token(claims, secret) })).status, 401)
  })
}

test('step 2: the connection ends with its token', async () => {
  const client = new Client()
  const { closed } = await client.open({ token: client.token({ exp: Math.floor(Date.now() / 1000) + 2 }) })
  assert.equal(await within(closed, 5000 + about.leeway_ms), 4401)
})

for (const origin of ['https://evil.example', 'null', 'http://app.example.com', 'https://app.example.com.evil.example']) {
  test(`step 3: the origin ${origin} is 403`, async () => {
    assert.equal((await new Client().open({ origin })).status, 403)
  })
}

test('step 3: a cookie without an Origin is 403', async () => {
  const client = new Client()
  const headers = { Cookie: `session=${client.token()}` }
  assert.equal((await client.open({ token: null, origin: '', headers })).status, 403)
})

test('step 4: invalid messages are answered, then closed 4400', async () => {
  const { socket, messages, closed } = await new Client().open()
  socket.send('hello')
  await seen(messages, 'invalid_json')
  socket.send('{"type":"shutdown"}')
  await seen(messages, 'unknown_type')
  for (let number = 0; number < about.limits.errors + 3; number += 1) socket.send('{')
  assert.equal(await within(closed, 5000), 4400)
})

for (const [name, send, code] of [
  ['bytes', (socket) => socket.send(Buffer.from(chat('x'))), 1003],
  ['a too big message', (socket) => socket.send(chat('x'.repeat(about.limits.max_bytes))), 1009],
  ['bad UTF-8', (socket) => socket.send(Buffer.from('{"type":"\xff"}', 'latin1'), { binary: false }), 1007],
  ['too many fragments', (socket) => {
    for (let number = 0; number < about.limits.max_fragments + 10; number += 1) socket.send(' ', { fin: false })
  }, 1009],
]) {
  test(`step 4: ${name} closes ${code}`, async () => {
    const { socket, closed } = await new Client().open()
    send(socket)
    assert.equal(await within(closed, 5000), code)
  })
}

test('step 5: too fast is answered, then closed 4429', async () => {
  const opened = await new Client().open()
  const burst = about.limits.connection_messages.burst
  const { good, bad } = await deliver(opened, 10 * burst)
  assert.ok(good <= burst + 6 && bad > 0, `${good} delivered, ${bad} errors`)
  assert.equal(await within(opened.closed, 5000), 4429)
})

test('step 5: reconnecting does not reset the limit', async () => {
  const client = new Client()
  const { burst, limit, per_ms } = about.limits.user_messages
  const began = Date.now()
  let delivered = 0
  for (let number = 0; number < 5; number += 1) {
    const opened = await client.open()
    if (opened.status === 429) break // shut out for a while: that is no fresh start either
    delivered += (await deliver(opened, burst / 2)).good
    opened.socket.close()
    await opened.closed
  }
  assert.ok(delivered >= burst)
  assert.ok(delivered <= burst + (limit * (Date.now() - began)) / per_ms + 1, `${delivered} delivered`)
})

test('step 5: closing one of two sockets does not reset the limit', async () => {
  const client = new Client()
  const { burst, limit, per_ms } = about.limits.user_messages
  const began = Date.now()
  const stays = await client.open()
  let delivered = (await deliver(stays, burst / 2)).good
  for (let number = 0; number < 2; number += 1) {
    const goes = await client.open()
    if (goes.status === 429) break
    delivered += (await deliver(goes, burst / 2)).good
    goes.socket.terminate()
    await goes.closed
    await sleep(100)
    delivered += (await deliver(stays, 2)).good
  }
  assert.ok(delivered <= burst + (limit * (Date.now() - began)) / per_ms + 1, `${delivered} delivered`)
  stays.socket.close()
})

test('step 5: one socket too many is 429', async () => {
  const client = new Client()
  const opened = []
  for (let number = 0; number < about.limits.per_user; number += 1) opened.push(await client.open())
  const { status, headers } = await client.open()
  assert.equal(status, 429)
  assert.ok('retry-after' in headers)
  for (const { socket } of opened) socket.close()
})

test('step 6: silence after a ping closes 4408', async () => {
  const { closed } = await new Client().open({ autoPong: false })
  assert.equal(await within(closed, about.heartbeat.interval_ms + about.heartbeat.timeout_ms + 3000), 4408)
})
