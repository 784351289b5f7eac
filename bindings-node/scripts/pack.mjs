// Packs what is published: the package and one for each platform whose addon was built, into target/node/.
// npm installs of the platforms' packages only the one that fits.

import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url))
const out = here('../target/node')
const { devDependencies: _, scripts: __, ...manifest } = JSON.parse(readFileSync(here('package.json'), 'utf8'))
const licences = ['LICENSE-MIT', 'LICENSE-APACHE']

/** Packs a folder, and gives the tarball's path. */
function pack(folder, manifest) {
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  licences.forEach((licence) => copyFileSync(here(`../${licence}`), join(folder, licence)))
  const [{ filename }] = JSON.parse(execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', out], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] }))
  return join(out, filename)
}

function platformPackage(platform) {
  const [os, cpu, abi] = platform.split('-')
  const folder = join(out, `wswarden-${platform}`)
  mkdirSync(folder, { recursive: true })
  const addon = `wswarden.${platform}.node`
  copyFileSync(here(addon), join(folder, addon))
  const program = os === 'win32' ? 'wswarden.exe' : 'wswarden'
  const built = here(`../target/release/${program}`)
  if (existsSync(built)) {
    copyFileSync(built, join(folder, program))
    chmodSync(join(folder, program), 0o755)
  }
  const libc = { gnu: ['glibc'], musl: ['musl'] }[abi]
  const { version, license, repository, engines } = manifest
  return pack(folder, {
    name: `wswarden-${platform}`, version, description: `wswarden for ${platform}.`, license, repository, engines,
    main: addon, files: [addon, program], os: [os], cpu: [cpu], ...(libc && { libc }),
  })
}

/** Packs everything; the tarballs' paths. */
export function packAll() {
  rmSync(out, { recursive: true, force: true })
  const folder = join(out, 'wswarden')
  mkdirSync(folder, { recursive: true })
  const platforms = readdirSync(here('')).flatMap((name) => name.match(/^wswarden\.(.+)\.node$/)?.[1] ?? [])
  if (platforms.length === 0) throw new Error('no addon was built: npm run build')
  for (const part of ['dist', 'bin', 'README.md']) cpSync(here(part), join(folder, part), { recursive: true })
  const optionalDependencies = Object.fromEntries(platforms.map((platform) => [`wswarden-${platform}`, manifest.version]))
  return [pack(folder, { ...manifest, optionalDependencies }), ...platforms.map(platformPackage)]
}

if (process.argv[1] === fileURLToPath(import.meta.url)) packAll().forEach((path) => console.log(path))
