// The server under test in Node: `ws` over TLS, under `protect`, as tests/e2e/driver.py starts it: a chat of all with all.
//
//     node tests/node/server.mjs --listen 127.0.0.1:0 --policy FILE --ready-file FILE
//
// The package is the one that was packed and installed into target/node/project.

import { once } from 'node:events'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:https'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const require = createRequire(join(root, 'target', 'node', 'project', 'package.json'))
const { createGuard } = require('wswarden')
const { protect } = require('wswarden/ws')
const { makeToken } = require('wswarden/testing')
const { WebSocketServer } = require('ws')
const selfsigned = require('selfsigned')

const string = { type: 'string' }
const { values } = parseArgs({ options: { listen: string, policy: string, 'ready-file': string } })
const text = readFileSync(values.policy, 'utf8')
const ready = values['ready-file']
const [host, port] = values.listen.split(':')

const names = [{ type: 2, value: 'localhost' }, { type: 7, ip: '127.0.0.1' }]
const pem = await selfsigned.generate([{ name: 'commonName', value: 'localhost' }], { keySize: 2048, algorithm: 'sha256', extensions: [{ name: 'subjectAltName', altNames: names }] })

const guard = createGuard({ file: values.policy })
const server = createServer({ key: pem.private, cert: pem.cert }, (request, answer) => answer.writeHead(426, { connection: 'close' }).end())
const wss = protect(new WebSocketServer({ noServer: true }), guard, { server })
wss.on('connection', (ws) => ws.on('message', (data) => wss.clients.forEach((one) => one.send(data, { binary: false }))))

server.listen(Number(port), host)
await once(server, 'listening')
const cert = `${ready}.pem`
writeFileSync(cert, pem.cert)
const url = `wss://localhost:${server.address().port}/`
const word = (name) => text.match(new RegExp(`^${name} = \\[?"(.*)"`, 'm'))[1]
const [, secret] = text.match(/secret = "(.*)" \}/)
const token = makeToken({ secret, claims: { sub: 'node', iss: word('issuer'), aud: word('audience') } })
writeFileSync(`${ready}.new`, JSON.stringify({ url, cert, token }))
renameSync(`${ready}.new`, ready)

process.once('SIGINT', async () => {
  server.close()
  await guard.drain()
  server.closeAllConnections()
  guard.dispose()
})
