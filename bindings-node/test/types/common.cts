// The same from CommonJS.

import wswarden = require('wswarden')
import ws = require('wswarden/ws')
import fastify = require('wswarden/fastify')
import fetching = require('wswarden/fetch')
import hono = require('wswarden/hono')
import socketio = require('wswarden/socketio')
import testing = require('wswarden/testing')

const guard: wswarden.Guard<{ a: string }> = wswarden.createGuard({ message: { schema: { type: 'object', required: ['a'], properties: { a: { type: 'string' } } } } })
export const all = [ws.protect, fastify.guarded, fetching.guardHooks, hono.guarded(guard), socketio.protect, new testing.FakeClock()]
