// A story with a virtual clock: connections that open, speak, wait and close under one guard.

import com.google.gson.JsonArray
import com.google.gson.JsonElement
import com.google.gson.JsonObject
import java.util.Base64
import uniffi.wswarden_uniffi.*

val VERBS = listOf("open", "receive", "tick", "sent", "drained", "provide", "revalidated", "authenticate", "close", "lost",
    "join", "leave", "revoke", "policy", "drain", "stats", "mint", "keys", "guard")

class Connection(val name: String, var handle: ULong? = null, var session: ULong? = null)

class Script(private val question: JsonObject) : AutoCloseable {
    private val guard = guardOf(question, question.number("seed") ?: 0UL)
    private val registry = Registry(guard, 0UL)
    private val connections = mutableListOf<Connection>()
    private val retries = reasons().associate { it.name to it.retryAdvice }
    private var now = Time(0UL, 0UL)

    override fun close() {
        registry.close()
        guard.close()
    }

    fun steps(): JsonArray {
        var at = 0UL
        return list((question.field("steps")?.asJsonArray ?: JsonArray()).map { step ->
            step as JsonObject
            at = step.number("at") ?: at
            val unix = step.number("unix")?.times(SECOND) ?: ((question.number("unix") ?: UNIX) * SECOND + at)
            now = Time(at, unix)
            play(step)
        })
    }

    private fun play(step: JsonObject): JsonObject {
        val verb = VERBS.filter { step.field(it) != null }.singleOrNull() ?: throw Wrong("expected exactly one of $VERBS")
        return try {
            when (verb) {
                "open" -> open(step)
                "tick" -> tick()
                "revoke" -> affected { guard.revoke(revocation(step.required("revoke").asJsonObject), step.number("lasts") ?: ULong.MAX_VALUE, now.unix) }
                "policy" -> affected { Policy.fromJson(step.required("policy").toString()).use { guard.reload(it) } }
                "drain" -> affected { guard.drain(now.mono) }
                "stats" -> stats()
                "mint" -> mint(step.required("mint").asJsonObject)
                "keys" -> keys(step)
                "guard" -> guardDue()
                else -> onConnection(verb, step)
            }
        } catch (_: WswardenException.StaleHandle) {
            words("verdict" to "stale")
        }
    }

    private fun open(step: JsonObject): JsonObject {
        val given = step.required("open")
        val known = if (given is JsonObject) null else given.asString
        val request = if (known == null) given.asJsonObject else question.required("requests").asJsonObject.required(known).asJsonObject
        val name = step.textOrNull("as") ?: known ?: throw Wrong("as is missing")
        connections.removeAll { it.name == name }
        val one = Connection(name).also(connections::add)
        var admitted = registry.open(asked(request), now)
        val who = step.field("identity")
        if (admitted is Admission.Wait && who != null) {
            admitted = registry.provide(admitted.handle, Answer.Identity(identity(who)), now)
        }
        return became(one, admitted)
    }

    private fun became(one: Connection, admitted: Admission): JsonObject = when (admitted) {
        is Admission.Refused -> refused(admitted.response).also { one.handle = null }
        is Admission.Wait -> needOf(admitted.need).say("verdict", "wait").also { one.handle = admitted.handle }
        is Admission.Open -> {
            val session = registry.session(admitted.handle)
            one.handle = admitted.handle
            one.session = session.id
            val said = words("verdict" to "open", "status" to admitted.response.status)
            session.identity?.let { said.say("subject", it.subject) } ?: said.say("pending", session.isPending)
        }
    }

    private fun refused(response: Response): JsonObject {
        val said = words("verdict" to "refuse", "status" to response.status, "reason" to response.reason)
        return response.retryAfter?.let { said.say("retry_after", it) } ?: said
    }

