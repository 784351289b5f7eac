// wswarden.hpp: what was moved away says so, what a peer does is a value, and what would dangle does not compile.

#include <type_traits>
#include <wswarden.hpp>

#include "world.hpp"

namespace {

// A text of a temporary would be gone before it is read.
template <class T, class = void> struct takes_temporaries : std::false_type {};
template <class T>
struct takes_temporaries<T, std::void_t<decltype(std::declval<T>().add(std::string(), "value"))>> : std::true_type {};
static_assert(!takes_temporaries<wsw::request>::value);
static_assert(!std::is_constructible_v<wsw::request, std::string, const char *>);
static_assert(std::is_constructible_v<wsw::request, const std::string &, const char *>);
template <class T, class = void> struct lends_from_temporaries : std::false_type {};
template <class T> struct lends_from_temporaries<T, std::void_t<decltype(std::declval<T>().json())>> : std::true_type {};
static_assert(!lends_from_temporaries<wsw::policy>::value && lends_from_temporaries<const wsw::policy &>::value);
// Each object has one owner.
static_assert(!std::is_copy_constructible_v<wsw::guard> && std::is_nothrow_move_constructible_v<wsw::guard>);
static_assert(!std::is_copy_constructible_v<wsw::registry> && std::is_nothrow_move_assignable_v<wsw::registry>);
static_assert(!std::is_copy_constructible_v<wsw::tape> && !std::is_copy_constructible_v<wsw::schema>);
// Nothing accepts before it was judged.
static_assert(!wsw::verdict().delivers() && wsw::verdict().closes());
// What a newer library may say closes, too.
static_assert(wsw::verdict(WSW_IGNORE + 1).closes() && wsw::verdict(255).closes() && wsw::verdict(WSW_CLOSE).closes());
static_assert(!wsw::verdict(WSW_IGNORE).closes() && !wsw::verdict(WSW_DELIVER | 1U << 30).closes());
static_assert(!std::is_copy_constructible_v<wsw::knock> && !std::is_copy_constructible_v<wsw::ticket>);

template <class T> void move_to_itself(T &value) {
    T &same = value;
    value = std::move(same);
}

// What a call throws; OK if it throws nothing.
template <class Call> wsw_status status_of(Call call) {
    try {
        call();
    } catch (const wsw::error &error) {
        return error.status();
    }
    return WSW_STATUS_OK;
}

void what_was_moved_away_is_an_error() {
    current = "moved away";
    wsw::policy policy = wsw::policy::from_toml(POLICY);
    wsw::guard guard(policy, WSW_ABILITY_ALL);
    wsw::registry registry(guard, 1);
    wsw::tape tape;
    wsw::schema schema("true");
    move_to_itself(policy);
    move_to_itself(registry);
    CHECK(policy.json().size() > 100 && registry.count() == 0);
    wsw::policy other = std::move(policy);
    CHECK(policy.json().empty() && policy.warnings().empty());
    // Zeros would read as no limit.
    CHECK(policy.try_limits().status() == WSW_STATUS_NULL_POINTER && status_of([&] { (void)policy.limits(); }) == WSW_STATUS_NULL_POINTER);
    CHECK(wsw::guard::try_make(policy, WSW_ABILITY_ALL).status() == WSW_STATUS_NULL_POINTER);
    CHECK(!other.json().empty() && other.type_name("/", 1) == "chat");
    wsw::guard mine = std::move(guard);
    CHECK(guard.stats().connections == 0 && wsw::registry::try_make(guard, 1).status() == WSW_STATUS_NULL_POINTER);
    CHECK(guard.screen(wsw::request("GET", "/"), wsw::connection("198.51.100.7", true), wsw::now()).status == WSW_STATUS_NULL_POINTER);
    wsw::registry loop = std::move(registry);
    CHECK(registry.try_next_timeout().status() == WSW_STATUS_NULL_POINTER);
    CHECK(registry.receive(1, WSW_TEXT, "{}", 1).closes() && registry.admit(wsw::candidate(), wsw::now()).status == WSW_STATUS_NULL_POINTER);
    wsw::tape gone = std::move(tape);
    CHECK(tape.size() == 0 && tape.begin() == tape.end() && !tape.text(0, "{}"));
    wsw::schema judge = std::move(schema);
    CHECK(!schema.judge("1") && judge.judge("1") && schema.engine().empty() && judge.engine() == "fast");
    CHECK(judge.read("[1,\"a\"]", gone) && gone.size() == 3 && *gone.text(2, "[1,\"a\"]") == "a");
    CHECK(!judge.read("[1,", gone) && gone.size() == 0);
    wsw::response none;
    CHECK(none.status() == 500 && none.bytes().empty() && none.headers().empty());
}

// A registry that is poisoned has no next deadline; that there is none, ever, would let every connection live on.
void no_deadline_is_not_never() {
    current = "next timeout";
    const wsw::policy policy = wsw::policy::from_toml(POLICY);
    CHECK(policy.limits().max_message > 0 && policy.try_limits()->max_head > 0);
    wsw::registry registry(wsw::guard(policy, WSW_ABILITY_ALL), 1);
    const auto idle = registry.try_next_timeout();
    CHECK(idle && *idle == wsw::never && registry.next_timeout() == wsw::never);
    wsw_testing_panic_at(2);
    CHECK(registry.count() == 0);
    wsw_testing_panic_at(0);
    CHECK(registry.try_next_timeout().status() == WSW_STATUS_POISONED);
    CHECK(status_of([&] { (void)registry.next_timeout(); }) == WSW_STATUS_POISONED);
    CHECK(!registry.tick(1) && registry.tick(1).status == WSW_STATUS_POISONED);
}

void what_a_guard_lends_is_given_back() {
    current = "knocks";
    const wsw::time now{1'000'000'000, 1'800'000'000'000'000'000};
    const auto from = wsw::connection("198.51.100.7", true);
    const wsw::guard guard(wsw::policy::from_toml(std::string("cap.unauthenticated_per_address = 1\n") + POLICY), WSW_ABILITY_ALL);
    {
        wsw::knock first(guard, from, now.mono_ns), second(guard, from, now.mono_ns);
        CHECK(first && !second && second.status() == WSW_STATUS_REFUSED);
        wsw::knock moved = std::move(first);
        CHECK(moved && !first && !wsw::knock(guard, from, now.mono_ns));
        moved.end();
        CHECK(!moved && wsw::knock(guard, from, now.mono_ns));
    }
    CHECK(guard.stats().connections == 0 && !wsw::knock());

    current = "heads";
    wsw::head head(guard);
    const std::string_view bytes = HEAD;
    CHECK(head.screen(guard, bytes.substr(0, 40), from, now).status == WSW_STATUS_NONE);
    const auto screened = head.screen(guard, bytes, from, now);
    CHECK(screened && screened.consumed == bytes.size());
    CHECK(wsw::head(guard).screen(guard, "nonsense\r\n\r\n", from, now).response.status() == 400);

    current = "tickets";
    wsw_identity ann{};
    ann.size = sizeof ann;
    ann.kind = WSW_IDENTITY_USER;
    ann.subject = wsw::str("ann");
    auto ticket = guard.mint_ticket(ann, wsw::binding("/chat", "https://app.example.com"), now);
    CHECK(ticket && ticket.text().size() > 20 && ticket.reason() == WSW_REASON_NONE);
    const wsw::ticket taken = std::move(ticket);
    CHECK(taken && !ticket && ticket.text().empty() && !wsw::ticket());
    CHECK(guard.mint_ticket(ann, wsw_binding{}, now).status() == WSW_STATUS_BAD_ARGUMENT);

    current = "fetches";
    CHECK(guard.next_timeout() <= now.mono_ns || guard.next_timeout() == 0);
    const auto fetch = guard.tick(now.mono_ns);
    CHECK(fetch && fetch.url() == KEYS_URL && fetch.within() > 0 && fetch.max_bytes() > 0);
    CHECK(guard.keys_fetched(KEYS_URL, "{}", now.mono_ns) == WSW_STATUS_POLICY_ERROR);
    CHECK(guard.keys_failed(KEYS_URL) == WSW_STATUS_OK);
    CHECK(!guard.tick(now.mono_ns) && guard.tick(now.mono_ns).status() == WSW_STATUS_NONE);

    current = "meters";
    wsw::frame_meter meter(1);
    CHECK(meter.feed("\x81\0", 2) == WSW_REASON_NONE && meter.feed("\x01\0\x80\0", 4) == WSW_REASON_TOO_MANY_FRAGMENTS);
    CHECK(!wsw::frame_meter() && wsw::frame_meter().feed("\x81\0", 2) == WSW_REASON_INTERNAL);

    current = "twins";
    wsw_revocation revocation{};
    CHECK(guard.reload(wsw::policy::from_toml(POLICY)).empty() && guard.drain(now.mono_ns).empty());
    CHECK(status_of([&] { guard.revoke(revocation, 1, now.unix_ns); }) == WSW_STATUS_BAD_ARGUMENT);
}

void mistakes_throw_and_try_does_not() {
    current = "mistakes";
    auto tried = wsw::policy::try_from_toml("origin.allow = ['*']");
    CHECK(!tried && tried.status() == WSW_STATUS_POLICY_ERROR && tried.message().find("origin.allow") != std::string::npos);
    bool thrown = false;
    try {
        (void)wsw::schema("{");
    } catch (const wsw::error &error) {
        thrown = error.status() == WSW_STATUS_POLICY_ERROR && *error.what() != '\0';
    }
    CHECK(thrown);
}

void a_token_is_a_value() {
    current = "a token";
    const wsw::time now{1'000'000'000, 1'800'000'000'000'000'000};
    wsw::guard guard(wsw::policy::from_toml(TOKEN_POLICY), WSW_ABILITY_ALL);
    auto known = guard.verify_token("/", TOKEN, now);
    CHECK(known && wsw::view(known.identity().subject) == "ann");
    auto unknown = guard.verify_token("/", "x", now);
    CHECK(!unknown && unknown.response.status() == 401 && unknown.identity().kind == 0);
}

} // namespace

int main() {
    what_was_moved_away_is_an_error();
    no_deadline_is_not_never();
    what_a_guard_lends_is_given_back();
    mistakes_throw_and_try_does_not();
    a_token_is_a_value();
    std::puts("the wrapper");
}
