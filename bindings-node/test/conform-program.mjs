// One line of JSON in, one out: the program of tests/conform/node.

import { createInterface } from 'node:readline'
import { answer } from './conform.mjs'

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  let said
  try {
    said = answer(JSON.parse(line))
  } catch (error) {
    said = { id: null, error: `not JSON: ${error.message}` }
  }
  process.stdout.write(`${JSON.stringify(said)}\n`)
}
