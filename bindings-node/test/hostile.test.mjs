// 100,000 hostile inputs and lifetimes: the process lives, nothing is let through, and no prototype is changed.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { createGuard } from 'wswarden'
import { FakeTransport, makeToken, upgradeRequest } from 'wswarden/testing'
import { ORIGIN, POLICY, SECRET, chat } from './lab.mjs'

const require = createRequire(import.meta.url)
const { native } = require(join(dirname(require.resolve('wswarden')), 'native.js'))
const before = Object.getOwnPropertyNames(Object.prototype)
after(() => assert.deepEqual(Object.getOwnPropertyNames(Object.prototype), before))

const wide = { connection: { messages: '1000000/s', bytes: '900MB/s', control: '1000000/s' }, user: { messages: '1000000/s' }, address: { messages: '1000000/s', handshakes: '1000000/s' }, ban: 'off' }
const options = { ...POLICY, rate: wide, message: { ...POLICY.message, errors: { limit: 1_000_000, per: '1s' } } }
const bearer = makeToken({ secret: SECRET, claims: { iss: 'https://id.example.com', aud: 'chat', sub: 'ann' } })

/** A generator of numbers that repeats itself. */
function* chance(seed) {
  for (let state = seed; ; yield state / 2 ** 32) state = (Math.imul(state, 1664525) + 1013904223) >>> 0
}

async function open(more = {}) {
  const guard = createGuard({ ...options, ...more })
  const session = await guard.upgrade(upgradeRequest({ bearer, origin: ORIGIN }))
  session.attach(new FakeTransport())
  return { guard, session }
}

/** The addon's own guard with one connection. */
function raw() {
  const policy = new native.NativePolicy(JSON.stringify({
    origin: { allow: [ORIGIN] }, credential: { anonymous: true }, message: { schema: { type: 'object' }, errors: { limit: 1_000_000, per: '1s' } },
    rate: { connection: { messages: '1000000/s', bytes: '900MB/s', control: '1000000/s' }, address: { messages: '1000000/s' } },
  }), false)
  policy.build()
  const guard = new native.NativeGuard(policy, ['pings', 'control_frames', 'repeated_headers', 'fragments', 'http_refusal'], [], Buffer.alloc(32, 7))
  const { handle } = guard.admit(upgradeRequest({ origin: ORIGIN }))
  return { guard, handle, receive: guard.receiver(), receiveText: guard.textReceiver() }
}

test('the call before sending takes anything, and means close where it cannot count', () => {
  const { guard, handle } = raw()
  const sending = guard.sender()
  const odd = [undefined, null, 'x', {}, [], Symbol('s'), 5n, NaN, -1, -Infinity, 0.5, () => {}, { valueOf() { throw new Error('no') } }]
  for (const one of odd) {
    assert.equal(sending(one, 0, 0), 0, 'no handle is a close')
    assert.ok([1, 2].includes(sending(handle, one, one)), 'what is no number of bytes is none')
  }
  assert.equal(sending(), 0)
  assert.equal(guard.pressed(), null)
  assert.equal(sending(handle, 0, 1e300), 0)
  assert.equal(guard.pressed().reason, 'slow_consumer')
  assert.equal(sending(handle, 1e300, 0), 1)
  guard.dispose()
  assert.equal(sending(handle, 0, 0), 0)
})

test('100,000 mutants of a message: what is delivered is a chat, and nothing else is', async () => {
  let { guard, session } = await open()
  const random = chance(1)
  const pick = (list) => list[Math.floor(random.next().value * list.length)]
  const pieces = ['{', '}', '[', ']', '"', ',', ':', '\\u0000', '\\ud800', '__proto__', 'constructor', '"type":"chat"', '"text":"x"', '1e999', 'null', '\xff', '\xed\xa0\x80', '🦀', ' ', '\n']
  let [delivered, closed] = [0, 0]
  for (let number = 0; number < 100_000; number += 1) {
    const bytes = Buffer.from(chat('hello'))
    let mutant = bytes
    for (let change = 0; change <= number % 3; change += 1) {
      const at = Math.floor(random.next().value * mutant.length)
      const piece = Buffer.from(pick(pieces), pick(['utf8', 'latin1']))
      mutant = pick([
        () => Buffer.concat([mutant.subarray(0, at), piece, mutant.subarray(at)]),
        () => Buffer.concat([mutant.subarray(0, at), mutant.subarray(at + 1)]),
        () => { const copy = Buffer.from(mutant); copy[at] = random.next().value * 256; return copy },
      ])()
    }
    if (session.receive(1, mutant)) {
      delivered += 1
      const message = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(mutant))
      assert.deepEqual(Object.keys(message).sort(), ['text', 'type'])
      assert.equal(message.type, 'chat')
      assert.equal(typeof message.text, 'string')
      assert.equal(Object.getPrototypeOf(message), Object.prototype)
    }
    // Text that is not UTF-8 fails the connection (RFC 6455 section 8.1): then it goes on with another.
    if (session.closed) {
      assert.equal(session.closed.reason, 'invalid_utf8')
      closed += 1
      session.end()
      session = await guard.upgrade(upgradeRequest({ bearer, origin: ORIGIN }))
      session.attach(new FakeTransport())
    }
  }
  assert.ok(delivered > 4000 && closed > 4000, `${delivered} delivered, ${closed} closed`)
  guard.dispose()
})

