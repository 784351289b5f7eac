// The conformance protocol in Node: the addon's own interface, number by number, as the package calls it.
// Each op converts and calls; what the core decides is not repeated here.

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import process from 'node:process'

const require = createRequire(import.meta.url)
const { native } = require(join(dirname(require.resolve('wswarden')), 'native.js'))

const UNIX = 1_800_000_000
const CAN = ['pings', 'control_frames', 'repeated_headers', 'fragments', 'http_refusal']
const OUTCOMES = ['', 'deliver', 'reply', 'drop', 'close', 'authenticate', 'pong', 'ignore']
const ACTIONS = ['', 'ping', 'close', 'revalidate', 'expired', 'terminate']
const EVENTS = [undefined, 'opened', 'authenticated', 'refreshed', 'limited', 'violation', 'expired', 'closed']
const KINDS = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 }
const reasons = new Map(native.reasons().map((row) => [row.number, row]))
const byName = new Map(native.reasons().map((row) => [row.name, row]))
const has = (object, name) => object?.[name] !== undefined && object[name] !== null

class Wrong extends Error {}

/** The same addon, built with the core's own answers: for what the package does not show one by one. */
const core = existsSync(process.env.WSWARDEN_CONFORM_ADDON ?? '') ? require(process.env.WSWARDEN_CONFORM_ADDON).conform : undefined

/** The ops that are answered here; the core has more, which are no part of the package. */
const ops = {
  version: () => ({ version: native.version(), language: 'node', ops: Object.keys(ops) }),
  reasons: () => ({
    reasons: [...reasons.values()].map(({ name, number, status, closeRfc, closeApp, retry }) => ({ name, number, http: status, close: { rfc: closeRfc, app: closeApp }, retry })),
  }),
  policy({ policy }) {
    try {
      const checked = new native.NativePolicy(JSON.stringify(policy ?? null), false)
      return { ok: true, warnings: checked.build().map(({ place, problem, remedy }) => said(place, problem, remedy)) }
    } catch (error) {
      return { ok: false, error: saidBy(error) }
    }
  },
  request({ policy, request, mono = 0, unix = UNIX, identity }) {
    const guard = guardOf(policy, 0)
    guard.setClock(mono / 1e6, unix * 1e3)
    let admission = guard.admit(requestOf(request))
    if (admission.need && identity !== undefined && identity !== null) admission = guard.provide(admission.handle, answerOf({ identity }))
    const { need, refusal, handle } = admission
    if (need) return needOf(need)
    if (!refusal) return { accept: true, status: guard.session(handle).status, headers: pairs(guard.answer(handle)) }
    return { accept: false, status: refusal.status, reason: refusal.reason, headers: pairs(refusal.headers), ...wait(refusal.retryAfterMs) }
  },
  script: (question) => new Play(question).all(),
}

/** Answers one question. */
export function answer(question) {
  const id = question?.id ?? null
  try {
    const op = ops[question?.op]
    if (typeof question?.op !== 'string') throw new Wrong('op is missing')
    if (!Object.hasOwn(ops, question.op)) return core ? JSON.parse(core(JSON.stringify(question))) : { id, unsupported: 'the core reads this by itself; the package has no call for it' }
    return { ...op(question), id }
  } catch (error) {
    return { id, error: saidBy(error) }
  }
}

const pairs = (flat) => flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1]]] : []))
const said = (place, problem, remedy) => `${place ? `${place}: ` : ''}${problem}${remedy ? `; ${remedy}` : ''}`
const nanos = (ms) => Math.round(ms * 1e6)
const wait = (ms) => (ms === undefined || ms === null ? {} : { retry_after: nanos(ms) })
const base64 = (bytes) => Buffer.from(bytes).toString('base64')

function saidBy(error) {
  const [code, place, problem, remedy] = String(error?.message ?? error).split('\n')
  return (code === 'policy' ? said(place, problem, remedy) : String(error?.message ?? error)).toWellFormed()
}

