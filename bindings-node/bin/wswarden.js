#!/usr/bin/env node
// The command line: the platform's package brings the program itself.
'use strict'

const { spawn } = require('node:child_process')
const { existsSync } = require('node:fs')
const { dirname, join } = require('node:path')

const abis = { linux: ['-gnu', '-musl'], win32: ['-msvc'] }[process.platform] ?? ['']
const program = process.platform === 'win32' ? 'wswarden.exe' : 'wswarden'

function find() {
  for (const abi of abis) {
    try {
      const path = join(dirname(require.resolve(`wswarden-${process.platform}-${process.arch}${abi}/package.json`)), program)
      if (existsSync(path)) return path
    } catch {
      // Not this one's platform.
    }
  }
  console.error(`wswarden: the package wswarden-${process.platform}-${process.arch}${abis[0]} is missing; see that optional dependencies are installed`)
  process.exit(2)
}

const child = spawn(find(), process.argv.slice(2), { stdio: 'inherit' })
// A terminal signals both; whoever signals this process alone means the program.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('error', (error) => {
  console.error(`wswarden: ${error.message}`)
  process.exit(2)
})
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)))
