// Every function of the C API, called as it should be, and with any one of its pointers NULL.
#pragma once

#include <tuple>

#include "world.hpp"

// What a call came to, where it gives no status: its documented failing value, or another.
inline constexpr int FAILED = -1;
inline constexpr int FINE = -2;
inline int unless(bool failed) { return failed ? FAILED : FINE; }

struct entry {
    const char *name;
    // What it locks.
    const char *locks;
    std::function<int(world &)> call;
    // What it gives for good arguments, which may be nothing.
    int good = WSW_STATUS_OK;
    // Which of its pointers may be NULL, if one may.
    int optional = -1;
};

inline bool is_empty(wsw_str text) { return text.len == 0; }

// Of the pointers and texts that a call takes, counted from 0, the one that is NULL; and how many the last call took.
inline int spoiled = -1;
inline int pointers = 0;
// What was called last.
inline std::string called;

template <class T> T *spoil(T *pointer) { return pointers++ == spoiled ? nullptr : pointer; }
inline wsw_str spoil(wsw_str text) { return pointers++ == spoiled ? wsw_str{nullptr, 1} : text; }
template <class T> T spoil(T value) { return value; }

// Calls a function: its own declaration says which of its arguments are pointers, so that none is forgotten.
template <class Result, class... Takes, class... Gives>
Result call(const char *text, Result (*function)(Takes...), Gives... given) {
    called = std::string(text, std::strcspn(text, ","));
    pointers = 0;
    std::tuple<Takes...> arguments{spoil(static_cast<Takes>(given))...};
    return std::apply(function, arguments);
}
#define CALL(...) call(#__VA_ARGS__, __VA_ARGS__)

