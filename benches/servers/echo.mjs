// An echo server with `ws`: `echo.mjs bare` or `echo.mjs guarded POLICY`. Prints its port.
import { createServer } from 'node:http'
import { WebSocketServer } from 'ws'

const [kind, policy] = process.argv.slice(2)
const server = createServer()
let wss
if (kind === 'guarded') {
  const { createGuard } = await import('wswarden')
  const { protect } = await import('wswarden/ws')
  wss = protect(new WebSocketServer({ noServer: true }), createGuard({ file: policy }), { server })
} else {
  wss = new WebSocketServer({ server, perMessageDeflate: false })
}
wss.on('connection', (ws) => {
  ws.on('error', () => {})
  ws.on('message', (data) => ws.send(data, { binary: false }))
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
