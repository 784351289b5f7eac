// What a message costs in Node, from the Buffer that `ws` gives to a verdict, beside what users would otherwise use.
//
//     PART=node make bench        (prints medians and ratios, writes benches/data/node.tsv; QUICK=1 only shows that all runs)
//     node bench.mjs --count M 500        (judges M so often, for callgrind: see benches/profile)
//
// All peers take turns, round by round, in one process: a noisy machine disturbs all alike, so quote the ratios.

import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { hostile, messages, rich, simple } from './corpus.mjs'
import { limiters, verifiers } from './credentials.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const require = createRequire(join(root, 'bindings-node', 'package.json'))
const { native } = require('./dist/native.js')
const Ajv = require('ajv/dist/2020')
const formats = require('ajv-formats')
const z4 = require('zod')
const z3 = require('zod3')
const v = require('valibot')
const { TypeCompiler } = require('@sinclair/typebox/compiler')
const { FormatRegistry, Type } = require('@sinclair/typebox')

const QUICK = Boolean(process.env.QUICK)
const ROUNDS = QUICK ? 5 : 401
/** Short, so that few samples are cut in two by other processes. */
const SAMPLE_MS = 0.5
const ABILITIES = ['pings', 'control_frames', 'repeated_headers', 'fragments', 'http_refusal']
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
FormatRegistry.Set('uuid', (value) => UUID.test(value))

/** A guard of a policy that has the origin already. */
function guardFor(document, clock) {
  const policy = new native.NativePolicy(JSON.stringify({ origin: { allow: ['https://app.example.com'] }, ...document }), false)
  policy.build()
  return new native.NativeGuard(policy, ABILITIES, [], Buffer.alloc(32, 7), clock)
}

/** A connection under a policy whose limits are on and out of reach. */
function connection(schema, maxBytes = '64KiB') {
  const document = {
    credential: { anonymous: true },
    message: { schema, max_bytes: maxBytes, errors: { limit: 4_000_000_000, per: '1s' } },
    rate: { connection: { messages: '1000000000/s', bytes: { limit: 1_000_000_000, per: '1s', burst: 1e15 } }, address: { messages: '1000000000/s' }, ban: 'off' },
  }
  const guard = guardFor(document)
  const headers = ['host', 'a', 'upgrade', 'websocket', 'connection', 'upgrade', 'sec-websocket-version', '13', 'sec-websocket-key', 'dGhlIHNhbXBsZSBub25jZQ==', 'origin', 'https://app.example.com']
  const { handle } = guard.admit({ method: 'GET', target: '/', version: '1.1', headers, peer: '198.51.100.7', tls: true })
  return { handle, receive: guard.receiver(), receiveText: guard.textReceiver() }
}

/** Bytes in, accepted or not out; `object` ones give the value too. */
function peers(schema, isRich) {
  const ajv = new Ajv({ discriminator: isRich, strict: false })
  formats(ajv)
  const check = ajv.compile(schema)
  const four = isRich ? zodRich(z4) : zodSimple(z4)
  const three = isRich ? zodRich(z3) : zodSimple(z3)
  const val = isRich ? undefined : v.strictObject({ type: v.picklist(['chat', 'typing', 'ping']), content: v.optional(v.pipe(v.string(), v.maxLength(5000))), channelId: v.optional(v.pipe(v.string(), v.uuid())) })
  const box = isRich ? undefined : TypeCompiler.Compile(Type.Object({ type: Type.Union(['chat', 'typing', 'ping'].map((one) => Type.Literal(one))), content: Type.Optional(Type.String({ maxLength: 5000 })), channelId: Type.Optional(Type.String({ format: 'uuid' })) }, { additionalProperties: false }))
  const { handle, receive, receiveText } = connection(schema)
  const parsed = (judge) => (bytes) => {
    try {
      return judge(JSON.parse(bytes.toString()))
    } catch {
      return false
    }
  }
  const rates = new Map()
  const guide = (bytes) => {
    const now = Date.now()
    // The guide's limiter as it stands, with a limit that lets the benchmark through.
    const recent = (rates.get('ann') || []).filter((stamp) => now - stamp < 1000)
    if (recent.length >= 10) recent.length = 9
    recent.push(now)
    rates.set('ann', recent)
    try {
      four.parse(JSON.parse(bytes.toString()))
      return true
    } catch {
      return false
    }
  }
  return {
    ours: (bytes) => (receive(handle, 1, bytes) & 0xff) === 1,
    'ours, object': (bytes) => {
      const text = receiveText(handle, 1, bytes)
      return typeof text === 'string' && JSON.parse(text) !== undefined
    },
    'JSON.parse alone': parsed(() => true),
    ajv: parsed((value) => check(value)),
    'zod 4': parsed((value) => four.safeParse(value).success),
    'zod 3': parsed((value) => three.safeParse(value).success),
    ...(val && { valibot: parsed((value) => v.safeParse(val, value).success) }),
    ...(box && { typebox: parsed((value) => box.Check(value)) }),
    ...(isRich ? {} : { 'guide in full': guide }),
  }
}

