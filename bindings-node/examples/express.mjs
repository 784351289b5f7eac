// Express has no WebSockets of its own: the same HTTP server serves both.

import { createServer } from 'node:http'
import express from 'express'
import { WebSocketServer } from 'ws'
import { protect } from 'wswarden/ws'
import { guard } from './guard.mjs'

const app = express()
app.get('/', (request, response) => response.send('hello'))

const server = createServer(app)
const wss = protect(new WebSocketServer({ noServer: true }), guard, { server })
wss.on('connection', (ws, request, session) => {
  // Listeners see nothing that is not within policy.
  ws.on('message', (data) => ws.send(`${session.subject}: ${JSON.parse(data).text}`))
})

server.listen(process.env.PORT ?? 8080, () => console.log('listening on', server.address().port))
