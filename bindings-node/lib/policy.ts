// From options to the policy document. The core's own JSON Schema says where a name is a field (camelCase here,
// snake_case there), where a number is a time, and where what stands there is the user's own.

import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

import { WswardenError, call, kindOf } from './errors.js'
import { native } from './native.js'

/** Reads a policy from a file: JSON if its name ends in `.json`, else TOML. */
export interface PolicyFile {
  /** The path. `file:` values in the policy are relative to it. */
  file: string
}

/** A policy, checked; with what it allows but is seldom meant. */
export interface CheckedPolicy {
  readonly native: InstanceType<typeof native.NativePolicy>
  readonly warnings: readonly string[]
}

interface Schema {
  $ref?: string
  anyOf?: Schema[]
  oneOf?: Schema[]
  items?: Schema
  properties?: Record<string, Schema>
  additionalProperties?: Schema | boolean
  $defs?: Record<string, Schema>
}

const root: Schema = JSON.parse(native.policySchema())
const SPAN = '#/$defs/Span'
const DEEPEST = 128

const names = (schema: Schema): string[] => Object.keys(schema.properties ?? {}).concat(...(schema.anyOf ?? []).map(names))
const fields = [root, ...Object.values(root.$defs ?? {})].flatMap(names)
/** What the options are called, by the field's name; names that do not exist come to it as they are met. */
type Spoken = Map<string, string>

/** Options are an object; who gives a path is told how. */
export function optionsOf<Options extends object>(given: Options): Options {
  if (typeof given === 'object' && given !== null) return given
  throw wrong('', `found ${kindOf(given)}; expected options`, typeof given === 'string' ? 'a file is { file: PATH }' : '')
}

/** Checks a policy: options in camelCase, or a file. */
export function checkPolicy(options: object): CheckedPolicy {
  if ('file' in options) return fromFile(options)
  const spoken: Spoken = new Map(fields.map((field) => [field, camel(field)]))
  const document = convert(options, root, '', 0, spoken)
  return build(() => new native.NativePolicy(JSON.stringify(document), false), '.', (text) => inOptions(text, spoken))
}

function fromFile({ file: path, ...others }: { file?: unknown }): CheckedPolicy {
  if (typeof path !== 'string') throw wrong('file', `found ${kindOf(path)}; expected a path`)
  // What stands beside it would be dropped in silence, and with it the limits it sets.
  const [other] = Object.entries(others).flatMap(([name, value]) => (value === undefined ? [] : [name]))
  if (other !== undefined) throw wrong(other, 'stands beside `file`, which is the whole policy', 'say it in the file')
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new WswardenError(sentence('file', `${path} could not be read: ${cause instanceof Error ? cause.message : cause}`, ''), { code: 'WSW_POLICY', cause })
  }
  return build(() => new native.NativePolicy(text, !path.endsWith('.json')), dirname(path), (text) => text)
}

function build(read: () => InstanceType<typeof native.NativePolicy>, folder: string, tell: (text: string) => string): CheckedPolicy {
  try {
    const policy = read()
    policy.sources().forEach(({ kind, name }, index) => {
      let value: Uint8Array
      try {
        value = kind === 'env' ? environment(name) : readFileSync(resolve(folder, name))
      } catch (cause) {
        // The system's own words name the path; the variable's value is never among them.
        return policy.unavailable(index, cause instanceof Error ? cause.message : 'unknown error')
      }
      policy.provide(index, value)
    })
    const warnings = policy.build().map(({ place, problem, remedy }) => tell(sentence(place, problem, remedy)))
    return { native: policy, warnings }
  } catch (cause) {
    throw policyError(cause, tell)
  }
}

function environment(name: string): Uint8Array {
  const value = process.env[name]
  if (value === undefined) throw new Error('there is no such variable')
  return Buffer.from(value)
}

function policyError(cause: unknown, tell: (text: string) => string): unknown {
  const [code, place = '', problem = '', ...remedy] = cause instanceof Error ? cause.message.split('\n') : []
  if (code !== 'policy') return cause
  return new WswardenError(tell(sentence(place, problem, remedy.join(' '))), { code: 'WSW_POLICY' })
}

function sentence(place: string, problem: string, remedy: string): string {
  return `${place ? `${place}: ` : ''}${problem}${remedy ? `; ${remedy}` : ''}`
}

/** Gives the guard's own errors, which name fields too, the names of the options. */
export function callWithPolicy<T>(work: () => T): T {
  try {
    return call(work)
  } catch (cause) {
    if (!(cause instanceof WswardenError) || cause.code !== 'WSW_POLICY') throw cause
    throw policyError(new Error(`policy\n${cause.message}`), (text) => inOptions(text, new Map(fields.map((field) => [field, camel(field)]))))
  }
}

