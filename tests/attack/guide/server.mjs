// The guide's own code, as it stands there: the counter-example that shows what the attack program can see.
// Never a server to copy: its limit is forgotten when any socket of a user closes, and more.

import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import { WebSocketServer } from 'ws'

const secret = 'the counter-example of this repository'
const allowedOrigins = ['https://app.example.com']
const MAX_MESSAGES_PER_SECOND = 10
const PING_EVERY_MS = 1000 // 30000 in the guide

// The guide imports this from './auth' and does not show it: signature and expiry, as most do.
function verifyToken(token) {
  const [header, claims, signature] = token.split('.')
  const right = createHmac('sha256', secret).update(`${header}.${claims}`).digest('base64url')
  const { sub, exp } = JSON.parse(Buffer.from(claims, 'base64url'))
  if (signature !== right || exp * 1000 < Date.now()) throw new Error('bad token')
  return { id: sub }
}

const messageRates = new Map()
function checkMessageRate(userId) {
  const now = Date.now()
  const timestamps = messageRates.get(userId) || []
  const recent = timestamps.filter((t) => now - t < 1000)
  if (recent.length >= MAX_MESSAGES_PER_SECOND) return false
  recent.push(now)
  messageRates.set(userId, recent)
  return true
}

// What the guide's zod schema accepts: unknown members are dropped, not refused.
function parse(raw) {
  if (!['chat', 'typing', 'ping'].includes(raw.type)) throw new Error('type')
  if (raw.content !== undefined && (typeof raw.content !== 'string' || raw.content.length > 5000)) throw new Error('content')
  return { type: raw.type, content: raw.content }
}

const server = createServer()
const wss = new WebSocketServer({ noServer: true })

server.on('upgrade', (request, socket, head) => {
  socket.on('error', () => {})
  try {
    const token = new URL(request.url, `http://${request.headers.host}`).searchParams.get('token')
    if (!token) {
      socket.destroy()
      return
    }
    const user = verifyToken(token)
    wss.handleUpgrade(request, socket, head, (ws) => {
      ws.user = user
      wss.emit('connection', ws, request)
    })
  } catch {
    socket.destroy()
  }
})

wss.on('connection', (ws, req) => {
  const origin = req.headers.origin
  if (!origin || !allowedOrigins.includes(origin)) {
    ws.close(1008, 'Invalid origin')
    return
  }
  ws.isAlive = true
  ws.on('pong', () => { ws.isAlive = true })
  ws.on('message', (data) => {
    if (!checkMessageRate(ws.user.id)) {
      ws.send(JSON.stringify({ error: 'Rate limit exceeded' }))
      return
    }
    try {
      ws.send(JSON.stringify(parse(JSON.parse(data.toString())))) // handleMessage: an echo
    } catch {
      ws.send(JSON.stringify({ error: 'Invalid message format' }))
    }
  })
  ws.on('close', () => messageRates.delete(ws.user.id))
  ws.on('error', () => ws.terminate())
})

setInterval(() => {
  wss.clients.forEach((ws) => {
    if (!ws.isAlive) return ws.terminate()
    ws.isAlive = false
    ws.ping()
  })
}, PING_EVERY_MS)

server.listen(0, '127.0.0.1', () => console.log(server.address().port))
