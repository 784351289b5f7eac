// The messages of a session, for `for await`.

/** So many messages wait for their reader before the peer has to. */
const HIGH = 64
/** So many wait at most where a host cannot make the peer wait. */
const MOST = 512
/** The peer may go on when so few are left. */
const LOW = 16

interface Flow {
  ended(): void
  /** Stops reading; whether that can be done. */
  pause(): boolean
  /** More waits than is kept. */
  overrun(): void
  resume(): void
}

/** A queue between a socket that pushes and a reader that pulls. */
export class Feed<T> implements AsyncIterableIterator<T>, AsyncDisposable {
  readonly #flow: Flow
  readonly #waiting: T[] = []
  readonly #readers: Array<(result: IteratorResult<T, undefined>) => void> = []
  readonly #signal: AbortSignal | undefined
  #paused = false
  #ended = false

  constructor(flow: Flow, signal?: AbortSignal) {
    this.#flow = flow
    this.#signal = signal
    signal?.addEventListener('abort', this.#abort)
    if (signal?.aborted) this.#abort()
  }

  push(value: T): void {
    const reader = this.#readers.shift()
    if (reader) return reader({ value, done: false })
    if (this.#ended) return
    this.#waiting.push(value)
    if (this.#paused || this.#waiting.length < HIGH) return
    this.#paused = this.#flow.pause()
    if (!this.#paused && this.#waiting.length >= MOST) this.#flow.overrun()
  }

  /** What waits can still be read. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#signal?.removeEventListener('abort', this.#abort)
    this.#go()
    this.#flow.ended()
    for (const reader of this.#readers.splice(0)) reader({ value: undefined, done: true })
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    if (this.#waiting.length > 0) {
      const value = this.#waiting.shift() as T
      if (this.#waiting.length <= LOW) this.#go()
      return { value, done: false }
    }
    if (this.#ended) return { value: undefined, done: true }
    return new Promise((resolve) => this.#readers.push(resolve))
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.#waiting.length = 0
    this.end()
    return { value: undefined, done: true }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  readonly #abort = (): void => {
    void this.return()
  }

  #go(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#flow.resume()
  }
}
