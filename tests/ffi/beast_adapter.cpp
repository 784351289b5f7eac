// A request that Beast has read is judged as its bytes are, and a refusal comes out of Beast as it went in.

#include <iostream>
#include <sstream>
#include <wswarden_beast.hpp>

#undef NDEBUG
#include <cassert>

namespace http = boost::beast::http;

namespace {

wsw::guard guarded() {
    return wsw::guard(wsw::policy::from_toml("origin.allow = ['https://app.example.com']\ncredential.anonymous = true\n"),
                      wsw::beast_abilities);
}

// The status that a head is answered with: read by the core, and read by Beast.
std::pair<int, int> judged(const std::string &head) {
    const auto connection = wsw::connection("198.51.100.7", true);
    const wsw::time now = wsw::now();
    const auto status = [](wsw::screening screened) { return screened ? 101 : int(screened.response.status()); };

    const auto guard = guarded();
    wsw::screening raw = wsw::head(guard).screen(guard, head, connection, now);

    http::request_parser<http::string_body> beast;
    boost::beast::error_code error;
    beast.eager(true);
    beast.header_limit(65536);
    beast.put(boost::asio::buffer(head), error);
    assert(!error);
    const auto request = beast.release();
    const auto other = guarded();
    return {status(std::move(raw)), status(other.screen(wsw::from_beast(request), connection, now))};
}

std::string head(const std::string &line, const std::string &more) {
    return line + " HTTP/1.1\r\nHost: chat.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + more + "\r\n";
}

} // namespace

int main() {
    const std::string origin = "Origin: https://app.example.com\r\n";
    const std::pair<std::string, int> heads[] = {
        {head("GET /chat?x=1", origin), 101},
        {head("POST /chat", origin), 405},
        {head("GET /chat", "Origin: https://evil.example\r\n"), 403},
        {head("GET /chat", ""), 403},
        {head("GET /chat", origin + origin), 400}, // A repeated field stays repeated.
        {head("GET /chat", origin + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), 400},
        {head("GET /chat", "Origin: https://app.example.\xff\r\n"), 403}, // Bytes that are no UTF-8 stay what they are.
        {head("GET /ch\xff" "at", origin), 400},
        {head("GET /chat", origin + "Content-Length: 0\r\nX-Large: " + std::string(20'000, 'x') + "\r\n"), 431},
    };
    for (const auto &[text, expected] : heads) {
        const auto [raw, beast] = judged(text);
        std::cout << expected << " " << raw << " " << beast << std::endl;
        assert(beast == expected && raw == expected);
    }

    // What Beast mends before anybody else sees it: the reason to hand the bytes to `wsw_guard_screen_head`.
    const auto [raw, beast] = judged(head("GET /chat", origin + "X-Folded: one\r\n two\r\n"));
    assert(raw == 400 && beast == 101);

    const auto guard = guarded();
    const wsw::request request("GET", "/");
    auto refused = guard.screen(request, wsw::connection("198.51.100.7", true), wsw::now());
    const auto answer = wsw::to_beast(refused.response);
    assert(answer.result_int() == refused.response.status());
    std::ostringstream whole;
    whole << answer;
    assert(whole.str().find("application/problem+json") != std::string::npos);
    assert(answer.body() == refused.response.body());
}
