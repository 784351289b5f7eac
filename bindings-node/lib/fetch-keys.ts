// Fetches published key sets, where the user brings nothing of their own.

import type { FetchKeys } from './types.js'

/** Over TLS as Node verifies it, without redirects and credentials, and no further than `maxBytes`. */
export const fetchKeys: FetchKeys = async (url, { signal, maxBytes }) => {
  const answer = await fetch(url, { signal, redirect: 'error', credentials: 'omit', headers: { accept: 'application/jwk-set+json, application/json' } })
  if (!answer.ok || !answer.body) throw new Error(`the answer is ${answer.status}`)
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of answer.body as AsyncIterable<Uint8Array>) {
    length += piece.byteLength
    if (length > maxBytes) throw new Error(`more than ${maxBytes} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}
