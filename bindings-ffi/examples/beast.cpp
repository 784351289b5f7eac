// A guarded chat on Boost.Beast over TLS: everybody hears what anybody says, if it is within policy.
//
//     c++ -std=c++17 beast.cpp $(pkg-config --cflags --libs wswarden) -lssl -lcrypto -pthread -o beast
//     ./beast --listen 127.0.0.1:8443 --policy policy.toml --cert cert.pem --key key.pem
//
// The request's head is read and judged by wswarden, byte for byte; Beast speaks WebSocket from there on.

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <chrono>
#include <deque>
#include <iostream>
#include <map>
#include <memory>
#include <wswarden_beast.hpp>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using tcp = asio::ip::tcp;
using error_code = beast::error_code;

class connection;

// One thread, one event loop, one registry.
struct server {
    server(const wsw::policy &policy, asio::ssl::context &tls)
        : guard(policy, wsw::beast_abilities), registry(guard, wsw::now_mono()), limits(policy.limits()), tls(tls) {}

    void accept();
    void tick();
    // Sleeps until something is due.
    void arm();
    void deliver(std::string_view text);
    void drain();

    asio::io_context io{1};
    wsw::guard guard;
    wsw::registry registry;
    wsw_limits limits;
    asio::ssl::context &tls;
    tcp::acceptor acceptor{io};
    asio::steady_timer timer{io};
    std::map<std::uint64_t, std::shared_ptr<connection>> connections;
    bool draining = false;
};

class connection : public std::enable_shared_from_this<connection> {
public:
    connection(server &server, tcp::socket socket, std::string address, wsw::knock knock)
        : server_(server), socket_(beast::tcp_stream(std::move(socket)), server.tls), address_(std::move(address)),
          knock_(std::move(knock)), head_(server.guard) {}

    void start() {
        // For all of it, TLS included: who sends a byte now and then gets no more time.
        tcp().expires_after(std::chrono::nanoseconds(server_.limits.head_timeout));
        tls().async_handshake(asio::ssl::stream_base::server, [self = shared_from_this()](error_code error) {
            if (!error) self->read_head();
        });
    }

    void send(std::shared_ptr<const std::string> text) {
        if (!accepted_ || handle_ == 0 || closing_) return;
        const int pressure = server_.registry.queued(handle_, text->size(), wsw::now_mono());
        if (pressure != WSW_PRESSURE_FREE && pressure != WSW_PRESSURE_FULL) return close();
        waiting_.push_back(std::move(text));
        if (waiting_.size() == 1) write();
    }

    void ping(std::string_view payload) {
        if (!accepted_ || closing_) return;
        socket_.async_ping(websocket::ping_data(beast::string_view(payload.data(), payload.size())),
                           [self = shared_from_this()](error_code) {});
    }

    // Sends the close frame that the registry's last verdict asks for.
    void close() {
        if (auto outcome = server_.registry.outcome()) return close(outcome->close_code, wsw::view(outcome->close_text));
        cut();
    }

    void close(std::uint16_t code, std::string_view text) {
        if (std::exchange(closing_, true)) return;
        if (!accepted_) return cut();
        websocket::close_reason reason;
        if (code != 0) reason = {websocket::close_code(code), beast::string_view(text.data(), text.size())};
        socket_.async_close(reason, [self = shared_from_this()](error_code) { self->cut(); });
        server_.arm();
    }

    // Gives every slot back; the pending read ends with an error.
    void cut() {
        tcp().close();
        if (handle_ == 0) return;
        const std::uint64_t handle = std::exchange(handle_, 0);
        server_.registry.lost(handle, wsw::now_mono());
        server_.registry.remove(handle);
        server_.connections.erase(handle);
        server_.arm();
    }

private:
    using tls_stream = beast::ssl_stream<beast::tcp_stream>;

    tls_stream &tls() { return socket_.next_layer().next_layer(); }
    beast::tcp_stream &tcp() { return beast::get_lowest_layer(socket_); }

    void read_head() {
        bytes_.resize(have_ + 4096);
        tls().async_read_some(asio::buffer(&bytes_[have_], 4096), [self = shared_from_this()](error_code error, std::size_t size) {
            self->bytes_.resize(self->have_ += size);
            if (!error) self->screen();
        });
    }

    void screen() {
        const auto from = wsw::connection(address_, true);
        // A whole head takes a slot of the address itself.
        if (bytes_.find("\r\n\r\n") != std::string::npos) knock_.end();
        auto screened = head_.screen(server_.guard, bytes_, from, wsw::now());
        if (screened.status == WSW_STATUS_NONE) return read_head();
        if (screened.status == WSW_STATUS_REFUSED) return refuse(std::move(screened.response));
        if (!screened) return cut();
        auto admitted = server_.registry.admit(std::move(screened.candidate), wsw::now());
        // This server has no store of sessions: whoever needs one cannot be let in.
        if (admitted.waits()) {
            admitted = server_.registry.provide(admitted.handle, WSW_ANSWER_UNAVAILABLE, nullptr, wsw::now());
        }
        if (admitted.is_refused()) return refuse(std::move(admitted.response));
        if (!admitted.is_open()) return cut();
        open(admitted.handle, std::move(admitted.response), screened.consumed);
    }

