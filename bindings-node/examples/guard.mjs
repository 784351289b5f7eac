// The guard that all examples share. The servers stand behind a proxy on this machine that ends TLS.

import { createGuard } from 'wswarden'
import * as z from 'zod'

export const guard = createGuard({
  transport: { trustedProxies: ['127.0.0.1', '::1'] },
  origin: { allow: ['https://app.example.com'] },
  credential: {
    jwt: { keys: [{ alg: 'HS256', secret: 'env:JWT_KEY' }], issuer: ['https://id.example.com'], audience: ['chat'] },
  },
  message: { schema: z.strictObject({ type: z.literal('chat'), text: z.string().max(500) }), maxBytes: '16KiB' },
  rate: { user: { messages: '120/min' } },
  heartbeat: { interval: '25s', timeout: '10s' },
})

guard.on('denied', ({ code, address }) => console.warn('denied', code, address))
