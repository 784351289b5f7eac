/* The samples of the READMEs as they stand there: run.py cuts them out into the files that are included here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wswarden.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s: \"%s\"\n", __FILE__, __LINE__, #condition, wsw_last_error_message());          \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static char said[256];

static void say(const char *what, size_t size) {
    size_t have = strlen(said);
    CHECK(have + size + 2 < sizeof said);
    memcpy(said + have, what, size);
    memcpy(said + have + size, ";", 2);
}

/* What the samples call. */
static void use(wsw_str name, const wsw_value *value) {
    CHECK(value->kind != WSW_VALUE_KEY);
    say(name.ptr, name.len);
}
static void deliver(const uint8_t *message, size_t length) { say((const char *)message, length); }
static void send_text(wsw_str text) { say(text.ptr, text.len); }
static void close_connection(void) { say("close", 5); }

static void tape_sample(wsw_tape *tape, const uint8_t *message, size_t length) {
#include "tape_sample.inc"
}

static void verdict_sample(wsw_registry *registry, uint64_t handle, const uint8_t *message, size_t length) {
    /* A stack that is not zeroed, as a program's is after a while. */
    volatile unsigned char dirt[512];
    memset((void *)dirt, 0xff, sizeof dirt);
#include "verdict_sample.inc"
}

static void tapes(void) {
    static const struct {
        const char *json, *names;
    } CASES[] = {
        {"{\"a\":1,\"b\":[{\"c\":2},3],\"d\\n\":{}}", "a;b;d\n;"}, {"{}", ""}, {"[1,2,3]", ""}, {"[[],[],[]]", ""},
        {"\"a\"", ""}, {"7", ""}, {"[1,2,", ""},
    };
    wsw_schema *schema = NULL;
    CHECK(wsw_schema_compile(WSW_STR("true"), NULL, &schema) == WSW_STATUS_OK);
    for (size_t index = 0; index < sizeof CASES / sizeof *CASES; index++) {
        const uint8_t *message = (const uint8_t *)CASES[index].json;
        size_t length = strlen(CASES[index].json);
        wsw_tape *tape = NULL;
        wsw_flaw flaw;
        CHECK(wsw_tape_new(&tape) == WSW_STATUS_OK);
        wsw_schema_read(schema, message, length, tape, &flaw);
        said[0] = '\0';
        tape_sample(tape, message, length);
        CHECK(strcmp(said, CASES[index].names) == 0);
        wsw_tape_free(tape);
    }
    wsw_schema_free(schema);
}

static void verdicts(void) {
    wsw_policy *policy = NULL;
    wsw_guard *guard = NULL;
    wsw_registry *registry = NULL;
    wsw_candidate *candidate = NULL;
    wsw_response *response = NULL;
    uint64_t handle = 0;
    wsw_time now = wsw_now();
    wsw_header headers[] = {
        {WSW_STR("Host"), WSW_STR("localhost")},
        {WSW_STR("Upgrade"), WSW_STR("websocket")},
        {WSW_STR("Connection"), WSW_STR("Upgrade")},
        {WSW_STR("Sec-WebSocket-Version"), WSW_STR("13")},
        {WSW_STR("Sec-WebSocket-Key"), WSW_STR("dGhlIHNhbXBsZSBub25jZQ==")},
        {WSW_STR("Origin"), WSW_STR("https://app.example.com")},
    };
    wsw_guard_options options = {.size = sizeof options, .abilities = WSW_ABILITY_ALL};
    wsw_request request = {.size = sizeof request, .version = WSW_HTTP_1_1, .method = WSW_STR("GET"),
                           .target = WSW_STR("/"), .headers = headers, .header_count = sizeof headers / sizeof *headers};
    wsw_connection connection = {.size = sizeof connection, .remote = WSW_REMOTE_UNIX, .tls = 1};
    CHECK(wsw_policy_from_toml(WSW_STR("origin.allow = ['https://app.example.com']\n"
                                       "credential.anonymous = true\n"
                                       "[message.types.chat]\n"
                                       "schema = { type = 'object', required = ['content'] }\n"),
                               &policy) == WSW_STATUS_OK);
    CHECK(wsw_guard_new(policy, &options, &guard) == WSW_STATUS_OK);
    CHECK(wsw_registry_new(guard, now.mono_ns, &registry) == WSW_STATUS_OK);
    CHECK(wsw_guard_screen(guard, &request, &connection, now, &candidate, &response) == WSW_STATUS_OK);
    CHECK(wsw_registry_admit(registry, candidate, now, &handle, &response) == WSW_STATUS_OK);
    said[0] = '\0';
    verdict_sample(registry, handle, (const uint8_t *)"{\"type\":\"chat\",\"content\":1}", 27);
    CHECK(strcmp(said, "{\"type\":\"chat\",\"content\":1};") == 0);
    said[0] = '\0';
    verdict_sample(registry, handle, (const uint8_t *)"{\"type\":\"chat\"}", 15);
    CHECK(strstr(said, "\"code\":\"schema_violation\"") != NULL);
    said[0] = '\0';
    verdict_sample(registry, 0, (const uint8_t *)"{}", 2);
    CHECK(strcmp(said, "close;") == 0);
    wsw_response_free(response);
    wsw_registry_free(registry);
    wsw_guard_free(guard);
    wsw_policy_free(policy);
}

int main(void) {
    tapes();
    verdicts();
    puts("the samples");
    return 0;
}
