// The messages and schemas of the benchmark: the recipe of benches/benches/corpus, with its own random words.

const U = '3f2504e0-4f89-41d3-9a0c-0305e82c3301'
const U2 = '9b2d7c1e-58aa-4c3f-8e21-7d0a4b6c9f10'
const M = { type: 'chat', content: 'Hey team, the deploy went fine, can somebody look at dashboards?', channelId: U }
const words = 'the deploy went fine can somebody look at dashboards again before we ship this build to customers'.split(' ')

function text(length, plain) {
  let [state, out] = [7, '']
  for (let i = 1; [...out].length < length; i += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    out += `${words[Math.floor((state / 2 ** 32) * words.length)]} `
    if (plain) continue
    if (i % 14 === 0) out += '\n'
    if (i % 23 === 0) out += '"quoted" '
    if (i % 17 === 0) out += 'café naïve '
    if (i % 41 === 0) out += '日本語 '
    if (i % 53 === 0) out += '🚀 '
  }
  return [...out].slice(0, length).join('')
}

const R = {
  type: 'chat', id: U2, channelId: U, content: 'Release 4.2 is out; please check the attached report and reply here.',
  mentions: [U2, U, '7d444840-9dc0-11d1-b245-5ffdce74fad2'],
  attachments: [
    { url: 'https://cdn.example.com/f/9b2d7c1e/report.pdf', mime: 'application/pdf', size: 183422, name: 'report.pdf' },
    { url: 'https://cdn.example.com/f/77ab0012/shot.png', mime: 'image/png', size: 90211 },
  ],
  meta: { client: 'web', ts: 1732358400123, locale: 'en-GB' },
}
const RI = structuredClone(R)
RI.attachments[1].size = -1

const N = 2 ** 20
const keys = []
for (let [number, length] = [0, 0]; length < N - 40; number += 1) length += keys[keys.push(`"k${number}":${number}`) - 1].length + 1
const depth = (N - 40) / 2

const encode = (all) => Object.fromEntries(Object.entries(all).map(([name, one]) => [name, Buffer.from(typeof one === 'string' ? one : JSON.stringify(one))]))

/** What a chat sends, and what it should not. */
export const messages = encode({
  S: '{"type":"ping"}', M, L: { ...M, content: text(4900, false) }, LA: { ...M, content: text(4900, true) }, R,
  I1: { ...M, channelId: '3f2504e0-4f89-41d3-9a0c-0305e82c33zz' }, I2: { ...M, type: 'chaT' }, I4: { ...M, extra: 1 }, RI,
})
/** One MiB each: nesting, a string, an array, unknown keys, escapes. */
export const hostile = encode({
  X1: `{"type":"chat","content":${'['.repeat(depth)}${']'.repeat(depth)}}`, X2: `{"type":"chat","content":"${'a'.repeat(N - 30)}"}`,
  X3: `{"type":"chat","content":[${Array(N / 2 - 20).fill('0').join()}]}`, X4: `{"type":"chat",${keys.join()}}`,
  X5: `{"type":"chat","content":"${'\\u00e9'.repeat(Math.floor(N / 6) - 6)}"}`,
})

const uuid = { type: 'string', format: 'uuid' }
const string = (maxLength, minLength) => ({ type: 'string', maxLength, ...(minLength && { minLength }) })
const object = (properties, required) => ({ type: 'object', properties, required, additionalProperties: false })
const natural = { type: 'integer', minimum: 0 }
const meta = object({ client: { enum: ['web', 'ios', 'android', 'desktop'] }, ts: natural, locale: string(16) }, ['client', 'ts'])
const attachment = object({ url: string(2048), mime: string(127), size: { ...natural, maximum: 1e9 }, name: string(255) }, ['url', 'mime', 'size'])
const message = (type, properties, required) => object({ type: { const: type }, ...properties }, ['type', ...required])

/** The guide's schema, closed. */
export const simple = object({ type: { enum: ['chat', 'typing', 'ping'] }, content: string(5000), channelId: uuid }, ['type'])
/** A union of eight. */
export const rich = {
  type: 'object', required: ['type'], discriminator: { propertyName: 'type' },
  oneOf: [
    message('ping', { ts: natural }, []), message('typing', { channelId: uuid, isTyping: { type: 'boolean' } }, ['channelId', 'isTyping']),
    message('delete', { messageId: uuid, channelId: uuid }, ['messageId']),
    message('reaction', { messageId: uuid, emoji: string(32, 1), op: { enum: ['add', 'remove'] } }, ['messageId', 'emoji', 'op']),
    message('chat', { id: uuid, channelId: uuid, content: string(5000, 1), mentions: { type: 'array', items: uuid, maxItems: 50 }, attachments: { type: 'array', items: attachment, maxItems: 10 }, replyTo: uuid, meta }, ['id', 'channelId', 'content', 'meta']),
    message('edit', { messageId: uuid, content: string(5000, 1), meta }, ['messageId', 'content', 'meta']),
    message('presence', { status: { enum: ['online', 'away', 'busy', 'offline'] }, device: object({ os: string(32), version: string(32), screen: { type: 'array', items: natural, minItems: 2, maxItems: 2 } }, ['os']) }, ['status']),
    message('subscribe', { channels: { type: 'array', maxItems: 100, items: object({ id: uuid, since: natural, filters: { type: 'array', items: { enum: ['mentions', 'all', 'threads'] } } }, ['id']) } }, ['channels']),
  ],
}
