// Hono on Node.

import { serve, upgradeWebSocket } from '@hono/node-server'
import { Hono } from 'hono'
import { WebSocketServer } from 'ws'
import { guarded, sessionOf } from 'wswarden/hono'
import { guard } from './guard.mjs'

const app = new Hono()
app.get('/', guarded(guard), upgradeWebSocket((c) => ({
  onMessage: (event, ws) => ws.send(`${sessionOf(c).subject}: ${JSON.parse(event.data).text}`),
})))

const server = serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 8080), websocket: { server: new WebSocketServer({ noServer: true }) } })
server.on('listening', () => console.log('listening on', server.address().port))
