/* Part of wswarden.hpp: a guard, and what comes before a connection is one. */
#ifndef WSWARDEN_HPP
#include "wswarden.hpp" // which has this one where it belongs
#elif !defined(WSWARDEN_GUARD_HPP)
#define WSWARDEN_GUARD_HPP

namespace wsw {

/// A request that passed every check that needs no credential judged. See `wsw_candidate`.
class candidate {
public:
    candidate() = default;
    explicit candidate(wsw_candidate *made) : candidate_(made) {}
    explicit operator bool() const noexcept { return candidate_ != nullptr; }
    [[nodiscard]] wsw_candidate *release() noexcept { return candidate_.release(); }

private:
    detail::owned<wsw_candidate, wsw_candidate_free> candidate_;
};

/// What became of a request: a candidate, or the answer that refuses it.
struct [[nodiscard]] screening {
    wsw_status status = WSW_STATUS_INVALID;
    wsw::candidate candidate;
    wsw::response response;
    /// For heads that were read from bytes: how many it took.
    std::size_t consumed = 0;

    explicit operator bool() const noexcept { return status == WSW_STATUS_OK; }
};

/// What became of a candidate.
struct [[nodiscard]] admission {
    wsw_status status = WSW_STATUS_INVALID;
    std::uint64_t handle = 0;
    /// The 101, or the refusal.
    wsw::response response;

    [[nodiscard]] bool is_open() const noexcept { return status == WSW_STATUS_OK; }
    [[nodiscard]] bool waits() const noexcept { return status == WSW_STATUS_WAIT; }
    [[nodiscard]] bool is_refused() const noexcept { return status == WSW_STATUS_REFUSED; }
};

/// Numbers of sessions.
[[nodiscard]] inline std::vector<std::uint64_t> take_ids(wsw_ids *ids) {
    detail::owned<wsw_ids, wsw_ids_free> held(ids);
    std::vector<std::uint64_t> all;
    for (std::size_t index = 0; index < wsw_ids_count(ids); ++index) {
        all.push_back(wsw_ids_at(ids, index));
    }
    return all;
}

/// A policy, and what the connections of one server share under it. Any number of threads may use it.
class guard {
public:
    /// `abilities` is what the host can do, `waived` what it cannot and the operator has seen to elsewhere:
    /// `wsw_ability` bits.
    static result<guard> try_make(const policy &policy, std::uint32_t abilities, std::uint32_t waived = 0,
                                  const std::uint8_t *seed = nullptr) {
        wsw_guard_options options{};
        options.size = sizeof options;
        options.abilities = abilities;
        options.waived = waived;
        options.seed = seed;
        wsw_guard *made = nullptr;
        wsw_status status = wsw_guard_new(policy.get(), &options, &made);
        return status == WSW_STATUS_OK ? result<guard>(guard(made)) : result<guard>(status);
    }
#ifdef WSW_EXCEPTIONS
    guard(const policy &policy, std::uint32_t abilities, std::uint32_t waived = 0)
        : guard(detail::unwrap(try_make(policy, abilities, waived))) {}
#endif

    /// See `wsw_guard_screen`.
    screening screen(const request &request, const wsw_connection &connection, time now) const {
        wsw_request whole = request.get();
        wsw_candidate *passed = nullptr;
        wsw_response *refusal = nullptr;
        wsw_status status = wsw_guard_screen(get(), &whole, &connection, now, &passed, &refusal);
        return screening{status, candidate(passed), response(refusal), 0};
    }

    /// Judges a token for an endpoint of your own. See `wsw_guard_verify_token`.
    verification verify_token(std::string_view path, std::string_view token, time now) const {
        verification done;
        wsw_verified *verified = nullptr;
        wsw_response *refusal = nullptr;
        done.status = wsw_guard_verify_token(get(), str(path), str(token), now, &verified, &refusal);
        done.verified.reset(verified);
        done.response = response(refusal);
        return done;
    }

    result<std::vector<std::uint64_t>> try_reload(const policy &policy) const {
        wsw_ids *affected = nullptr;
        const wsw_status status = wsw_guard_reload(get(), policy.get(), &affected);
        return ids(status, affected);
    }
    result<std::vector<std::uint64_t>> try_revoke(const wsw_revocation &what, std::uint64_t lasts,
                                                  std::uint64_t now_unix) const {
        wsw_ids *affected = nullptr;
        const wsw_status status = wsw_guard_revoke(get(), &what, lasts, now_unix, &affected);
        return ids(status, affected);
    }
    result<std::vector<std::uint64_t>> try_drain(std::uint64_t now_mono) const {
        wsw_ids *affected = nullptr;
        const wsw_status status = wsw_guard_drain(get(), now_mono, &affected);
        return ids(status, affected);
    }
#ifdef WSW_EXCEPTIONS
    std::vector<std::uint64_t> reload(const policy &policy) const { return detail::unwrap(try_reload(policy)); }
    std::vector<std::uint64_t> revoke(const wsw_revocation &what, std::uint64_t lasts, std::uint64_t now_unix) const {
        return detail::unwrap(try_revoke(what, lasts, now_unix));
    }
    std::vector<std::uint64_t> drain(std::uint64_t now_mono) const { return detail::unwrap(try_drain(now_mono)); }
#endif

    /// See `wsw_guard_mint_ticket`.
    wsw::ticket mint_ticket(const wsw_identity &identity, const wsw_binding &binding, time now) const noexcept {
        wsw_ticket *made = nullptr;
        const wsw_status status = wsw_guard_mint_ticket(get(), &identity, &binding, now, &made);
        return wsw::ticket(status, made);
    }

