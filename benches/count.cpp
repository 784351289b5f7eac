// A message judged through the C interface so many times, for callgrind: `count schema SCHEMA MESSAGE TURNS` by its schema
// alone, `count session POLICY MESSAGE TURNS` on a session with its limits.

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <wswarden.hpp>

static std::string contents(const char *path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
}

int main(int count, char **arguments) {
    if (count != 5) return 2;
    const std::string how = arguments[1], message = contents(arguments[3]);
    const int turns = std::atoi(arguments[4]);
    bool good = true;
    if (how == "schema") {
        const wsw::schema schema(contents(arguments[2]));
        for (int turn = 0; turn < turns; ++turn) good &= static_cast<bool>(schema.judge(message));
        return good ? 0 : 1;
    }
    const auto policy = wsw::policy::from_file(arguments[2]);
    wsw::guard guard(policy, WSW_ABILITY_ALL);
    wsw::registry registry(guard, 1);
    wsw::request request("GET", "/");
    request.add("Host", "localhost");
    request.add("Upgrade", "websocket");
    request.add("Connection", "Upgrade");
    request.add("Sec-WebSocket-Version", "13");
    request.add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    request.add("Origin", "https://app.example.com");
    std::uint64_t now = 1'000'000'000;
    const wsw::time then{now, 1'800'000'000'000'000'000};
    auto screened = guard.screen(request, wsw::connection("198.51.100.7", true), then);
    const auto admitted = registry.admit(std::move(screened.candidate), then);
    if (!admitted.is_open()) return 1;
    for (int turn = 0; turn < turns; ++turn) {
        now += 100'000;
        good &= registry.receive(admitted.handle, WSW_TEXT, message, now).delivers();
    }
    return good ? 0 : 1;
}
