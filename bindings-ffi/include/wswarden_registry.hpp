/* Part of wswarden.hpp: the connections of one event loop. */
#ifndef WSWARDEN_HPP
#include "wswarden.hpp" // which has this one where it belongs
#elif !defined(WSWARDEN_REGISTRY_HPP)
#define WSWARDEN_REGISTRY_HPP

namespace wsw {

/// What to do with a frame or message. A zeroed one closes.
class [[nodiscard]] verdict {
public:
    constexpr verdict() = default;
    explicit constexpr verdict(std::uint32_t number) noexcept : number_(number) {}

    /// A `wsw_verdict`; `WSW_INVALID` is an error, and means close.
    [[nodiscard]] constexpr std::uint32_t what() const noexcept { return WSW_VERDICT(number_); }
    [[nodiscard]] constexpr bool delivers() const noexcept { return what() == WSW_DELIVER; }
    /// So does what this version does not know.
    [[nodiscard]] constexpr bool closes() const noexcept {
        return what() == WSW_CLOSE || what() == WSW_INVALID || what() > WSW_IGNORE;
    }
    [[nodiscard]] constexpr std::uint8_t reason() const noexcept { return WSW_VERDICT_REASON(number_); }
    [[nodiscard]] constexpr bool has_event() const noexcept { return WSW_VERDICT_HAS_EVENT(number_) != 0; }
    [[nodiscard]] constexpr std::uint32_t number() const noexcept { return number_; }

private:
    std::uint32_t number_ = WSW_INVALID;
};

/// A verdict, or the status that says why there is none (`WSW_STATUS_WAIT` among them).
struct [[nodiscard]] judgement {
    wsw_status status = WSW_STATUS_INVALID;
    wsw::verdict verdict;
};

/// What is due on a connection. Texts are valid until the next call with the registry.
struct [[nodiscard]] due {
    wsw_status status = WSW_STATUS_INVALID;
    wsw_tick tick{};
    /// For a candidate whose host did not answer in time.
    wsw::response response;

    /// Whether there is something to do.
    explicit operator bool() const noexcept { return status == WSW_STATUS_OK || status == WSW_STATUS_REFUSED; }
};

/// The candidates and sessions of one event loop, by handle. One thread at a time. See `wsw_registry`.
class registry {
public:
    static result<registry> try_make(const guard &guard, std::uint64_t now_mono) {
        wsw_registry *made = nullptr;
        wsw_status status = wsw_registry_new(guard.get(), now_mono, &made);
        return status == WSW_STATUS_OK ? result<registry>(registry(made)) : result<registry>(status);
    }
#ifdef WSW_EXCEPTIONS
    registry(const guard &guard, std::uint64_t now_mono) : registry(detail::unwrap(try_make(guard, now_mono))) {}
#endif

    [[nodiscard]] std::size_t count() const noexcept { return wsw_registry_count(get()); }

    /// See `wsw_registry_admit`. The candidate is used up.
    admission admit(candidate candidate, time now) {
        admission done;
        wsw_response *answer = nullptr;
        done.status = wsw_registry_admit(get(), candidate.release(), now, &done.handle, &answer);
        done.response = response(answer);
        return done;
    }
    /// See `wsw_registry_provide`. Without an identity, `answer` says why.
    admission provide(std::uint64_t handle, wsw_answer answer, const wsw_identity *identity, time now) {
        admission done;
        wsw_response *said = nullptr;
        done.handle = handle;
        done.status = wsw_registry_provide(get(), handle, answer, identity, now, &said);
        done.response = response(said);
        return done;
    }
    /// The token that a candidate or session needs judged; none where it needs nothing. A secret.
    [[nodiscard]] std::optional<std::string_view> needed_token(std::uint64_t handle) {
        wsw_need need{};
        need.size = sizeof need;
        if (wsw_registry_need(get(), handle, &need) != WSW_STATUS_OK || need.kind != WSW_NEED_IDENTITY) {
            return std::nullopt;
        }
        return view(need.token);
    }

    /// The message path. See `wsw_registry_receive`.
    verdict receive(std::uint64_t handle, int kind, std::string_view payload, std::uint64_t now_mono) noexcept {
        return receive(handle, kind, payload.data(), payload.size(), now_mono);
    }
    verdict receive(std::uint64_t handle, int kind, const void *data, std::size_t size,
                    std::uint64_t now_mono) noexcept {
        const auto *bytes = static_cast<const std::uint8_t *>(data);
        return verdict(wsw_registry_receive(get(), handle, kind, bytes, size, now_mono));
    }
    /// `receive`, and lists the values of a message that is delivered. See `wsw_registry_receive_tape`.
    verdict receive(std::uint64_t handle, int kind, std::string_view payload, tape &tape,
                    std::uint64_t now_mono) noexcept {
        const auto *bytes = reinterpret_cast<const std::uint8_t *>(payload.data());
        return verdict(wsw_registry_receive_tape(get(), handle, kind, bytes, payload.size(), tape.get(), now_mono));
    }
#if __cplusplus >= 202002L
    verdict receive(std::uint64_t handle, int kind, std::span<const std::byte> payload,
                    std::uint64_t now_mono) noexcept {
        return receive(handle, kind, payload.data(), payload.size(), now_mono);
    }
#endif