    void refuse(wsw::response response) {
        std::cout << "refused " << wsw_reason_name(response.reason()) << " " << response.detail() << std::endl;
        auto held = std::make_shared<wsw::response>(std::move(response));
        const auto answer = held->bytes();
        asio::async_write(tls(), asio::buffer(answer.data(), answer.size()),
                          [self = shared_from_this(), held](error_code error, std::size_t) {
                              if (!error) self->linger();
                          });
    }

    // Ends the sending side, and reads what the peer still sends: a reset would take the answer from it.
    void linger() {
        tcp().expires_after(std::chrono::seconds(1));
        tls().async_shutdown([self = shared_from_this()](error_code) {
            error_code ignored;
            self->tcp().socket().shutdown(tcp::socket::shutdown_send, ignored);
            self->discard();
        });
    }

    void discard() {
        bytes_.resize(4096);
        tcp().async_read_some(asio::buffer(bytes_), [self = shared_from_this()](error_code error, std::size_t) {
            if (!error) self->discard();
        });
    }

    void open(std::uint64_t handle, wsw::response opening, std::size_t consumed) {
        handle_ = handle;
        server_.connections[handle] = shared_from_this();
        tcp().expires_never(); // From here on the registry keeps the time.
        wsw::decorate(socket_, opening);
        // `read` keeps the limit; this one is for lengths that nobody can mean.
        socket_.read_message_max(std::uint64_t{1} << 40);
        socket_.auto_fragment(false);
        socket_.control_callback([this](websocket::frame_type kind, beast::string_view payload) { control(kind, payload); });
        // What Beast needs of the head, which the core has found good.
        beast::http::request_parser<beast::http::empty_body> parser;
        error_code error;
        parser.eager(true);
        parser.header_limit(static_cast<std::uint32_t>(server_.limits.max_head));
        parser.put(asio::buffer(bytes_.data(), consumed), error);
        if (error && error != beast::http::error::need_buffer) return cut();
        upgrade_ = parser.release();
        socket_.next_layer().meter(server_.limits.max_fragments, bytes_.substr(consumed),
                                   [weak = weak_from_this()](std::uint8_t reason) {
                                       if (auto self = weak.lock()) self->fault(reason);
                                   });
        socket_.async_accept(upgrade_, [self = shared_from_this()](error_code error) {
            if (error) return self->cut();
            self->accepted_ = true;
            self->read();
        });
        server_.arm();
    }

    // No more is read of a message than the policy takes, and one byte: the core sees that it is too big, and its close
    // frame is sent while the rest is still coming.
    void read() {
        const std::size_t room = server_.limits.max_message + 1 - message_.size();
        socket_.async_read_some(message_, room, [self = shared_from_this()](error_code error, std::size_t) {
            if (error) return self->cut();
            const auto data = self->message_.cdata();
            if (self->socket_.is_message_done() || data.size() > self->server_.limits.max_message) {
                self->judge(self->socket_.got_text() ? WSW_TEXT : WSW_BINARY,
                            std::string_view(static_cast<const char *>(data.data()), data.size()));
                self->message_.clear();
            }
            // While it closes, Beast reads by itself.
            if (self->handle_ != 0 && !self->closing_) self->read();
        });
    }

    void judge(int kind, std::string_view bytes) {
        auto verdict = server_.registry.receive(handle_, kind, bytes, wsw::now_mono());
        if (verdict.what() == WSW_AUTHENTICATE) {
            const auto judged = server_.registry.authenticate(handle_, bytes, wsw::now());
            verdict = judged.status == WSW_STATUS_OK ? judged.verdict : wsw::verdict();
        }
        switch (verdict.what()) {
        case WSW_DELIVER:
            return server_.deliver(bytes);
        case WSW_REPLY:
            return send(std::make_shared<std::string>(wsw::view(server_.registry.outcome()->payload)));
        case WSW_DROP:
        case WSW_IGNORE:
            return;
        case WSW_PONG: // Beast has answered it.
            return;
        default: // Close; 0 is an error, and means the same.
            return close();
        }
    }

    void control(websocket::frame_type kind, beast::string_view payload) {
        std::string bytes(payload);
        if (kind == websocket::frame_type::close) {
            const auto code = static_cast<std::uint16_t>(socket_.reason().code);
            bytes = code == 0 ? std::string() : std::string{static_cast<char>(code >> 8), static_cast<char>(code & 255)};
        }
        const int opcode = kind == websocket::frame_type::close  ? WSW_CLOSE_FRAME
                           : kind == websocket::frame_type::ping ? WSW_PING_FRAME
                                                                 : WSW_PONG_FRAME;
        // Beast answers a peer's close by itself, so that verdict needs nothing done.
        if (opcode == WSW_CLOSE_FRAME) closing_ = true;
        judge(opcode, bytes);
    }