function zodSimple(z) {
  return z.object({ type: z.enum(['chat', 'typing', 'ping']), content: z.string().max(5000).optional(), channelId: z.string().uuid().optional() }).strict()
}

function zodRich(z) {
  const uuid = () => z.string().uuid()
  const natural = () => z.number().int().min(0)
  const meta = z.object({ client: z.enum(['web', 'ios', 'android', 'desktop']), ts: natural(), locale: z.string().max(16).optional() }).strict()
  const attachment = z.object({ url: z.string().max(2048), mime: z.string().max(127), size: natural().max(1e9), name: z.string().max(255).optional() }).strict()
  const message = (type, rest) => z.object({ type: z.literal(type), ...rest }).strict()
  return z.discriminatedUnion('type', [
    message('ping', { ts: natural().optional() }), message('typing', { channelId: uuid(), isTyping: z.boolean() }), message('delete', { messageId: uuid(), channelId: uuid().optional() }),
    message('reaction', { messageId: uuid(), emoji: z.string().min(1).max(32), op: z.enum(['add', 'remove']) }),
    message('chat', { id: uuid(), channelId: uuid(), content: z.string().min(1).max(5000), mentions: z.array(uuid()).max(50).optional(), attachments: z.array(attachment).max(10).optional(), replyTo: uuid().optional(), meta }),
    message('edit', { messageId: uuid(), content: z.string().min(1).max(5000), meta }), message('presence', { status: z.enum(['online', 'away', 'busy', 'offline']) }), message('subscribe', {}),
  ])
}

const quartiles = (list) => {
  list.sort((a, b) => a - b)
  return [2, 1, 3].map((quarter) => list[Math.floor(((list.length - 1) * quarter) / 4)])
}
const median = (list) => quartiles(list)[0]

/** Nanoseconds a call, of all judges in turn: the median of all rounds, and the quartiles around it. */
function race(judges, bytes) {
  const names = Object.keys(judges)
  const counts = {}
  for (const name of names) {
    const judge = judges[name]
    const began = performance.now()
    let calls = 0
    while (performance.now() - began < 100 * SAMPLE_MS) for (let at = 0; at < 16; at += 1, calls += 1) judge(bytes)
    counts[name] = Math.max(1, Math.round(calls / 100))
  }
  const times = Object.fromEntries(names.map((name) => [name, []]))
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const name of names) {
      const judge = judges[name]
      const began = process.hrtime.bigint()
      for (let at = 0; at < counts[name]; at += 1) judge(bytes)
      times[name].push(Number(process.hrtime.bigint() - began) / counts[name])
    }
  }
  return Object.fromEntries(names.map((name) => [name, quartiles(times[name])]))
}

/** As benches/report.py reads them. */
const rows = []
const row = (group, name, peer, [middle, low = middle, high = middle], unit = 'ns') => {
  rows.push([`node, ${group}`, name, peer.replace(/^ours/, 'wswarden'), ...[middle, low, high].map((value) => value.toFixed(2)), unit])
}

function verdicts() {
  const [plain, union] = [peers(simple, false), peers(rich, true)]
  for (const [name, bytes] of Object.entries(messages)) {
    const judges = name.startsWith('R') ? union : plain
    const wanted = !name.includes('I')
    for (const [peer, judge] of Object.entries(judges)) {
      const lenient = peer === 'JSON.parse alone'
      if (!lenient && judge(bytes) !== wanted) throw new Error(`${peer} judges ${name} otherwise`)
    }
    const times = race(judges, bytes)
    console.log(`\n${name} (${bytes.length} bytes)`)
    for (const [peer, measured] of Object.entries(times)) {
      const [ns] = measured
      const ratios = peer.startsWith('ours') ? ['', ''] : [ns / times.ours[0], ns / times['ours, object'][0]].map((ratio) => ratio.toFixed(2))
      row('messages', name, peer, measured)
      console.log(`  ${peer.padEnd(18)}${ns.toFixed(0).padStart(9)} ns${ratios[0] && `   ${ratios[0].padStart(6)} x ours   ${ratios[1].padStart(6)} x ours with the object`}`)
    }
  }
}

