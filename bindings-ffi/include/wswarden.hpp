/* wswarden for C++17 and later: RAII and types over wswarden.h, and nothing else. The contract is in README.md.
 *
 * Functions that can fail come twice: `try_x` gives a `result`, `x` throws `wsw::error`. With -fno-exceptions only the
 * first are there. What a peer does wrong is never an error: it is a value.
 */
#ifndef WSWARDEN_HPP
#define WSWARDEN_HPP

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#if __cplusplus >= 202002L
#include <cstddef>
#include <span>
#endif

#include "wswarden.h"

#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#define WSW_EXCEPTIONS 1
#endif

namespace wsw {

using time = wsw_time;

/// A time or wait that is not known, or never ends.
inline constexpr std::uint64_t never = WSW_NEVER;

[[nodiscard]] inline time now() noexcept { return wsw_now(); }
[[nodiscard]] inline std::uint64_t now_mono() noexcept { return wsw_now_mono(); }

[[nodiscard]] inline std::string_view view(wsw_str text) noexcept {
    return text.len == 0 ? std::string_view() : std::string_view(text.ptr, text.len);
}
[[nodiscard]] inline wsw_str str(std::string_view text) noexcept { return wsw_str{text.data(), text.size()}; }

/// A text that ends with a NUL; empty for none.
[[nodiscard]] inline std::string_view view(const char *text) noexcept {
    return text == nullptr ? std::string_view() : std::string_view(text);
}

/// The library's own mistake, or the caller's; never a peer's.
class error : public std::runtime_error {
public:
    explicit error(wsw_status status) : std::runtime_error(wsw_last_error_message()), status_(status) {}
    [[nodiscard]] wsw_status status() const noexcept { return status_; }

private:
    wsw_status status_;
};

/// A value, or the status that says why there is none.
template <class T> class [[nodiscard]] result {
public:
    result(T value) : value_(std::move(value)) {}
    result(wsw_status status) : status_(status), message_(wsw_last_error_message()) {}

    explicit operator bool() const noexcept { return value_.has_value(); }
    [[nodiscard]] wsw_status status() const noexcept { return status_; }
    [[nodiscard]] const std::string &message() const & noexcept { return message_; }
    [[nodiscard]] std::string message() && noexcept { return std::move(message_); }
    /// The value: look first whether there is one, as with `std::optional`.
    T &operator*() & noexcept { return *value_; }
    const T &operator*() const & noexcept { return *value_; }
    T &&operator*() && noexcept { return std::move(*value_); }
    T *operator->() noexcept { return &*value_; }
    const T *operator->() const noexcept { return &*value_; }

private:
    std::optional<T> value_;
    wsw_status status_ = WSW_STATUS_OK;
    std::string message_;
};

namespace detail {

template <class T, void (*Free)(T *)> struct freer {
    void operator()(T *pointer) const noexcept { Free(pointer); }
};
template <class T, void (*Free)(T *)> using owned = std::unique_ptr<T, freer<T, Free>>;

#ifdef WSW_EXCEPTIONS
template <class T> T unwrap(result<T> result) {
    if (!result) {
        throw error(result.status());
    }
    return *std::move(result);
}
inline void check(wsw_status status) {
    if (status != WSW_STATUS_OK) {
        throw error(status);
    }
}
#endif

} // namespace detail

/// What is allowed. See `wsw_policy`.
class policy {
public:
    static result<policy> try_from_toml(std::string_view toml) {
        wsw_policy *made = nullptr;
        const wsw_status status = wsw_policy_from_toml(str(toml), &made);
        return take(status, made);
    }
    static result<policy> try_from_json(std::string_view json) {
        wsw_policy *made = nullptr;
        const wsw_status status = wsw_policy_from_json(str(json), &made);
        return take(status, made);
    }
    static result<policy> try_from_file(const std::string &path) {
        wsw_policy *made = nullptr;
        const wsw_status status = wsw_policy_from_file(path.c_str(), &made);
        return take(status, made);
    }
#ifdef WSW_EXCEPTIONS
    [[nodiscard]] static policy from_toml(std::string_view toml) { return detail::unwrap(try_from_toml(toml)); }
    [[nodiscard]] static policy from_json(std::string_view json) { return detail::unwrap(try_from_json(json)); }
    [[nodiscard]] static policy from_file(const std::string &path) { return detail::unwrap(try_from_file(path)); }
#endif

