// A story with a virtual clock: connections that open, speak, wait and close under one guard.
#pragma once

#include <algorithm>

#include "server.hpp"

class script {
public:
    static json play(const json &question) {
        auto policy = policy_of(question);
        auto guard = guard_of(policy, optional_number(question, "seed").value_or(0));
        script story(guard, question);
        return {{"steps", story.steps()}};
    }

private:
    struct connection {
        std::string name;
        std::uint64_t handle = 0; // 0 when it was refused or is gone
        std::uint64_t session = 0;
    };

    script(wsw::guard &guard, const json &question) : guard_(guard), registry_(guard, 0), question_(question) {}

    json steps() {
        json said = json::array();
        std::uint64_t at = 0, unix = optional_number(question_, "unix").value_or(UNIX);
        const json *steps = optional(question_, "steps");
        if (steps != nullptr && !steps->is_array()) throw wrong("steps: expected an array");
        for (const json &one : steps == nullptr ? json::array() : *steps) {
            at = optional_number(one, "at").value_or(at);
            auto civil = optional_number(one, "unix");
            now_ = {at, civil ? *civil * SECOND : unix * SECOND + at};
            said.push_back(step(one));
        }
        return said;
    }

    json step(const json &one) {
        static constexpr const char *VERBS[] = {"open",         "receive", "tick", "sent", "drained", "provide", "revalidated",
                                                "authenticate", "close",   "lost", "join", "leave",   "revoke",  "policy",
                                                "drain",        "stats",   "mint", "keys", "guard"};
        std::string verb;
        for (const char *name : VERBS) {
            if (optional(one, name) == nullptr) continue;
            if (!verb.empty()) throw wrong("expected exactly one verb");
            verb = name;
        }
        if (verb == "open") return open(one);
        if (verb == "tick") return tick();
        if (verb == "revoke") return revoke(one);
        if (verb == "policy") return reload(one);
        if (verb == "drain") return affected(guard_.try_drain(now_.mono_ns));
        if (verb == "stats") return stats();
        if (verb == "mint") return mint(required(one, "mint"));
        if (verb == "keys") return keys(one);
        if (verb == "guard") return guard_due();
        if (verb.empty()) throw wrong("expected exactly one verb");
        return on_connection(verb, one);
    }

    json open(const json &one) {
        const json *request = &required(one, "open");
        auto known = request->is_string() ? std::optional(request->get<std::string>()) : std::nullopt;
        if (known) request = &required(required(question_, "requests"), known->c_str());
        auto name = optional_text(one, "as").value_or(known.value_or(""));
        if (name.empty()) throw wrong("as is missing");
        for (const auto &held : connections_) {
            if (held.name == name && held.handle != 0) throw wrong(name + " is open");
        }
        auto is_named = [&](const connection &held) { return held.name == name; };
        connections_.erase(std::remove_if(connections_.begin(), connections_.end(), is_named), connections_.end());
        connections_.push_back({name});
        auto screened = asked(*request).screen(guard_, now_);
        if (!screened) return refused(screened.response);
        auto admitted = registry_.admit(std::move(screened.candidate), now_);
        const json *who = optional(one, "identity");
        if (admitted.waits() && who != nullptr) {
            admitted = registry_.provide(admitted.handle, WSW_ANSWER_IDENTITY, identity(*who).get(), now_);
        }
        return became(connections_.back(), admitted);
    }

    // What became of the candidate with this name.
    json became(connection &one, const wsw::admission &admitted) {
        one.handle = admitted.is_refused() ? 0 : admitted.handle;
        if (admitted.is_refused()) return refused(admitted.response);
        if (admitted.waits()) {
            json said = {{"verdict", "wait"}};
            said.update(need_of(registry_, one.handle));
            return said;
        }
        if (!admitted.is_open()) return {{"verdict", "stale"}};
        auto session = *registry_.session(one.handle);
        one.session = session.id;
        json said = {{"verdict", "open"}, {"status", admitted.response.status()}};
        if (auto who = registry_.identity(one.handle)) {
            said["subject"] = subject_of(*who);
        } else {
            said["pending"] = session.is_pending == 1;
        }
        return said;
    }

    static json refused(const wsw::response &response) {
        json said = {{"verdict", "refuse"}, {"status", response.status()}, {"reason", wsw_reason_name(response.reason())}};
        if (response.retry_after() != wsw::never) said["retry_after"] = response.retry_after();
        return said;
    }

