// A thousand calls of the message path, to be counted by callgrind.

#include "world.hpp"

int main() {
    world w;
    for (uint64_t time = 1; time <= 1000; ++time) {
        const uint64_t now = w.now.mono_ns + time * SECOND;
        CHECK(wsw_registry_receive(w.registry, w.session, WSW_PONG_FRAME, w.bytes, 8, now) != WSW_INVALID);
    }
}
