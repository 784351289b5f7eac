// All that a call of the C API can be about, each in good order, so that a test can spoil one thing at a time.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>
#include <wswarden.h>

extern "C" void wsw_testing_panic_at(uint32_t checkpoint);

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            std::fprintf(stderr, "%s:%d: %s\n  %s: \"%s\"\n", __FILE__, __LINE__, #condition, current,                 \
                         wsw_last_error_message());                                                                    \
            std::exit(1);                                                                                              \
        }                                                                                                              \
    } while (false)

// What a failed check names.
inline const char *current = "";

inline wsw_str str(const char *text) { return wsw_str{text, std::strlen(text)}; }

inline constexpr const char *POLICY = R"(
origin.allow = ['https://app.example.com']
credential.sources = [
    { kind = 'session', in = 'cookie', name = 'sid' },
    { kind = 'session', in = 'first-message', type = 'auth', field = 'token' },
    { kind = 'ticket', in = 'query', name = 'ticket' },
    { kind = 'jwt', in = 'header', name = 'authorization' },
]
credential.refresh = { type = 'auth', field = 'token' }
[credential.jwt]
issuer = ['https://id.example.com']
audience = ['chat']
[credential.jwt.jwks]
url = 'https://id.example.com/keys'
algs = ['ES256']
[message.types.chat]
schema = { type = 'object', required = ['content'] }
)";

inline constexpr const char *HEAD = "GET /chat HTTP/1.1\r\nHost: chat.example.com\r\nUpgrade: websocket\r\n"
                                    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                    "Origin: https://app.example.com\r\nCookie: sid=s3cret\r\n\r\n";

// One of each thing that is owned.
struct handles {
    wsw_policy *policy = nullptr;
    wsw_guard *guard = nullptr;
    wsw_registry *registry = nullptr;
    wsw_candidate *candidate = nullptr;
    wsw_response *response = nullptr;
    wsw_ids *ids = nullptr;
    wsw_head *head = nullptr;
    wsw_frame_meter *meter = nullptr;
    wsw_knock *knock = nullptr;
    wsw_ticket *ticket = nullptr;
    wsw_fetch *fetch = nullptr;
    wsw_verified *verified = nullptr;
    wsw_schema *schema = nullptr;
    wsw_tape *tape = nullptr;

    // In any order, whatever a test has used up or poisoned.
    void give_back() const {
        wsw_registry_free(registry);
        wsw_candidate_free(candidate);
        wsw_response_free(response);
        wsw_ids_free(ids);
        wsw_head_free(head);
        wsw_frame_meter_free(meter);
        wsw_knock_free(knock);
        wsw_ticket_free(ticket);
        wsw_fetch_free(fetch);
        wsw_verified_free(verified);
        wsw_schema_free(schema);
        wsw_tape_free(tape);
        wsw_guard_free(guard);
        wsw_policy_free(policy);
    }
};

// Places for all that is written.
struct outs : handles {
    const wsw_value *values = nullptr;
    wsw_flaw flaw{};
    uint64_t handle = 0, at = 0;
    std::size_t consumed = 0;
    uint32_t verdict = 0;
    int32_t pressure = 0;
    uint8_t reason = 0;
    wsw_str name{}, value{};
    wsw_limits limits{};
    wsw_stats stats{};
    wsw_outcome outcome{};
    wsw_event event{};
    wsw_need need{};
    wsw_session session{};
    wsw_identity identity{};
    wsw_explanation explanation{};
    wsw_tick tick{};
};

inline constexpr const char *KEYS_URL = "https://id.example.com/keys";
inline constexpr uint64_t SECOND = 1'000'000'000;

// The message that renews a credential.
inline constexpr char AUTH[] = R"({"type":"auth","token":"n3w"})";

inline constexpr const char *SCHEMA = R"({"type":"object","required":["content"],"properties":{"content":{"type":"string"}}})";