    json on_connection(const std::string &verb, const json &one) {
        auto name = text(one, verb.c_str());
        auto found = std::find_if(connections_.begin(), connections_.end(), [&](auto &held) { return held.name == name; });
        if (found == connections_.end()) throw wrong("nothing was opened as " + name);
        std::uint64_t handle = found->handle;
        bool is_session = handle != 0 && registry_.session(handle).has_value();
        if (handle == 0) return {{"verdict", "stale"}};
        if (verb == "provide" && !is_session) {
            auto [answer, who] = answer_of(one);
            return became(*found, registry_.provide(handle, answer, who ? who->get() : nullptr, now_));
        }
        if (verb == "lost") return lost(*found);
        if (!is_session) return {{"verdict", "stale"}};
        if (verb == "receive") return receive(handle, one);
        if (verb == "sent") return sent(handle, number(one, "bytes"));
        if (verb == "drained") return {{"ok", registry_.drained(handle, number(one, "bytes")) == WSW_STATUS_OK}};
        if (verb == "close") return closed(handle, one);
        if (verb == "join") {
            auto status = registry_.join(handle, text(one, "channel"));
            if (status != WSW_STATUS_REFUSED) return {{"ok", status == WSW_STATUS_OK}};
            return {{"ok", false}, {"reason", wsw_reason_name(WSW_REASON_TOO_MANY_CHANNELS)}};
        }
        if (verb == "leave") return {{"ok", registry_.leave(handle, text(one, "channel")) == WSW_STATUS_OK}};
        if (verb == "authenticate") return judged(handle, registry_.authenticate(handle, payload(one, false), now_));
        auto [answer, who] = answer_of(one);
        const wsw_identity *given = who ? who->get() : nullptr;
        if (verb == "provide") return judged(handle, registry_.provide_session(handle, answer, given, now_));
        return outcome(handle, registry_.revalidated(handle, answer, given, now_).verdict, "");
    }

    json receive(std::uint64_t handle, const json &one) {
        auto kind = text(one, "kind");
        auto bytes = payload(one, kind == "close");
        if (kind == "close") {
            auto code = optional_number(one, "code");
            if (code.value_or(0) > 65535) throw wrong("code: expected a number below 65536");
            bytes = code ? std::string{static_cast<char>(*code >> 8), static_cast<char>(*code & 255)} : std::string();
        }
        int opcode = kind == "text" ? WSW_TEXT : kind == "binary" ? WSW_BINARY : kind == "ping" ? WSW_PING_FRAME
                     : kind == "pong" ? WSW_PONG_FRAME : kind == "close" ? WSW_CLOSE_FRAME : 0;
        if (opcode == 0) throw wrong("kind: expected \"text\", \"binary\", \"ping\", \"pong\" or \"close\"");
        return outcome(handle, registry_.receive(handle, opcode, bytes, now_.mono_ns), bytes);
    }

    json sent(std::uint64_t handle, std::uint64_t bytes) {
        int pressure = registry_.queued(handle, bytes, now_.mono_ns);
        if (pressure == WSW_PRESSURE_FREE) return {{"pressure", "free"}};
        if (pressure == WSW_PRESSURE_FULL) return {{"pressure", "full"}};
        auto close = registry_.outcome().value();
        json said = {{"pressure", "close"}, {"code", close.close_code}, {"reason", wsw_reason_name(close.reason)}};
        return with_event(said);
    }

    json closed(std::uint64_t handle, const json &one) {
        auto name = optional_text(one, "reason").value_or("closed_by_host");
        for (int reason = 1; reason < 256; ++reason) {
            const char *have = wsw_reason_name(static_cast<std::uint8_t>(reason));
            if (have != nullptr && have == name) {
                auto done = registry_.close(handle, static_cast<std::uint8_t>(reason), now_.mono_ns);
                return outcome(handle, done.verdict, "");
            }
        }
        throw wrong("reason: there is no such reason");
    }

    // The connection is cut: a candidate is let go, a session says what is to be recorded.
    json lost(connection &one) {
        json said = {{"ok", true}};
        if (registry_.lost(one.handle, now_.mono_ns) == WSW_STATUS_OK) said = with_event(said);
        remove(one.handle);
        return said;
    }

    void remove(std::uint64_t handle) {
        registry_.remove(handle);
        for (auto &one : connections_) {
            if (one.handle == handle) one.handle = 0;
        }
    }

    static std::pair<wsw_answer, std::unique_ptr<identity>> answer_of(const json &one) {
        const json &answer = required(one, "answer");
        if (const json *who = optional(answer, "identity")) return {WSW_ANSWER_IDENTITY, std::make_unique<identity>(*who)};
        static constexpr std::pair<const char *, wsw_answer> WORDS[] = {{"refused", WSW_ANSWER_REFUSED},
                                                                         {"unavailable", WSW_ANSWER_UNAVAILABLE},
                                                                         {"keys", WSW_ANSWER_KEYS},
                                                                         {"unused", WSW_ANSWER_UNUSED}};
        for (auto [name, said] : WORDS) {
            const json *value = optional(answer, name);
            if (value != nullptr && *value == true) return {said, nullptr};
        }
        throw wrong("answer: expected identity, refused, unavailable, keys or unused");
    }

