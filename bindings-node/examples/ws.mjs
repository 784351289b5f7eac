// `ws` on a server of Node.

import { createServer } from 'node:http'
import { WebSocketServer } from 'ws'
import { protect } from 'wswarden/ws'
import { guard } from './guard.mjs'

const server = createServer()
const wss = protect(new WebSocketServer({ noServer: true }), guard, { server })

wss.on('connection', async (ws, request, session) => {
  for await (const message of session.messages(ws)) {
    ws.send(`${session.subject}: ${message.text}`) // typed by the schema
  }
})

server.listen(process.env.PORT ?? 8080, () => console.log('listening on', server.address().port))