    /// When to call `tick` next; `never` when nothing has to be fetched.
    result<std::uint64_t> try_next_timeout() const {
        std::uint64_t at = never;
        const wsw_status status = wsw_guard_next_timeout(get(), &at);
        const bool is_known = status == WSW_STATUS_OK || status == WSW_STATUS_NONE;
        return is_known ? result<std::uint64_t>(at) : result<std::uint64_t>(status);
    }
#ifdef WSW_EXCEPTIONS
    [[nodiscard]] std::uint64_t next_timeout() const { return detail::unwrap(try_next_timeout()); }
#endif
    /// The next key set that is to be fetched. Call until it is false.
    wsw::fetch tick(std::uint64_t now_mono) const noexcept {
        wsw_fetch *due = nullptr;
        const wsw_status status = wsw_guard_tick(get(), now_mono, &due);
        return wsw::fetch(status, due);
    }
    /// Takes what was fetched; `WSW_STATUS_POLICY_ERROR` says that something is wrong with it.
    wsw_status keys_fetched(std::string_view url, std::string_view body, std::uint64_t now_mono) const noexcept {
        return wsw_guard_keys_fetched(get(), str(url), str(body), now_mono);
    }
    wsw_status keys_failed(std::string_view url) const noexcept { return wsw_guard_keys_failed(get(), str(url)); }

    [[nodiscard]] wsw_stats stats() const noexcept {
        wsw_stats stats{};
        stats.size = sizeof stats;
        wsw_guard_stats(get(), &stats);
        return stats;
    }
    [[nodiscard]] const wsw_guard *get() const noexcept { return guard_.get(); }

private:
    static result<std::vector<std::uint64_t>> ids(wsw_status status, wsw_ids *affected) {
        using all = result<std::vector<std::uint64_t>>;
        return status == WSW_STATUS_OK ? all(take_ids(affected)) : all(status);
    }
    explicit guard(wsw_guard *made) : guard_(made) {}
    detail::owned<wsw_guard, wsw_guard_free> guard_;
};

/// A new socket, whose TLS handshake and request are awaited: a slot of its address, which is given back when this goes.
/// See `wsw_guard_knock`.
class [[nodiscard]] knock {
public:
    /// Nobody's.
    knock() = default;
    knock(const guard &guard, const wsw_connection &connection, std::uint64_t now_mono) noexcept {
        wsw_knock *made = nullptr;
        status_ = wsw_guard_knock(guard.get(), &connection, now_mono, &made);
        knock_.reset(made);
    }

    /// Whether the socket may stay. If not, close it: before TLS there is no way to tell why.
    explicit operator bool() const noexcept { return knock_ != nullptr; }
    /// `WSW_STATUS_REFUSED` where its address has too many already; anything else but OK is an error.
    [[nodiscard]] wsw_status status() const noexcept { return status_; }
    /// Gives the slot back: right before the request is screened, which takes one itself.
    void end() noexcept { knock_.reset(); }

private:
    wsw_status status_ = WSW_STATUS_INVALID;
    detail::owned<wsw_knock, wsw_knock_free> knock_;
};

/// Finds and judges one request head in bytes that arrive bit by bit. One thread at a time. See `wsw_head`.
class head {
public:
    static result<head> try_make(const guard &guard) {
        wsw_head *made = nullptr;
        const wsw_status status = wsw_head_new(guard.get(), &made);
        return status == WSW_STATUS_OK ? result<head>(head(made)) : result<head>(status);
    }
#ifdef WSW_EXCEPTIONS
    explicit head(const guard &guard) : head(detail::unwrap(try_make(guard))) {}
#endif

    /// Judges the head in all bytes that came so far; `WSW_STATUS_NONE` when it is not whole yet. See
    /// `wsw_guard_screen_head`.
    screening screen(const guard &guard, std::string_view bytes, const wsw_connection &connection, time now) {
        wsw_candidate *passed = nullptr;
        wsw_response *refusal = nullptr;
        std::size_t consumed = 0;
        const wsw_status status =
            wsw_guard_screen_head(guard.get(), get(), str(bytes), &connection, now, &consumed, &passed, &refusal);
        return screening{status, candidate(passed), response(refusal), consumed};
    }
    [[nodiscard]] wsw_head *get() const noexcept { return head_.get(); }

private:
    explicit head(wsw_head *made) : head_(made) {}
    detail::owned<wsw_head, wsw_head_free> head_;
};

/// Counts the frames of messages in one peer's bytes. One thread at a time. See `wsw_frame_meter`.
class frame_meter {
public:
    /// Counts nothing, and so lets nothing through.
    frame_meter() = default;
    explicit frame_meter(std::uint32_t limit) noexcept {
        wsw_frame_meter *made = nullptr;
        wsw_frame_meter_new(limit, &made);
        meter_.reset(made);
    }

    explicit operator bool() const noexcept { return meter_ != nullptr; }
    /// Why to close, a `wsw_reason`; 0 while all is well. After an error that is `WSW_REASON_INTERNAL`.
    [[nodiscard]] std::uint8_t feed(const void *data, std::size_t size) noexcept {
        std::uint8_t reason = WSW_REASON_INTERNAL;
        const auto *bytes = static_cast<const std::uint8_t *>(data);
        const wsw_status status = wsw_frame_meter_feed(meter_.get(), bytes, size, &reason);
        return status == WSW_STATUS_OK ? std::uint8_t{WSW_REASON_NONE} : reason;
    }

private:
    detail::owned<wsw_frame_meter, wsw_frame_meter_free> meter_;
};

} // namespace wsw

#endif