    json judged(std::uint64_t handle, wsw::judgement done) {
        if (done.status == WSW_STATUS_WAIT) {
            json said = {{"verdict", "wait"}};
            said.update(need_of(registry_, handle));
            return said;
        }
        json said = outcome(handle, done.verdict, "");
        auto who = registry_.identity(handle);
        if (done.verdict.what() == WSW_IGNORE && who) said["subject"] = subject_of(*who);
        return said;
    }

    json outcome(std::uint64_t handle, wsw::verdict verdict, const std::string &payload) {
        static constexpr const char *NAMES[] = {"invalid", "deliver", "reply", "drop",
                                                "close",   "authenticate", "pong", "ignore"};
        json said = {{"verdict", NAMES[verdict.what()]}};
        auto full = registry_.outcome();
        if (verdict.delivers()) {
            auto type = registry_.type_name(handle, verdict);
            if (!type.empty()) said["type"] = std::string(type);
        }
        if (verdict.what() == WSW_REPLY) said["bytes"] = encoded(wsw::view(full->payload));
        if (verdict.what() == WSW_CLOSE) {
            said["code"] = full->close_code;
            auto frame = wsw::view(full->payload), reason = wsw::view(full->close_text);
            if (full->close_code != 0 && frame.substr(2) != reason) throw wrong("the close frame is not the close");
        }
        if (verdict.what() == WSW_PONG) said["bytes"] = encoded(payload);
        if (verdict.reason() != WSW_REASON_NONE) {
            said["reason"] = wsw_reason_name(verdict.reason());
            auto wait = registry_.retry_after(handle, now_.mono_ns);
            if (wait != wsw::never && has_wait(verdict.reason())) said["retry_after"] = wait;
        }
        return with_event(said);
    }

    json with_event(json said) {
        static constexpr const char *KINDS[] = {"",        "opened",    "authenticated", "refreshed",
                                                "limited", "violation", "expired",       "closed"};
        if (auto event = registry_.event()) {
            said["event"] = KINDS[event->kind];
            if (event->suppressed > 0) said["suppressed"] = event->suppressed;
        }
        return said;
    }

    json tick() {
        std::vector<std::pair<std::size_t, json>> due;
        for (std::size_t round = 0; round <= connections_.size(); ++round) {
            while (auto next = registry_.tick(now_.mono_ns)) due.push_back(ticked(next));
            if (registry_.next_timeout() > now_.mono_ns) break;
        }
        std::stable_sort(due.begin(), due.end(), [](auto &a, auto &b) { return a.first < b.first; });
        json all = json::array();
        for (auto &[order, said] : due) all.push_back(said);
        return {{"due", all}};
    }

    std::pair<std::size_t, json> ticked(const wsw::due &next) {
        static constexpr const char *ACTIONS[] = {"", "ping", "close", "revalidate", "expired", "terminate"};
        std::uint64_t handle = next.tick.handle;
        auto is_it = [&](const connection &one) { return one.handle == handle; };
        auto found = std::find_if(connections_.begin(), connections_.end(), is_it);
        auto order = static_cast<std::size_t>(found - connections_.begin());
        json said = {{"session", found == connections_.end() ? json() : json(found->name)}};
        if (next.status == WSW_STATUS_REFUSED) {
            said.update(refused(next.response));
            remove(handle);
            return {order, said};
        }
        said["action"] = ACTIONS[next.tick.action];
        if (next.tick.action == WSW_ACTION_PING) said["bytes"] = encoded(wsw::view(next.tick.payload));
        if (next.tick.action == WSW_ACTION_CLOSE) {
            said["code"] = next.tick.close_code;
            said["reason"] = wsw_reason_name(next.tick.reason);
        }
        said = with_event(said);
        if (next.tick.action == WSW_ACTION_TERMINATE) remove(handle);
        return {order, said};
    }

    json affected(wsw::result<std::vector<std::uint64_t>> ids) {
        if (!ids) return {{"error", ids.message()}};
        json names = json::array();
        for (const auto &one : connections_) {
            if (one.session != 0 && std::count(ids->begin(), ids->end(), one.session) > 0) names.push_back(one.name);
        }
        return {{"affected", names}};
    }