function policyOf(document) {
  if (document === undefined || document === null) throw new Wrong('policy is missing')
  const policy = new native.NativePolicy(JSON.stringify(document), false)
  policy.build()
  return policy
}

function guardOf(document, number) {
  const seed = Buffer.alloc(32)
  seed.writeBigUInt64BE(BigInt(number))
  return new native.NativeGuard(policyOf(document), CAN, [], seed, [0, 0])
}

function requestOf({ target, method = 'GET', version = '1.1', headers = [], peer = 'unix', tls = false }) {
  // A header's text stands for its UTF-8, whose bytes Node would show as one character each.
  return { method, target, version, headers: headers.flatMap(([name, value]) => [name, Buffer.from(value).toString('latin1')]), peer: peer ?? 'unix', tls }
}

function answerOf({ identity, refused, unavailable, keys, unused }) {
  if (identity !== undefined && identity !== null) {
    const { subject, namespace, tenant, scopes, expires, issued_at, token_id, session_id } = typeof identity === 'string' ? { subject: identity } : identity
    const millis = (seconds) => (seconds === undefined || seconds === null ? undefined : seconds * 1000)
    return { kind: 'identity', identity: { subject, namespace, tenant, scopes, expires: millis(expires), issuedAt: millis(issued_at), tokenId: token_id, sessionId: session_id } }
  }
  const kind = Object.entries({ refused, unavailable, keys, unused }).find(([, said]) => said === true)?.[0]
  if (kind === undefined) throw new Wrong('answer: expected identity, or one of refused, unavailable, keys and unused with true')
  return { kind }
}

function needOf(need) {
  if (has(need, 'token')) return { need: 'identity', token: Buffer.from(need.token, 'latin1').toString() }
  if (has(need, 'identity')) return { need: 'revalidate', subject: need.identity.subject ?? null }
  if (has(need, 'keys')) return { need: 'keys', url: need.keys }
  return { need: 'ticket', id: base64(need.ticket) }
}

/** A script as it is told. */
class Play {
  constructor({ policy, steps, requests = {}, seed = 0, unix = UNIX }) {
    Object.assign(this, { steps, requests, unix, at: 0, connections: [] })
    this.guard = guardOf(policy, seed)
    this.receiver = this.guard.receiver()
    this.sending = this.guard.sender()
  }

  all() {
    return { steps: this.steps.map((step) => this.step(step)) }
  }

  step(step) {
    this.at = step.at ?? this.at
    this.guard.setClock(this.at / 1e6, has(step, 'unix') ? step.unix * 1e3 : this.unix * 1e3 + this.at / 1e6)
    const verb = ['open', 'receive', 'tick', 'sent', 'drained', 'provide', 'revalidated', 'authenticate', 'close', 'lost', 'join', 'leave', 'revoke', 'policy', 'drain', 'stats', 'mint', 'keys', 'guard'].find((name) => has(step, name))
    if (!verb) throw new Wrong('no such step')
    if (['open', 'tick', 'revoke', 'policy', 'drain', 'stats', 'mint', 'keys'].includes(verb)) return this[verb](step)
    if (verb === 'guard') return this.fetches()
    const one = this.connections.find(({ name }) => name === step[verb])
    if (!one) throw new Wrong(`nothing was opened as "${step[verb]}"`)
    return one.handle ? this[verb](one, step) : { verdict: 'stale' }
  }

  open(step) {
    const known = typeof step.open === 'string' ? step.open : undefined
    const name = step.as ?? known
    this.connections = this.connections.filter((one) => one.name !== name)
    let admission = this.guard.admit(requestOf(known ? this.requests[known] : step.open))
    if (admission.need && has(step, 'identity')) admission = this.guard.provide(admission.handle, answerOf(step))
    this.connections.push({ name })
    return this.admitted(this.connections.at(-1), admission)
  }

