// Every language answers the shared vectors alike.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { answer } from './conform.mjs'
import { cases } from './vectors.mjs'

const all = cases(join(process.env.WSWARDEN_ROOT, 'tests', 'vectors'))

test('the shared vectors', async (t) => {
  let asked = 0
  for (const { file, name, question, expect } of all) {
    const said = answer(question)
    if (said.unsupported) continue
    asked += 1
    await t.test(`${file}: ${name}`, () => {
      const { id: _, ...rest } = said
      const { id: __, ...wanted } = expect
      assert.deepEqual(rest, wanted)
    })
  }
  assert.ok(asked > 200, `only ${asked} of ${all.length} were asked`)
})
