// Fastify with @fastify/websocket.

import websocket from '@fastify/websocket'
import Fastify from 'fastify'
import { guarded, sessionOf } from 'wswarden/fastify'
import { guard } from './guard.mjs'

const app = Fastify()
await app.register(websocket)
await app.register(guarded, { guard })

app.get('/', { websocket: true }, (socket, request) => {
  const session = sessionOf(request)
  socket.on('message', (data) => socket.send(`${session.subject}: ${JSON.parse(data).text}`))
})

await app.listen({ port: Number(process.env.PORT ?? 8080) })
console.log('listening on', app.server.address().port)
