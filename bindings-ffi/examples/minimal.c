/* A whole connection by hand, with a clock that is a number: from a policy to a message and its refusal.
 *
 *     cc minimal.c $(pkg-config --cflags --libs wswarden) && ./a.out
 */
#include <stdio.h>
#include <string.h>
#include <wswarden.h>

static const char POLICY[] =
    "origin.allow = ['https://app.example.com']\n"
    "credential.sources = [{ kind = 'session', in = 'cookie', name = 'sid' }]\n"
    "[message.types.chat]\n"
    "schema = { type = 'object', required = ['content'] }\n";

static int failed(const char *what) {
    fprintf(stderr, "%s: %s\n", what, wsw_last_error_message());
    return 1;
}

int main(void) {
    wsw_policy *policy = NULL;
    if (wsw_policy_from_toml((wsw_str){POLICY, sizeof POLICY - 1}, &policy) != WSW_STATUS_OK) {
        return failed("policy");
    }
    /* What this server can do: everything. The seed comes from the operating system. */
    wsw_guard_options options = {.size = sizeof options, .abilities = WSW_ABILITY_ALL};
    wsw_guard *guard = NULL;
    if (wsw_guard_new(policy, &options, &guard) != WSW_STATUS_OK) {
        return failed("guard");
    }
    wsw_policy_free(policy);

    /* One registry for each event loop. */
    wsw_time now = wsw_now();
    wsw_registry *registry = NULL;
    if (wsw_registry_new(guard, now.mono_ns, &registry) != WSW_STATUS_OK) {
        return failed("registry");
    }

    /* The request, as your HTTP parser gives it. */
    wsw_header headers[] = {
        {WSW_STR("Host"), WSW_STR("chat.example.com")},
        {WSW_STR("Upgrade"), WSW_STR("websocket")},
        {WSW_STR("Connection"), WSW_STR("Upgrade")},
        {WSW_STR("Sec-WebSocket-Version"), WSW_STR("13")},
        {WSW_STR("Sec-WebSocket-Key"), WSW_STR("dGhlIHNhbXBsZSBub25jZQ==")},
        {WSW_STR("Origin"), WSW_STR("https://app.example.com")},
        {WSW_STR("Cookie"), WSW_STR("sid=s3cret")},
    };
    wsw_request request = {.size = sizeof request, .version = WSW_HTTP_1_1, .method = WSW_STR("GET"),
                           .target = WSW_STR("/chat"), .headers = headers,
                           .header_count = sizeof headers / sizeof *headers};
    wsw_connection connection = {.size = sizeof connection, .remote = WSW_REMOTE_ADDRESS,
                                 .address = WSW_STR("198.51.100.7"), .tls = 1};

    /* All that needs no credential judged; then the credential. */
    wsw_candidate *candidate = NULL;
    wsw_response *response = NULL;
    wsw_status status = wsw_guard_screen(guard, &request, &connection, now, &candidate, &response);
    uint64_t handle = 0;
    if (status == WSW_STATUS_OK) {
        status = wsw_registry_admit(registry, candidate, now, &handle, &response);
    }
    if (status == WSW_STATUS_WAIT) {
        /* Whose session token this is, only your server knows. */
        wsw_need need = {.size = sizeof need};
        wsw_identity ann = {.size = sizeof ann, .kind = WSW_IDENTITY_USER, .subject = WSW_STR("ann")};
        int known = wsw_registry_need(registry, handle, &need) == WSW_STATUS_OK && need.token.len == 6 &&
                    memcmp(need.token.ptr, "s3cret", 6) == 0;
        int32_t answer = known ? WSW_ANSWER_IDENTITY : WSW_ANSWER_REFUSED;
        status = wsw_registry_provide(registry, handle, answer, &ann, now, &response);
    }
    if (response == NULL) {
        return failed("handshake");
    }
    /* The 101, or why not: send these bytes. */
    wsw_str bytes = wsw_response_bytes(response);
    printf("%.*s", (int)bytes.len, bytes.ptr);
    wsw_response_free(response);
    if (status != WSW_STATUS_OK) {
        return 1;
    }

    /* Two messages; the second is not within policy. */
    const char *messages[] = {"{\"type\":\"chat\",\"content\":\"hello\"}", "{\"type\":\"chat\"}"};
    for (int index = 0; index < 2; index++) {
        const uint8_t *message = (const uint8_t *)messages[index];
        uint32_t verdict =
            wsw_registry_receive(registry, handle, WSW_TEXT, message, strlen(messages[index]), wsw_now_mono());
        wsw_outcome outcome = {.size = sizeof outcome};
        switch (WSW_VERDICT(verdict)) {
        case WSW_DELIVER: {
            wsw_str type = wsw_registry_type_name(registry, handle, verdict);
            printf("deliver %.*s: %s\n", (int)type.len, type.ptr, messages[index]);
            break;
        }
        case WSW_REPLY:
            wsw_registry_outcome(registry, &outcome);
            printf("reply %.*s\n", (int)outcome.payload.len, outcome.payload.ptr);
            break;
        default: /* 0 is an error, and means the same. */
            return failed("close");
        }
    }

    /* Freeing gives everything back. */
    wsw_registry_free(registry);
    wsw_guard_free(guard);
    return 0;
}
