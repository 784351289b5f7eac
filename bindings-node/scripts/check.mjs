// Checks the packed package as a registry and a type checker see it: publint, are-the-types-wrong, and the types of
// messages as users get them, with the compiler. Run after scripts/test.mjs.

import { execFileSync } from 'node:child_process'
import { cpSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url))
const out = here('../target/node')
const project = join(out, 'project')
const tarball = join(out, readdirSync(out).find((name) => /^wswarden-\d.*\.tgz$/.test(name)))
let [passed, failed] = [0, 0]

function check(name, command, ...given) {
  try {
    execFileSync(command, given, { cwd: project, stdio: 'inherit' })
    passed += 1
    console.log(`ok   ${name}`)
  } catch {
    failed += 1
    console.log(`FAIL ${name}`)
  }
}

cpSync(here('test/types'), join(project, 'types'), { recursive: true })
const options = { target: 'es2022', lib: ['es2023', 'esnext.disposable'], strict: true, noEmit: true, skipLibCheck: true, types: ['node'], typeRoots: [here('node_modules/@types')] }
for (const module of ['node20', 'esnext']) {
  const compilerOptions = { ...options, module, moduleResolution: module === 'esnext' ? 'bundler' : 'node16' }
  writeFileSync(join(project, `tsconfig.${module}.json`), JSON.stringify({ compilerOptions, include: [module === 'esnext' ? 'types/*.mts' : 'types'] }))
  check(`types, ${module}`, process.execPath, here('node_modules/typescript/bin/tsc'), '-p', `tsconfig.${module}.json`)
}
check('publint', here('node_modules/.bin/publint'), 'run', tarball, '--strict')
// Node 10's resolution has no exports map, and no Node that we support has that.
check('are the types wrong', here('node_modules/.bin/attw'), tarball, '--profile', 'node16')
check('the command', process.execPath, join(project, 'node_modules/.bin/wswarden'), '--version')
console.log(`\n${passed} passed, ${failed} failed`)
process.exitCode = failed
