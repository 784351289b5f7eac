// The examples, as they stand in the package's repository, each with a real client behind the proxy they speak of.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { io } from 'socket.io-client'
import { makeToken } from 'wswarden/testing'
import { ORIGIN, SECRET, chat, connect, until } from './lab.mjs'

const bearer = makeToken({ secret: SECRET, claims: { iss: 'https://id.example.com', aud: 'chat', sub: 'ann' } })
const proxy = { 'x-forwarded-for': '198.51.100.7', 'x-forwarded-proto': 'https' }

async function start(t, name) {
  const example = spawn(process.execPath, [fileURLToPath(new URL(`../examples/${name}.mjs`, import.meta.url))], {
    env: { ...process.env, PORT: '0', JWT_KEY: SECRET }, stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => example.kill())
  const [line] = await once(createInterface({ input: example.stdout }), 'line', { signal: AbortSignal.timeout(10_000) })
  return Number(line.match(/^listening on (\d+)$/)[1])
}

for (const name of ['ws', 'express', 'fastify', 'hono']) {
  test(`the example of ${name}`, async (t) => {
    const url = `ws://localhost:${await start(t, name)}/`
    assert.equal((await connect(url, { bearer })).status, 403, 'plain text, from no proxy')
    assert.equal((await connect(url, { bearer: null, headers: proxy })).status, 401)
    const { socket, messages } = await connect(url, { bearer, headers: proxy })
    socket.send('{"type":"chat","text":"x","admin":true}')
    socket.send(chat('hello'))
    await until(() => messages.length === 2)
    assert.equal(JSON.parse(messages[0]).code, 'schema_violation')
    assert.equal(messages[1], 'ann: hello')
    socket.terminate()
  })
}

test('the example of Socket.IO', async (t) => {
  const url = `http://localhost:${await start(t, 'socketio')}`
  for (const transport of ['websocket', 'polling']) {
    const client = io(url, { transports: [transport], forceNew: true, extraHeaders: { origin: ORIGIN, authorization: `Bearer ${bearer}`, ...proxy } })
    t.after(() => client.close())
    const answer = once(client, 'chat', { signal: AbortSignal.timeout(5000) })
    client.emit('chat', { text: 'hello' })
    assert.deepEqual(await answer, ['ann: hello'])
  }
})

test('the example of the README', async (t) => {
  const readme = readFileSync(new URL('../node_modules/wswarden/README.md', import.meta.url), 'utf8')
  const folder = new URL('../examples/', import.meta.url)
  const code = readme.match(/```js\n([\s\S]*?)```/)[1]
  const file = new URL('readme.mjs', folder)
  writeFileSync(file, `${code.replace('server.listen(8080)', "server.listen(0, () => console.log('listening on', server.address().port))")}`)
  const url = `ws://127.0.0.1:${await start(t, 'readme')}/`
  const { socket, messages } = await connect(url, { bearer, headers: proxy })
  socket.send('{"text":"hello"}')
  await until(() => messages.length === 1)
  assert.equal(messages[0], 'ann: hello')
  socket.terminate()
  const whole = readFileSync(new URL('README.md', `file://${process.env.WSWARDEN_ROOT}/`), 'utf8')
  assert.ok(whole.includes(code), 'both READMEs show the same')
})
