// The judge of JSON alone, tapes, and tokens for the host's own endpoints: what they say of good and bad input.

#include <atomic>
#include <thread>

#include "world.hpp"

namespace {

const uint8_t *bytes(const std::string &text) { return reinterpret_cast<const uint8_t *>(text.data()); }

wsw_schema *compiled(const char *json, const wsw_schema_options *options = nullptr) {
    wsw_schema *schema = nullptr;
    CHECK(wsw_schema_compile(str(json), options, &schema) == WSW_STATUS_OK);
    return schema;
}

constexpr const char *CHAT = R"({"type":"object","required":["type"],"additionalProperties":false,
    "properties":{"type":{"const":"chat"},"content":{"type":"string","maxLength":8},
    "tags":{"type":"array","items":{"type":"object"}}}})";

void a_schema_alone() {
    current = "a schema alone";
    wsw_schema *schema = compiled(CHAT);
    CHECK(std::strcmp(wsw_schema_engine(schema), "fast") == 0);
    struct {
        const char *json;
        uint32_t reason, at;
    } cases[] = {
        {R"({"type":"chat","content":"hello"})", 0, 0},
        {R"({"type":"chat","content":"123456789"})", WSW_REASON_SCHEMA_VIOLATION, 25},
        {R"({"type":"chat","type":"chat"})", WSW_REASON_DUPLICATE_KEY, 15},
        {R"({"type":"chat","content":"\ud800"})", WSW_REASON_INVALID_JSON, 26},
        {"{\"type\":\"chat\",\"content\":\"\xff\"}", WSW_REASON_INVALID_UTF8, 26},
        {"", WSW_REASON_INVALID_JSON, 0},
    };
    for (const auto &one : cases) {
        std::string json = one.json;
        wsw_flaw flaw{};
        wsw_status status = wsw_schema_judge(schema, bytes(json), json.size(), &flaw);
        if (flaw.reason != one.reason || flaw.at != one.at) std::fprintf(stderr, "%s: %u at %u\n", one.json, flaw.reason, flaw.at);
        CHECK(status == (one.reason == 0 ? WSW_STATUS_OK : WSW_STATUS_REFUSED));
        CHECK(flaw.reason == one.reason && flaw.at == one.at);
        wsw_explanation why{};
        why.size = sizeof why;
        CHECK(wsw_schema_explain(schema, bytes(json), json.size(), &why) == (one.reason == 0 ? WSW_STATUS_NONE : WSW_STATUS_OK));
        CHECK(why.reason == one.reason && why.at == one.at);
        if (one.at == 25) {
            CHECK(std::string(why.pointer.ptr, why.pointer.len) == "/content");
            CHECK(std::string(why.schema.ptr, why.schema.len) == "/properties/content");
        }
    }
    // Any number of threads, and no lock.
    std::atomic<int> good{0};
    auto judge = [&] {
        std::string json = cases[0].json;
        wsw_flaw flaw{};
        for (int round = 0; round < 10'000; ++round) good += wsw_schema_judge(schema, bytes(json), json.size(), &flaw) == WSW_STATUS_OK;
    };
    std::thread other(judge);
    judge();
    other.join();
    CHECK(good == 20'000);
    wsw_schema_free(schema);
}

void how_a_schema_is_read() {
    current = "how a schema is read";
    wsw_schema *schema = nullptr;
    wsw_flaw flaw{};
    wsw_schema_options options{};
    options.size = sizeof options;
    const char *unknown = R"({"typo":1})", *slow = R"({"not":{"minProperties":2}})";
    CHECK(wsw_schema_compile(str(unknown), &options, &schema) == WSW_STATUS_POLICY_ERROR && schema == nullptr);
    CHECK(std::strstr(wsw_last_error_message(), "typo") != nullptr);
    options.tolerate_unknown = 1;
    wsw_schema_free(compiled(unknown, &options));
    options.tolerate_unknown = 2;
    CHECK(wsw_schema_compile(str(unknown), &options, &schema) == WSW_STATUS_BAD_ARGUMENT);
    options.tolerate_unknown = 0;

    options.machinery = WSW_MACHINERY_FULL;
    schema = compiled(slow, &options);
    wsw_str place{}, reason{};
    CHECK(std::strcmp(wsw_schema_engine(schema), "full") == 0);
    wsw_schema_free(schema);
    schema = nullptr;
    (void)place, (void)reason;
    options.machinery = WSW_MACHINERY_AUTO;

    options.max_depth = 2;
    schema = compiled("true", &options);
    CHECK(wsw_schema_judge(schema, bytes("[[]]"), 4, &flaw) == WSW_STATUS_OK);
    CHECK(wsw_schema_judge(schema, bytes("[[[]]]"), 6, &flaw) == WSW_STATUS_REFUSED && flaw.reason == WSW_REASON_JSON_LIMIT);
    wsw_schema_free(schema);
    schema = nullptr;

    wsw_remote_schema remote{str("https://example.com/id"), str(R"({"type":"integer"})")};
    options.remotes = &remote;
    options.remote_count = 1;
    schema = compiled(R"({"$ref":"https://example.com/id"})", &options);
    CHECK(wsw_schema_judge(schema, bytes("1"), 1, &flaw) == WSW_STATUS_OK);
    CHECK(wsw_schema_judge(schema, bytes("\"\""), 2, &flaw) == WSW_STATUS_REFUSED);
    wsw_schema_free(schema);
    schema = nullptr;
    options.remote_count = 0;
    for (int32_t number : {INT32_MIN, -1, 5, INT32_MAX}) {
        options.draft = number;
        CHECK(wsw_schema_compile(str("true"), &options, &schema) == WSW_STATUS_BAD_ARGUMENT);
        options.draft = WSW_DRAFT_AUTO;
        options.machinery = number;
        CHECK(wsw_schema_compile(str("true"), &options, &schema) == WSW_STATUS_BAD_ARGUMENT);
        options.machinery = WSW_MACHINERY_AUTO;
    }
    CHECK(wsw_schema_compile(str("{"), nullptr, &schema) == WSW_STATUS_POLICY_ERROR && schema == nullptr);
}

// Writes a tape as text again, by its entries alone.
std::string written(wsw_tape *tape, const std::string &message) {
    const wsw_value *values = nullptr;
    std::size_t count = wsw_tape_entries(tape, &values);
    std::string all;
    for (std::size_t at = 0; at < count; ++at) {
        const wsw_value &value = values[at];
        const bool is_text = value.kind == WSW_VALUE_STRING || value.kind == WSW_VALUE_KEY;
        wsw_str text{};
        CHECK(wsw_tape_text(tape, at, bytes(message), message.size(), &text) == (is_text ? WSW_STATUS_OK : WSW_STATUS_BAD_ARGUMENT));
        all += static_cast<char>("?ntf#skao"[value.kind]);
        if (value.kind >= WSW_VALUE_ARRAY) all += std::to_string(value.children);
        else if (is_text) all.append("'").append(text.ptr, text.len).append("'");
        else all.append(message, value.start, value.end - value.start);
        all += ' ';
    }
    return all;
}

void a_tape() {
    current = "a tape";
    world w;
    const std::string message = R"({"type":"chat","content":"a\u00e9\n","n":[1,[],{"k":true}],"o":{},"z":null})";
    uint32_t verdict = wsw_registry_receive_tape(w.registry, w.session, WSW_TEXT, bytes(message), message.size(), w.tape, w.now.mono_ns);
    CHECK(WSW_VERDICT(verdict) == WSW_DELIVER);
    const std::string found = written(w.tape, message);
    const char *expected = "o15 k'type' s'chat' k'content' s'a\u00e9\n' k'n' a5 #1 a0 o2 k'k' ttrue k'o' o0 k'z' nnull ";
    if (found != expected) std::fprintf(stderr, "%s\n", found.c_str());
    CHECK(found == expected);
    // Another message than it was filled from, and places that are not there.
    wsw_str text{};
    CHECK(wsw_tape_text(w.tape, 1, bytes(message), message.size() - 1, &text) == WSW_STATUS_BAD_ARGUMENT);
    CHECK(wsw_tape_text(w.tape, 99, bytes(message), message.size(), &text) == WSW_STATUS_BAD_ARGUMENT);
    CHECK(wsw_tape_text(w.tape, SIZE_MAX, bytes(message), message.size(), &text) == WSW_STATUS_BAD_ARGUMENT);
    // A message that is refused leaves nothing to be taken for it.
    const std::string bad = R"({"type":"chat","x":1})";
    verdict = wsw_registry_receive_tape(w.registry, w.session, WSW_TEXT, bytes(bad), bad.size(), w.tape, w.now.mono_ns);
    CHECK(WSW_VERDICT(verdict) == WSW_REPLY && WSW_VERDICT_REASON(verdict) == WSW_REASON_SCHEMA_VIOLATION);
    const wsw_value *values = nullptr;
    CHECK(wsw_tape_entries(w.tape, &values) == 0);
    CHECK(wsw_tape_text(w.tape, 0, bytes(bad), bad.size(), &text) == WSW_STATUS_BAD_ARGUMENT);
    wsw_outcome outcome{};
    outcome.size = sizeof outcome;
    CHECK(wsw_registry_outcome(w.registry, &outcome) == WSW_STATUS_OK && outcome.payload.len > 0);
    verdict = wsw_registry_receive_tape(w.registry, w.session, 3, bytes(bad), bad.size(), w.tape, w.now.mono_ns);
    CHECK(WSW_VERDICT(verdict) == WSW_CLOSE && WSW_VERDICT_REASON(verdict) == WSW_REASON_PROTOCOL_ERROR);
    // One that goes deep, so that many containers end at one place.
    wsw_schema *schema = compiled("true");
    wsw_flaw flaw{};
    CHECK(wsw_schema_read(schema, bytes("[[[[7]]]]"), 9, w.tape, &flaw) == WSW_STATUS_OK);
    CHECK(written(w.tape, "[[[[7]]]]") == "a4 a3 a2 a1 #7 ");
    CHECK(wsw_schema_read(schema, bytes("[[[[7]]]"), 8, w.tape, &flaw) == WSW_STATUS_REFUSED);
    CHECK(wsw_tape_entries(w.tape, &values) == 0);
    wsw_schema_free(schema);
}

void a_token_buys_a_ticket() {
    current = "a token buys a ticket";
    world w;
    wsw_policy *policy = nullptr;
    wsw_guard *guard = nullptr;
    wsw_verified *verified = nullptr;
    wsw_response *refusal = nullptr;
    CHECK(wsw_policy_from_toml(str(TOKEN_POLICY), &policy) == WSW_STATUS_OK);
    CHECK(wsw_guard_new(policy, w.options, &guard) == WSW_STATUS_OK);
    CHECK(wsw_guard_verify_token(guard, str("/"), str(TOKEN), w.now, &verified, &refusal) == WSW_STATUS_OK);
    wsw_identity ann{};
    ann.size = sizeof ann;
    CHECK(wsw_verified_identity(verified, &ann) == WSW_STATUS_OK);
    CHECK(std::string(ann.subject.ptr, ann.subject.len) == "ann" && ann.scope_count == 2 && ann.scopes != nullptr);
    CHECK(std::string(ann.scopes[1].ptr, ann.scopes[1].len) == "chat:read");
    // What came out goes in as it is.
    wsw_ticket *ticket = nullptr;
    CHECK(wsw_guard_mint_ticket(guard, &ann, w.binding, w.now, &ticket) == WSW_STATUS_OK);
    CHECK(wsw_ticket_text(ticket).len > 40);
    wsw_ticket_free(ticket);
    wsw_verified_free(verified);
    verified = nullptr;
    // One whose signature is another's, one that is late, and none.
    std::string forged = TOKEN;
    forged.back() = forged.back() == 'A' ? 'B' : 'A';
    forged[forged.size() - 2] = 'x';
    wsw_time late{w.now.mono_ns, UINT64_C(1'900'000'000'000'000'000)};
    for (auto [token, at] : {std::pair(str(forged.c_str()), w.now), std::pair(str(TOKEN), late), std::pair(wsw_str{nullptr, 0}, w.now)}) {
        CHECK(wsw_guard_verify_token(guard, str("/"), token, at, &verified, &refusal) == WSW_STATUS_REFUSED);
        CHECK(verified == nullptr && wsw_response_status(refusal) == 401);
        wsw_response_free(refusal);
        refusal = nullptr;
    }
    wsw_guard_free(guard);
    wsw_policy_free(policy);
}

void names() {
    current = "names";
    world w;
    wsw_str first = wsw_policy_type_name(w.policy, str("/chat"), 1);
    CHECK(std::string(first.ptr, first.len) == "chat");
    for (uint32_t none : {0U, 2U, 0x3fffU, 0x4000U, UINT32_MAX}) CHECK(wsw_policy_type_name(w.policy, str("/"), none).len == 0);
    CHECK(std::strstr(wsw_policy_schema(), "\"$schema\"") != nullptr);
    // An identity that was read is good to be handed in.
    wsw_identity identity{};
    identity.size = sizeof identity;
    uint32_t verdict = 0;
    CHECK(wsw_registry_identity(w.registry, w.session, &identity) == WSW_STATUS_OK && identity.scopes != nullptr);
    CHECK(wsw_registry_revalidated(w.registry, w.session, WSW_ANSWER_IDENTITY, &identity, w.now, &verdict) == WSW_STATUS_OK);
}

} // namespace

int main() {
    a_schema_alone();
    how_a_schema_is_read();
    a_tape();
    a_token_buys_a_ticket();
    names();
    std::puts("schemas, tapes and tokens");
}
