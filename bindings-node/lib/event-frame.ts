// An event of Socket.IO, as the message that is judged in its place.

import { Opcode } from './session.js'

/** No policy lets JSON nest deeper: `json.max_depth` goes up to this. */
const DEEPEST = 128
/** What is judged in place of parts that nest deeper: JSON.stringify would run out of stack, and end the process. */
const TOO_DEEP = '['.repeat(DEEPEST)

/**
 * What to judge, such that the application sees what was judged. Attachments stand as on the wire,
 * `{ "_placeholder": true, "num": 0 }`, and make the event a binary message; white space stands for their bytes, so
 * that size and rate count them.
 *
 * @param most The size at which a message is refused whatever it is; asked for where there are attachments.
 */
export function eventFrame(event: unknown[], most: () => number): [opcode: number, payload: Uint8Array | string] {
  const weight = weigh(event, 0)
  if (weight === 0) return [Opcode.text, JSON.stringify(event)]
  // JSON.stringify makes null of 1e999, and `{}` of a Map that another parser made: what it cannot say is no JSON. An
  // array that is not closed is never valid, whatever the policy says.
  if (!Number.isFinite(weight)) return [Opcode.text, `[${typeof event[0] === 'string' ? JSON.stringify(event[0]) : 0},${weight === Infinity ? TOO_DEEP : ''}`]
  const text = Buffer.from(JSON.stringify(event, placeholders()))
  // One attachment may stand in a thousand places: no more is made of that than it takes to be refused.
  const size = Math.min(text.length + weight, most() + 1)
  return [Opcode.binary, Buffer.concat([text, Buffer.alloc(Math.max(0, size - text.length), ' ')])]
}

/**
 * How much the attachments weigh: 0 where there are none, and a byte more than it has for each. NaN where JSON cannot
 * say what is there, Infinity where it nests too deep.
 */
function weigh(value: unknown, depth: number): number {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return 0
    case 'number':
      return Number.isFinite(value) ? 0 : NaN
    case 'object':
      return value === null ? 0 : weighObject(value, depth)
    default:
      return NaN
  }
}

function weighObject(value: object, depth: number): number {
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return value.byteLength + 1
  if (depth === DEEPEST) return Infinity
  let weight = 0
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at += 1) weight += weigh(value[at], depth + 1)
    return weight
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return NaN
  for (const key in value) weight += weigh((value as Record<string, unknown>)[key], depth + 1)
  return weight
}

function placeholders(): (this: any, key: string, value: unknown) => unknown {
  let num = 0
  return function (key, value) {
    // A Buffer has a `toJSON`, which was called before this.
    const original: unknown = this[key]
    return original instanceof ArrayBuffer || ArrayBuffer.isView(original) ? { _placeholder: true, num: num++ } : value
  }
}