function convert(given: unknown, schema: Schema | undefined, place: string, depth: number, spoken: Spoken): unknown {
  if (depth > DEEPEST) throw wrong(place, 'goes too deep: is it circular?')
  const value = standardSchema(given, place) ?? given
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) {
    const items = alternatives(schema).find((one) => one.items)?.items
    return value.map((item, index) => convert(item, items, `${place}[${index}]`, depth + 1, spoken))
  }
  switch (typeof value) {
    case 'object':
      return value === null ? null : convertObject(value, schema, place, depth, spoken)
    case 'number':
      if (!Number.isFinite(value)) throw wrong(place, `found ${value}; expected a finite number`)
      return alternatives(schema).some((one) => one.$ref === SPAN) ? seconds(value, place) : value
    case 'string':
    case 'boolean':
      return value
    default:
      throw wrong(place, `found ${typeof value === 'bigint' ? 'a bigint' : `a ${typeof value}`}`)
  }
}

/** Times are milliseconds in JavaScript and seconds in the document. */
function seconds(millis: number, place: string): number {
  if (millis < 0 || !Number.isInteger(millis)) throw wrong(place, `found ${millis}; expected a whole number of milliseconds, or a text such as "30s"`)
  return millis / 1000
}

function convertObject(value: object, schema: Schema | undefined, place: string, depth: number, spoken: Spoken): object {
  // A Map or a RegExp has no members of its own, and would pass for a table in which nothing is said.
  const tag = Object.prototype.toString.call(value)
  if (tag !== '[object Object]' && tag !== '[object Module]') throw wrong(place, `found ${kindOf(value)}; expected an object`)
  const options = alternatives(schema).map(follow)
  const properties = options.find((one) => one.properties)?.properties
  const others = options.find((one) => typeof one.additionalProperties === 'object')?.additionalProperties as Schema | undefined
  // Without a prototype, `__proto__` is a key like any other.
  const document: Record<string, unknown> = Object.create(null)
  for (const [key, member] of Object.entries(value)) {
    const at = place ? `${place}.${key}` : key
    if (member === undefined) continue
    if (properties && key.includes('_')) throw wrong(at, 'there is no such field', `did you mean \`${camel(key)}\`?`)
    const name = properties ? snake(key) : key
    if (properties) spoken.set(name, key)
    document[name] = convert(member, properties ? properties[name] : others, at, depth + 1, spoken)
  }
  return document
}

/** What a value may be, one level deep. */
function alternatives(schema: Schema | undefined): Schema[] {
  if (!schema) return []
  const inner = follow(schema)
  const choices = [...(inner.anyOf ?? []), ...(inner.oneOf ?? [])]
  return [schema, inner, ...choices, ...choices.map(follow)]
}

function follow(schema: Schema): Schema {
  return schema.$ref ? (root.$defs?.[schema.$ref.slice('#/$defs/'.length)] ?? schema) : schema
}

/** The JSON Schema of a schema of zod, arktype, valibot and others (Standard JSON Schema). */
function standardSchema(value: unknown, place: string): unknown {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return undefined
  const standard = (value as { '~standard'?: { vendor?: string; jsonSchema?: { input?: (options: { target: string }) => unknown } } })['~standard']
  if (!standard) return undefined
  if (typeof standard.jsonSchema?.input !== 'function') {
    const how = standard.vendor === 'valibot' ? 'wrap it in toStandardJsonSchema() of @valibot/to-json-schema' : 'convert it first'
    throw wrong(place, `this schema of ${standard.vendor ?? 'its library'} cannot tell its JSON Schema`, how)
  }
  // What a message is before any transform: the output's schema would forbid and demand more.
  try {
    return standard.jsonSchema.input({ target: 'draft-2020-12' })
  } catch (cause) {
    throw wrong(place, `this schema has no JSON Schema: ${cause instanceof Error ? cause.message : cause}`)
  }
}

function wrong(place: string, problem: string, remedy = ''): WswardenError {
  return new WswardenError(sentence(place, problem, remedy), { code: 'WSW_POLICY' })
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
const camel = (name: string): string => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

/** A sentence of the core's with the fields' names as they are written in options. */
function inOptions(text: string, spoken: Spoken): string {
  // A number stands for seconds in the document and for milliseconds in options.
  const inMillis = text.replace('or a number of seconds', 'or a number of milliseconds')
  return inMillis.replace(/[a-z]+[0-9]*(?:_[a-z0-9]+)+/g, (word) => spoken.get(word) ?? word)
}