    private fun onConnection(verb: String, step: JsonObject): JsonObject {
        val one = connections.find { it.name == step.text(verb) } ?: throw Wrong("nothing was opened as that")
        val handle = one.handle ?: return words("verdict" to "stale")
        return when (verb) {
            "provide" -> try {
                became(one, registry.provide(handle, answerOf(step), now))
            } catch (_: WswardenException.StaleHandle) {
                judged(handle, registry.provideSession(handle, answerOf(step), now))
            }
            "lost" -> lost(handle)
            "receive" -> receive(handle, step)
            "sent" -> pressure(registry.queued(handle, step.number("bytes")!!, now.mono))
            "drained" -> words("ok" to true).also { registry.drained(handle, step.number("bytes")!!) }
            "close" -> outcome(registry.close(handle, step.textOrNull("reason") ?: "closed_by_host", now.mono), ByteArray(0))
            "join" -> registry.join(handle, step.text("channel"))?.let { words("ok" to it) }
                ?: words("ok" to false, "reason" to "too_many_channels")
            "leave" -> words("ok" to registry.leave(handle, step.text("channel")))
            "authenticate" -> judged(handle, registry.authenticate(handle, payload(step), now))
            else -> outcome(registry.revalidated(handle, answerOf(step), now), ByteArray(0))
        }
    }

    private fun receive(handle: ULong, step: JsonObject): JsonObject {
        val kind = FrameKind.valueOf(step.text("kind").uppercase())
        val code = step.number("code")?.toInt()
        val bytes = when {
            kind != FrameKind.CLOSE -> payload(step)
            code == null -> ByteArray(0)
            else -> byteArrayOf((code shr 8).toByte(), code.toByte())
        }
        return outcome(registry.receive(handle, kind, bytes, now.mono), bytes)
    }

    private fun payload(step: JsonObject): ByteArray =
        step.textOrNull("text")?.toByteArray() ?: Base64.getDecoder().decode(step.text("bytes"))

    private fun answerOf(step: JsonObject): Answer {
        val answer = step.required("answer").asJsonObject
        return answer.field("identity")?.let { Answer.Identity(identity(it)) } ?: when {
            answer.flag("refused") -> Answer.Refused
            answer.flag("keys") -> Answer.Keys
            answer.flag("unused") -> Answer.Unused
            else -> Answer.Unavailable
        }
    }

    private fun judged(handle: ULong, judgement: Judgement): JsonObject = when (judgement) {
        is Judgement.Wait -> needOf(judgement.need).say("verdict", "wait")
        is Judgement.Done -> {
            val said = outcome(judgement.outcome, ByteArray(0))
            val who = registry.session(handle).identity
            if (judgement.outcome.verdict is Verdict.Ignore && who != null) said.say("subject", who.subject) else said
        }
    }

    private fun outcome(outcome: Outcome, payload: ByteArray): JsonObject {
        val verdict = outcome.verdict
        val said = words("verdict" to verdict::class.simpleName!!.lowercase())
        val reason = when (verdict) {
            is Verdict.Deliver -> null.also { verdict.messageType?.let { said.say("type", it) } }
            is Verdict.Reply -> verdict.reason.also { said.say("bytes", encoded(verdict.text.toByteArray())) }
            is Verdict.Drop -> verdict.reason
            is Verdict.Close -> verdict.reason.also { said.say("code", verdict.code) }
            is Verdict.Pong -> null.also { said.say("bytes", encoded(payload)) }
            else -> null
        }
        if (reason != null) {
            said.say("reason", reason)
            outcome.retryAfter?.takeIf { retries[reason] == "after_delay" }?.let { said.say("retry_after", it) }
        }
        return withEvent(said, outcome.event)
    }

    private fun withEvent(said: JsonObject, event: Event?): JsonObject {
        if (event != null) said.say("event", event.kind)
        if (event != null && event.suppressed > 0u) said.say("suppressed", event.suppressed)
        return said
    }

    private fun pressure(pressure: Pressure): JsonObject = when (pressure) {
        is Pressure.Free -> words("pressure" to "free")
        is Pressure.Full -> words("pressure" to "full")
        is Pressure.Close -> {
            val close = pressure.outcome.verdict as Verdict.Close
            withEvent(words("pressure" to "close", "code" to close.code, "reason" to close.reason), pressure.outcome.event)
        }
    }