/** What the border costs: a call whose handle stands for nothing does everything but the core's work. */
function border() {
  const { receive } = connection(simple)
  const { call } = race({ call: (bytes) => receive(0x1000001, 1, bytes) }, messages.M)
  row('messages', 'M', 'ours, border alone', call)
  console.log(`\nthe border alone, M: ${call[0].toFixed(0)} ns (arguments, clock, answer)`)
}

/** How long one message of a MiB holds the event loop. */
function megabytes() {
  console.log('\none hostile MiB')
  const { handle, receive } = connection(simple, '2MiB')
  const ajv = new Ajv()
  formats(ajv)
  const check = ajv.compile(simple)
  for (const [name, bytes] of Object.entries(hostile)) {
    const [own, other] = [[], []]
    for (let round = 0; round < 9; round += 1) {
      let began = process.hrtime.bigint()
      const verdict = receive(handle, 1, bytes)
      own.push(Number(process.hrtime.bigint() - began) / 1e3)
      if ((verdict & 0xff) === 1) throw new Error(`${name} was delivered`)
      began = process.hrtime.bigint()
      check(JSON.parse(bytes.toString()))
      other.push(Number(process.hrtime.bigint() - began) / 1e3)
    }
    const [ours, theirs] = [median(own), median(other)]
    row('messages', name, 'ours', quartiles(own), 'us')
    row('messages', name, 'JSON.parse + ajv', quartiles(other), 'us')
    console.log(`  ${name}  ours ${ours.toFixed(1).padStart(8)} µs   JSON.parse + ajv ${theirs.toFixed(0).padStart(8)} µs   ${(theirs / ours).toFixed(0)} x`)
  }
}

/**
 * How long `work` holds the loop, in milliseconds. Of wall-clock time, to which other processes add, and of this process's
 * CPU time, to which V8's own threads add, the smaller: each bounds it from above.
 */
function held(work) {
  const [began, used] = [performance.now(), process.cpuUsage()]
  work()
  const [wall, { user, system }] = [performance.now() - began, process.cpuUsage(used)]
  return Math.min(wall, (user + system) / 1e3)
}

/**
 * A million connections that came evenly within one heartbeat's interval, each pinged and answering: the longest time
 * the loop is held, beside the guide's sweep over its Set.
 */
function heartbeat(count = QUICK ? 20_000 : 1_000_000) {
  class Socket {
    isAlive = true
    pings = 0
    ping() {
      this.pings += 1
    }
    terminate() {}
  }
  const clients = new Set(Array.from({ length: count }, () => new Socket()))
  const sweeps = []
  for (let round = 0; round < 9; round += 1) {
    sweeps.push(held(() => clients.forEach((ws) => {
      if (!ws.isAlive) return ws.terminate()
      ws.isAlive = false
      ws.ping()
    })))
    clients.forEach((ws) => { ws.isAlive = true })
  }
  clients.clear()
  const document = {
    credential: { anonymous: true }, heartbeat: { interval: '25s', timeout: '10s' },
    cap: { total: 2 * count, tracked_addresses: 2 * count, per_address: 1000, unauthenticated_per_address: 1000 }, rate: { address: { handshakes: '1000000/s' } },
  }
  const guard = guardFor(document, [0, 1.8e12])
  const headers = ['host', 'a', 'upgrade', 'websocket', 'connection', 'upgrade', 'sec-websocket-version', '13', 'sec-websocket-key', 'dGhlIHNhbXBsZSBub25jZQ==', 'origin', 'https://app.example.com']
  const sockets = new Map()
  for (let number = 0; number < count; number += 1) {
    if (number % 40 === 0) guard.setClock(number / 40, 1.8e12)
    const peer = `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`
    const { handle, refusal } = guard.admit({ method: 'GET', target: '/', version: '1.1', headers, peer, tls: true })
    if (refusal) throw new Error(refusal.reason)
    sockets.set(handle, new Socket())
  }
  const records = Buffer.alloc(32 * 16)
  const receive = guard.receiver()
  const rounds = []
  for (let round = 0; round < 5; round += 1) {
    const turns = []
    for (let now = 25_001 * (round + 1); now < 25_001 * (round + 2); now += 1) {
      guard.setClock(now, 1.8e12)
      for (let more = true; more;) {
        const pinged = []
        // A turn of the package's engine: some at a time, until a quarter of a millisecond is over.
        turns.push(held(() => {
          const until = performance.now() + 0.25
          do {
            const due = guard.tick(records)
            const payloads = Buffer.from(records)
            for (let at = 0; at < due * 32; at += 32) {
              const handle = records.readDoubleLE(at)
              const payload = payloads.subarray(at + 16, at + 24)
              sockets.get(handle).ping(payload)
              pinged.push(handle, payload)
            }
            more = guard.nextTimeout() === 0
          } while (more && performance.now() < until)
        }))
        // Their pongs come in meanwhile.
        for (let at = 0; at < pinged.length; at += 2) receive(pinged[at], 10, pinged[at + 1])
      }
    }
    rounds.push(turns.sort((a, b) => a - b))
  }
  for (const { pings } of sockets.values()) if (pings < 5 || pings > 6) throw new Error(`${pings} pings in five rounds`)
  // The round in which others disturbed least.
  const turns = rounds.sort((a, b) => a.at(-1) - b.at(-1))[0]
  const at = (share) => turns[Math.floor(turns.length * share)]
  const [sweep, half, p99, p9999, longest] = [Math.min(...sweeps), at(0.5), at(0.99), at(0.9999), turns.at(-1)]
  row('heartbeat', String(count), 'ours, longest turn', [longest * 1e3], 'us')
  row('heartbeat', String(count), 'ours, 99.99 % of turns', [p9999 * 1e3], 'us')
  row('heartbeat', String(count), "the guide's sweep", [sweep * 1e3], 'us')
  console.log(`\n${count} connections, each pinged: the loop is held for ${longest.toFixed(3)} ms at most (50 %: ${half.toFixed(3)}, 99 %: ${p99.toFixed(3)}, 99.99 %: ${p9999.toFixed(3)} ms) in ${turns.length} turns; by the guide's sweep for ${sweep.toFixed(1)} ms: ${(sweep / longest).toFixed(1)} x (99.99 %: ${(sweep / p9999).toFixed(1)} x)`)
}

