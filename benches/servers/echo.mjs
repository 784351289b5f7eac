// An echo server with `ws`: `echo.mjs bare` or `echo.mjs guarded`. Prints its port.
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { WebSocketServer } from 'ws'

const server = createServer()
if (process.argv[2] === 'guarded') {
  const { createGuard } = await import('wswarden')
  const { protect } = await import('wswarden/ws')
  const guard = createGuard({ file: fileURLToPath(new URL('policy.toml', import.meta.url)) })
  const wss = protect(new WebSocketServer({ noServer: true }), guard, { server })
  wss.on('connection', (ws) => ws.on('message', (data) => ws.send(data, { binary: false })))
} else {
  const wss = new WebSocketServer({ server, perMessageDeflate: false })
  wss.on('connection', (ws) => ws.on('message', (data) => ws.send(data, { binary: false })))
}
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