    json revoke(const json &one) {
        const json &what = required(one, "revoke");
        wsw_revocation revocation{};
        revocation.size = sizeof revocation;
        const json *about = optional(what, "token");
        revocation.kind = WSW_REVOKE_TOKEN;
        if (about == nullptr) {
            about = optional(what, "session");
            revocation.kind = WSW_REVOKE_SESSION;
        }
        if (about == nullptr) {
            about = &required(what, "user");
            revocation.kind = WSW_REVOKE_USER;
        }
        bool is_user = revocation.kind == WSW_REVOKE_USER;
        auto vouched_by = optional_text(*about, "namespace").value_or("");
        auto tenant = optional_text(*about, "tenant").value_or("");
        auto subject = is_user ? text(*about, "subject") : "", id = is_user ? "" : text(*about, "id");
        revocation.vouched_by = wsw::str(vouched_by);
        revocation.tenant = wsw::str(tenant);
        revocation.subject = wsw::str(subject);
        revocation.id = wsw::str(id);
        auto until = optional_number(*about, "issued_until");
        revocation.issued_until = until ? *until * SECOND : now_.unix_ns;
        return affected(guard_.try_revoke(revocation, optional_number(one, "lasts").value_or(wsw::never), now_.unix_ns));
    }

    json reload(const json &one) {
        auto policy = wsw::policy::try_from_json(required(one, "policy").dump());
        if (!policy) return {{"error", policy.message()}};
        return affected(guard_.try_reload(*policy));
    }

    json mint(const json &asked) {
        identity who(required(asked, "identity"));
        auto path = text(asked, "path"), origin = optional_text(asked, "origin").value_or("");
        auto address = optional_text(asked, "address").value_or("");
        std::uint8_t entropy[32] = {};
        for (int index = 0; index < 8; ++index) {
            entropy[index] = static_cast<std::uint8_t>(number(asked, "entropy") >> (56 - 8 * index));
        }
        wsw_binding binding{sizeof binding, 0, wsw::str(path), wsw::str(origin), wsw::str(address), entropy};
        wsw_ticket *made = nullptr;
        auto status = wsw_guard_mint_ticket(guard_.get(), who.get(), &binding, now_, &made);
        if (status >= WSW_STATUS_NULL_POINTER) throw wrong(wsw_last_error_message());
        wsw::detail::owned<wsw_ticket, wsw_ticket_free> ticket(made);
        if (status == WSW_STATUS_OK) return {{"ticket", std::string(wsw::view(wsw_ticket_text(made)))}};
        return {{"error", std::string(wsw::view(wsw_ticket_detail(made)))},
                {"reason", wsw_reason_name(wsw_ticket_reason(made))}};
    }

    json keys(const json &one) {
        auto url = text(one, "keys");
        const json *body = optional(one, "body");
        auto status = WSW_STATUS_OK;
        if (body == nullptr) {
            status = wsw_guard_keys_failed(guard_.get(), wsw::str(url));
        } else {
            auto bytes = body->is_string() ? body->get<std::string>() : body->dump();
            status = wsw_guard_keys_fetched(guard_.get(), wsw::str(url), wsw::str(bytes), now_.mono_ns);
        }
        if (status != WSW_STATUS_OK) return {{"error", wsw_last_error_message()}};
        return {{"ok", true}};
    }

    json guard_due() {
        json due = json::array(), next;
        wsw_fetch *made = nullptr;
        while (wsw_guard_tick(guard_.get(), now_.mono_ns, &made) == WSW_STATUS_OK) {
            wsw::detail::owned<wsw_fetch, wsw_fetch_free> fetch(made);
            due.push_back({{"action", "fetch_keys"}, {"url", std::string(wsw::view(wsw_fetch_url(made)))}});
        }
        std::uint64_t at = 0;
        if (wsw_guard_next_timeout(guard_.get(), &at) == WSW_STATUS_OK) next = at;
        return {{"due", due}, {"next", next}};
    }

    json stats() const {
        auto stats = guard_.stats();
        json refused = json::object();
        for (int reason = 1; reason < 256; ++reason) {
            auto count = wsw_guard_refused(guard_.get(), static_cast<std::uint8_t>(reason));
            if (count > 0) refused[wsw_reason_name(static_cast<std::uint8_t>(reason))] = count;
        }
        return {{"connections", stats.connections}, {"unauthenticated", stats.unauthenticated},
                {"sessions", stats.sessions},       {"opened", stats.opened},
                {"refused", refused},               {"addresses", stats.addresses},
                {"users", stats.users}};
    }

    wsw::guard &guard_;
    wsw::registry registry_;
    const json &question_;
    std::vector<connection> connections_; // in the order they were opened
    wsw::time now_{};
};
