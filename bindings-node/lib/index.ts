/**
 * wswarden: the security layer for WebSocket servers.
 *
 * {@link createGuard} makes a guard from a policy; an adapter (`wswarden/ws`, `wswarden/fastify`,
 * `wswarden/socketio`, `wswarden/hono`, `wswarden/fetch`) puts it before your server.
 *
 * @module
 */

export { VERSION } from './native.js'
export { WswardenError, reasons, type ErrorDetails, type HttpAnswer, type Reason } from './errors.js'
export { Guard, SOCKET, createGuard, type Gap, type GuardOptions, type Host, type HostOptions } from './guard.js'
export type { FromJsonSchema, Infer, MessageOf } from './infer.js'
export type { HostLimits } from './native.js'
export type { PolicyFile } from './policy.js'
export type * from './policy-options.js'
export { Opcode, type Session } from './session.js'
export type { Clock, Denied, Explanation, FetchKeys, GuardEvents, Identity, Need, Peer, Resolve, Revocation, SessionEvent, SpendTicket, Stats, TicketBinding, Transport, UpgradeRequest } from './types.js'
