// What the type of a message is, from the schema in the options. Compiled, not run.

import { Type } from '@sinclair/typebox'
import { toStandardJsonSchema } from '@valibot/to-json-schema'
import { type } from 'arktype'
import * as v from 'valibot'
import * as z from 'zod'
import { WebSocketServer } from 'ws'
import { createGuard, type Guard, type Session, WswardenError } from 'wswarden'
import { protect } from 'wswarden/ws'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false
type MessageOf<G> = G extends Guard<infer M> ? M : never
function same<A, B>(_: Equal<A, B>): void {}

const zod = createGuard({ message: { schema: z.strictObject({ text: z.string(), at: z.number().optional() }) } })
same<MessageOf<typeof zod>, { text: string; at?: number | undefined }>(true)

const ark = createGuard({ message: { schema: type({ text: 'string' }) } })
same<MessageOf<typeof ark>, { text: string }>(true)

const val = createGuard({ message: { schema: toStandardJsonSchema(v.strictObject({ text: v.string() })) } })
same<MessageOf<typeof val>, { text: string }>(true)

const box = createGuard({ message: { schema: Type.Object({ text: Type.String() }) } })
same<MessageOf<typeof box>, { text: string }>(true)

const plain = createGuard({
  message: { schema: { type: 'object', required: ['text'], properties: { text: { type: 'string' }, tags: { type: 'array', items: { enum: ['a', 'b'] } } } } },
})
same<MessageOf<typeof plain>, { text: string; tags?: ('a' | 'b')[] }>(true)

const types = createGuard({
  message: { types: { chat: { schema: z.object({ text: z.string() }), cost: 2 }, ping: {} } },
})
const union: MessageOf<typeof types> = { type: 'chat', text: 'x' }
const other: MessageOf<typeof types> = { type: 'ping' }
// @ts-expect-error: no such type
const wrong: MessageOf<typeof types> = { type: 'shutdown' }
void [union, other, wrong]

const none = createGuard({ origin: { allow: ['https://app.example.com'] } })
same<MessageOf<typeof none>, unknown>(true)

const wss = protect(new WebSocketServer({ noServer: true }), zod)
wss.on('connection', async (ws, request, session) => {
  same<typeof session, Session<{ text: string; at?: number | undefined }>>(true)
  for await (const message of session.messages(ws)) ws.send(message.text.toUpperCase() + request.url)
})

zod.on('denied', (denied) => denied.code.toUpperCase())
zod.on('close', ({ session, reason }) => [session.subject?.length, reason?.length])
// @ts-expect-error: no such event
zod.on('closed', () => {})
// @ts-expect-error: no such option
createGuard({ message: { maxByte: 1 } })
// @ts-expect-error: no such value
createGuard({ dialect: 'apps' })
// @ts-expect-error: not a length of time
createGuard({ heartbeat: { interval: 'soon' } })
// @ts-expect-error: a file is the whole policy
createGuard({ file: 'policy.toml', message: { maxBytes: 1 } })
createGuard({ file: 'policy.toml', resolve: () => null }).verifyToken('').subject?.length
export const code: string = new WswardenError('', { code: 'WSW_POLICY' }).code
