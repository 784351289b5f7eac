// What several sessions at once wait for: each keeps its own question until it is answered, closed or removed.
#pragma once

#include "world.hpp"

// The token that a connection needs judged; "" where it needs nothing.
inline std::string needed(world &w, uint64_t handle) {
    wsw_need need{};
    need.size = sizeof need;
    const int status = wsw_registry_need(w.registry, handle, &need);
    CHECK(status == WSW_STATUS_OK || status == WSW_STATUS_STALE_HANDLE);
    return status == WSW_STATUS_OK ? std::string(need.token.ptr, need.token.len) : std::string();
}

inline void every_need_is_kept() {
    current = "several needs";
    world w;
    uint32_t verdict = 0;
    const auto ask = [&](uint64_t handle, const std::string &token) {
        const std::string message = R"({"type":"auth","token":")" + token + "\"}";
        const auto *bytes = reinterpret_cast<const uint8_t *>(message.data());
        CHECK(wsw_registry_authenticate(w.registry, handle, bytes, message.size(), w.now, &verdict) == WSW_STATUS_WAIT);
    };
    const uint64_t third = w.open(true);
    ask(w.session, "second");
    ask(third, "third");
    CHECK(needed(w, w.asked) == "n3w" && needed(w, w.session) == "second" && needed(w, third) == "third");
    CHECK(needed(w, w.waiting) == "s3cret");
    // Nor does anything else that goes on make one forget.
    wsw_registry_receive(w.registry, w.session, WSW_TEXT, w.bytes, w.length, w.now.mono_ns);
    CHECK(wsw_registry_queued(w.registry, third, 1, w.now.mono_ns, &w.out_.pressure) == WSW_STATUS_OK);
    CHECK(needed(w, w.asked) == "n3w");

    CHECK(wsw_registry_provide_session(w.registry, w.asked, WSW_ANSWER_IDENTITY, w.identity, w.now, &verdict) == WSW_STATUS_OK);
    CHECK(needed(w, w.asked).empty() && needed(w, w.session) == "second");
    CHECK(wsw_registry_close(w.registry, w.session, WSW_REASON_CLOSED_BY_HOST, w.now.mono_ns, &verdict) == WSW_STATUS_OK);
    CHECK(needed(w, w.session).empty() && needed(w, third) == "third");
    CHECK(wsw_registry_remove(w.registry, third) == WSW_STATUS_OK);
    CHECK(needed(w, third).empty());
}