    /// What is allowed but seldom meant.
    [[nodiscard]] std::vector<std::string> warnings() const {
        std::vector<std::string> all;
        for (std::size_t index = 0; index < wsw_policy_warning_count(get()); ++index) {
            all.emplace_back(view(wsw_policy_warning(get(), index)));
        }
        return all;
    }
    /// The whole document, secrets left out. It lives as long as the policy, and is empty once that was moved away.
    [[nodiscard]] std::string_view json() const & noexcept { return view(wsw_policy_json(get())); }
    std::string_view json() const && = delete;
    /// The name of a type of messages on `path`, by the number that a verdict carries; empty for none.
    [[nodiscard]] std::string_view type_name(std::string_view path, std::uint32_t index) const & noexcept {
        return view(wsw_policy_type_name(get(), str(path), index));
    }
    std::string_view type_name(std::string_view path, std::uint32_t index) const && = delete;
    /// What to tell the WebSocket library. Never zeros: to a library those mean no limit.
    result<wsw_limits> try_limits() const {
        wsw_limits limits{};
        limits.size = sizeof limits;
        const wsw_status status = wsw_policy_limits(get(), &limits);
        return status == WSW_STATUS_OK ? result<wsw_limits>(limits) : result<wsw_limits>(status);
    }
#ifdef WSW_EXCEPTIONS
    [[nodiscard]] wsw_limits limits() const { return detail::unwrap(try_limits()); }
#endif
    [[nodiscard]] const wsw_policy *get() const noexcept { return policy_.get(); }

private:
    static result<policy> take(wsw_status status, wsw_policy *made) {
        return status == WSW_STATUS_OK ? result<policy>(policy(made)) : result<policy>(status);
    }
    explicit policy(wsw_policy *made) : policy_(made) {}
    detail::owned<wsw_policy, wsw_policy_free> policy_;
};

/// What answers an upgrade request. See `wsw_response`.
class response {
public:
    response() = default;
    explicit response(wsw_response *made) : response_(made) {}

    explicit operator bool() const noexcept { return response_ != nullptr; }
    [[nodiscard]] std::uint16_t status() const noexcept { return wsw_response_status(get()); }
    [[nodiscard]] std::uint8_t reason() const noexcept { return wsw_response_reason(get()); }
    [[nodiscard]] std::uint64_t retry_after() const noexcept { return wsw_response_retry_after(get()); }
    /// For the audit alone: the peer must not be told.
    [[nodiscard]] std::string_view detail() const noexcept { return view(wsw_response_detail(get())); }
    /// The whole answer as HTTP/1.1 writes it.
    [[nodiscard]] std::string_view bytes() const & noexcept { return view(wsw_response_bytes(get())); }
    std::string_view bytes() const && = delete;
    [[nodiscard]] std::string_view body() const & noexcept { return view(wsw_response_body(get())); }
    std::string_view body() const && = delete;
    /// The header fields, names in lower case.
    std::vector<std::pair<std::string_view, std::string_view>> headers() const && = delete;
    [[nodiscard]] std::vector<std::pair<std::string_view, std::string_view>> headers() const & {
        std::vector<std::pair<std::string_view, std::string_view>> all;
        wsw_str name{}, value{};
        for (std::size_t index = 0; wsw_response_header(get(), index, &name, &value) == WSW_STATUS_OK; ++index) {
            all.emplace_back(view(name), view(value));
        }
        return all;
    }
    [[nodiscard]] const wsw_response *get() const noexcept { return response_.get(); }

private:
    detail::owned<wsw_response, wsw_response_free> response_;
};

/// A text that is referred to, not copied. A string that dies at the end of the line is none.
class borrowed {
public:
    borrowed(std::string_view text) noexcept : text_(text) {}
    borrowed(const char *text) noexcept : text_(view(text)) {}
    borrowed(const std::string &text) noexcept : text_(text) {}
    borrowed(std::string &&) = delete;
    [[nodiscard]] wsw_str get() const noexcept { return str(text_); }

private:
    std::string_view text_;
};

/// An upgrade request. It refers to the texts it is made of: they must outlive it.
class request {
public:
    request(borrowed method, borrowed target, int version = WSW_HTTP_1_1) {
        request_.size = sizeof request_;
        request_.version = version;
        request_.method = method.get();
        request_.target = target.get();
    }
    void add(borrowed name, borrowed value) { headers_.push_back({name.get(), value.get()}); }
    [[nodiscard]] wsw_request get() const noexcept {
        wsw_request whole = request_;
        whole.headers = headers_.data();
        whole.header_count = headers_.size();
        return whole;
    }

private:
    wsw_request request_{};
    std::vector<wsw_header> headers_;
};

/// What the socket knows: an address as text, or that there is none.
[[nodiscard]] inline wsw_connection connection(borrowed address, bool tls) noexcept {
    return wsw_connection{sizeof(wsw_connection), WSW_REMOTE_ADDRESS, address.get(), tls ? 1 : 0};
}
[[nodiscard]] inline wsw_connection unix_connection(bool tls) noexcept {
    return wsw_connection{sizeof(wsw_connection), WSW_REMOTE_UNIX, wsw_str{nullptr, 0}, tls ? 1 : 0};
}

} // namespace wsw

#include "wswarden_credentials.hpp"

#include "wswarden_guard.hpp"

#include "wswarden_schema.hpp"

#include "wswarden_registry.hpp"

#endif
