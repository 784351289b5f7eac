// The shared vectors as questions, for every runtime: tests/README.md says what stands in them.

import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** All cases of a folder: `{ file, name, question, expect }`. */
export function cases(folder) {
  return readdirSync(folder).filter((name) => name.endsWith('.json')).sort().flatMap((file) => {
    const all = JSON.parse(readFileSync(join(folder, file), 'utf8'))
    return all.cases.map((one) => ({ file, name: one.name, ...whole(all, one) }))
  })
}

function whole(all, one) {
  const requests = { ...all.requests, ...one.requests }
  if (one.ask) return { question: one.ask, expect: one.expect }
  const policy = merged(all.policy, one.policy)
  const shared = Object.fromEntries(['unix', 'mono', 'seed', 'identity'].filter((name) => one[name] !== undefined).map((name) => [name, one[name]]))
  if (one.request) return { question: { op: 'request', policy, ...shared, request: resolved(one.request, requests) }, expect: one.expect }
  const steps = one.steps.map(({ expect: _, ...step }) => {
    if (typeof step.open === 'object') step.open = resolved(step.open, requests)
    if (step.policy) step.policy = merged(policy, step.policy)
    return step
  })
  const named = Object.fromEntries(Object.keys(requests).map((name) => [name, resolved(name, requests)]))
  return { question: { op: 'script', policy, ...shared, requests: named, steps }, expect: { steps: one.steps.map(({ expect }) => expect) } }
}

/** A request that is a name, or whole, or like another. */
function resolved(request, requests) {
  if (typeof request === 'string') return resolved(requests[request], requests)
  const { like, without = [], set = [], add = [], ...own } = request
  if (like === undefined) return request
  const base = resolved(like, requests)
  const gone = new Set([...without, ...set.map(([name]) => name)])
  const headers = (base.headers ?? []).filter(([name]) => !gone.has(name))
  return { ...base, ...own, headers: [...headers, ...set, ...add] }
}

/** A JSON merge patch (RFC 7396). */
function merged(target, patch) {
  if (patch === undefined) return target
  if (patch === null || typeof patch !== 'object' || Array.isArray(patch)) return patch
  const base = target !== null && typeof target === 'object' && !Array.isArray(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete base[key]
    else base[key] = merged(base[key], value)
  }
  return base
}