  admitted(one, { handle, need, refusal }) {
    one.handle = handle
    one.waits = Boolean(need)
    if (refusal) return { verdict: 'refuse', status: refusal.status, reason: refusal.reason, ...wait(refusal.retryAfterMs) }
    if (need) return { verdict: 'wait', ...needOf(need) }
    const session = this.guard.session(handle)
    one.session = session.id
    return { verdict: 'open', status: session.status, ...(session.identity ? { subject: session.identity.subject ?? null } : { pending: session.pending }) }
  }

  provide(one, step) {
    const given = answerOf(step.answer)
    if (!one.waits) return this.outcome(one, this.guard.authenticated(one.handle, given), true)
    const admission = this.guard.provide(one.handle, given)
    return admission ? this.admitted(one, admission) : { verdict: 'stale' }
  }

  receive(one, { kind, code, text, bytes }) {
    let payload = typeof text === 'string' ? Buffer.from(text) : Buffer.from(bytes ?? '', 'base64')
    if (kind === 'close') payload = has({ code }, 'code') ? Buffer.of(code >> 8, code & 0xff) : Buffer.alloc(0)
    const number = this.receiver(one.handle, KINDS[kind], payload)
    if (number === 0) return { verdict: 'stale' }
    const verdict = OUTCOMES[number & 0xff]
    const last = this.guard.last()
    if (verdict === 'deliver') {
      const type = this.guard.typeName(one.handle, number)
      return { verdict, ...(type !== null && { type }), ...eventOf(last?.event) }
    }
    if (verdict === 'pong') return { verdict, bytes: base64(payload), ...eventOf(last?.event) }
    if ((number >>> 8 & 0xff) !== (byName.get(last.reason)?.number ?? 0)) throw new Error('the number and the outcome differ')
    return this.outcome(one, last)
  }

  outcome(one, outcome, judged = false) {
    if (!outcome) return { verdict: 'stale' }
    if (outcome.need) return { verdict: 'wait', ...needOf(outcome.need) }
    const { number, reply, close, reason, event } = outcome
    const verdict = OUTCOMES[number & 0xff]
    const words = { verdict }
    if (has(outcome, 'reply')) words.bytes = base64(reply)
    if (has(outcome, 'close')) words.code = close
    if (has(outcome, 'reason')) {
      words.reason = reason
      if (byName.get(reason).retry === 'after_delay') Object.assign(words, wait(this.guard.retryAfterMs(one.handle)))
    }
    if (judged && verdict === 'ignore') words.subject = this.guard.session(one.handle)?.identity?.subject ?? null
    return { ...words, ...eventOf(event) }
  }

  tick() {
    const due = []
    const records = Buffer.alloc(32 * 8)
    for (let turn = 0; turn <= this.connections.length + 1; turn += 1) {
      for (let count = this.guard.tick(records); count > 0; count = this.guard.tick(records)) {
        for (let at = 0; at < count * 32; at += 32) due.push(this.record(records.subarray(at, at + 32)))
      }
      if (this.guard.nextTimeout() !== 0) break
    }
    due.sort((a, b) => a.order - b.order)
    return { due: due.map(({ words }) => words) }
  }

  record(record) {
    const handle = record.readDoubleLE(0)
    const order = this.connections.findIndex((one) => one.handle === handle)
    const one = this.connections[order]
    const reason = reasons.get(record[9])?.name
    if (record[8] === 9) {
      one.handle = 0
      return { order, words: { session: one.name, verdict: 'refuse', status: byName.get(reason).status, reason } }
    }
    const action = ACTIONS[record[8]]
    const words = { session: one.name, action }
    if (action === 'ping') words.bytes = base64(record.subarray(16, 24))
    if (action === 'close') Object.assign(words, { code: record.readUInt16LE(10), reason })
    if (action === 'terminate') {
      this.guard.remove(handle)
      one.handle = 0
    }
    const kind = EVENTS[record[12]]
    return { order, words: { ...words, ...eventOf(kind && { kind, suppressed: record.readUInt32LE(24) }) } }
  }

