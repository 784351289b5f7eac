// What questions bring, as the C API takes it, and what it answers, as words.
#pragma once

#include "fields.hpp"

inline constexpr std::uint64_t UNIX = 1'800'000'000;
inline constexpr std::uint64_t SECOND = 1'000'000'000;

inline wsw::policy policy_of(const json &from) {
    auto made = wsw::policy::try_from_json(required(from, "policy").dump());
    if (!made) throw wrong("policy: " + made.message());
    return *std::move(made);
}

// A guard of a host that can do everything. Its seed is the number, most significant byte first, and zeros.
inline wsw::guard guard_of(const wsw::policy &policy, std::uint64_t number) {
    std::uint8_t seed[32] = {};
    for (int index = 0; index < 8; ++index) seed[index] = static_cast<std::uint8_t>(number >> (56 - 8 * index));
    auto made = wsw::guard::try_make(policy, WSW_ABILITY_ALL, 0, seed);
    if (!made) throw wrong("policy: " + made.message());
    return *std::move(made);
}

// An identity, with the texts it refers to.
class identity {
public:
    explicit identity(const json &from) {
        value_.size = sizeof value_;
        if (!from.is_string() && !from.is_object()) throw wrong("identity: expected a string or an object");
        auto subject = from.is_string() ? from.get<std::string>() : optional_text(from, "subject");
        value_.kind = subject ? WSW_IDENTITY_USER : WSW_IDENTITY_GUEST;
        value_.subject = keep(subject);
        value_.vouched_by = keep(optional_text(from, "namespace"));
        value_.tenant = keep(optional_text(from, "tenant"));
        value_.token_id = keep(optional_text(from, "token_id"));
        value_.session_id = keep(optional_text(from, "session_id"));
        value_.expires = optional_number(from, "expires").value_or(0) * SECOND;
        value_.issued_at = optional_number(from, "issued_at").value_or(0) * SECOND;
        if (const json *scopes = optional(from, "scopes")) {
            if (!scopes->is_array()) throw wrong("scopes: expected an array of strings");
            for (const json &scope : *scopes) {
                if (!scope.is_string()) throw wrong("scopes: expected an array of strings");
                scopes_.push_back(keep(scope.get<std::string>()));
            }
        }
        value_.scopes = scopes_.data();
        value_.scope_count = scopes_.size();
    }
    identity(const identity &) = delete;
    const wsw_identity *get() const { return &value_; }

private:
    wsw_str keep(std::optional<std::string> text) {
        texts_.push_back(std::make_unique<std::string>(text.value_or("")));
        return wsw::str(*texts_.back());
    }
    wsw_identity value_{};
    std::vector<std::unique_ptr<std::string>> texts_;
    std::vector<wsw_str> scopes_;
};

// A request as a question describes it, with the texts it refers to.
class asked {
public:
    explicit asked(const json &from)
        : method_(optional_text(from, "method").value_or("GET")), target_(text(from, "target")),
          peer_(optional_text(from, "peer")), tls_(flag(from, "tls")) {
        auto version = optional_text(from, "version").value_or("1.1");
        version_ = version == "1.1" ? WSW_HTTP_1_1 : version == "1.0" ? WSW_HTTP_1_0 : WSW_HTTP_2;
        if (version_ == WSW_HTTP_2 && version != "2") throw wrong("version: expected \"1.0\", \"1.1\" or \"2\"");
        const json *headers = optional(from, "headers");
        if (headers != nullptr && !headers->is_array()) throw wrong("headers: expected an array");
        for (const json &pair : headers == nullptr ? json::array() : *headers) {
            if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_string()) {
                throw wrong("headers: expected an array of [name, value]");
            }
            headers_.emplace_back(pair[0].get<std::string>(), pair[1].get<std::string>());
        }
    }

    wsw::screening screen(const wsw::guard &guard, wsw::time now) const {
        wsw::request request(method_, target_, version_);
        for (const auto &[name, value] : headers_) request.add(name, value);
        return checked(guard.screen(request, connection(peer_, tls_), now));
    }

    static wsw_connection connection(const std::optional<std::string> &peer, bool tls) {
        return peer ? wsw::connection(*peer, tls) : wsw::unix_connection(tls);
    }

    // What is the caller's mistake, here the question's.
    static wsw::screening checked(wsw::screening screened) {
        if (screened.status >= WSW_STATUS_NULL_POINTER) throw wrong(wsw_last_error_message());
        return screened;
    }

private:
    std::string method_, target_;
    std::optional<std::string> peer_;
    bool tls_;
    int version_ = WSW_HTTP_1_1;
    std::vector<std::pair<std::string, std::string>> headers_;
};

inline bool has_wait(std::uint8_t reason) { return wsw_reason_retry(reason) == std::string_view("after_delay"); }

inline json headers_of(const wsw::response &response) {
    json all = json::array();
    for (auto [name, value] : response.headers()) all.push_back({std::string(name), std::string(value)});
    return all;
}

inline json need_of(wsw::registry &registry, std::uint64_t handle) {
    wsw_need need{};
    need.size = sizeof need;
    if (wsw_registry_need(registry.get(), handle, &need) != WSW_STATUS_OK) throw wrong(wsw_last_error_message());
    switch (need.kind) {
    case WSW_NEED_IDENTITY:
        return {{"need", "identity"}, {"token", std::string(wsw::view(need.token))}};
    case WSW_NEED_KEYS:
        return {{"need", "keys"}, {"url", std::string(wsw::view(need.url))}};
    case WSW_NEED_TICKET:
        return {{"need", "ticket"}, {"id", encoded(wsw::view(need.ticket_id))}};
    default:
        throw wrong("a need that no story has");
    }
}

// The subject of a session's identity; null for a guest.
inline json subject_of(const wsw_identity &identity) {
    if (identity.kind != WSW_IDENTITY_USER) return nullptr;
    return std::string(wsw::view(identity.subject));
}