    private fun lost(handle: ULong): JsonObject {
        val event = try { registry.lost(handle, now.mono) } catch (_: WswardenException.StaleHandle) { null }
        remove(handle)
        return withEvent(words("ok" to true), event)
    }

    private fun remove(handle: ULong) {
        try { registry.remove(handle) } catch (_: WswardenException.StaleHandle) {}
        connections.filter { it.handle == handle }.forEach { it.handle = null }
    }

    private fun tick(): JsonObject {
        val due = mutableListOf<Pair<Int, JsonObject>>()
        for (round in 0..connections.size) {
            while (true) due.add(ticked(registry.tick(now.mono) ?: break))
            val wake = registry.nextTimeout()
            if (wake == null || wake > now.mono) break
        }
        return words("due" to list(due.sortedBy { it.first }.map { it.second }))
    }

    private fun ticked(due: Due): Pair<Int, JsonObject> {
        val order = connections.indexOfFirst { it.handle == due.handle }.let { if (it < 0) connections.size else it }
        val said = words("session" to connections.getOrNull(order)?.name)
        val action = due.action
        if (action is Action.Refuse) {
            remove(due.handle)
            refused(action.response).entrySet().forEach { (name, value) -> said.add(name, value) }
            return order to said
        }
        said.say("action", action::class.simpleName!!.lowercase())
        if (action is Action.Ping) said.say("bytes", encoded(action.payload))
        if (action is Action.Close) said.say("code", action.code).say("reason", action.reason)
        if (action is Action.Terminate) remove(due.handle)
        return order to withEvent(said, due.event)
    }

    private fun affected(change: () -> List<ULong>): JsonObject = try {
        val ids = change()
        words("affected" to list(connections.filter { it.session in ids }.map { it.name }))
    } catch (error: WswardenException.Policy) {
        words("error" to error.message)
    } catch (error: WswardenException.Full) {
        words("error" to error.message)
    }

    private fun revocation(what: JsonObject): Revocation {
        what.field("token")?.asJsonObject?.let { return Revocation.Token(it.textOrNull("namespace") ?: "", it.text("id")) }
        what.field("session")?.asJsonObject?.let { return Revocation.Session(it.textOrNull("namespace") ?: "", it.text("id")) }
        val user = what.required("user").asJsonObject
        val until = user.number("issued_until")?.times(SECOND) ?: now.unix
        return Revocation.User(user.textOrNull("namespace") ?: "", user.textOrNull("tenant") ?: "", user.text("subject"), until)
    }

    private fun mint(asked: JsonObject): JsonObject {
        val number = asked.number("entropy")!!
        val entropy = ByteArray(32) { if (it < 8) (number shr (56 - 8 * it)).toByte() else 0 }
        val minted = guard.mintTicket(identity(asked.required("identity")), asked.text("path"), asked.textOrNull("origin"),
            asked.textOrNull("address"), now, entropy)
        return when (minted) {
            is Minted.Ticket -> words("ticket" to minted.text)
            is Minted.Refused -> words("error" to minted.detail, "reason" to minted.reason)
        }
    }

    private fun keys(step: JsonObject): JsonObject = try {
        val body = step.field("body")?.let { if (it is JsonObject) it.toString() else it.asString }
        if (body == null) guard.keysFailed(step.text("keys")) else guard.keysFetched(step.text("keys"), body.toByteArray(), now.mono)
        words("ok" to true)
    } catch (error: WswardenException.Policy) {
        words("error" to error.message)
    }

    private fun guardDue(): JsonObject {
        val due = generateSequence { guard.handleTimeout(now.mono) }.map { words("action" to "fetch_keys", "url" to it.url) }
        return words("due" to list(due.toList()), "next" to guard.nextTimeout())
    }

    private fun stats(): JsonObject = guard.stats().let { stats ->
        words("connections" to stats.connections, "unauthenticated" to stats.unauthenticated, "sessions" to stats.sessions,
            "opened" to stats.opened, "addresses" to stats.addresses, "users" to stats.users,
            "refused" to JsonObject().also { all -> stats.refused.forEach { (reason, count) -> all.say(reason, count) } })
    }
}