    // What the metered stream has seen.
    void fault(std::uint8_t reason) {
        if (handle_ == 0) return;
        const auto judged = server_.registry.close(handle_, reason, wsw::now_mono());
        if (judged.verdict.what() == WSW_CLOSE) close();
    }

    void write() {
        socket_.text(true);
        socket_.async_write(asio::buffer(*waiting_.front()), [self = shared_from_this()](error_code error, std::size_t size) {
            if (error || self->handle_ == 0) return;
            self->server_.registry.drained(self->handle_, size);
            self->waiting_.pop_front();
            if (!self->waiting_.empty()) self->write();
        });
    }

    server &server_;
    websocket::stream<wsw::metered_stream<tls_stream>> socket_;
    std::string address_, bytes_;
    std::size_t have_ = 0;
    wsw::knock knock_;
    wsw::head head_;
    beast::http::request<beast::http::empty_body> upgrade_;
    beast::flat_buffer message_;
    std::deque<std::shared_ptr<const std::string>> waiting_;
    std::uint64_t handle_ = 0;
    bool closing_ = false, accepted_ = false;
};

void server::accept() {
    acceptor.async_accept([this](error_code error, tcp::socket socket) {
        if (!error) {
            error_code gone;
            auto address = socket.remote_endpoint(gone).address().to_string();
            // Of one address only so many may be without a good credential: TLS costs more than asking.
            wsw::knock knock(guard, wsw::connection(address, true), wsw::now_mono());
            if (!gone && knock) {
                std::make_shared<connection>(*this, std::move(socket), std::move(address), std::move(knock))->start();
            }
        }
        accept();
    });
}

void server::tick() {
    while (auto due = registry.tick(wsw::now_mono())) {
        const auto found = connections.find(due.tick.handle);
        if (found == connections.end()) continue;
        const auto peer = found->second;
        switch (due.tick.action) {
        case WSW_ACTION_PING:
            peer->ping(wsw::view(due.tick.payload));
            break;
        case WSW_ACTION_CLOSE:
            peer->close(due.tick.close_code, wsw::view(due.tick.close_text));
            break;
        case WSW_ACTION_TERMINATE:
            peer->cut();
            break;
        case WSW_ACTION_REVALIDATE:
            (void)registry.revalidated(due.tick.handle, WSW_ANSWER_UNAVAILABLE, nullptr, wsw::now());
            peer->close();
            break;
        default: // Expired: this chat has no words for it.
            break;
        }
    }
    if (draining && registry.count() == 0) return io.stop();
    arm();
}

void server::arm() {
    const std::uint64_t at = registry.next_timeout(), now = wsw::now_mono();
    if (at == wsw::never && !draining) {
        timer.cancel();
        return;
    }
    const std::uint64_t wait = std::min<std::uint64_t>(at > now ? at - now : 0, draining ? 50'000'000 : wsw::never);
    timer.expires_after(std::chrono::nanoseconds(std::min<std::uint64_t>(wait, 3'600'000'000'000)));
    timer.async_wait([this](error_code error) {
        if (!error) tick();
    });
}

void server::deliver(std::string_view text) {
    const auto shared = std::make_shared<const std::string>(text);
    const auto all = connections; // A slow one may be cut meanwhile.
    for (const auto &[handle, peer] : all) peer->send(shared);
}

void server::drain() {
    draining = true;
    guard.drain(wsw::now_mono());
    tick();
}

int main(int count, char **arguments) {
    std::map<std::string, std::string> options;
    for (int index = 1; index + 1 < count; index += 2) options[arguments[index]] = arguments[index + 1];
    try {
        const auto policy = wsw::policy::from_file(options.at("--policy"));
        for (const auto &warning : policy.warnings()) std::cerr << "warning: " << warning << "\n";
        asio::ssl::context tls(asio::ssl::context::tls_server);
        tls.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
        tls.use_certificate_chain_file(options.at("--cert"));
        tls.use_private_key_file(options.at("--key"), asio::ssl::context::pem);
        server server(policy, tls);

        const auto &listen = options.at("--listen");
        const auto colon = listen.rfind(':');
        const tcp::endpoint endpoint(asio::ip::make_address(listen.substr(0, colon)),
                                     static_cast<unsigned short>(std::stoi(listen.substr(colon + 1))));
        server.acceptor.open(endpoint.protocol());
        server.acceptor.set_option(tcp::acceptor::reuse_address(true));
        server.acceptor.bind(endpoint);
        server.acceptor.listen();
        std::cout << "port " << server.acceptor.local_endpoint().port() << std::endl;
        server.accept();
        asio::signal_set signals(server.io, SIGINT, SIGTERM);
        signals.async_wait([&](error_code, int) { server.drain(); });
        server.io.run();
    } catch (const std::exception &error) {
        std::cerr << "beast: " << error.what() << "\n";
        return 1;
    }
}