  sent(one, { bytes }) {
    const number = this.sending(one.handle, 0, bytes)
    if (number > 0) return { pressure: ['', 'free', 'full'][number] }
    const pressure = this.guard.pressed()
    return { pressure: 'close', code: pressure.close, reason: pressure.reason, ...eventOf(pressure.event) }
  }

  drained(one, { bytes }) {
    this.sending(one.handle, bytes, 0)
    return { ok: true }
  }

  revalidated(one, { answer }) {
    return this.outcome(one, this.guard.revalidated(one.handle, answerOf(answer)))
  }

  authenticate(one, { text, bytes }) {
    return this.outcome(one, this.guard.authenticate(one.handle, Buffer.from(text ?? bytes, text === undefined ? 'base64' : 'utf8')), true)
  }

  close(one, { reason = 'closed_by_host' }) {
    return this.outcome(one, this.guard.close(one.handle, reason))
  }

  lost(one) {
    const event = this.guard.remove(one.handle)
    one.handle = 0
    return { ok: true, ...eventOf(event) }
  }

  join(one, { channel }) {
    try {
      return { ok: this.guard.join(one.handle, channel) }
    } catch (error) {
      return { ok: false, reason: error.message.split('\n')[1] }
    }
  }

  leave(one, { channel }) {
    return { ok: this.guard.leave(one.handle, channel) }
  }

  revoke({ revoke, lasts }) {
    const kind = ['token', 'session', 'user'].find((name) => has(revoke, name))
    const { namespace = '', tenant = '', id, subject, issued_until } = revoke[kind]
    const now = this.unix * 1000 + this.at / 1e6
    const what = { kind, namespace, tenant, id: id ?? subject, issuedUntil: has({ issued_until }, 'issued_until') ? issued_until * 1000 : now }
    return this.affected(() => this.guard.revoke(what, has({ lasts }, 'lasts') ? lasts / 1e6 : Infinity))
  }

  policy({ policy }) {
    return this.affected(() => this.guard.reload(policyOf(policy)))
  }

  drain() {
    return this.affected(() => this.guard.drain())
  }

  affected(work) {
    try {
      const ids = work()
      return { affected: this.connections.filter(({ session }) => ids.includes(session)).map(({ name }) => name) }
    } catch (error) {
      return { error: saidBy(error) }
    }
  }

  mint({ mint: { identity, path, origin, address, entropy: number } }) {
    const entropy = Buffer.alloc(32)
    entropy.writeBigUInt64BE(BigInt(number))
    try {
      return { ticket: this.guard.mintTicket(answerOf({ identity }).identity, path, origin ?? null, address ?? 'unix', entropy) }
    } catch (error) {
      const [code, reason, fault] = error.message.split('\n')
      if (code !== 'ticket') throw error
      return { error: fault, reason }
    }
  }

  keys({ keys: url, body }) {
    try {
      this.guard.fetched(url, has({ body }, 'body') ? Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) : null)
      return { ok: true }
    } catch (error) {
      return { error: saidBy(error) }
    }
  }

  fetches() {
    const due = []
    for (let one = this.guard.dueFetch(); one; one = this.guard.dueFetch()) due.push({ action: 'fetch_keys', url: one.url })
    const next = this.guard.nextFetch()
    return { due, next: next === null ? null : this.at + nanos(next) }
  }

  stats() {
    const { refused, ...numbers } = this.guard.stats()
    return { ...numbers, refused: Object.fromEntries(refused.map(({ reason, count }) => [reason, count])) }
  }
}

function eventOf(event) {
  if (!event) return {}
  return { event: event.kind, ...(event.suppressed > 0 && { suppressed: event.suppressed }) }
}
