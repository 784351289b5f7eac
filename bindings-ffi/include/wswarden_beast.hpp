/* wswarden for Boost.Beast: its requests in, its responses out, and a stream layer that counts frames, which Beast does
 * not. Header-only, C++17.
 */
#ifndef WSWARDEN_BEAST_HPP
#define WSWARDEN_BEAST_HPP

#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <functional>
#include <string>
#include <utility>

#include "wswarden.hpp"

namespace wsw {

/// What Beast can do: all, with `metered_stream` below it.
inline constexpr std::uint32_t beast_abilities = WSW_ABILITY_ALL;

/// Beast's text as a standard one; Beast 1.74 has a type of its own.
template <class Text> [[nodiscard]] std::string_view beast_view(const Text &text) noexcept {
    return std::string_view(text.data(), text.size());
}

/// A request that Beast has read. It refers to `from`, which must outlive it.
template <class Body, class Fields>
[[nodiscard]] request from_beast(const boost::beast::http::request<Body, Fields> &from) {
    request made(beast_view(from.method_string()), beast_view(from.target()), static_cast<int>(from.version()));
    for (const auto &field : from) {
        made.add(beast_view(field.name_string()), beast_view(field.value()));
    }
    return made;
}

/// A refusal as Beast writes it.
[[nodiscard]] inline boost::beast::http::response<boost::beast::http::string_body> to_beast(const response &from) {
    namespace http = boost::beast::http;
    http::response<http::string_body> made(http::int_to_status(from.status()), 11);
    for (const auto &[name, value] : from.headers()) {
        made.insert(std::string(name), std::string(value));
    }
    made.body() = std::string(from.body());
    return made;
}

/// Has the 101 that Beast writes itself agree to the subprotocol that wswarden has chosen, and to nothing else.
template <class Next, bool Deflate>
void decorate(boost::beast::websocket::stream<Next, Deflate> &socket, const response &opening) {
    std::string subprotocol;
    for (const auto &[name, value] : opening.headers()) {
        if (name == "sec-websocket-protocol") {
            subprotocol = std::string(value);
        }
    }
    auto add = [subprotocol](boost::beast::websocket::response_type &response) {
        if (!subprotocol.empty()) {
            response.set(boost::beast::http::field::sec_websocket_protocol, subprotocol);
        }
    };
    socket.set_option(boost::beast::websocket::stream_base::decorator(add));
}

/// A stream below Beast's WebSocket that counts the frames of each message as their bytes come in: Beast bounds a
/// message's bytes alone, so a peer could send it in endless empty frames (CVE-2026-48779). It can also be handed bytes
/// to be read first, such as those that came behind the request's head.
template <class Next> class metered_stream {
public:
    using next_layer_type = Next;
    using executor_type = typename Next::executor_type;

    template <class... Arguments>
    explicit metered_stream(Arguments &&...arguments) : next_(std::forward<Arguments>(arguments)...) {}

    executor_type get_executor() noexcept { return next_.get_executor(); }
    Next &next_layer() noexcept { return next_; }
    const Next &next_layer() const noexcept { return next_; }

    /// From now on what is read is frames, `unread` first. A message of more than `limit` frames, or a frame whose length
    /// is not written as short as it could be, is told once: close for that `wsw_reason`.
    void meter(std::uint32_t limit, std::string unread, std::function<void(std::uint8_t)> on_fault) {
        meter_ = frame_meter(limit);
        unread_ = std::move(unread);
        on_fault_ = std::move(on_fault);
        if (!meter_) {
            fail(WSW_REASON_INTERNAL); // frames that nobody counts are not let through
        }
    }

    template <class Buffers, class Token> auto async_read_some(const Buffers &buffers, Token &&token) {
        return boost::asio::async_initiate<Token, void(boost::beast::error_code, std::size_t)>(
            [this](auto handler, const Buffers &buffers) { read(std::move(handler), buffers); }, token, buffers);
    }
    template <class Buffers, class Token> auto async_write_some(const Buffers &buffers, Token &&token) {
        return next_.async_write_some(buffers, std::forward<Token>(token));
    }

private:
    template <class Handler, class Buffers> void read(Handler handler, const Buffers &buffers) {
        auto executor = boost::asio::get_associated_executor(handler, get_executor());
        if (!unread_.empty()) {
            const std::size_t size = boost::asio::buffer_copy(buffers, boost::asio::buffer(unread_));
            unread_.erase(0, size);
            count(buffers, size);
            boost::asio::post(executor, [handler = std::move(handler), size]() mutable {
                handler(boost::beast::error_code(), size);
            });
            return;
        }
        auto done = [this, handler = std::move(handler), buffers](boost::beast::error_code error,
                                                                  std::size_t size) mutable {
            count(buffers, size);
            handler(error, size);
        };
        next_.async_read_some(buffers, boost::asio::bind_executor(executor, std::move(done)));
    }

    template <class Buffers> void count(const Buffers &buffers, std::size_t size) {
        for (auto at = boost::asio::buffer_sequence_begin(buffers);
             meter_ && size > 0 && at != boost::asio::buffer_sequence_end(buffers); ++at) {
            const boost::asio::const_buffer part(*at);
            const std::size_t have = std::min(size, part.size());
            size -= have;
            if (const std::uint8_t reason = meter_.feed(part.data(), have); reason != WSW_REASON_NONE) {
                fail(reason);
                return;
            }
        }
    }

    void fail(std::uint8_t reason) {
        meter_ = frame_meter();
        boost::asio::post(get_executor(), [tell = std::move(on_fault_), reason] { tell(reason); });
    }

    Next next_;
    frame_meter meter_;
    std::string unread_;
    std::function<void(std::uint8_t)> on_fault_;
};

/// Beast asks for these when a connection ends.
template <class Next>
void teardown(boost::beast::role_type role, metered_stream<Next> &stream, boost::beast::error_code &error) {
    using boost::beast::websocket::teardown;
    teardown(role, stream.next_layer(), error);
}
template <class Next, class Handler>
void async_teardown(boost::beast::role_type role, metered_stream<Next> &stream, Handler &&handler) {
    using boost::beast::websocket::async_teardown;
    async_teardown(role, stream.next_layer(), std::forward<Handler>(handler));
}

} // namespace wsw

#endif