// Ann's token, and a guard's policy that takes it; it was signed once, and time is a number here.
inline constexpr const char *TOKEN =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
    "eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tIiwiYXVkIjoiY2hhdCIsInN1YiI6ImFubiIsImV4cCI6MTgwMDAwMzYwMCwiaWF0IjoxNzk5OTk5OTk5LCJzY29wZSI6ImNoYXQ6d3JpdGUgY2hhdDpyZWFkIn0."
    "8mPRf_MU8Me7_c1RKamU7KXPT7iPQgct3tpAH00aZ9U";
inline constexpr const char *TOKEN_POLICY = R"(
origin.allow = ['https://app.example.com']
credential.sources = [{ kind = 'jwt', in = 'header', name = 'authorization' }, { kind = 'ticket', in = 'query', name = 'ticket' }]
[credential.jwt]
issuer = ['https://id.example.com']
audience = ['chat']
keys = [{ alg = 'HS256', secret = 'a key for this test, 32 bytes or more' }]
)";

// Whose token it is.
inline wsw_verified *verified_token(wsw_time now) {
    wsw_policy *policy = nullptr;
    wsw_guard *guard = nullptr;
    wsw_verified *verified = nullptr;
    wsw_response *refusal = nullptr;
    wsw_guard_options options{sizeof options, WSW_ABILITY_ALL, 0, 0, nullptr};
    CHECK(wsw_policy_from_toml(str(TOKEN_POLICY), &policy) == WSW_STATUS_OK);
    CHECK(wsw_guard_new(policy, &options, &guard) == WSW_STATUS_OK);
    CHECK(wsw_guard_verify_token(guard, str("/"), str(TOKEN), now, &verified, &refusal) == WSW_STATUS_OK);
    wsw_guard_free(guard);
    wsw_policy_free(policy);
    return verified;
}

struct world : handles {
    const uint8_t *auth = reinterpret_cast<const uint8_t *>(AUTH);
    // What a call takes by pointer besides.
    const wsw_binding *binding = nullptr;
    const wsw_guard_options *options = nullptr;
    const wsw_request *request = nullptr;
    const wsw_connection *connection = nullptr;
    const wsw_identity *identity = nullptr;
    const wsw_revocation *revocation = nullptr;
    const char *path = "/nonexistent.toml";
    const uint8_t *bytes = reinterpret_cast<const uint8_t *>("{\"type\":\"chat\",\"content\":\"hello\"}");
    // Whether a panic is to come before anything was taken.
    bool at_the_door = false;

