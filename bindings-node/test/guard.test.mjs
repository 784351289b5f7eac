// The guard by itself: options, errors, sessions on a clock that goes when it is told to.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WswardenError, createGuard, reasons } from 'wswarden'
import { FakeClock, FakeTransport, makeToken, upgradeRequest } from 'wswarden/testing'
import { ORIGIN, POLICY, SECRET, chat } from './lab.mjs'

const text = 1

/** A guard and one session on a clock that stands still. */
async function story(options = {}, request = {}) {
  const clock = new FakeClock()
  const guard = createGuard({ ...POLICY, clock, ...options })
  const bearer = makeToken({ secret: SECRET, now: clock.now().unix, claims: { iss: 'https://id.example.com', aud: 'chat', sub: 'ann', ...request.claims } })
  const session = await guard.upgrade(upgradeRequest({ bearer, origin: ORIGIN, ...request }))
  const socket = new FakeTransport()
  session.attach(socket)
  return { clock, guard, session, socket }
}

const policyError = (message) => (error) => {
  assert.ok(error instanceof WswardenError)
  assert.equal(error.code, 'WSW_POLICY')
  assert.match(error.message, message)
  return true
}

test('unknown options are errors that say what was meant, in camelCase', () => {
  const wrong = (options, message) => assert.throws(() => createGuard({ ...POLICY, ...options }), policyError(message))
  wrong({ message: { maxByte: 5 } }, /^message\.maxByte: there is no such field; did you mean `maxBytes`\?/)
  wrong({ message: { max_bytes: 5 } }, /^message\.max_bytes: there is no such field; did you mean `maxBytes`\?/)
  wrong({ heartbeet: {} }, /heartbeet: there is no such field; did you mean `heartbeat`\?/)
  wrong({ message: { onInvalid: 'replay' } }, /^message\.onInvalid: found "replay".*did you mean `reply`/)
  wrong({ message: { maxBytes: 5n } }, /message\.maxBytes: found a bigint/)
  wrong({ cap: { perUser: 0 } }, /cap\.perUser/)
  wrong({ waive: ['pongs'] }, /waive: there is no gap "pongs"/)
})

test('options that fight back are errors, not crashes', () => {
  const circular = {}
  circular.schema = circular
  assert.throws(() => createGuard({ ...POLICY, message: circular }), policyError(/goes too deep/))
  assert.throws(() => createGuard({ get message() { throw new RangeError('mine') } }), RangeError)
  assert.throws(() => createGuard(JSON.parse('{"__proto__": {"a": 1}, "message": {"__proto__": 1}}')), policyError(/__proto__/))
  assert.equal({}.a, undefined)
  assert.throws(() => createGuard({ message: () => {} }), policyError(/found a function/))
})

test('durations are milliseconds or text, and the default policy is told whole', () => {
  const guard = createGuard({ ...POLICY, heartbeat: { interval: 1500, timeout: '1s' } })
  assert.deepEqual([guard.policy.heartbeat.interval, guard.policy.heartbeat.timeout], ['1500ms', '1s'])
  assert.equal(guard.limits().maxBytes, 65_536)
  assert.ok(!JSON.stringify(guard.policy).includes(SECRET))
  guard.dispose()
})

test('a key may come from the environment; one that is not there is named', () => {
  const jwt = (secret) => ({ credential: { jwt: { ...POLICY.credential.jwt, keys: [{ alg: 'HS256', secret }] } } })
  process.env.WSW_TEST_KEY = SECRET
  createGuard({ ...POLICY, ...jwt('env:WSW_TEST_KEY') }).dispose()
  assert.throws(() => createGuard({ ...POLICY, ...jwt('env:WSW_NO_SUCH_KEY') }), policyError(/WSW_NO_SUCH_KEY/))
})

test('a ping, then a close, then the end, each at its time', async () => {
  const { clock, session, socket, guard } = await story({ heartbeat: { interval: '25s', timeout: '10s' }, deadline: { close: '5s' } })
  clock.advance('24s')
  assert.equal(socket.frames.length, 0)
  clock.advance('1s')
  assert.equal(socket.frames[0].kind, 'ping')
  clock.advance('10s')
  assert.deepEqual(socket.frames[1], { kind: 'close', code: 4408, reason: 'ping_timeout' })
  assert.equal(session.closed.reason, 'ping_timeout')
  clock.advance('5s')
  assert.deepEqual(socket.frames[2], { kind: 'terminate' })
  assert.equal(guard.stats().connections, 0)
})

