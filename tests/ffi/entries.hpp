// Every function of the C API, called as it should be.
#pragma once

#include "world.hpp"

// What a call came to, where it gives no status: its documented failing value, or another.
inline constexpr int FAILED = -1;
inline constexpr int FINE = -2;
inline int unless(bool failed) { return failed ? FAILED : FINE; }

struct entry {
    const char *name;
    // What it takes by pointer and must not be NULL: members of `world`, by their names.
    const char *pointers;
    // What it locks.
    const char *locks;
    std::function<int(world &)> call;
    // It is allowed to give nothing for good arguments.
    int good = WSW_STATUS_OK;
};

inline bool is_empty(wsw_str text) { return text.len == 0; }

// Where an output would go.
#define OUT(field) (w.out == nullptr ? nullptr : &w.out->field)

inline std::vector<entry> entries() {
    return {
        {"wsw_version", "", "", [](world &) { return unless(wsw_version() == nullptr); }, FINE},
        {"wsw_now", "", "", [](world &) { return unless(wsw_now().mono_ns == 0); }, FINE},
        {"wsw_now_mono", "", "", [](world &) { return unless(wsw_now_mono() == 0); }, FINE},
        {"wsw_status_name", "", "", [](world &) { return unless(wsw_status_name(1) == nullptr); }, FINE},
        {"wsw_last_error_message", "", "", [](world &) { return unless(wsw_last_error_message() == nullptr); }, FINE},
        {"wsw_reason_name", "", "", [](world &) { return unless(wsw_reason_name(1) == nullptr); }, FINE},
        {"wsw_reason_sentence", "", "", [](world &) { return unless(wsw_reason_sentence(1) == nullptr); }, FINE},
        {"wsw_reason_retry", "", "", [](world &) { return unless(wsw_reason_retry(1) == nullptr); }, FINE},
        {"wsw_reason_http_status", "", "", [](world &) { return unless(wsw_reason_http_status(1) == 500); }, FINE},
        {"wsw_reason_close_code", "", "", [](world &) { return unless(wsw_reason_close_code(1, 1) == 1011); }, FINE},

        {"wsw_policy_from_toml", "out", "", [](world &w) { return wsw_policy_from_toml(w.toml, OUT(policy)); }},
        {"wsw_policy_from_json", "out", "", [](world &w) { return wsw_policy_from_json(w.json, OUT(policy)); },
         WSW_STATUS_POLICY_ERROR},
        {"wsw_policy_from_file", "path out", "", [](world &w) { return wsw_policy_from_file(w.path, OUT(policy)); },
         WSW_STATUS_POLICY_ERROR},
        {"wsw_policy_warning_count", "policy", "policy",
         [](world &w) { return unless(wsw_policy_warning_count(w.policy) == 0); }, FAILED},
        {"wsw_policy_warning", "policy", "policy",
         [](world &w) { return unless(wsw_policy_warning(w.policy, 0) == nullptr); }, FAILED},
        {"wsw_policy_json", "policy", "policy", [](world &w) { return unless(wsw_policy_json(w.policy) == nullptr); }, FINE},
        {"wsw_policy_limits", "policy out", "policy", [](world &w) { return wsw_policy_limits(w.policy, OUT(limits)); }},

        {"wsw_guard_new", "policy options out", "policy",
         [](world &w) { return wsw_guard_new(w.policy, w.options, OUT(guard)); }},
        {"wsw_guard_screen", "guard request connection out", "guard",
         [](world &w) {
             return wsw_guard_screen(w.guard, w.request, w.connection, w.now, OUT(candidate), OUT(response));
         }},
        {"wsw_guard_reload", "guard policy out", "guard",
         [](world &w) { return wsw_guard_reload(w.guard, w.policy, OUT(ids)); }},
        {"wsw_guard_revoke", "guard revocation out", "guard",
         [](world &w) { return wsw_guard_revoke(w.guard, w.revocation, 1, w.now.unix_ns, OUT(ids)); }},
        {"wsw_guard_drain", "guard out", "guard",
         [](world &w) { return wsw_guard_drain(w.guard, w.now.mono_ns, OUT(ids)); }},
        {"wsw_guard_stats", "guard out", "guard", [](world &w) { return wsw_guard_stats(w.guard, OUT(stats)); }},
        {"wsw_guard_refused", "guard", "guard",
         [](world &w) { return unless(wsw_guard_refused(w.guard, WSW_REASON_METHOD_NOT_ALLOWED) == 0); }, FINE},
        {"wsw_head_new", "guard out", "guard", [](world &w) { return wsw_head_new(w.guard, OUT(head)); }},
        {"wsw_guard_screen_head", "guard head connection out", "head",
         [](world &w) {
             return wsw_guard_screen_head(w.guard, w.head, w.head_bytes, w.connection, w.now, OUT(consumed),
                                          OUT(candidate), OUT(response));
         }},
        {"wsw_guard_knock", "guard connection out", "guard",
         [](world &w) { return wsw_guard_knock(w.guard, w.connection, w.now.mono_ns, OUT(knock)); }},
        {"wsw_guard_mint_ticket", "guard identity binding out", "guard",
         [](world &w) {
             return wsw_guard_mint_ticket(w.guard, w.identity, w.binding, w.now, OUT(ticket));
         }},
        {"wsw_ticket_text", "ticket", "ticket",
         [](world &w) { return unless(is_empty(wsw_ticket_text(w.ticket))); }, FINE},
        {"wsw_ticket_reason", "ticket", "ticket",
         [](world &w) { return unless(wsw_ticket_reason(w.ticket) == WSW_REASON_NONE); }, FAILED},
        {"wsw_ticket_detail", "ticket", "ticket",
         [](world &w) { return unless(is_empty(wsw_ticket_detail(w.ticket))); }, FAILED},
        {"wsw_guard_next_timeout", "guard out", "guard",
         [](world &w) { return wsw_guard_next_timeout(w.guard, OUT(at)); }},
        {"wsw_guard_tick", "guard out", "guard",
         [](world &w) { return wsw_guard_tick(w.guard, w.now.mono_ns + SECOND, OUT(fetch)); }, WSW_STATUS_NONE},
        {"wsw_fetch_url", "fetch", "", [](world &w) { return unless(is_empty(wsw_fetch_url(w.fetch))); }, FINE},
        {"wsw_fetch_within", "fetch", "", [](world &w) { return unless(wsw_fetch_within(w.fetch) == 0); }, FINE},
        {"wsw_fetch_max_bytes", "fetch", "", [](world &w) { return unless(wsw_fetch_max_bytes(w.fetch) == 0); }, FINE},
        {"wsw_guard_keys_fetched", "guard", "guard",
         [](world &w) {
             wsw_str none = str("{\"keys\":[]}");
             return wsw_guard_keys_fetched(w.guard, str(KEYS_URL), none, w.now.mono_ns);
         },
         WSW_STATUS_POLICY_ERROR},
        {"wsw_guard_keys_failed", "guard", "guard",
         [](world &w) { return wsw_guard_keys_failed(w.guard, str(KEYS_URL)); }},
        {"wsw_ids_count", "ids", "", [](world &w) { return unless(wsw_ids_count(w.ids) == 0); }, FAILED},
        {"wsw_ids_at", "ids", "", [](world &w) { return unless(wsw_ids_at(w.ids, 0) == 0); }, FAILED},

        {"wsw_response_status", "response", "response",
         [](world &w) { return unless(wsw_response_status(w.response) == 500); }, FINE},
        {"wsw_response_reason", "response", "response",
         [](world &w) { return unless(wsw_response_reason(w.response) == WSW_REASON_NONE); }, FINE},
        {"wsw_response_retry_after", "response", "response",
         [](world &w) { return unless(wsw_response_retry_after(w.response) == WSW_NEVER); }, FAILED},
        {"wsw_response_detail", "response", "response",
         [](world &w) { return unless(is_empty(wsw_response_detail(w.response))); }, FAILED},
        {"wsw_response_bytes", "response", "response",
         [](world &w) { return unless(is_empty(wsw_response_bytes(w.response))); }, FINE},
        {"wsw_response_body", "response", "response",
         [](world &w) { return unless(is_empty(wsw_response_body(w.response))); }, FINE},
        {"wsw_response_header_count", "response", "response",
         [](world &w) { return unless(wsw_response_header_count(w.response) == 0); }, FINE},
        {"wsw_response_header", "response out", "response",
         [](world &w) { return wsw_response_header(w.response, 0, OUT(name), OUT(value)); }},

        {"wsw_registry_new", "guard out", "guard",
         [](world &w) { return wsw_registry_new(w.guard, w.now.mono_ns, OUT(registry)); }},
        {"wsw_registry_count", "registry", "registry",
         [](world &w) { return unless(wsw_registry_count(w.registry) == 0); }, FINE},
        {"wsw_registry_admit", "registry candidate out", "registry",
         [](world &w) {
             // Whatever comes of it, the candidate is used up: but for a NULL, and a panic at the door.
             wsw_candidate *mine = w.candidate;
             int status = wsw_registry_admit(w.registry, mine, w.now, OUT(handle), OUT(response));
             if (status != WSW_STATUS_PANIC || !w.at_the_door) w.candidate = nullptr;
             return status;
         },
         WSW_STATUS_WAIT},
        {"wsw_registry_provide", "registry identity out", "registry",
         [](world &w) {
             return wsw_registry_provide(w.registry, w.waiting, WSW_ANSWER_IDENTITY, w.identity, w.now, OUT(response));
         }},
        {"wsw_registry_receive", "registry bytes", "registry",
         [](world &w) {
             uint32_t verdict = wsw_registry_receive(w.registry, w.session, WSW_TEXT, w.bytes, w.length, w.now.mono_ns);
             return unless(verdict == WSW_INVALID);
         },
         FINE},
        {"wsw_registry_outcome", "registry out", "registry",
         [](world &w) { return wsw_registry_outcome(w.registry, OUT(outcome)); }, WSW_STATUS_NONE},
        {"wsw_registry_event", "registry out", "registry",
         [](world &w) { return wsw_registry_event(w.registry, OUT(event)); }, WSW_STATUS_NONE},
        {"wsw_registry_authenticate", "registry auth out", "registry",
         [](world &w) {
             return wsw_registry_authenticate(w.registry, w.session, w.auth, sizeof AUTH - 1, w.now, OUT(verdict));
         },
         WSW_STATUS_WAIT},
        {"wsw_registry_provide_session", "registry identity out", "registry",
         [](world &w) {
             return wsw_registry_provide_session(w.registry, w.asked, WSW_ANSWER_IDENTITY, w.identity, w.now,
                                                 OUT(verdict));
         }},
        {"wsw_registry_revalidated", "registry identity out", "registry",
         [](world &w) {
             return wsw_registry_revalidated(w.registry, w.session, WSW_ANSWER_IDENTITY, w.identity, w.now,
                                             OUT(verdict));
         }},
        {"wsw_registry_close", "registry out", "registry",
         [](world &w) {
             return wsw_registry_close(w.registry, w.session, WSW_REASON_CLOSED_BY_HOST, w.now.mono_ns, OUT(verdict));
         }},
        {"wsw_registry_refuse_delivered", "registry out", "registry",
         [](world &w) {
             return wsw_registry_refuse_delivered(w.registry, w.session, w.now.mono_ns, OUT(verdict));
         }},
        {"wsw_registry_need", "registry out", "registry",
         [](world &w) { return wsw_registry_need(w.registry, w.waiting, OUT(need)); }},
        {"wsw_registry_session", "registry out", "registry",
         [](world &w) { return wsw_registry_session(w.registry, w.session, OUT(session)); }},
        {"wsw_registry_identity", "registry out", "registry",
         [](world &w) { return wsw_registry_identity(w.registry, w.session, OUT(identity)); }},
        {"wsw_registry_scope", "registry", "registry",
         [](world &w) { return unless(is_empty(wsw_registry_scope(w.registry, w.session, 0))); }, FINE},
        {"wsw_registry_type_name", "registry", "registry",
         [](world &w) { return unless(is_empty(wsw_registry_type_name(w.registry, w.session, w.delivered))); }, FINE},
        {"wsw_registry_explain", "registry bytes out", "registry",
         [](world &w) {
             return wsw_registry_explain(w.registry, w.session, WSW_TEXT, w.bytes, 3, OUT(explanation));
         }},
        {"wsw_registry_retry_after", "registry", "registry",
         [](world &w) { return unless(wsw_registry_retry_after(w.registry, w.session, w.now.mono_ns) == WSW_NEVER); },
         FAILED},
        {"wsw_registry_lost", "registry", "registry",
         [](world &w) { return wsw_registry_lost(w.registry, w.session, w.now.mono_ns); }},
        {"wsw_registry_remove", "registry", "registry",
         [](world &w) { return wsw_registry_remove(w.registry, w.session); }},
        {"wsw_registry_queued", "registry out", "registry",
         [](world &w) { return wsw_registry_queued(w.registry, w.session, 1, w.now.mono_ns, OUT(pressure)); }},
        {"wsw_registry_drained", "registry", "registry",
         [](world &w) { return wsw_registry_drained(w.registry, w.session, 1); }},
        {"wsw_registry_join", "registry", "registry",
         [](world &w) { return wsw_registry_join(w.registry, w.session, w.channel); }},
        {"wsw_registry_leave", "registry", "registry",
         [](world &w) { return wsw_registry_leave(w.registry, w.session, w.channel); }, WSW_STATUS_NONE},
        {"wsw_registry_next_timeout", "registry out", "registry",
         [](world &w) { return wsw_registry_next_timeout(w.registry, OUT(at)); }},
        {"wsw_registry_tick", "registry out", "registry",
         [](world &w) { return wsw_registry_tick(w.registry, w.now.mono_ns, OUT(tick), OUT(response)); },
         WSW_STATUS_NONE},

        {"wsw_frame_meter_new", "out", "", [](world &w) { return wsw_frame_meter_new(4, OUT(meter)); }},
        {"wsw_frame_meter_feed", "meter bytes out", "meter",
         [](world &w) {
             static const uint8_t FRAME[] = {0x81, 0x00};
             return wsw_frame_meter_feed(w.meter, w.bytes == nullptr ? nullptr : FRAME, sizeof FRAME, OUT(reason));
         }},
    };
}

// Those that free: there is nothing that they could say.
inline const char *const FREES[] = {"wsw_policy_free", "wsw_guard_free", "wsw_candidate_free", "wsw_response_free",
                                    "wsw_ids_free",    "wsw_head_free",  "wsw_registry_free",  "wsw_frame_meter_free",
                                    "wsw_knock_free",  "wsw_ticket_free", "wsw_fetch_free"};
