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

template <class T> void move_to_itself(T &value) {
    T &same = value;
    value = std::move(same);
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
    CHECK(policy.json().empty() && policy.warnings().empty() && policy.limits().max_message == 0);
    CHECK(wsw::guard::try_make(policy, WSW_ABILITY_ALL).status() == WSW_STATUS_NULL_POINTER);
    CHECK(!other.json().empty() && other.type_name("/", 1) == "chat");
    wsw::guard mine = std::move(guard);
    CHECK(guard.stats().connections == 0 && wsw::registry::try_make(guard, 1).status() == WSW_STATUS_NULL_POINTER);
    CHECK(guard.screen(wsw::request("GET", "/"), wsw::connection("198.51.100.7", true), wsw::now()).status == WSW_STATUS_NULL_POINTER);
    wsw::registry loop = std::move(registry);
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
    mistakes_throw_and_try_does_not();
    a_token_is_a_value();
    std::puts("the wrapper");
}
