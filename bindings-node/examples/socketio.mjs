// Socket.IO, over WebSocket and over long polling. An event is judged as the array that it is.

import { createServer } from 'node:http'
import { Server } from 'socket.io'
import { createGuard } from 'wswarden'
import { HOST, protect, sessionOf } from 'wswarden/socketio'

const guard = createGuard({
  host: HOST,
  waive: ['control_frames', 'fragments'], // Engine.IO does not show them; maxHttpBufferSize is set from the policy
  transport: { trustedProxies: ['127.0.0.1', '::1'] },
  origin: { allow: ['https://app.example.com'] },
  credential: {
    jwt: { keys: [{ alg: 'HS256', secret: 'env:JWT_KEY' }], issuer: ['https://id.example.com'], audience: ['chat'] },
  },
  message: {
    discriminator: 0,
    types: {
      chat: {
        schema: {
          type: 'array', minItems: 2, maxItems: 2,
          prefixItems: [{ const: 'chat' }, { type: 'object', required: ['text'], additionalProperties: false, properties: { text: { type: 'string', maxLength: 500 } } }],
        },
      },
    },
  },
})

const server = createServer()
const io = protect(new Server(server), guard)
io.on('connection', (socket) => {
  socket.on('chat', ({ text }) => socket.emit('chat', `${sessionOf(socket).subject}: ${text}`))
})

server.listen(process.env.PORT ?? 8080, () => console.log('listening on', server.address().port))