test('a pong with the ping\'s payload keeps it alive; another does not', async () => {
  const { clock, session, socket } = await story({ heartbeat: { interval: '25s', timeout: '10s' } })
  clock.advance('25s')
  session.receive(10, socket.frames[0].payload)
  clock.advance('30s')
  assert.deepEqual(socket.frames.map((frame) => frame.kind), ['ping', 'ping'])
  session.receive(10, new Uint8Array(8))
  clock.advance('5s')
  assert.equal(socket.frames.at(-1).reason, 'ping_timeout')
})

test('the connection ends with its token', async () => {
  const { clock, socket } = await story({ credential: { jwt: { ...POLICY.credential.jwt, leeway: 0 } } }, { claims: { exp: 1_800_000_020 } })
  clock.advance('19s')
  assert.equal(socket.frames.length, 0)
  clock.advance('1s')
  assert.deepEqual(socket.frames.at(-1), { kind: 'close', code: 4401, reason: 'token_expired' })
})

test('messages are typed by name, delivered, answered or closed for', async () => {
  const { session, socket } = await story({ message: { ...POLICY.message, errors: { limit: 2, per: '60s' } } })
  assert.equal(session.receive(text, Buffer.from(chat('x'))), true)
  assert.equal(session.receive(text, chat('a string is as good')), true)
  assert.equal(session.receive(text, '{"type":"chat"}'), false)
  assert.equal(JSON.parse(socket.frames[0].text).code, 'schema_violation')
  session.receive(text, '{"type":"chat"}')
  session.receive(text, '{"type":"chat"}')
  assert.equal(socket.frames.at(-1).reason, 'too_many_errors')
  assert.equal(session.receive(text, chat('too late')), false)
})

test('for await gives parsed messages, also with text beyond ASCII, and ends with the connection', async () => {
  const { session, socket } = await story()
  const texts = ['plain', 'é', '日本', '🦀', '\\u0000', 'line\nbreak']
  const seen = []
  const reading = (async () => { for await (const message of session.messages()) seen.push(message.text) })()
  for (const one of texts) assert.equal(session.receive(text, chat(one)), true)
  session.receive(text, '{"type":"chat"}')
  session.end()
  await reading
  assert.deepEqual(seen, texts)
  assert.equal(socket.frames.length, 1)
})

test('for await: a signal ends it, break ends it, and two at once are an error', async () => {
  const { session } = await story()
  const stop = new AbortController()
  const reading = (async () => { for await (const _ of session.messages(undefined, { signal: stop.signal })); })()
  assert.throws(() => session.messages(), { code: 'WSW_ARGUMENT' })
  stop.abort()
  await reading
  const messages = session.messages()
  session.receive(text, chat('1'))
  for await (const message of messages) {
    assert.equal(message.text, '1')
    break
  }
  session.messages()
  assert.throws(() => session.messages({}), { code: 'WSW_ARGUMENT' })
})

const MUCH = { connection: { messages: '100000/s', bytes: '100MiB/s' }, user: { messages: '100000/s' }, address: { messages: '100000/s' } }

test('where a host cannot make the peer wait, what waits for the reader is bounded', async () => {
  const { session, socket } = await story({ rate: MUCH })
  const messages = session.messages()
  let taken = 0
  while (session.receive(text, chat('more')) && taken < 10_000) taken += 1
  assert.ok(taken <= 512, `${taken} messages wait`)
  assert.deepEqual(socket.frames.at(-1), { kind: 'close', code: 1013, reason: 'overloaded' })
  assert.equal((await messages.next()).value.text, 'more')
})

test('a listener that throws is heard, and stops nothing that the policy wants', async (t) => {
  const { clock, guard, session, socket } = await story({ heartbeat: { interval: '25s', timeout: '10s' } })
  const bearer = makeToken({ secret: SECRET, now: clock.now().unix, claims: { iss: 'https://id.example.com', aud: 'chat', sub: 'ben' } })
  const other = await guard.upgrade(upgradeRequest({ bearer, origin: ORIGIN }))
  const [second, heard] = [new FakeTransport(), []]
  other.attach(second)
  guard.on('violation', () => { throw new Error('mine') })
  guard.on('close', () => { throw new Error('mine too') })
  const uncaught = (error) => heard.push(error.message)
  // The runner's own listeners would take these for failures.
  const listeners = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException').on('uncaughtException', uncaught)
  t.after(() => { process.removeAllListeners('uncaughtException'); listeners.forEach((one) => process.on('uncaughtException', one)) })
  assert.equal(session.receive(text, '{"type":"chat"}'), false)
  assert.equal(JSON.parse(socket.frames.at(-1).text).code, 'schema_violation')
  clock.advance('26s')
  clock.advance('11s')
  clock.advance('30s')
  for (const [one, its] of [[session, socket], [other, second]]) {
    assert.equal(its.frames.filter(({ kind }) => kind === 'ping').length, 1)
    assert.ok(one.closed, 'the silent peer was found')
  }
  await new Promise((done) => setImmediate(() => setImmediate(done)))
  assert.deepEqual([...new Set(heard)], ['mine', 'mine too'])
})

