// What is wrong with an argument is said in words, and every error is a WswardenError.

import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { WswardenError, createGuard } from 'wswarden'
import { FakeClock, FakeTransport, makeToken, upgradeRequest } from 'wswarden/testing'
import { ORIGIN, POLICY, SECRET, chat } from './lab.mjs'

const throws = (work, code, message) => assert.throws(work, (error) => {
  assert.ok(error instanceof WswardenError, String(error))
  assert.equal(error.code, code)
  assert.match(error.message, message)
  return true
})
const policy = (more, message) => throws(() => createGuard({ ...POLICY, ...more }), 'WSW_POLICY', message)

/** A guard on a clock that stands still, and a token for it. */
function still(options = {}) {
  const clock = new FakeClock()
  const guard = createGuard({ ...POLICY, clock, ...options })
  const bearer = (more = {}) => makeToken({ secret: SECRET, now: clock.now().unix, claims: { iss: 'https://id.example.com', aud: 'chat', sub: 'ann', ...more } })
  return { clock, guard, bearer }
}

test('numbers in options are milliseconds, in what errors say too', () => {
  policy({ heartbeat: { interval: '30 secs' } }, /^heartbeat\.interval: found "30 secs".* or a number of milliseconds$/)
  policy({ heartbeat: { interval: -5 } }, /^heartbeat\.interval: found -5; expected a whole number of milliseconds/)
  policy({ heartbeat: { interval: 0.5 } }, /^heartbeat\.interval: found 0\.5; expected a whole number of milliseconds/)
})

test('what is no table is none', () => {
  policy({ origin: new Map([['allow', []]]) }, /^origin: found a Map; expected an object/)
  policy({ origin: { allow: [/app/] } }, /^origin\.allow\[0\]: found a RegExp; expected an object/)
  policy({ message: new Set() }, /^message: found a Set/)
})

test('options that are none, and functions that are none', () => {
  throws(() => createGuard(), 'WSW_POLICY', /found undefined; expected options/)
  throws(() => createGuard(null), 'WSW_POLICY', /found null; expected options/)
  throws(() => createGuard('policy.toml'), 'WSW_POLICY', /found a string; expected options; a file is \{ file: PATH \}/)
  throws(() => createGuard(POLICY).reload('policy.toml'), 'WSW_POLICY', /expected options/)
  for (const name of ['resolve', 'spendTicket', 'fetchKeys']) throws(() => createGuard({ ...POLICY, [name]: 5 }), 'WSW_ARGUMENT', new RegExp(`^${name}: found a number; expected a function`))
  throws(() => createGuard({ ...POLICY, clock: {} }), 'WSW_ARGUMENT', /clock/)
  throws(() => createGuard({ ...POLICY, waive: 'fragments' }), 'WSW_ARGUMENT', /waive: found a string; expected a list/)
})

test('a file is the whole policy: another field beside it is an error, not dropped', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'wswarden-')), 'policy.json')
  writeFileSync(file, JSON.stringify({ origin: { allow: [ORIGIN] }, credential: { anonymous: true } }))
  const mine = () => null
  createGuard({ file, resolve: mine, waive: [], message: undefined }).dispose()
  throws(() => createGuard({ file, message: { maxBytes: 5 } }), 'WSW_POLICY', /^message: stands beside `file`/)
  throws(() => createGuard({ file, resolver: mine }), 'WSW_POLICY', /^resolver: stands beside `file`/)
  throws(() => createGuard(POLICY).reload({ file, cap: {} }), 'WSW_POLICY', /^cap: stands beside `file`/)
  throws(() => createGuard({ file: `${file}.toml` }), 'WSW_POLICY', /^file: .*policy\.json\.toml could not be read: ENOENT/)
  throws(() => createGuard({ file: 5 }), 'WSW_POLICY', /^file: found a number; expected a path/)
})

