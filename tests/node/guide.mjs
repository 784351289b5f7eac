// The server of tests/attack/guide under `protect`: what it does with a message is the same, the rest is the policy's.
// tests/run.py attacks both. It prints its port.

import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const require = createRequire(join(root, 'target', 'node', 'project', 'package.json'))
const { createGuard } = require('wswarden')
const { protect } = require('wswarden/ws')
const { WebSocketServer } = require('ws')

const type = (name) => ({
  schema: {
    type: 'object', required: ['type'], additionalProperties: false,
    properties: { type: { const: name }, content: { type: 'string', maxLength: 5000 }, channelId: { type: 'string', format: 'uuid' } },
  },
})

const guard = createGuard({
  transport: { secure: 'dangerous-any', headTimeout: '2s' }, // the attack program speaks plain text to the counter-example
  origin: { allow: ['https://app.example.com'] },
  credential: {
    sources: [{ kind: 'jwt', in: 'query', name: 'token', dangerousInUrl: true }],
    jwt: { keys: [{ alg: 'HS256', secret: 'the counter-example of this repository' }], issuer: ['anyone'], audience: ['anything'], leeway: 0 },
  },
  message: { types: { chat: type('chat'), typing: type('typing'), ping: type('ping') } },
  rate: {
    connection: { messages: { limit: 10, per: '1s', burst: 10 } },
    user: { messages: { limit: 10, per: '1s', burst: 10 } },
    ban: 'off',
  },
  cap: { perUser: 10 },
  heartbeat: { interval: '1s', timeout: '900ms' },
})

const server = createServer()
const wss = protect(new WebSocketServer({ noServer: true }), guard, { server })
wss.on('connection', async (ws, request, session) => {
  for await (const message of session.messages(ws)) ws.send(JSON.stringify(message)) // handleMessage: an echo
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
