/* Part of wswarden.hpp: the judge of JSON alone, and tapes. */
#ifndef WSWARDEN_HPP
#include "wswarden.hpp" // which has this one where it belongs
#elif !defined(WSWARDEN_SCHEMA_HPP)
#define WSWARDEN_SCHEMA_HPP

namespace wsw {

/// The values of the last message that was accepted with it. One thread at a time. See `wsw_tape`.
class tape {
public:
    static result<tape> try_make() {
        wsw_tape *made = nullptr;
        const wsw_status status = wsw_tape_new(&made);
        return status == WSW_STATUS_OK ? result<tape>(tape(made)) : result<tape>(status);
    }
#ifdef WSW_EXCEPTIONS
    tape() : tape(detail::unwrap(try_make())) {}
#endif

    [[nodiscard]] std::size_t size() const noexcept { return list().second; }
    [[nodiscard]] const wsw_value *begin() const noexcept { return list().first; }
    [[nodiscard]] const wsw_value *end() const noexcept {
        const auto [first, count] = list();
        return first + count;
    }
    /// The text of the string or key at `index` of the message that it was filled from; none for what is neither. It is
    /// in the message itself where nothing is escaped, else valid until the next text is asked for, or the tape is
    /// filled again or freed. The entries stay until one of the latter.
    [[nodiscard]] std::optional<std::string_view> text(std::size_t index, std::string_view message) const noexcept {
        wsw_str text{};
        const auto *bytes = reinterpret_cast<const std::uint8_t *>(message.data());
        const wsw_status status = wsw_tape_text(get(), index, bytes, message.size(), &text);
        return status == WSW_STATUS_OK ? std::optional(view(text)) : std::nullopt;
    }
    [[nodiscard]] wsw_tape *get() const noexcept { return tape_.get(); }

private:
    [[nodiscard]] std::pair<const wsw_value *, std::size_t> list() const noexcept {
        const wsw_value *first = nullptr;
        const std::size_t count = wsw_tape_entries(get(), &first);
        return {first, count};
    }
    explicit tape(wsw_tape *made) : tape_(made) {}
    detail::owned<wsw_tape, wsw_tape_free> tape_;
};

/// Whether JSON is valid, and why not. One that was never judged is not.
struct [[nodiscard]] validity {
    wsw_status status = WSW_STATUS_INVALID;
    wsw_flaw flaw{};

    explicit operator bool() const noexcept { return status == WSW_STATUS_OK; }
};

/// A compiled JSON Schema. Any number of threads may use it. See `wsw_schema`.
class schema {
public:
    static result<schema> try_compile(std::string_view json, const wsw_schema_options *options = nullptr) {
        wsw_schema *made = nullptr;
        const wsw_status status = wsw_schema_compile(str(json), options, &made);
        return status == WSW_STATUS_OK ? result<schema>(schema(made)) : result<schema>(status);
    }
#ifdef WSW_EXCEPTIONS
    explicit schema(std::string_view json, const wsw_schema_options *options = nullptr)
        : schema(detail::unwrap(try_compile(json, options))) {}
#endif

    /// See `wsw_schema_judge`.
    validity judge(std::string_view json) const noexcept {
        validity found;
        const auto *bytes = reinterpret_cast<const std::uint8_t *>(json.data());
        found.status = wsw_schema_judge(get(), bytes, json.size(), &found.flaw);
        return found;
    }
    /// See `wsw_schema_read`.
    validity read(std::string_view json, tape &tape) const noexcept {
        validity found;
        const auto *bytes = reinterpret_cast<const std::uint8_t *>(json.data());
        found.status = wsw_schema_read(get(), bytes, json.size(), tape.get(), &found.flaw);
        return found;
    }
    /// Where JSON goes wrong, in words; none where it does not. Valid until this thread's next call.
    [[nodiscard]] std::optional<wsw_explanation> explain(std::string_view json) const noexcept {
        wsw_explanation why{};
        why.size = sizeof why;
        const auto *bytes = reinterpret_cast<const std::uint8_t *>(json.data());
        const wsw_status status = wsw_schema_explain(get(), bytes, json.size(), &why);
        return status == WSW_STATUS_OK ? std::optional(why) : std::nullopt;
    }
    /// "fast", "mixed" or "full".
    [[nodiscard]] std::string_view engine() const noexcept { return view(wsw_schema_engine(get())); }
    [[nodiscard]] const wsw_schema *get() const noexcept { return schema_.get(); }

private:
    explicit schema(wsw_schema *made) : schema_(made) {}
    detail::owned<wsw_schema, wsw_schema_free> schema_;
};

} // namespace wsw

#endif
