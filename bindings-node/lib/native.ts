// Loads the addon: from the platform's package, or the one that was built beside the sources.

import type * as Addon from './native-types.js'

export type { Admission, HostLimits, KeysToFetch, NativeAnswer, NativeEvent, NativeIdentity, NativeNeed, NativeOutcome, NativeRefusal, NativeSession } from './native-types.js'

/** The version of this package; the addon's must be the same. */
export const VERSION: string = require('../package.json').version

function load(): typeof Addon {
  const abis: Record<string, string[]> = { linux: ['-gnu', '-musl'], win32: ['-msvc'] }
  const names = (abis[process.platform] ?? ['']).map((abi) => `${process.platform}-${process.arch}${abi}`)
  const causes: unknown[] = []
  for (const id of names.flatMap((name) => [`../wswarden.${name}.node`, `wswarden-${name}`])) {
    try {
      const addon = require(id) as typeof Addon
      if (addon.version() === VERSION) return addon
      causes.push(new Error(`${id} is of version ${addon.version()}, not ${VERSION}`))
    } catch (cause) {
      causes.push(cause)
    }
  }
  // npm forgets other platforms' packages when a lock file was made on one (npm/cli#4828).
  throw new Error(
    `wswarden: no addon for ${names.join(' or ')}. It is in the package wswarden-${names[0]}, an optional dependency: ` +
      'see that optional dependencies are installed. If a lock file from another platform left it out, remove ' +
      'node_modules and the lock file and install again.',
    { cause: new AggregateError(causes) },
  )
}

export const native: typeof Addon = load()
