// Packs the package, installs the tarballs in an empty project, and runs the tests there: what is tested is what
// users get. `scripts/test.mjs NAME...` runs some of the test files only.

import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { packAll } from './pack.mjs'

const here = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url))
const tarballs = packAll()
const project = here('../target/node/project')
mkdirSync(project, { recursive: true })
writeFileSync(join(project, 'package.json'), '{ "name": "somebodys-server", "private": true }\n')
execFileSync('npm', ['install', '--offline', '--no-audit', '--no-fund', '--loglevel=error', ...tarballs], { cwd: project, stdio: 'inherit' })
// The libraries the tests use come from one folder up, so that the project itself holds nothing else.
symlinkSync(here('node_modules'), here('../target/node/node_modules'))
for (const part of ['test', 'examples']) cpSync(here(part), join(project, part), { recursive: true })
const wanted = process.argv.slice(2)
const files = readdirSync(join(project, 'test')).filter((name) => /\.test\.m?js$/.test(name))
  .filter((name) => wanted.length === 0 || wanted.includes(basename(name).split('.')[0]))
const { status } = spawnSync(process.execPath, ['--test', '--test-timeout=60000', '--test-reporter=spec', ...files.map((name) => join('test', name))], {
  cwd: project, stdio: 'inherit', env: { ...process.env, WSWARDEN_ROOT: here('..') },
})
process.exitCode = status ?? 1