inline std::vector<entry> entries() {
    return {
        {"wsw_version", "", [](world &) { return unless(CALL(wsw_version) == nullptr); }, FINE},
        {"wsw_now", "", [](world &) { return unless(CALL(wsw_now).mono_ns == 0); }, FINE},
        {"wsw_now_mono", "", [](world &) { return unless(CALL(wsw_now_mono) == 0); }, FINE},
        {"wsw_status_name", "", [](world &) { return unless(CALL(wsw_status_name, 1) == nullptr); }, FINE},
        {"wsw_last_error_message", "", [](world &) { return unless(CALL(wsw_last_error_message) == nullptr); }, FINE},
        {"wsw_reason_name", "", [](world &) { return unless(CALL(wsw_reason_name, 1) == nullptr); }, FINE},
        {"wsw_reason_sentence", "", [](world &) { return unless(CALL(wsw_reason_sentence, 1) == nullptr); }, FINE},
        {"wsw_reason_retry", "", [](world &) { return unless(CALL(wsw_reason_retry, 1) == nullptr); }, FINE},
        {"wsw_reason_http_status", "", [](world &) { return unless(CALL(wsw_reason_http_status, 1) == 500); }, FINE},
        {"wsw_reason_close_code", "", [](world &) { return unless(CALL(wsw_reason_close_code, 1, 1) == 1011); }, FINE},

        {"wsw_policy_from_toml", "", [](world &w) { return CALL(wsw_policy_from_toml, w.toml, &w.out_.policy); }},
        {"wsw_policy_from_json", "", [](world &w) { return CALL(wsw_policy_from_json, w.json, &w.out_.policy); },
         WSW_STATUS_POLICY_ERROR},
        {"wsw_policy_from_file", "", [](world &w) { return CALL(wsw_policy_from_file, w.path, &w.out_.policy); },
         WSW_STATUS_POLICY_ERROR},
        {"wsw_policy_warning_count", "policy",
         [](world &w) { return unless(CALL(wsw_policy_warning_count, w.policy) == 0); }, FAILED},
        {"wsw_policy_warning", "policy",
         [](world &w) { return unless(CALL(wsw_policy_warning, w.policy, 0) == nullptr); }, FAILED},
        {"wsw_policy_json", "policy", [](world &w) { return unless(CALL(wsw_policy_json, w.policy) == nullptr); }, FINE},
        {"wsw_policy_limits", "policy", [](world &w) { return CALL(wsw_policy_limits, w.policy, &w.out_.limits); }},

        {"wsw_policy_type_name", "policy",
         [](world &w) { return unless(is_empty(CALL(wsw_policy_type_name, w.policy, str("/chat"), 1))); }, FINE},
        {"wsw_policy_schema", "", [](world &) { return unless(CALL(wsw_policy_schema) == nullptr); }, FINE},
        {"wsw_guard_verify_token", "guard",
         [](world &w) {
             return CALL(wsw_guard_verify_token, w.guard, str("/chat"), str(TOKEN), w.now, &w.out_.verified,
                         &w.out_.response);
         },
         WSW_STATUS_REFUSED},
        {"wsw_verified_identity", "verified",
         [](world &w) { return CALL(wsw_verified_identity, w.verified, &w.out_.identity); }},

        {"wsw_schema_compile", "",
         [](world &w) { return CALL(wsw_schema_compile, str(SCHEMA), &w.schema_options_, &w.out_.schema); },
         WSW_STATUS_OK, 1},
        {"wsw_schema_judge", "schema",
         [](world &w) { return CALL(wsw_schema_judge, w.schema, w.bytes, w.length, &w.out_.flaw); }},
        {"wsw_schema_read", "tape",
         [](world &w) { return CALL(wsw_schema_read, w.schema, w.bytes, w.length, w.tape, &w.out_.flaw); }},
        {"wsw_schema_explain", "schema",
         [](world &w) { return CALL(wsw_schema_explain, w.schema, w.bytes, 3, &w.out_.explanation); }},
        {"wsw_schema_engine", "schema",
         [](world &w) { return unless(CALL(wsw_schema_engine, w.schema) == nullptr); }, FINE},
        {"wsw_schema_slow_place", "schema",
         [](world &w) { return CALL(wsw_schema_slow_place, w.schema, 0, &w.out_.name, &w.out_.value); },
         WSW_STATUS_NONE},
        {"wsw_tape_new", "", [](world &w) { return CALL(wsw_tape_new, &w.out_.tape); }},
        {"wsw_tape_entries", "tape",
         [](world &w) { return unless(CALL(wsw_tape_entries, w.tape, &w.out_.values) == 0); }, FINE},
        {"wsw_tape_text", "tape",
         [](world &w) { return CALL(wsw_tape_text, w.tape, 1, w.bytes, w.length, &w.out_.value); }},
        {"wsw_registry_receive_tape", "tape",
         [](world &w) {
             uint32_t verdict = CALL(wsw_registry_receive_tape, w.registry, w.session, WSW_TEXT, w.bytes, w.length,
                                     w.tape, w.now.mono_ns);
             return unless(verdict == WSW_INVALID);
         },
         FINE},

        {"wsw_guard_new", "policy",
         [](world &w) { return CALL(wsw_guard_new, w.policy, w.options, &w.out_.guard); }},
        {"wsw_guard_screen", "guard",
         [](world &w) {
             return CALL(wsw_guard_screen, w.guard, w.request, w.connection, w.now, &w.out_.candidate, &w.out_.response);
         }},
        {"wsw_guard_reload", "guard",
         [](world &w) { return CALL(wsw_guard_reload, w.guard, w.policy, &w.out_.ids); }},
        {"wsw_guard_revoke", "guard",
         [](world &w) { return CALL(wsw_guard_revoke, w.guard, w.revocation, 1, w.now.unix_ns, &w.out_.ids); }},
        {"wsw_guard_drain", "guard",
         [](world &w) { return CALL(wsw_guard_drain, w.guard, w.now.mono_ns, &w.out_.ids); }},
        {"wsw_guard_stats", "guard", [](world &w) { return CALL(wsw_guard_stats, w.guard, &w.out_.stats); }},
        {"wsw_guard_refused", "guard",
         [](world &w) { return unless(CALL(wsw_guard_refused, w.guard, WSW_REASON_METHOD_NOT_ALLOWED) == 0); }, FINE},
        {"wsw_head_new", "guard", [](world &w) { return CALL(wsw_head_new, w.guard, &w.out_.head); }},
        {"wsw_guard_screen_head", "head",
         [](world &w) {
             return CALL(wsw_guard_screen_head, w.guard, w.head, w.head_bytes, w.connection, w.now, &w.out_.consumed,
                                          &w.out_.candidate, &w.out_.response);
         }},
        {"wsw_guard_knock", "guard",
         [](world &w) { return CALL(wsw_guard_knock, w.guard, w.connection, w.now.mono_ns, &w.out_.knock); }},
        {"wsw_guard_mint_ticket", "guard",
         [](world &w) {
             return CALL(wsw_guard_mint_ticket, w.guard, w.identity, w.binding, w.now, &w.out_.ticket);
         }},
        {"wsw_ticket_text", "ticket",
         [](world &w) { return unless(is_empty(CALL(wsw_ticket_text, w.ticket))); }, FINE},
        {"wsw_ticket_reason", "ticket",
         [](world &w) { return unless(CALL(wsw_ticket_reason, w.ticket) == WSW_REASON_NONE); }, FAILED},
        {"wsw_ticket_detail", "ticket",
         [](world &w) { return unless(is_empty(CALL(wsw_ticket_detail, w.ticket))); }, FAILED},
        {"wsw_guard_next_timeout", "guard",
         [](world &w) { return CALL(wsw_guard_next_timeout, w.guard, &w.out_.at); }},
        {"wsw_guard_tick", "guard",
         [](world &w) { return CALL(wsw_guard_tick, w.guard, w.now.mono_ns + SECOND, &w.out_.fetch); }, WSW_STATUS_NONE},
        {"wsw_fetch_url", "", [](world &w) { return unless(is_empty(CALL(wsw_fetch_url, w.fetch))); }, FINE},
        {"wsw_fetch_within", "", [](world &w) { return unless(CALL(wsw_fetch_within, w.fetch) == 0); }, FINE},
        {"wsw_fetch_max_bytes", "", [](world &w) { return unless(CALL(wsw_fetch_max_bytes, w.fetch) == 0); }, FINE},
        {"wsw_guard_keys_fetched", "guard",
         [](world &w) {
             wsw_str none = str("{\"keys\":[]}");
             return CALL(wsw_guard_keys_fetched, w.guard, str(KEYS_URL), none, w.now.mono_ns);
         },
         WSW_STATUS_POLICY_ERROR},
        {"wsw_guard_keys_failed", "guard",
         [](world &w) { return CALL(wsw_guard_keys_failed, w.guard, str(KEYS_URL)); }},
        {"wsw_ids_count", "", [](world &w) { return unless(CALL(wsw_ids_count, w.ids) == 0); }, FAILED},
        {"wsw_ids_at", "", [](world &w) { return unless(CALL(wsw_ids_at, w.ids, 0) == 0); }, FAILED},

        {"wsw_response_status", "response",
         [](world &w) { return unless(CALL(wsw_response_status, w.response) == 500); }, FINE},
        {"wsw_response_reason", "response",
         [](world &w) { return unless(CALL(wsw_response_reason, w.response) == WSW_REASON_NONE); }, FINE},
        {"wsw_response_retry_after", "response",
         [](world &w) { return unless(CALL(wsw_response_retry_after, w.response) == WSW_NEVER); }, FAILED},
        {"wsw_response_detail", "response",
         [](world &w) { return unless(is_empty(CALL(wsw_response_detail, w.response))); }, FAILED},
        {"wsw_response_bytes", "response",
         [](world &w) { return unless(is_empty(CALL(wsw_response_bytes, w.response))); }, FINE},
        {"wsw_response_body", "response",
         [](world &w) { return unless(is_empty(CALL(wsw_response_body, w.response))); }, FINE},
        {"wsw_response_header_count", "response",
         [](world &w) { return unless(CALL(wsw_response_header_count, w.response) == 0); }, FINE},
        {"wsw_response_header", "response",
         [](world &w) { return CALL(wsw_response_header, w.response, 0, &w.out_.name, &w.out_.value); }},

        {"wsw_registry_new", "guard",
         [](world &w) { return CALL(wsw_registry_new, w.guard, w.now.mono_ns, &w.out_.registry); }},
        {"wsw_registry_count", "registry",
         [](world &w) { return unless(CALL(wsw_registry_count, w.registry) == 0); }, FINE},
        {"wsw_registry_admit", "registry",
         [](world &w) {
             // Whatever comes of it, the candidate is used up: unless it was not handed over, and for a panic at the door.
             wsw_candidate *mine = w.candidate;
             int status = CALL(wsw_registry_admit, w.registry, mine, w.now, &w.out_.handle, &w.out_.response);
             if (spoiled != 1 && (status != WSW_STATUS_PANIC || !w.at_the_door)) w.candidate = nullptr;
             return status;
         },
         WSW_STATUS_WAIT},
        {"wsw_registry_provide", "registry",
         [](world &w) {
             return CALL(wsw_registry_provide, w.registry, w.waiting, WSW_ANSWER_IDENTITY, w.identity, w.now, &w.out_.response);
         }},
        {"wsw_registry_receive", "registry",
         [](world &w) {
             uint32_t verdict = CALL(wsw_registry_receive, w.registry, w.session, WSW_TEXT, w.bytes, w.length, w.now.mono_ns);
             return unless(verdict == WSW_INVALID);
         },
         FINE},
        {"wsw_registry_outcome", "registry",
         [](world &w) { return CALL(wsw_registry_outcome, w.registry, &w.out_.outcome); }, WSW_STATUS_NONE},
        {"wsw_registry_event", "registry",
         [](world &w) { return CALL(wsw_registry_event, w.registry, &w.out_.event); }, WSW_STATUS_NONE},
        {"wsw_registry_authenticate", "registry",
         [](world &w) {
             return CALL(wsw_registry_authenticate, w.registry, w.session, w.auth, sizeof AUTH - 1, w.now, &w.out_.verdict);
         },
         WSW_STATUS_WAIT},
        {"wsw_registry_provide_session", "registry",
         [](world &w) {
             return CALL(wsw_registry_provide_session, w.registry, w.asked, WSW_ANSWER_IDENTITY, w.identity, w.now,
                                                 &w.out_.verdict);
         }},
        {"wsw_registry_revalidated", "registry",
         [](world &w) {
             return CALL(wsw_registry_revalidated, w.registry, w.session, WSW_ANSWER_IDENTITY, w.identity, w.now,
                                             &w.out_.verdict);
         }},
        {"wsw_registry_close", "registry",
         [](world &w) {
             return CALL(wsw_registry_close, w.registry, w.session, WSW_REASON_CLOSED_BY_HOST, w.now.mono_ns, &w.out_.verdict);
         }},
        {"wsw_registry_refuse_delivered", "registry",
         [](world &w) {
             return CALL(wsw_registry_refuse_delivered, w.registry, w.session, w.now.mono_ns, &w.out_.verdict);
         }},
        {"wsw_registry_need", "registry",
         [](world &w) { return CALL(wsw_registry_need, w.registry, w.waiting, &w.out_.need); }},
        {"wsw_registry_session", "registry",
         [](world &w) { return CALL(wsw_registry_session, w.registry, w.session, &w.out_.session); }},
        {"wsw_registry_identity", "registry",
         [](world &w) { return CALL(wsw_registry_identity, w.registry, w.session, &w.out_.identity); }},
        {"wsw_registry_scope", "registry",
         [](world &w) { return unless(is_empty(CALL(wsw_registry_scope, w.registry, w.session, 0))); }, FINE},
        {"wsw_registry_type_name", "registry",
         [](world &w) { return unless(is_empty(CALL(wsw_registry_type_name, w.registry, w.session, w.delivered))); }, FINE},
        {"wsw_registry_explain", "registry",
         [](world &w) {
             return CALL(wsw_registry_explain, w.registry, w.session, WSW_TEXT, w.bytes, 3, &w.out_.explanation);
         }},
        {"wsw_registry_retry_after", "registry",
         [](world &w) { return unless(CALL(wsw_registry_retry_after, w.registry, w.session, w.now.mono_ns) == WSW_NEVER); },
         FAILED},
        {"wsw_registry_lost", "registry",
         [](world &w) { return CALL(wsw_registry_lost, w.registry, w.session, w.now.mono_ns); }},
        {"wsw_registry_remove", "registry",
         [](world &w) { return CALL(wsw_registry_remove, w.registry, w.session); }},
        {"wsw_registry_queued", "registry",
         [](world &w) { return CALL(wsw_registry_queued, w.registry, w.session, 1, w.now.mono_ns, &w.out_.pressure); }},
        {"wsw_registry_drained", "registry",
         [](world &w) { return CALL(wsw_registry_drained, w.registry, w.session, 1); }},
        {"wsw_registry_join", "registry",
         [](world &w) { return CALL(wsw_registry_join, w.registry, w.session, w.channel); }},
        {"wsw_registry_leave", "registry",
         [](world &w) { return CALL(wsw_registry_leave, w.registry, w.session, w.channel); }, WSW_STATUS_NONE},
        {"wsw_registry_next_timeout", "registry",
         [](world &w) { return CALL(wsw_registry_next_timeout, w.registry, &w.out_.at); }},
        {"wsw_registry_tick", "registry",
         [](world &w) { return CALL(wsw_registry_tick, w.registry, w.now.mono_ns, &w.out_.tick, &w.out_.response); },
         WSW_STATUS_NONE},

        {"wsw_frame_meter_new", "", [](world &w) { return CALL(wsw_frame_meter_new, 4, &w.out_.meter); }},
        {"wsw_frame_meter_feed", "meter",
         [](world &w) {
             static const uint8_t FRAME[] = {0x81, 0x00};
             return CALL(wsw_frame_meter_feed, w.meter, FRAME, sizeof FRAME, &w.out_.reason);
         }},
    };
}

// Those that free: there is nothing that they could say. What each frees is gone then.
struct freer {
    const char *name;
    std::function<void(world &)> free;
};
template <class T> void used_up(world &w, T *&mine, void (*free)(T *)) {
    free(mine);
    // After a panic at the door it is still there.
    if (w.at_the_door) free(mine);
    mine = nullptr;
}
#define FREER(kind) freer{"wsw_" #kind "_free", [](world &w) { \
    used_up(w, w.kind, wsw_##kind##_free); \
    used_up(w, w.out_.kind, wsw_##kind##_free); \
}}
inline const freer FREES[] = {FREER(policy),   FREER(guard),       FREER(candidate), FREER(response), FREER(ids),
                              FREER(head),     FREER(registry),    FREER(knock),     FREER(ticket),   FREER(fetch),
                              FREER(verified), FREER(schema),      FREER(tape),
                              {"wsw_frame_meter_free", [](world &w) { used_up(w, w.meter, wsw_frame_meter_free); }}};
