// What a caller can do wrong, and what must come of it: a status, never undefined behaviour, never an accept.

#include <atomic>
#include <set>
#include <thread>

#include "entries.hpp"
#include "fork.hpp"
#include "needs.hpp"

namespace {

bool names(const char *list, const char *name) {
    std::string words = std::string(" ") + list + " ";
    return words.find(std::string(" ") + name + " ") != words.npos;
}

void every_function_is_here(const char *symbols) {
    std::FILE *file = std::fopen(symbols, "r");
    CHECK(file != nullptr);
    std::set<std::string> known, exported;
    for (const entry &entry : entries()) known.insert(entry.name);
    for (const freer &freer : FREES) known.insert(freer.name);
    for (char line[128]; std::fgets(line, sizeof line, file) != nullptr;) exported.insert(std::string(line, std::strcspn(line, "\n")));
    std::fclose(file);
    for (const auto &name : exported) {
        current = name.c_str();
        CHECK(known.count(name) == 1);
    }
    CHECK(known.size() == exported.size());
}

void in_good_order() {
    for (const entry &entry : entries()) {
        world w;
        current = entry.name;
        int came = entry.call(w);
        if (came != entry.good) std::fprintf(stderr, "%s: %d, expected %d\n", entry.name, came, entry.good);
        CHECK(came == entry.good);
        CHECK(called == entry.name);
    }
}

// A call that fails must not have written anything.
template <class Call> int unwritten(world &w, Call call) {
    alignas(outs) unsigned char before[sizeof(outs)];
    std::memcpy(before, &w.out_, sizeof before);
    int came = call();
    CHECK(std::memcmp(before, &w.out_, sizeof before) == 0);
    return came;
}

void null_everywhere() {
    for (const entry &entry : entries()) {
        current = entry.name;
        int last = 1;
        for (int place = 0; place < last; ++place) {
            world w;
            const bool may_be = place == entry.optional;
            spoiled = place;
            int came = may_be ? entry.call(w) : unwritten(w, [&] { return entry.call(w); });
            spoiled = -1;
            last = pointers;
            if (last == 0) break;
            const bool good = may_be ? came == entry.good : came == FAILED || came == WSW_STATUS_NULL_POINTER;
            if (!good) std::fprintf(stderr, "pointer %d: %d\n", place, came);
            CHECK(good);
        }
    }
    current = "frees";
    world w;
    for (const freer &freer : FREES) {
        freer.free(w);
        freer.free(w);
    }
}

// A panic at the entry leaves the object as it was; one within its lock poisons it, for ever.
void a_panic_everywhere() {
    for (const entry &entry : entries()) {
        current = entry.name;
        bool is_fixed = names("wsw_version wsw_status_name wsw_last_error_message", entry.name);
        world w;
        w.at_the_door = true;
        int came = unwritten(w, [&] {
            wsw_testing_panic_at(is_fixed ? 0 : 1); // Those give a pointer to what is fixed, and do nothing that could panic.
            int came = is_fixed ? FAILED : entry.call(w);
            wsw_testing_panic_at(0);
            return came;
        });
        w.at_the_door = false;
        if (is_fixed) continue;
        CHECK(came == FAILED || came == WSW_STATUS_PANIC);
        CHECK(std::strstr(wsw_last_error_message(), "bug") != nullptr);
        came = entry.call(w);
        CHECK(came == entry.good);

        if (*entry.locks == '\0') continue;
        world poisoned;
        came = unwritten(poisoned, [&] {
            wsw_testing_panic_at(2);
            int came = entry.call(poisoned);
            wsw_testing_panic_at(0);
            return came;
        });
        CHECK(came == FAILED || came == WSW_STATUS_PANIC);
        if (poisoned.candidate == nullptr) continue; // It was used up.
        came = unwritten(poisoned, [&] { return entry.call(poisoned); });
        CHECK(came == FAILED || came == WSW_STATUS_POISONED);
        if (names(entry.locks, "registry")) {
            CHECK(wsw_registry_receive(poisoned.registry, poisoned.session, WSW_TEXT, poisoned.bytes, poisoned.length,
                                       poisoned.now.mono_ns) == WSW_INVALID);
            CHECK(std::strstr(wsw_last_error_message(), "free it") != nullptr);
        }
    }
    for (const freer &freer : FREES) {
        current = freer.name;
        world w;
        w.at_the_door = true;
        wsw_testing_panic_at(1);
        freer.free(w);
        wsw_testing_panic_at(0);
        CHECK(std::strstr(wsw_last_error_message(), "bug") != nullptr);
    }
}

void stale_handles() {
    for (const entry &entry : entries()) {
        if (std::strncmp(entry.name, "wsw_registry_", 13) != 0) continue;
        bool has_handle = !names("wsw_registry_count wsw_registry_admit wsw_registry_outcome wsw_registry_event "
                                 "wsw_registry_next_timeout wsw_registry_tick wsw_registry_new wsw_registry_free", entry.name);
        if (!has_handle) continue;
        world w;
        current = entry.name;
        uint64_t removed = w.open(true), slot = removed & 0xffffff;
        CHECK(wsw_registry_remove(w.registry, removed) == WSW_STATUS_OK);
        for (uint64_t handle : {UINT64_C(0), removed, UINT64_MAX, slot, removed + (UINT64_C(1) << 24), UINT64_C(1) << 63}) {
            w.session = w.waiting = w.asked = handle;
            int came = unwritten(w, [&] { return entry.call(w); });
            CHECK(came == FAILED || came == WSW_STATUS_STALE_HANDLE);
        }
    }
    // A session where a candidate is asked for, and the other way round.
    world w;
    current = "kinds of handles";
    wsw_response *response = nullptr;
    uint32_t verdict = 0;
    CHECK(wsw_registry_provide(w.registry, w.session, WSW_ANSWER_IDENTITY, w.identity, w.now, &response) == WSW_STATUS_STALE_HANDLE);
    CHECK(wsw_registry_close(w.registry, w.waiting, WSW_REASON_CLOSED_BY_HOST, w.now.mono_ns, &verdict) == WSW_STATUS_STALE_HANDLE);
    CHECK(wsw_registry_receive(w.registry, w.waiting, WSW_TEXT, w.bytes, w.length, w.now.mono_ns) == WSW_INVALID);
}

// What every struct that begins with its size is held to.
template <class T, class Call> void sizes(const char *name, const T &good, Call call) {
    current = name;
    T wrong = good;
    for (uint32_t size : {0U, 3U, 4U, static_cast<uint32_t>(sizeof(T)) - 1, 0x7fffffffU, 0xffffffffU}) {
        wrong.size = size;
        CHECK(call(&wrong) == WSW_STATUS_BAD_ARGUMENT);
    }
    // One of a newer program: what we do not know must be zero.
    struct {
        T known;
        uint64_t more;
    } newer{good, 0};
    newer.known.size = sizeof newer;
    CHECK(call(&newer.known) != WSW_STATUS_BAD_ARGUMENT);
    newer.more = 1;
    CHECK(call(&newer.known) == WSW_STATUS_BAD_ARGUMENT);
    // Where no such struct can begin.
    alignas(T) char room[sizeof(T) + alignof(T)];
    std::memcpy(room + 1, &good, sizeof good);
    CHECK(call(reinterpret_cast<const T *>(room + 1)) == WSW_STATUS_BAD_ARGUMENT);
}

void wrong_sizes() {
    world w;
    wsw_candidate *candidate = nullptr;
    wsw_response *response = nullptr;
    wsw_ids *ids = nullptr;
    sizes("request", w.request_, [&](const wsw_request *request) {
        int status = wsw_guard_screen(w.guard, request, w.connection, w.now, &candidate, &response);
        wsw_candidate_free(candidate);
        candidate = nullptr;
        return status;
    });
    sizes("connection", w.connection_, [&](const wsw_connection *connection) {
        int status = wsw_guard_screen(w.guard, w.request, connection, w.now, &candidate, &response);
        wsw_candidate_free(candidate);
        candidate = nullptr;
        return status;
    });
    sizes("options", w.options_, [&](const wsw_guard_options *options) {
        wsw_guard *guard = nullptr;
        int status = wsw_guard_new(w.policy, options, &guard);
        wsw_guard_free(guard);
        return status;
    });
    sizes("revocation", w.revocation_, [&](const wsw_revocation *revocation) {
        int status = wsw_guard_revoke(w.guard, revocation, 1, w.now.unix_ns, &ids);
        wsw_ids_free(ids);
        ids = nullptr;
        return status;
    });
    uint32_t verdict = 0;
    sizes("identity", w.identity_, [&](const wsw_identity *identity) {
        return wsw_registry_revalidated(w.registry, w.session, WSW_ANSWER_IDENTITY, identity, w.now, &verdict);
    });

    // A struct to be written: an older program's is not written beyond its end, a newer one's is filled with zeros.
    current = "a longer struct";
    struct {
        wsw_stats known;
        uint64_t more, beyond;
    } newer{};
    newer.known.size = sizeof newer.known + sizeof newer.more;
    newer.more = newer.beyond = 7;
    CHECK(wsw_guard_stats(w.guard, &newer.known) == WSW_STATUS_OK);
    CHECK(newer.known.connections > 0 && newer.more == 0 && newer.beyond == 7);
}

void wrong_lengths() {
    world w;
    wsw_candidate *candidate = nullptr;
    wsw_response *response = nullptr;
    auto screened = [&](const wsw_request &request) {
        return wsw_guard_screen(w.guard, &request, w.connection, w.now, &candidate, &response);
    };
    current = "lengths";
    for (std::size_t length : {SIZE_MAX, SIZE_MAX / 2 + 1}) {
        wsw_request request = w.request_;
        request.target.len = length;
        CHECK(screened(request) == WSW_STATUS_BAD_ARGUMENT);
        request = w.request_;
        request.header_count = length;
        CHECK(screened(request) == WSW_STATUS_BAD_ARGUMENT);
        CHECK(wsw_registry_receive(w.registry, w.session, WSW_TEXT, w.bytes, length, w.now.mono_ns) == WSW_INVALID);
        CHECK(wsw_policy_from_toml(wsw_str{POLICY, length}, &w.out_.policy) == WSW_STATUS_BAD_ARGUMENT);
    }
    wsw_request request = w.request_;
    request.target = wsw_str{nullptr, 1};
    CHECK(screened(request) == WSW_STATUS_NULL_POINTER);
    request = w.request_;
    request.headers = nullptr;
    CHECK(screened(request) == WSW_STATUS_NULL_POINTER);
    // A pointer without a length is never looked at.
    CHECK(wsw_registry_join(w.registry, w.session, wsw_str{reinterpret_cast<const char *>(1), 0}) == WSW_STATUS_OK);
    uint32_t verdict = wsw_registry_receive(w.registry, w.session, WSW_TEXT, nullptr, 0, w.now.mono_ns);
    CHECK(WSW_VERDICT(verdict) == WSW_REPLY);
    CHECK(wsw_registry_join(w.registry, w.session, str("\xff")) == WSW_STATUS_BAD_ARGUMENT);
    // A peer's target that is not UTF-8 is the peer's fault, and refused for it.
    request = w.request_;
    request.target = str("/\xff");
    CHECK(screened(request) == WSW_STATUS_REFUSED && wsw_response_status(response) == 400);
    wsw_response_free(response);
    response = nullptr;
}

void wrong_numbers() {
    world w;
    wsw_candidate *candidate = nullptr;
    wsw_response *response = nullptr;
    uint32_t verdict = 0;
    for (int32_t number : {INT32_MIN, -1, 0, 99, INT32_MAX}) {
        current = "numbers";
        wsw_request request = w.request_;
        request.version = number;
        CHECK(wsw_guard_screen(w.guard, &request, w.connection, w.now, &candidate, &response) == WSW_STATUS_BAD_ARGUMENT);
        wsw_connection connection = w.connection_;
        connection.remote = number;
        CHECK(wsw_guard_screen(w.guard, w.request, &connection, w.now, &candidate, &response) == WSW_STATUS_BAD_ARGUMENT);
        wsw_identity identity = w.identity_;
        identity.kind = number;
        CHECK(wsw_registry_revalidated(w.registry, w.session, WSW_ANSWER_IDENTITY, &identity, w.now, &verdict) == WSW_STATUS_BAD_ARGUMENT);
        CHECK(wsw_registry_revalidated(w.registry, w.session, number, w.identity, w.now, &verdict) == WSW_STATUS_BAD_ARGUMENT);
        wsw_revocation revocation = w.revocation_;
        revocation.kind = number;
        CHECK(wsw_guard_revoke(w.guard, &revocation, 1, 1, &w.out_.ids) == WSW_STATUS_BAD_ARGUMENT);
        CHECK(std::strcmp(wsw_status_name(number), "invalid") == 0);
        CHECK(wsw_reason_close_code(1, number) == 1011);
        // A frame that is none closes.
        world other;
        verdict = wsw_registry_receive(other.registry, other.session, number, other.bytes, other.length, other.now.mono_ns);
        CHECK(WSW_VERDICT(verdict) == WSW_CLOSE && WSW_VERDICT_REASON(verdict) == WSW_REASON_PROTOCOL_ERROR);
    }
    current = "other numbers";
    wsw_connection connection = w.connection_;
    for (const char *address : {"", "198.51.100.7:80", "[::1]", "fe80::1%eth0", "localhost"}) {
        connection.address = str(address);
        CHECK(wsw_guard_screen(w.guard, w.request, &connection, w.now, &candidate, &response) == WSW_STATUS_BAD_ARGUMENT);
    }
    wsw_guard_options options = w.options_;
    options.abilities = 32;
    CHECK(wsw_guard_new(w.policy, &options, &w.out_.guard) == WSW_STATUS_BAD_ARGUMENT);
    // A host that can do nothing keeps no policy, unless it says that it knows.
    options.abilities = 0;
    CHECK(wsw_guard_new(w.policy, &options, &w.out_.guard) == WSW_STATUS_POLICY_ERROR);
    CHECK(wsw_registry_close(w.registry, w.session, 0, 1, &verdict) == WSW_STATUS_BAD_ARGUMENT);
}

// Two threads in one registry: one works, the other is told so.
void two_threads() {
    world w;
    current = "two threads";
    std::atomic<uint64_t> judged{0}, busy{0};
    std::atomic<int> ready{0};
    auto hammer = [&] {
        ready.fetch_add(1);
        while (ready.load() < 2) {}
        for (int round = 0; round < 200'000; ++round) {
            uint32_t verdict = wsw_registry_receive(w.registry, w.session, WSW_PONG_FRAME, w.bytes, 0, w.now.mono_ns);
            if (verdict == WSW_INVALID) {
                CHECK(std::strstr(wsw_last_error_message(), "another thread") != nullptr);
                busy.fetch_add(1);
            } else {
                judged.fetch_add(1);
            }
            wsw_session session{};
            session.size = sizeof session;
            int status = wsw_registry_session(w.registry, w.session, &session);
            CHECK(status == WSW_STATUS_OK || status == WSW_STATUS_BUSY);
        }
    };
    std::thread other(hammer);
    hammer();
    other.join();
    CHECK(judged + busy == 400'000 && judged > 0);
    std::printf("two threads in one registry: %llu judged, %llu told that it is busy\n",
                static_cast<unsigned long long>(judged), static_cast<unsigned long long>(busy));
    CHECK(wsw_registry_remove(w.registry, w.session) == WSW_STATUS_OK);

    // A guard is for any number of threads.
    auto screen = [&] {
        for (int round = 0; round < 2'000; ++round) {
            wsw_candidate *candidate = nullptr;
            wsw_response *response = nullptr;
            int status = wsw_guard_screen(w.guard, w.request, w.connection, w.now, &candidate, &response);
            CHECK(status == WSW_STATUS_OK || status == WSW_STATUS_REFUSED);
            wsw_candidate_free(candidate);
            wsw_response_free(response);
        }
    };
    std::thread third(screen);
    screen();
    third.join();
    wsw_stats stats{};
    stats.size = sizeof stats;
    CHECK(wsw_guard_stats(w.guard, &stats) == WSW_STATUS_OK && stats.agrees == 1);
}

// What a program that forgets itself sees: the sanitizer, if there is one.
void planted_fault() {
    world w;
    wsw_str bytes = wsw_response_bytes(w.response);
    wsw_response_free(w.response);
    w.response = nullptr;
    std::printf("%c\n", bytes.ptr[0]);
}

} // namespace

int main(int count, char **arguments) {
    if (count == 2 && std::strcmp(arguments[1], "--planted-fault") == 0) {
        planted_fault();
        return 0;
    }
    CHECK(count == 2);
    if (std::strcmp(arguments[1], "--libc-alone") == 0) {
        forked("a forked child, of which the kernel tells nothing", fork);
        return 0;
    }
    every_function_is_here(arguments[1]);
    in_good_order();
    null_everywhere();
    a_panic_everywhere();
    stale_handles();
    every_need_is_kept();
    wrong_sizes();
    wrong_lengths();
    wrong_numbers();
    two_threads();
    forked("a forked child", fork);
    // Ways that libc's handlers for forks never hear of.
    forked("a child of _Fork", _Fork);
    forked("a child of clone", [] { return static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); });
    std::printf("%zu functions, misused in every way\n", entries().size() + std::size(FREES));
}
