// Builds the package in place: the addon (unless `--no-addon`; `--release`; `--built` takes the one cargo has built
// already; `--conform` is for tests/conform/node alone), then dist/.

import { execFileSync } from 'node:child_process'
import { copyFileSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const here = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url))
const has = (flag) => process.argv.includes(flag)
const run = (command, ...given) => execFileSync(command, given, { cwd: here(''), stdio: 'inherit' })

/** The platform as package names say it: linux-x64-gnu. */
export function platform() {
  const abi = { linux: process.report?.getReport().header.glibcVersionRuntime ? '-gnu' : '-musl', win32: '-msvc' }[process.platform] ?? ''
  return `${process.platform}-${process.arch}${abi}`
}

function addon() {
  const profile = has('--release') ? 'release' : 'debug'
  const conform = has('--conform')
  if (!has('--built')) run('cargo', 'build', '--locked', '-p', 'wswarden-node', ...(has('--release') ? ['--release'] : []), ...(conform ? ['--features', 'conform'] : []))
  const library = { linux: 'libwswarden_node.so', darwin: 'libwswarden_node.dylib', win32: 'wswarden_node.dll' }[process.platform]
  const built = here(`../target/${profile}/${library}`)
  if (conform) {
    copyFileSync(built, here('../target/conform.node'))
  } else {
    // In a new file: the old one may be in use.
    rmSync(here(`wswarden.${platform()}.node`), { force: true })
    copyFileSync(built, here(`wswarden.${platform()}.node`))
  }
}

/**
 * One implementation, in CommonJS, and an ES module around each of its entries: an application that uses both has
 * one `WswardenError` still.
 */
function dist() {
  rmSync(here('dist'), { recursive: true, force: true })
  run(process.execPath, here('node_modules/typescript/bin/tsc'), '-p', '.')
  copyFileSync(here('lib/native-types.d.ts'), here('dist/native-types.d.ts'))
  const { exports } = JSON.parse(readFileSync(here('package.json'), 'utf8'))
  for (const { import: entry } of Object.values(exports)) {
    if (!entry) continue
    const name = entry.default.replace(/^\.\/dist\/(.*)\.mjs$/, '$1')
    const names = [...readFileSync(here(`dist/${name}.js`), 'utf8').matchAll(/^exports\.(\w+) = (?!void)|Object\.defineProperty\(exports, "(\w+)"/gm)]
    const exported = [...new Set(names.map(([, plain, getter]) => plain ?? getter))].filter((one) => one !== '__esModule').sort()
    writeFileSync(here(`dist/${name}.mjs`), `export { ${exported.join(', ')} } from './${name}.js'\n`)
    writeFileSync(here(`dist/${name}.d.mts`), `export * from './${name}.js'\n`)
  }
  console.log(`dist/: ${readdirSync(here('dist')).length} files`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!has('--no-addon')) addon()
  if (!has('--conform')) dist()
}