test('handles, opcodes and payloads of every kind are a verdict or none, never a crash', () => {
  const { guard, handle, receive, receiveText } = raw()
  const throwing = new Proxy({}, { get() { throw new Error('no') }, has() { throw new Error('no') }, getPrototypeOf() { throw new Error('no') } })
  const anything = [undefined, null, true, NaN, Infinity, -1, 0, 0.5, 1, 2 ** 53, -(2 ** 63), 1n, '', 'text', Symbol('s'), {}, [], () => {}, throwing,
    new Float64Array(4), new DataView(new ArrayBuffer(8)), new ArrayBuffer(8), new Uint16Array(3), new Uint8ClampedArray(3), new Date(), { valueOf: () => handle }, Buffer.from('{}')]
  for (const call of [receive, receiveText]) {
    for (const one of anything) {
      for (const two of anything) {
        for (const three of anything) {
          const verdict = call(one, two, three)
          assert.ok((verdict & 0xff) === 0 || typeof one === 'number', 'no handle, no delivery')
        }
      }
    }
    assert.equal(call() & 0xff, 0)
    assert.equal(call(handle), 0)
  }
  for (const name of Object.getOwnPropertyNames(native.NativeGuard.prototype)) {
    if (name === 'constructor' || name === 'dispose') continue
    for (const one of anything) {
      for (const two of [undefined, throwing, 'x', -1, {}]) {
        try {
          guard[name](one, two, two, two, two)
        } catch (error) {
          assert.ok(error instanceof Error)
        }
        try {
          native.NativeGuard.prototype[name].call(one, two)
        } catch (error) {
          assert.ok(error instanceof Error)
        }
      }
    }
  }
})

test('a detached, shrunk or shared buffer is what is left of it, or refused', () => {
  const { handle, receive, receiveText } = raw()
  const good = Buffer.from('{"a":1}')
  assert.equal(receive(handle, 1, good) & 0xff, 1)
  for (const call of [receive, receiveText]) {
    const detached = new Uint8Array(good)
    structuredClone(detached.buffer, { transfer: [detached.buffer] })
    assert.notEqual(call(handle, 1, detached) & 0xff, 1)
    const resizable = new ArrayBuffer(1024, { maxByteLength: 4096 })
    const tracking = new Uint8Array(resizable)
    const fixed = new Uint8Array(resizable, 512, 256)
    tracking.fill(32)
    tracking.set(good)
    for (let size = 1024; size >= 0; size -= 7) {
      resizable.resize(size)
      const verdict = call(handle, 1, tracking)
      assert.equal(typeof verdict === 'string' || (verdict & 0xff) === 1, size >= 7, `${size}`)
      call(handle, 1, fixed)
    }
  }
})

test('shared memory is refused: another thread could change it after it was judged', () => {
  const { handle, receive } = raw()
  const shared = new Uint8Array(new SharedArrayBuffer(7))
  shared.set(Buffer.from('{"a":1}'))
  assert.notEqual(receive(handle, 1, shared) & 0xff, 1)
})

test('after the end: calls of a disposed guard refuse, and its functions outlive it', () => {
  const calls = []
  for (let number = 0; number < 200; number += 1) {
    const { guard, handle, receive, receiveText } = raw()
    assert.equal(receive(handle, 1, Buffer.from('{}')) & 0xff, 1)
    guard.dispose()
    calls.push(() => receive(handle, 1, Buffer.from('{}')), () => receiveText(handle, 1, Buffer.from('{}')))
  }
  globalThis.gc?.()
  for (const call of calls) assert.equal(call(), 0)
})

test('a handle of another guard, or of a connection that is gone, is none', async () => {
  const [one, other] = [raw(), raw()]
  one.guard.remove(one.handle)
  assert.equal(one.receive(one.handle, 1, Buffer.from('{}')), 0)
  assert.equal(other.receive(other.handle + 2 ** 24, 1, Buffer.from('{}')), 0)
})

test('getters that throw in a request or an identity refuse', async () => {
  const { guard } = await open()
  const request = upgradeRequest({ bearer, origin: ORIGIN })
  for (const name of Object.keys(request)) {
    const hostile = Object.defineProperty({ ...request }, name, { get() { throw new RangeError('mine') } })
    await assert.rejects(guard.upgrade(hostile))
    for (const value of [undefined, null, 7, {}, [], [null, null], ['a'], Symbol('s')]) await assert.rejects(guard.upgrade({ ...request, [name]: value === undefined ? null : value }), `${name}: ${String(value)}`)
  }
  guard.dispose()
})

test('__proto__ in a message, an option or a schema is a key, or refused; never a prototype', async () => {
  const { guard, session } = await open()
  assert.equal(session.receive(1, '{"type":"chat","text":"x","__proto__":{"polluted":1}}'), false)
  assert.throws(() => createGuard(JSON.parse('{"origin":{"allow":[]},"__proto__":{"polluted":1}}')))
  assert.equal({}.polluted, undefined)
  guard.dispose()
})

test('workers have guards of their own, also when they are ended in the middle', async () => {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads')
    const { createGuard } = require(workerData.wswarden)
    const guard = createGuard(workerData.options)
    parentPort.postMessage(guard.stats().connections)
    setInterval(() => guard.stats(), 1)
  `
  const workers = Array.from({ length: 4 }, () => new Worker(source, { eval: true, workerData: { wswarden: require.resolve('wswarden'), options: POLICY } }))
  await Promise.all(workers.map((worker) => new Promise((resolve, reject) => worker.on('error', reject).on('message', (count) => resolve(assert.equal(count, 0))))))
  await Promise.all(workers.map((worker) => worker.terminate()))
})
