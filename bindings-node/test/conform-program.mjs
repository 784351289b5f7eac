// One line of JSON in, one out: the program of tests/conform/node.

import { answer } from './conform.mjs'

function say(line) {
  let said
  try {
    said = answer(JSON.parse(line))
  } catch (error) {
    // V8 quotes the text, and may cut a pair of surrogates in two.
    said = { id: null, error: `not JSON: ${error.message.toWellFormed()}` }
  }
  process.stdout.write(`${JSON.stringify(said)}\n`)
}

// Node's readline would also end a line at U+2028, which JSON may hold.
let rest = Buffer.alloc(0)
for await (const chunk of process.stdin) {
  const bytes = Buffer.concat([rest, chunk])
  let from = 0
  for (let to = bytes.indexOf(10); to >= 0; to = bytes.indexOf(10, from)) {
    say(bytes.toString('utf8', from, to))
    from = to + 1
  }
  rest = bytes.subarray(from)
}
if (rest.length > 0) say(rest.toString())