test('who does not keep up makes the peer wait', async () => {
  const clock = new FakeClock()
  const guard = createGuard({ ...POLICY, clock, rate: { connection: { messages: '1000/s' }, user: { messages: '1000/s' }, address: { messages: '1000/s' } } })
  const session = await guard.upgrade(upgradeRequest({ origin: ORIGIN, bearer: makeToken({ secret: SECRET, now: clock.now().unix, claims: { iss: 'https://id.example.com', aud: 'chat', sub: 'ann' } }) }))
  const flow = []
  session.attach(Object.assign(new FakeTransport(), { pause: () => flow.push('pause'), resume: () => flow.push('resume') }))
  const messages = session.messages()
  for (let number = 0; number < 64; number += 1) session.receive(text, chat(String(number)))
  assert.deepEqual(flow, ['pause'])
  for (let number = 0; number < 64; number += 1) assert.equal((await messages.next()).value.text, String(number))
  assert.deepEqual(flow, ['pause', 'resume'])
})

test('a session that is looked up, revalidated, and then refused', async () => {
  const answers = [{ subject: 'ann', namespace: 'store', scopes: ['read'] }, { subject: 'ann', namespace: 'store', scopes: [] }, null]
  const needs = []
  const { clock, session, socket } = await story({
    credential: { sources: [{ kind: 'session', in: 'cookie', name: 'sid' }], revalidate: '1min' },
    heartbeat: { interval: '10min', timeout: '10s' },
    resolve: (need) => (needs.push(need.kind), answers.shift()),
  }, { bearer: undefined, headers: [['cookie', 'sid=opaque']] })
  assert.deepEqual(session.identity.scopes, ['read'])
  for (let n = 0; n < 2; n += 1) {
    clock.advance('60s')
    await new Promise(setImmediate)
  }
  assert.deepEqual(needs, ['identity', 'revalidate', 'revalidate'])
  assert.equal(socket.frames.at(-1).kind, 'close')
})

for (const [name, resolve, status] of [
  ['throws', () => { throw new Error('the store is down') }, 503], ['rejects', async () => { throw new Error('down') }, 503],
  ['gives undefined', () => undefined, 503], ['gives null', () => null, 401], ['gives nonsense', () => ({ subject: 7 }), 503],
  ['gives a proxy that throws', () => new Proxy({}, { get() { throw new Error('no') } }), 503],
]) {
  test(`a resolve that ${name} lets nobody in`, async () => {
    const guard = createGuard({ ...POLICY, credential: { sources: [{ kind: 'session', in: 'header', name: 'authorization' }] }, resolve })
    await assert.rejects(guard.upgrade(upgradeRequest({ bearer: 'opaque', origin: ORIGIN })), (error) => {
      assert.equal(error.status, status)
      return true
    })
    assert.equal(guard.stats().connections, 0)
    guard.dispose()
  })
}

test('a resolve that never answers is refused at the deadline', async () => {
  const clock = new FakeClock()
  const guard = createGuard({ ...POLICY, clock, deadline: { admit: '3s' }, credential: { sources: [{ kind: 'session', in: 'header', name: 'authorization' }] }, resolve: () => new Promise(() => {}) })
  const refused = assert.rejects(guard.upgrade(upgradeRequest({ bearer: 'opaque', origin: ORIGIN })), { status: 408 })
  await new Promise(setImmediate)
  clock.advance('3s')
  await refused
  assert.equal(guard.stats().connections, 0)
})

test('a first message opens the session', async () => {
  const { clock, session, socket } = await story({
    credential: { ...POLICY.credential, sources: [{ kind: 'jwt', in: 'first-message', type: 'auth', field: 'token' }] },
  }, { bearer: undefined })
  assert.equal(session.pending, true)
  const token = makeToken({ secret: SECRET, now: clock.now().unix, claims: { iss: 'https://id.example.com', aud: 'chat', sub: 'bea' } })
  assert.equal(session.receive(text, JSON.stringify({ type: 'auth', token })), false)
  assert.equal(session.pending, false)
  assert.equal(session.subject, 'bea')
  assert.equal(session.receive(text, chat('now')), true)
  assert.equal(socket.frames.length, 0)
})