    std::size_t length = 33;
    uint32_t delivered = 0;
    uint64_t session = 0, waiting = 0, asked = 0;
    wsw_str toml = str(POLICY), head_bytes = str(HEAD), channel = str("room"), json = str("{}");
    wsw_time now{1'000'000'000, 1'800'000'000'000'000'000};

    world() {
        std::memset(&request_, 0, sizeof request_);
        // All of it is compared, with what lies between the members.
        std::memset(static_cast<void *>(&out_), 0, sizeof out_);
        wsw_flaw flaw{};
        uint32_t verdict = 0;
        headers_ = {{str("Host"), str("chat.example.com")},
                    {str("Upgrade"), str("websocket")},
                    {str("Connection"), str("Upgrade")},
                    {str("Sec-WebSocket-Version"), str("13")},
                    {str("Sec-WebSocket-Key"), str("dGhlIHNhbXBsZSBub25jZQ==")},
                    {str("Origin"), str("https://app.example.com")},
                    {str("Cookie"), str("sid=s3cret")}};
        request_ = {sizeof request_, WSW_HTTP_1_1, str("GET"), str("/chat"), headers_.data(), headers_.size()};
        connection_ = {sizeof connection_, WSW_REMOTE_ADDRESS, str("198.51.100.7"), 1};
        options_ = {sizeof options_, WSW_ABILITY_ALL, 0, 0, nullptr};
        identity_.size = sizeof identity_;
        identity_.kind = WSW_IDENTITY_USER;
        identity_.subject = str("ann");
        identity_.scopes = scopes_;
        identity_.scope_count = 1;
        revocation_.size = sizeof revocation_;
        revocation_.kind = WSW_REVOKE_SESSION;
        revocation_.id = str("nobody's");
        request = &request_;
        connection = &connection_;
        options = &options_;
        identity = &identity_;
        revocation = &revocation_;
        out_.limits.size = sizeof out_.limits;
        out_.stats.size = sizeof out_.stats;
        out_.outcome.size = sizeof out_.outcome;
        out_.event.size = sizeof out_.event;
        out_.need.size = sizeof out_.need;
        out_.session.size = sizeof out_.session;
        out_.identity.size = sizeof out_.identity;
        out_.explanation.size = sizeof out_.explanation;
        out_.tick.size = sizeof out_.tick;

        CHECK(wsw_policy_from_toml(toml, &policy) == WSW_STATUS_OK);
        CHECK(wsw_guard_new(policy, options, &guard) == WSW_STATUS_OK);
        CHECK(wsw_registry_new(guard, now.mono_ns, &registry) == WSW_STATUS_OK);
        CHECK(wsw_head_new(guard, &head) == WSW_STATUS_OK);
        CHECK(wsw_frame_meter_new(4, &meter) == WSW_STATUS_OK);
        binding_.size = sizeof binding_;
        binding_.path = str("/chat");
        binding = &binding_;
        CHECK(wsw_guard_mint_ticket(guard, identity, binding, now, &ticket) == WSW_STATUS_OK);
        CHECK(wsw_guard_tick(guard, now.mono_ns, &fetch) == WSW_STATUS_OK);
        CHECK(wsw_guard_knock(guard, connection, now.mono_ns, &knock) == WSW_STATUS_OK);
        schema_options_.size = sizeof schema_options_;
        CHECK(wsw_schema_compile(str(SCHEMA), &schema_options_, &schema) == WSW_STATUS_OK);
        CHECK(wsw_tape_new(&tape) == WSW_STATUS_OK);
        CHECK(wsw_schema_read(schema, bytes, length, tape, &flaw) == WSW_STATUS_OK);
        verified = verified_token(now);
        session = open(true);
        delivered = wsw_registry_receive(registry, session, WSW_TEXT, bytes, length, now.mono_ns);
        CHECK(WSW_VERDICT(delivered) == WSW_DELIVER);
        waiting = open(false);
        asked = open(true);
        CHECK(wsw_registry_authenticate(registry, asked, auth, sizeof AUTH - 1, now, &verdict) == WSW_STATUS_WAIT);
        candidate = screened();
        CHECK(wsw_guard_revoke(guard, revocation, 1, now.unix_ns, &ids) == WSW_STATUS_OK);
        wsw_request bad = request_;
        bad.method = str("POST");
        wsw_candidate *none = nullptr;
        CHECK(wsw_guard_screen(guard, &bad, connection, now, &none, &response) == WSW_STATUS_REFUSED);
    }
    world(const world &) = delete;
    ~world() {
        give_back();
        out_.give_back();
    }

    // A candidate that has its session token still to be looked up.
    wsw_candidate *screened() {
        wsw_candidate *passed = nullptr;
        wsw_response *refusal = nullptr;
        CHECK(wsw_guard_screen(guard, &request_, &connection_, now, &passed, &refusal) == WSW_STATUS_OK);
        return passed;
    }
    uint64_t open(bool provide) {
        uint64_t handle = 0;
        wsw_response *answer = nullptr;
        CHECK(wsw_registry_admit(registry, screened(), now, &handle, &answer) == WSW_STATUS_WAIT);
        if (provide) {
            CHECK(wsw_registry_provide(registry, handle, WSW_ANSWER_IDENTITY, &identity_, now, &answer) == WSW_STATUS_OK);
            wsw_response_free(answer);
        }
        return handle;
    }

    wsw_request request_;
    wsw_connection connection_{};
    wsw_guard_options options_{};
    wsw_identity identity_{};
    wsw_revocation revocation_{};
    wsw_binding binding_{};
    wsw_schema_options schema_options_{};
    outs out_;

private:
    std::vector<wsw_header> headers_;
    wsw_str scopes_[1] = {str("chat:write")};
};