test('what is called wrongly says so', async () => {
  const { guard, bearer } = still()
  const namespace = 'https://id.example.com'
  for (const what of ['ann', undefined, null, {}, { subject: 5 }, { subject: 'ann', tokenId: '1' }]) throws(() => guard.revoke(what), 'WSW_ARGUMENT', /^revoke: found .*expected one of/)
  throws(() => guard.revoke({ subject: 'ann', namespace }, '30s'), 'WSW_ARGUMENT', /./)
  throws(() => guard.mintTicket({ subject: 'ann' }), 'WSW_ARGUMENT', /^binding: found undefined/)
  throws(() => guard.limits(5), 'WSW_ARGUMENT', /./)
  await assert.rejects(guard.upgrade(), { name: 'WswardenError', code: 'WSW_ARGUMENT' })
  const session = await guard.upgrade(upgradeRequest({ bearer: bearer(), origin: ORIGIN }))
  throws(() => session.join(5), 'WSW_ARGUMENT', /./)
  assert.equal(guard.revoke({ tokenId: '1', subject: undefined, namespace }), 0)
  assert.equal(guard.revoke({ subject: 'ann', namespace }), 1)
})

test('an error for a reason knows the close code of the dialect that is spoken there', async () => {
  const refused = (guard, request) => assert.rejects(guard.upgrade(upgradeRequest(request)), (error) => {
    assert.equal(error.reason, 'credential_missing')
    assert.equal(error.closeCode, request.target === '/rfc' ? 1008 : 4401)
    return true
  })
  const { guard, bearer } = still({ route: [{ path: '/rfc', dialect: 'rfc' }] })
  await refused(guard, { origin: ORIGIN, target: '/chat?x' })
  await refused(guard, { origin: ORIGIN, target: '/rfc' })
  const session = await guard.upgrade(upgradeRequest({ bearer: bearer(), origin: ORIGIN }))
  session.attach(new FakeTransport())
  session.close('forbidden')
  session.end()
  assert.throws(() => session.join('a'), { code: 'WSW_ENDED', reason: 'forbidden', closeCode: 4403 })
})

test('verifyToken judges as an upgrade does, and tells why not', () => {
  const { guard, clock, bearer } = still()
  const token = bearer({ jti: '1' })
  assert.equal(guard.verifyToken(token).subject, 'ann')
  assert.equal(guard.verifyToken(Buffer.from(token), { path: '/chat' }).tokenId, '1')
  assert.throws(() => guard.verifyToken(`${token}x`), { name: 'WswardenError', code: 'WSW_CREDENTIAL_INVALID', status: 401, closeCode: 4401 })
  throws(() => guard.verifyToken(undefined), 'WSW_ARGUMENT', /found undefined; expected a token/)
  guard.revoke({ tokenId: '1', namespace: 'https://id.example.com' })
  assert.throws(() => guard.verifyToken(token), (error) => error.reason === 'revoked' && error.answer.status === 401)
  const short = bearer({ exp: clock.now().unix / 1000 + 5 })
  clock.advance('10min')
  assert.throws(() => guard.verifyToken(short), { code: 'WSW_TOKEN_EXPIRED' })
  guard.dispose()
  assert.throws(() => guard.verifyToken(short), { code: 'WSW_DISPOSED' })
})

test('explain says in words why a message is refused, and charges nothing', async () => {
  const { guard, bearer } = still()
  const session = await guard.upgrade(upgradeRequest({ bearer: bearer(), origin: ORIGIN }))
  const transport = new FakeTransport()
  session.attach(transport)
  assert.equal(session.explain(chat('good')), undefined)
  const { reason, offset, text } = session.explain(Buffer.from('{"type":"chat","text":7}'))
  assert.deepEqual([reason, offset], ['schema_violation', 22])
  assert.match(text, /text/)
  for (let n = 0; n < 1000; n += 1) session.explain('{')
  assert.deepEqual(transport.frames, [])
})