test('revoking a user closes the open connections; the ticket of nobody opens none', async () => {
  const { clock, guard, socket } = await story()
  assert.equal(guard.revoke({ subject: 'ann', namespace: 'https://id.example.com', issuedUntil: clock.now().unix }), 1)
  clock.advance(1)
  assert.deepEqual(socket.frames.at(-1), { kind: 'close', code: 4401, reason: 'revoked' })
})

test('a ticket opens one connection', async () => {
  const clock = new FakeClock()
  const guard = createGuard({ ...POLICY, clock, credential: { sources: [{ kind: 'ticket', in: 'query', name: 'ticket' }] } })
  const ticket = guard.mintTicket({ subject: 'ann' }, { path: '/chat', origin: ORIGIN, address: '198.51.100.7' })
  const request = upgradeRequest({ target: `/chat?ticket=${ticket}`, origin: ORIGIN })
  assert.equal((await guard.upgrade(request)).subject, 'ann')
  await assert.rejects(guard.upgrade(request), { status: 401 })
  assert.throws(() => guard.mintTicket({}, { path: '/chat', address: 'unix' }), { code: 'WSW_TICKET' })
})

test('a published key set is fetched when it is needed', async () => {
  const urls = []
  const guard = createGuard({
    ...POLICY,
    credential: { jwt: { jwks: { url: 'https://id.example.com/keys', algs: ['ES256'] }, issuer: ['https://id.example.com'], audience: ['chat'] } },
    fetchKeys: async (url) => (urls.push(url), Buffer.from('{"keys":[]}')),
  })
  await assert.rejects(guard.upgrade(upgradeRequest({ origin: ORIGIN, bearer: makeToken({ secret: SECRET, header: { alg: 'ES256', kid: '1' } }) })), (error) => error.status === 401 || error.status === 503)
  assert.deepEqual([...new Set(urls)], ['https://id.example.com/keys'])
  guard.dispose()
})

test('verifyToken says that it cannot tell while there are no keys', () => {
  const guard = createGuard({
    ...POLICY,
    credential: { jwt: { jwks: { url: 'https://id.example.com/keys', algs: ['ES256'] }, issuer: ['https://id.example.com'], audience: ['chat'] } },
    fetchKeys: async () => { throw new Error('down') },
  })
  guard.on('hostError', () => {})
  const bearer = makeToken({ secret: SECRET, header: { alg: 'ES256', kid: '1' } })
  assert.throws(() => guard.verifyToken(bearer), { code: 'WSW_IDENTITY_UNAVAILABLE', status: 503, closeCode: 1013 })
  guard.dispose()
})

test('reload: the new policy holds at once, a wrong one leaves the old', async () => {
  const { guard, session, socket } = await story()
  assert.throws(() => guard.reload({ message: { maxByte: 1 } }), { code: 'WSW_POLICY' })
  assert.equal(session.receive(text, chat('x'.repeat(50))), true)
  guard.reload({ ...POLICY, message: { ...POLICY.message, maxBytes: 40 } })
  assert.equal(session.receive(text, chat('x'.repeat(50))), false)
  assert.equal(socket.frames.at(-1).reason, 'message_too_big')
})

test('drain refuses newcomers, closes everybody within its time, and resolves when all are gone', async () => {
  const { clock, guard, socket } = await story({ deadline: { drain: '10s' } })
  const drained = guard.drain()
  await assert.rejects(guard.upgrade(upgradeRequest({ origin: ORIGIN })), { status: 503 })
  clock.advance('20s')
  await drained
  assert.deepEqual(socket.frames.map((frame) => frame.kind), ['close', 'terminate'])
})

test('a disposed guard refuses and gives everything back', async () => {
  const { guard, session, socket } = await story()
  guard[Symbol.dispose]()
  guard.dispose()
  assert.deepEqual(socket.frames, [{ kind: 'terminate' }])
  assert.throws(() => guard.stats(), { code: 'WSW_DISPOSED' })
  assert.equal(session.receive(text, chat('x')), false)
  await assert.rejects(guard.upgrade(upgradeRequest()), (error) => error.status === 500)
})

test('channels are capped and given back', async () => {
  const { session } = await story({ cap: { channelsPerConnection: 2 } })
  assert.deepEqual([session.join('a'), session.join('a'), session.join('b')], [true, false, true])
  assert.throws(() => session.join('c'), { code: 'WSW_REFUSED' })
  assert.deepEqual(session.channels, ['a', 'b'])
  assert.equal(session.leave('a'), true)
  session.end()
  assert.deepEqual(session.channels, [])
})

test('the table of reasons is the core\'s', () => {
  assert.equal(reasons.get('rate_limited').number, 19)
  assert.deepEqual(reasons.get('message_too_big').close, { rfc: 1009, app: 1009 })
})