    judgement authenticate(std::uint64_t handle, std::string_view message, time now) noexcept {
        std::uint32_t number = WSW_INVALID;
        const auto *bytes = reinterpret_cast<const std::uint8_t *>(message.data());
        wsw_status status = wsw_registry_authenticate(get(), handle, bytes, message.size(), now, &number);
        return judgement{status, verdict(number)};
    }
    judgement provide_session(std::uint64_t handle, wsw_answer answer, const wsw_identity *identity,
                              time now) noexcept {
        std::uint32_t number = WSW_INVALID;
        wsw_status status = wsw_registry_provide_session(get(), handle, answer, identity, now, &number);
        return judgement{status, verdict(number)};
    }
    judgement revalidated(std::uint64_t handle, wsw_answer answer, const wsw_identity *identity, time now) noexcept {
        std::uint32_t number = WSW_INVALID;
        wsw_status status = wsw_registry_revalidated(get(), handle, answer, identity, now, &number);
        return judgement{status, verdict(number)};
    }
    judgement close(std::uint64_t handle, std::uint8_t reason, std::uint64_t now_mono) noexcept {
        std::uint32_t number = WSW_INVALID;
        wsw_status status = wsw_registry_close(get(), handle, reason, now_mono, &number);
        return judgement{status, verdict(number)};
    }

    /// Takes back a message that was delivered, for a fault that a validator of your own has found.
    judgement refuse_delivered(std::uint64_t handle, std::uint64_t now_mono) noexcept {
        std::uint32_t number = WSW_INVALID;
        wsw_status status = wsw_registry_refuse_delivered(get(), handle, now_mono, &number);
        return judgement{status, verdict(number)};
    }

    /// The last verdict in full: what to send, and why.
    [[nodiscard]] std::optional<wsw_outcome> outcome() noexcept {
        wsw_outcome outcome{};
        outcome.size = sizeof outcome;
        return wsw_registry_outcome(get(), &outcome) == WSW_STATUS_OK ? std::optional(outcome) : std::nullopt;
    }
    /// What there is to record after the last call.
    [[nodiscard]] std::optional<wsw_event> event() noexcept {
        wsw_event event{};
        event.size = sizeof event;
        return wsw_registry_event(get(), &event) == WSW_STATUS_OK ? std::optional(event) : std::nullopt;
    }

    /// When to call `tick` next; `never` when nothing will be due. An error is no time: deadlines would pass unseen.
    result<std::uint64_t> try_next_timeout() {
        std::uint64_t at = never;
        const wsw_status status = wsw_registry_next_timeout(get(), &at);
        const bool is_known = status == WSW_STATUS_OK || status == WSW_STATUS_NONE;
        return is_known ? result<std::uint64_t>(at) : result<std::uint64_t>(status);
    }
#ifdef WSW_EXCEPTIONS
    [[nodiscard]] std::uint64_t next_timeout() { return detail::unwrap(try_next_timeout()); }
#endif
    /// The next thing that is due. Call until it is false; its status is `WSW_STATUS_NONE` then, or an error.
    due tick(std::uint64_t now_mono) noexcept {
        due next;
        wsw_response *refusal = nullptr;
        next.tick.size = sizeof next.tick;
        next.status = wsw_registry_tick(get(), now_mono, &next.tick, &refusal);
        next.response = response(refusal);
        return next;
    }

    /// The connection is gone without a close handshake.
    wsw_status lost(std::uint64_t handle, std::uint64_t now_mono) noexcept {
        return wsw_registry_lost(get(), handle, now_mono);
    }
    /// Takes a connection out, session or candidate.
    wsw_status remove(std::uint64_t handle) noexcept { return wsw_registry_remove(get(), handle); }
    /// Counts bytes that wait to be sent: a `wsw_pressure`, or 0 for a stale handle.
    [[nodiscard]] int queued(std::uint64_t handle, std::uint64_t count, std::uint64_t now_mono) noexcept {
        std::int32_t pressure = 0;
        wsw_registry_queued(get(), handle, count, now_mono, &pressure);
        return pressure;
    }
    wsw_status drained(std::uint64_t handle, std::uint64_t count) noexcept {
        return wsw_registry_drained(get(), handle, count);
    }
    [[nodiscard]] wsw_status join(std::uint64_t handle, std::string_view channel) noexcept {
        return wsw_registry_join(get(), handle, str(channel));
    }
    wsw_status leave(std::uint64_t handle, std::string_view channel) noexcept {
        return wsw_registry_leave(get(), handle, str(channel));
    }

    /// What can be read of a session; none for a stale handle.
    [[nodiscard]] std::optional<wsw_session> session(std::uint64_t handle) noexcept {
        wsw_session session{};
        session.size = sizeof session;
        return wsw_registry_session(get(), handle, &session) == WSW_STATUS_OK ? std::optional(session) : std::nullopt;
    }
    /// Who a session belongs to; none while a first message's credential is awaited.
    [[nodiscard]] std::optional<wsw_identity> identity(std::uint64_t handle) noexcept {
        wsw_identity identity{};
        identity.size = sizeof identity;
        return wsw_registry_identity(get(), handle, &identity) == WSW_STATUS_OK ? std::optional(identity)
                                                                                 : std::nullopt;
    }
    [[nodiscard]] std::vector<std::string_view> scopes(std::uint64_t handle) {
        std::vector<std::string_view> all;
        const wsw_identity who = identity(handle).value_or(wsw_identity{});
        for (std::size_t index = 0; index < who.scope_count; ++index) {
            all.push_back(view(who.scopes[index]));
        }
        return all;
    }
    [[nodiscard]] std::string_view type_name(std::uint64_t handle, verdict verdict) noexcept {
        return view(wsw_registry_type_name(get(), handle, verdict.number()));
    }
    [[nodiscard]] std::uint64_t retry_after(std::uint64_t handle, std::uint64_t now_mono) noexcept {
        return wsw_registry_retry_after(get(), handle, now_mono);
    }
    [[nodiscard]] wsw_registry *get() const noexcept { return registry_.get(); }

private:
    explicit registry(wsw_registry *made) : registry_(made) {}
    detail::owned<wsw_registry, wsw_registry_free> registry_;
};

} // namespace wsw

#endif
