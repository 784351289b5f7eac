// Tokens and limits alone: what Node servers would otherwise verify and limit with, beside the whole handshake.

import { createHmac, createSecretKey } from 'node:crypto'
import { createRequire } from 'node:module'

import { createVerifier } from 'fast-jwt'
import * as jose from 'jose'
import { RateLimiterMemory } from 'rate-limiter-flexible'

const jsonwebtoken = createRequire(import.meta.url)('jsonwebtoken')

const SECRET = 'a key for the benches, of 32 bytes or more'
const [issuer, audience] = ['https://id.example.com', 'chat']
const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')

function tokens(count) {
  return Array.from({ length: count }, (_, number) => {
    const now = Math.floor(Date.now() / 1e3)
    const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ sub: `user${number}`, iss: issuer, aud: audience, iat: now, exp: now + 3600 })}`
    return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`
  })
}

/** Names, and functions that judge the next of several tokens; the peers verify the token and nothing else. */
export function verifiers(guardFor) {
  const several = tokens(64)
  let at = 0
  const next = () => several[(at += 1) & 63]
  const jwt = { keys: [{ alg: 'HS256', secret: SECRET }], issuer: [issuer], audience: [audience] }
  const handshake = (cached) => {
    const guard = guardFor({
      credential: { jwt }, cap: { cached_tokens: cached, per_user: 1000, per_address: 1000, unauthenticated_per_address: 1000 },
      rate: { address: { handshakes: '1000000/s', failures: '1000000/s' } },
    })
    const fixed = ['host', 'a', 'upgrade', 'websocket', 'connection', 'upgrade', 'sec-websocket-version', '13', 'sec-websocket-key', 'dGhlIHNhbXBsZSBub25jZQ==', 'origin', 'https://app.example.com']
    return () => {
      const headers = [...fixed, 'authorization', `Bearer ${next()}`]
      const { handle, refusal } = guard.admit({ method: 'GET', target: '/', version: '1.1', headers, peer: '198.51.100.7', tls: true })
      if (refusal) throw new Error(refusal.reason)
      guard.remove(handle)
    }
  }
  const [key, rules] = [createSecretKey(Buffer.from(SECRET)), { algorithms: ['HS256'], issuer, audience }]
  const [fresh, caching] = [createVerifier({ key: SECRET, ...rules, allowedIss: issuer, allowedAud: audience }), createVerifier({ key: SECRET, ...rules, allowedIss: issuer, allowedAud: audience, cache: true })]
  return {
    'wswarden, the whole handshake': handshake(1),
    'wswarden, the whole handshake, known token': handshake(1000),
    'jsonwebtoken, a string for a key': () => jsonwebtoken.verify(next(), SECRET, rules),
    'jsonwebtoken, a KeyObject': () => jsonwebtoken.verify(next(), key, rules),
    'jose, awaited': () => jose.jwtVerify(next(), key, rules),
    'fast-jwt': () => fresh(next()),
    'fast-jwt, its cache': () => caching(next()),
  }
}

/** Names, and functions that charge the next of so many users in random order; the limits are never reached. */
export function limiters(count) {
  const order = Array.from({ length: 65_536 }, (_, at) => `user${Math.floor(((Math.imul(at, 2654435761) >>> 0) / 2 ** 32) * count)}`)
  let at = 0
  const next = () => order[(at += 1) & 65_535]
  const flexible = new RateLimiterMemory({ points: 1e9, duration: 1 })
  const rates = new Map()
  return {
    'rate-limiter-flexible, awaited': () => flexible.consume(next()),
    "the guide's Map and filter": () => {
      const [user, now] = [next(), Date.now()]
      const recent = (rates.get(user) || []).filter((stamp) => now - stamp < 1000)
      if (recent.length >= 10) recent.length = 9
      recent.push(now)
      rates.set(user, recent)
    },
  }
}
