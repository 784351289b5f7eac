/* Part of wswarden.hpp: tokens, tickets, and keys that are published. */
#ifndef WSWARDEN_HPP
#include "wswarden.hpp" // which has this one where it belongs
#elif !defined(WSWARDEN_CREDENTIALS_HPP)
#define WSWARDEN_CREDENTIALS_HPP

namespace wsw {

/// Whose token it was, or the answer that refuses it.
struct [[nodiscard]] verification {
    wsw_status status = WSW_STATUS_INVALID;
    detail::owned<wsw_verified, wsw_verified_free> verified;
    wsw::response response;

    explicit operator bool() const noexcept { return verified != nullptr; }
    /// Who it is: its texts live as long as this does.
    [[nodiscard]] wsw_identity identity() const & noexcept {
        wsw_identity identity{};
        identity.size = sizeof identity;
        wsw_verified_identity(verified.get(), &identity);
        return identity;
    }
    wsw_identity identity() const && = delete;
};

/// A single-use ticket, or why there is none. A secret. See `wsw_guard_mint_ticket`.
class [[nodiscard]] ticket {
public:
    ticket() = default;
    ticket(wsw_status status, wsw_ticket *made) noexcept : status_(status), ticket_(made) {}

    explicit operator bool() const noexcept { return ticket_ != nullptr && status_ == WSW_STATUS_OK; }
    [[nodiscard]] wsw_status status() const noexcept { return status_; }
    /// What the client puts into the URL, in an answer that must not be cached; empty where there is none.
    [[nodiscard]] std::string_view text() const & noexcept { return view(wsw_ticket_text(get())); }
    std::string_view text() const && = delete;
    /// Why there is none, a `wsw_reason`; 0 after an error, too.
    [[nodiscard]] std::uint8_t reason() const noexcept { return wsw_ticket_reason(get()); }
    /// For the audit alone.
    [[nodiscard]] std::string_view detail() const noexcept { return view(wsw_ticket_detail(get())); }
    [[nodiscard]] const wsw_ticket *get() const noexcept { return ticket_.get(); }

private:
    wsw_status status_ = WSW_STATUS_INVALID;
    detail::owned<wsw_ticket, wsw_ticket_free> ticket_;
};

/// What a ticket is bound to: a path, and, where they are given, the page's origin and the client's address.
[[nodiscard]] inline wsw_binding binding(borrowed path, borrowed origin = "", borrowed address = "") noexcept {
    wsw_binding bound{};
    bound.size = sizeof bound;
    bound.path = path.get();
    bound.origin = origin.get();
    bound.address = address.get();
    return bound;
}

/// A key set that is to be fetched: over verified TLS alone, with no redirects followed. See `wsw_guard_tick`.
class [[nodiscard]] fetch {
public:
    fetch() = default;
    fetch(wsw_status status, wsw_fetch *made) noexcept : status_(status), fetch_(made) {}

    /// Whether there is something to fetch.
    explicit operator bool() const noexcept { return fetch_ != nullptr; }
    /// `WSW_STATUS_NONE` where there is nothing; anything else is an error.
    [[nodiscard]] wsw_status status() const noexcept { return status_; }
    [[nodiscard]] std::string_view url() const & noexcept { return view(wsw_fetch_url(get())); }
    std::string_view url() const && = delete;
    /// How long it may take in all, in nanoseconds.
    [[nodiscard]] std::uint64_t within() const noexcept { return wsw_fetch_within(get()); }
    [[nodiscard]] std::size_t max_bytes() const noexcept { return wsw_fetch_max_bytes(get()); }
    [[nodiscard]] const wsw_fetch *get() const noexcept { return fetch_.get(); }

private:
    wsw_status status_ = WSW_STATUS_INVALID;
    detail::owned<wsw_fetch, wsw_fetch_free> fetch_;
};

} // namespace wsw

#endif
