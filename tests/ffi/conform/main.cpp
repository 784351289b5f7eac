// Answers the questions of the conformance protocol, one JSON line each, until the input ends: through the C API where
// that can ask them, through the test build's wsw_testing_answer where it cannot. tests/README.md says which is which.

#include <iostream>

#include "script.hpp"

extern "C" {
wsw_str wsw_testing_answer(wsw_str line);
void wsw_testing_free(wsw_str answer);
}

namespace {

json of_the_core(const std::string &line) {
    wsw_str said = wsw_testing_answer(wsw::str(line));
    json answer = json::parse(wsw::view(said));
    wsw_testing_free(said);
    return answer;
}

json version(const std::string &line) {
    json said = of_the_core(line);
    said["version"] = wsw_version();
    said["language"] = "c";
    return said;
}

json reasons() {
    json all = json::array();
    for (int number = 1; number < 256; ++number) {
        auto reason = static_cast<std::uint8_t>(number);
        if (wsw_reason_name(reason) == nullptr) continue;
        json close = {{"rfc", wsw_reason_close_code(reason, WSW_DIALECT_RFC)},
                      {"app", wsw_reason_close_code(reason, WSW_DIALECT_APP)}};
        all.push_back({{"name", wsw_reason_name(reason)}, {"number", number}, {"close", close},
                       {"http", wsw_reason_http_status(reason)}, {"retry", wsw_reason_retry(reason)}});
    }
    return {{"reasons", all}};
}

json policy(const json &question) {
    auto made = wsw::policy::try_from_json(required(question, "policy").dump());
    if (!made) return {{"ok", false}, {"error", made.message()}};
    return {{"ok", true}, {"warnings", made->warnings()}};
}

json refused(const wsw::response &response) {
    json said = {{"accept", false}, {"status", response.status()}, {"reason", wsw_reason_name(response.reason())},
                 {"headers", headers_of(response)}};
    if (response.retry_after() != wsw::never) said["retry_after"] = response.retry_after();
    return said;
}

json decide(const json &question, const wsw::guard &guard, wsw::screening screened, wsw::time now) {
    if (!screened) return refused(screened.response);
    wsw::registry registry(guard, now.mono_ns);
    auto admitted = registry.admit(std::move(screened.candidate), now);
    const json *who = optional(question, "identity");
    if (admitted.waits() && who != nullptr) {
        admitted = registry.provide(admitted.handle, WSW_ANSWER_IDENTITY, identity(*who).get(), now);
    }
    if (admitted.is_refused()) return refused(admitted.response);
    if (admitted.waits()) return need_of(registry, admitted.handle);
    return {{"accept", true}, {"status", admitted.response.status()}, {"headers", headers_of(admitted.response)}};
}

wsw::time now_of(const json &question) {
    return {optional_number(question, "mono").value_or(0), optional_number(question, "unix").value_or(UNIX) * SECOND};
}

json request(const json &question) {
    auto policy = policy_of(question);
    auto guard = guard_of(policy, 0);
    auto now = now_of(question);
    return decide(question, guard, asked(required(question, "request")).screen(guard, now), now);
}

json head(const json &question) {
    auto policy = policy_of(question);
    auto guard = guard_of(policy, 0);
    auto bytes = decoded(question, "bytes");
    auto peer = optional_text(question, "peer");
    auto now = now_of(question);
    auto connection = asked::connection(peer, flag(question, "tls"));
    wsw_head *made = nullptr;
    wsw::detail::check(wsw_head_new(guard.get(), &made));
    wsw::detail::owned<wsw_head, wsw_head_free> parser(made);
    wsw_candidate *candidate = nullptr;
    wsw_response *response = nullptr;
    wsw::screening screened;
    screened.status = wsw_guard_screen_head(guard.get(), made, wsw::str(bytes), &connection, now, &screened.consumed,
                                            &candidate, &response);
    screened.candidate = wsw::candidate(candidate);
    screened.response = wsw::response(response);
    screened = asked::checked(std::move(screened));
    if (screened.status == WSW_STATUS_NONE) return {{"incomplete", true}};
    auto consumed = screened.consumed;
    json said = decide(question, guard, std::move(screened), now);
    // What follows a head is told of every head that was whole.
    if (consumed > 0) said["rest"] = encoded(std::string_view(bytes).substr(consumed));
    return said;
}

json answer(const std::string &line, const json &question) {
    if (!question.is_object()) throw wrong("a question is an object");
    auto op = text(question, "op");
    if (op == "version") return version(line);
    if (op == "reasons") return reasons();
    if (op == "policy") return policy(question);
    if (op == "request") return request(question);
    if (op == "head") return head(question);
    if (op == "script") return script::play(question);
    return of_the_core(line);
}

} // namespace

int main() {
    for (std::string line; std::getline(std::cin, line);) {
        json question = json::parse(line, nullptr, false), said;
        try {
            if (question.is_discarded()) throw wrong("not JSON");
            said = answer(line, question);
        } catch (const std::exception &error) {
            said = {{"error", error.what()}};
        }
        said["id"] = question.is_object() ? question.value("id", json()) : json();
        // A token that is not UTF-8 is shown with U+FFFD.
        std::cout << said.dump(-1, ' ', false, json::error_handler_t::replace) << std::endl;
    }
}
