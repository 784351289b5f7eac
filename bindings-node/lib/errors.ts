// One class of errors: what went wrong is in `code`.

import { native } from './native.js'

/** An HTTP answer to send. */
export interface HttpAnswer {
  /** The status. */
  readonly status: number
  /** The header fields, in order, names in lower case. */
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  /** The body. */
  readonly body: string
}

/** What a {@link WswardenError} knows besides its message. */
export interface ErrorDetails {
  /** `WSW_POLICY`, `WSW_DISPOSED`, ..., or `WSW_` and the name of a reason: `WSW_ORIGIN_NOT_ALLOWED`. */
  code: string
  /** The reason's name in the table of reasons, such as `origin_not_allowed`. */
  reason?: string | undefined
  /** The HTTP status of a refused upgrade. */
  status?: number | undefined
  /** The code of the close frame that the policy's dialect has for the reason, or that the connection was closed with. */
  closeCode?: number | undefined
  /** How long to wait, in milliseconds, before the same can succeed. */
  retryAfterMs?: number | undefined
  /** What the audit may know and the peer may not. */
  detail?: string | undefined
  /** The HTTP answer to a refused upgrade. */
  answer?: HttpAnswer | undefined
  /** What was underneath. */
  cause?: unknown
}

/** Every error of this package. Its message holds no token, header value or message content. */
export class WswardenError extends Error {
  override readonly name = 'WswardenError'
  /** What went wrong, for programs. */
  readonly code: string
  /** The reason's name in the table of reasons, such as `origin_not_allowed`. */
  readonly reason: string | undefined
  /** The HTTP status of a refused upgrade. */
  readonly status: number | undefined
  /** The code of the close frame that the policy's dialect has for the reason, or that the connection was closed with. */
  readonly closeCode: number | undefined
  /** How long to wait, in milliseconds, before the same can succeed. */
  readonly retryAfterMs: number | undefined
  /** What the audit may know and the peer may not. */
  readonly detail: string | undefined
  /** The HTTP answer to a refused upgrade. */
  readonly answer: HttpAnswer | undefined

  constructor(message: string, details: ErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = details.code
    this.reason = details.reason
    this.status = details.status
    this.closeCode = details.closeCode
    this.retryAfterMs = details.retryAfterMs
    this.detail = details.detail
    this.answer = details.answer
  }
}

/** A row of the table of reasons. */
export interface Reason {
  /** The name in logs, metrics, problem documents and error replies. */
  readonly name: string
  /** The pinned number. */
  readonly number: number
  /** The status of the HTTP answer. */
  readonly status: number
  /** The close codes, by dialect. */
  readonly close: { readonly rfc: number; readonly app: number }
  /** What the peer should do next. */
  readonly retry: string
  /** One sentence for people. */
  readonly sentence: string
}

/** The table of reasons, by name: the same in every language, log and metric. */
export const reasons: ReadonlyMap<string, Reason> = new Map(
  native.reasons().map(({ closeRfc, closeApp, ...row }) => [row.name, { ...row, close: { rfc: closeRfc, app: closeApp } }]),
)

const byNumber = new Map([...reasons.values()].map((reason) => [reason.number, reason]))

/** The reason with a number, as verdicts carry it. */
export function reasonOf(number: number): Reason | undefined {
  return byNumber.get(number)
}

/** The code of an error for a reason. */
export function codeOf(reason: string): string {
  return `WSW_${reason.toUpperCase()}`
}

/** What something is, for messages: `a string`, `null`, `a Map`. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  const kind = typeof value === 'object' ? Object.prototype.toString.call(value).slice('[object '.length, -1) : typeof value
  return `${/^[AEIOaeiou]/.test(kind) ? 'an' : 'a'} ${kind === 'Object' ? 'object' : kind}`
}

/** An error that says what the caller did wrong. */
export function misuse(message: string, code = 'WSW_ARGUMENT'): WswardenError {
  return new WswardenError(message, { code })
}

/** Turns the addon's errors, whose first line is their code, into ours. Others stay as they are. */
export function translated(cause: unknown): unknown {
  if (!(cause instanceof Error)) return cause
  // What Node-API says of an argument that is of the wrong type.
  if (/^(InvalidArg|[A-Z]\w+Expected)$/.test((cause as { code?: unknown }).code as string)) return new WswardenError(cause.message, { code: codeOf('argument'), cause })
  const [code, ...lines] = cause.message.split('\n')
  if (!code || !/^[a-z]+$/.test(code) || lines.length === 0) return cause
  return new WswardenError(lines.join('\n'), { code: codeOf(code), reason: code === 'refused' ? lines[0] : undefined })
}

/** Calls the addon. */
export function call<T>(work: () => T): T {
  try {
    return work()
  } catch (cause) {
    throw translated(cause)
  }
}