/** Tokens and limits, each beside its peers; some of them answer with a promise. */
async function alone(group, name, judges) {
  const times = await raceAwaited(judges)
  console.log(`\n${group}, ${name}`)
  for (const [peer, measured] of Object.entries(times)) {
    row(group, name, peer, measured)
    console.log(`  ${peer.padEnd(44)}${measured[0].toFixed(0).padStart(9)} ns`)
  }
}

/** As `race`, for what may have to be awaited. */
async function raceAwaited(judges) {
  const [times, calls] = [Object.fromEntries(Object.keys(judges).map((name) => [name, []])), QUICK ? 5 : 40]
  for (let round = 0; round < ROUNDS / 4 + 5; round += 1) {
    for (const [name, judge] of Object.entries(judges)) {
      const began = process.hrtime.bigint()
      for (let at = 0; at < calls; at += 1) {
        const answer = judge()
        if (answer instanceof Promise) await answer
      }
      if (round >= 5) times[name].push(Number(process.hrtime.bigint() - began) / calls)
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, quartiles(list)]))
}

const credentials = () => alone('JWT', 'HS256', verifiers(guardFor))
const limits = async () => {
  for (const count of [1, 10_000]) await alone('limits', String(count), limiters(count))
}

/** One message, so many times. */
function count(name, turns) {
  const { handle, receive } = connection(name.startsWith('R') ? rich : simple)
  for (let turn = 0; turn < turns; turn += 1) receive(handle, 1, messages[name])
  process.exit()
}
if (process.argv[2] === '--count') count(process.argv[3], Number(process.argv[4]))

const parts = { verdicts, border, megabytes, credentials, limits, heartbeat }
// The first argument may name the file; the others choose parts.
const [file] = process.argv.slice(2).filter((one) => !(one in parts))
const chosen = process.argv.slice(2).filter((one) => one in parts)
for (const [name, part] of Object.entries(parts)) if (chosen.length === 0 || chosen.includes(name)) await part()

/** The versions of what was measured. */
function versions() {
  const installed = (folder, names) => names.map((name) => `${name} ${JSON.parse(readFileSync(join(root, folder, 'node_modules', name, 'package.json'), 'utf8')).version}`)
  return [
    ...installed('bindings-node', ['ajv', 'zod', 'zod3', 'valibot', '@sinclair/typebox']),
    ...installed('benches/node', ['rate-limiter-flexible', 'jsonwebtoken', 'jose', 'fast-jwt']),
  ].join(', ')
}

const about = [`# node: ${process.version}, V8 ${process.versions.v8}`, `# versions: ${versions()}`]
const names = ['group', 'case', 'subject', 'median', 'low', 'high', 'unit']
if (file) writeFileSync(file, [...about, ...[names, ...rows].map((line) => line.join('\t')), ''].join('\n'))
