// Answers the questions of the conformance protocol through UniFFI's Kotlin bindings, one JSON line each.

import com.google.gson.JsonArray
import com.google.gson.JsonElement
import com.google.gson.JsonNull
import com.google.gson.JsonObject
import com.google.gson.JsonParser
import com.google.gson.JsonPrimitive
import java.util.Base64
import uniffi.wswarden_uniffi.*

val OPS = listOf("version", "reasons", "policy", "request", "script")
const val UNIX = 1_800_000_000UL
const val SECOND = 1_000_000_000UL

/** What is wrong with a question. */
class Wrong(message: String) : Exception(message)

fun JsonObject.field(name: String): JsonElement? = get(name)?.takeUnless { it.isJsonNull }
fun JsonObject.required(name: String): JsonElement = field(name) ?: throw Wrong("$name is missing")
fun JsonObject.textOrNull(name: String): String? = field(name)?.let {
    if (it !is JsonPrimitive || !it.isString) throw Wrong("$name: expected a string")
    it.asString
}
fun JsonObject.text(name: String): String = textOrNull(name) ?: throw Wrong("$name is missing")
fun JsonObject.number(name: String): ULong? = field(name)?.let {
    it.asString.toULongOrNull() ?: throw Wrong("$name: expected a whole number, 0 or more")
}
fun JsonObject.flag(name: String): Boolean = field(name)?.asBoolean ?: false

fun words(vararg pairs: Pair<String, Any?>): JsonObject = JsonObject().also { said ->
    for ((name, value) in pairs) said.say(name, value)
}

fun JsonObject.say(name: String, value: Any?): JsonObject = also {
    add(name, when (value) {
        null -> JsonNull.INSTANCE
        is JsonElement -> value
        is Boolean -> JsonPrimitive(value)
        is ULong -> JsonPrimitive(value.toString().toBigInteger())
        is UInt -> JsonPrimitive(value.toLong())
        is UShort -> JsonPrimitive(value.toInt())
        else -> JsonPrimitive(value.toString())
    })
}

fun list(all: Iterable<Any?>): JsonArray = JsonArray().also { list ->
    for (one in all) list.add(words("it" to one).get("it"))
}

fun encoded(bytes: ByteArray): String = Base64.getEncoder().encodeToString(bytes)

/** A guard of a host that can do everything. Its seed is the number, most significant byte first, and zeros. */
fun guardOf(question: JsonObject, seed: ULong): Guard = try {
    val bytes = ByteArray(32) { if (it < 8) (seed shr (56 - 8 * it)).toByte() else 0 }
    Policy.fromJson(question.required("policy").toString()).use { Guard(it, Ability.entries, listOf(), bytes) }
} catch (error: WswardenException.Policy) {
    throw Wrong("policy: ${error.message}")
}

fun identity(from: JsonElement): Identity {
    val it = if (from is JsonObject) from else words("subject" to from.asString)
    return Identity(
        subject = it.textOrNull("subject"), vouchedBy = it.textOrNull("namespace") ?: "",
        tenant = it.textOrNull("tenant") ?: "", scopes = it.field("scopes")?.asJsonArray?.map { one -> one.asString } ?: listOf(),
        expires = it.number("expires")?.times(SECOND), issuedAt = it.number("issued_at")?.times(SECOND),
        tokenId = it.textOrNull("token_id"), sessionId = it.textOrNull("session_id"),
    )
}

fun asked(from: JsonObject): Request = Request(
    method = from.textOrNull("method") ?: "GET", target = from.text("target"), version = from.textOrNull("version") ?: "1.1",
    headers = from.field("headers")?.asJsonArray?.map {
        Header(it.asJsonArray[0].asString, it.asJsonArray[1].asString.toByteArray())
    } ?: listOf(),
    peer = from.textOrNull("peer")?.let { Peer.Address(it) } ?: Peer.Unix, tls = from.flag("tls"),
)

fun needOf(need: Need): JsonObject = when (need) {
    is Need.Identity -> words("need" to "identity", "token" to String(need.token))
    is Need.Revalidate -> words("need" to "revalidate", "subject" to need.identity.subject)
    is Need.Keys -> words("need" to "keys", "url" to need.url)
    is Need.Ticket -> words("need" to "ticket", "id" to encoded(need.id))
}

fun headersOf(response: Response): JsonArray = list(response.headers.map { list(listOf(it.name, String(it.value))) })

fun decide(question: JsonObject): JsonObject {
    val now = Time(question.number("mono") ?: 0UL, (question.number("unix") ?: UNIX) * SECOND)
    guardOf(question, 0UL).use { guard ->
        Registry(guard, now.mono).use { registry ->
            var admitted = registry.open(asked(question.required("request").asJsonObject), now)
            val who = question.field("identity")
            if (admitted is Admission.Wait && who != null) {
                admitted = registry.provide(admitted.handle, Answer.Identity(identity(who)), now)
            }
            return when (admitted) {
                is Admission.Open -> words("accept" to true, "status" to admitted.response.status, "headers" to headersOf(admitted.response))
                is Admission.Wait -> needOf(admitted.need)
                is Admission.Refused -> admitted.response.let { no ->
                    words("accept" to false, "status" to no.status, "reason" to no.reason, "headers" to headersOf(no)).also { said ->
                        no.retryAfter?.let { said.say("retry_after", it) }
                    }
                }
            }
        }
    }
}

fun policy(question: JsonObject): JsonObject = try {
    Policy.fromJson(question.required("policy").toString()).use { words("ok" to true, "warnings" to list(it.warnings())) }
} catch (error: WswardenException.Policy) {
    words("ok" to false, "error" to error.message)
}

fun reasonTable(): JsonObject = words("reasons" to list(reasons().map {
    words("name" to it.name, "number" to it.number, "http" to it.httpStatus, "retry" to it.retryAdvice,
        "close" to words("rfc" to it.closeCodeRfc, "app" to it.closeCodeApp))
}))

fun answer(question: JsonElement): JsonObject {
    if (question !is JsonObject) throw Wrong("a question is an object")
    return when (question.text("op")) {
        "version" -> words("version" to version(), "language" to "kotlin", "ops" to list(OPS))
        "reasons" -> reasonTable()
        "policy" -> policy(question)
        "request" -> decide(question)
        "script" -> Script(question).use { words("steps" to it.steps()) }
        else -> words("unsupported" to "UniFFI has no call that asks this")
    }
}

fun main() {
    while (true) {
        val line = readlnOrNull() ?: break
        var question: JsonElement = JsonNull.INSTANCE
        val said = try {
            question = JsonParser.parseString(line)
            answer(question)
        } catch (error: Exception) {
            words("error" to (error.message ?: error.toString()))
        }
        said.say("id", (question as? JsonObject)?.get("id"))
        println(said)
        System.out.flush()
    }
}
