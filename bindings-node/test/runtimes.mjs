// Loads the package in another runtime, runs the shared vectors, and guards a server of that runtime's own through
// crossws. `node`, `bun` and `deno` all run this file; it prints a line that says how many passed.

import { strict as assert } from 'node:assert'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import process from 'node:process'
import { isDeepStrictEqual } from 'node:util'
import { createGuard } from 'wswarden'
import { HOST, WAIVE, guardHooks, sessionOf } from 'wswarden/fetch'
import { makeToken } from 'wswarden/testing'
import { answer } from './conform.mjs'
import { cases } from './vectors.mjs'

const runtime = globalThis.Bun ? 'bun' : globalThis.Deno ? 'deno' : 'node'
let [passed, failed] = [0, 0]

for (const { file, name, question, expect } of cases(join(process.env.WSWARDEN_ROOT, 'tests', 'vectors'))) {
  const { id: _, ...said } = answer(question)
  const { id: __, ...wanted } = expect
  if (said.unsupported) continue
  if (isDeepStrictEqual(said, wanted)) passed += 1
  else {
    failed += 1
    console.log(`FAIL ${file}: ${name}`, JSON.stringify(said))
  }
}

/** One class of errors, whichever way the package was loaded. */
function oneImplementation() {
  const { createGuard: required } = createRequire(import.meta.url)('wswarden')
  assert.equal(required, createGuard)
}

/** A server of the runtime's own, with crossws; the client is the runtime's WebSocket. */
async function server() {
  const secret = 'for the tests of this repository only: 3b1c'
  const guard = createGuard({
    host: HOST, waive: WAIVE, heartbeat: { mode: 'message' }, transport: { secure: 'dangerous-any' }, origin: { allow: ['https://app.example.com'] },
    credential: { sources: [{ kind: 'jwt', in: 'query', name: 'token', dangerousInUrl: true }], jwt: { keys: [{ alg: 'HS256', secret }], issuer: ['id'], audience: ['chat'] } },
    message: { schema: { type: 'object', required: ['text'], additionalProperties: false, properties: { text: { type: 'string' } } } },
  })
  const hooks = guardHooks(guard, {
    message: (peer, message) => void peer.send(`${sessionOf(peer).subject}: ${message.text()}`),
  }, { address: () => '127.0.0.1', tls: false })
  const { port, stop } = await listen(hooks)
  const url = `ws://127.0.0.1:${port}/chat`
  const refused = await fetch(url.replace('ws:', 'http:'), { headers: { upgrade: 'websocket', connection: 'Upgrade', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' } }).then((got) => got.status, () => 'an error')
  // Some clients of `fetch` do not send an upgrade; then it is an ordinary request.
  assert.ok([401, 400, 426, 404, 'an error'].includes(refused), String(refused))
  const token = makeToken({ secret, claims: { iss: 'id', aud: 'chat', sub: 'ann' } })
  const closed = await new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url}?token=${token}`)
    const seen = []
    socket.onopen = () => {
      socket.send('{"text":7}')
      socket.send('{"text":"hello"}')
    }
    socket.onmessage = ({ data }) => {
      if (seen.push(data) < 2) return
      assert.match(seen[0], /schema_violation/)
      assert.equal(seen[1], 'ann: {"text":"hello"}')
      socket.send(new Uint8Array(1))
    }
    socket.onclose = ({ code }) => resolve(code)
    setTimeout(() => reject(new Error(`not closed: ${seen}`)), 5000)
  })
  assert.equal(closed, 1003)
  guard.dispose()
  await stop()
}

async function listen(hooks) {
  if (runtime === 'bun') {
    const ws = (await import('crossws/adapters/bun')).default({ hooks })
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', websocket: ws.websocket, fetch: (request, server) => (request.headers.get('upgrade') ? ws.handleUpgrade(request, server) : new Response('plain')) })
    return { port: server.port, stop: () => server.stop(true) }
  }
  if (runtime === 'deno') {
    const ws = (await import('crossws/adapters/deno')).default({ hooks })
    const server = Deno.serve({ port: 0, hostname: '127.0.0.1', onListen() {} }, (request, info) => (request.headers.get('upgrade') ? ws.handleUpgrade(request, info) : new Response('plain')))
    return { port: server.addr.port, stop: () => server.shutdown() }
  }
  throw new Error('Node is tested in adapters.test.mjs')
}

for (const check of runtime === 'node' ? [oneImplementation] : [oneImplementation, server]) {
  try {
    await check()
    passed += 1
  } catch (error) {
    failed += 1
    console.log(`FAIL ${check.name}`, error)
  }
}
console.log(`${runtime}: ${passed} passed, ${failed} failed`)
process.exit(failed === 0 && passed > 200 ? 0 : 1)
