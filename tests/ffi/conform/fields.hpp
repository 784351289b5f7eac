// Reading the fields of a question, each with an error that names it; base64.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <wswarden.hpp>

using nlohmann::json;

// What is wrong with a question.
struct wrong : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// A field that is there and not null.
inline const json *optional(const json &from, const char *name) {
    if (!from.is_object()) return nullptr;
    auto found = from.find(name);
    return found == from.end() || found->is_null() ? nullptr : &*found;
}

inline const json &required(const json &from, const char *name) {
    const json *value = optional(from, name);
    if (value == nullptr) throw wrong(std::string(name) + " is missing");
    return *value;
}

inline std::optional<std::string> optional_text(const json &from, const char *name) {
    const json *value = optional(from, name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_string()) throw wrong(std::string(name) + ": expected a string");
    return value->get<std::string>();
}

inline std::string text(const json &from, const char *name) {
    required(from, name);
    return *optional_text(from, name);
}

inline std::optional<std::uint64_t> optional_number(const json &from, const char *name) {
    const json *value = optional(from, name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number_unsigned()) throw wrong(std::string(name) + ": expected a whole number, 0 or more");
    return value->get<std::uint64_t>();
}

inline std::uint64_t number(const json &from, const char *name) {
    required(from, name);
    return *optional_number(from, name);
}

inline bool flag(const json &from, const char *name) {
    const json *value = optional(from, name);
    if (value == nullptr) return false;
    if (!value->is_boolean()) throw wrong(std::string(name) + ": expected true or false");
    return value->get<bool>();
}

inline constexpr std::string_view BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

inline std::string encoded(std::string_view bytes) {
    std::string text;
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        std::uint32_t group = 0;
        std::size_t have = std::min<std::size_t>(3, bytes.size() - at);
        for (std::size_t index = 0; index < 3; ++index) {
            group = group << 8 | (index < have ? static_cast<unsigned char>(bytes[at + index]) : 0U);
        }
        for (std::size_t index = 0; index < 4; ++index) {
            text += index <= have ? BASE64[group >> (18 - 6 * index) & 63] : '=';
        }
    }
    return text;
}

inline std::string decoded(const json &from, const char *name) {
    std::string text = ::text(from, name), bytes;
    if (text.size() % 4 != 0) throw wrong(std::string(name) + ": expected base64");
    for (std::size_t at = 0; at < text.size(); at += 4) {
        std::uint32_t group = 0;
        std::size_t have = 0;
        for (std::size_t index = 0; index < 4; ++index) {
            std::size_t digit = BASE64.find(text[at + index]);
            bool pads = text[at + index] == '=' && at + 4 == text.size() && index >= 2;
            if (digit == BASE64.npos ? !pads : have != index) throw wrong(std::string(name) + ": expected base64");
            have += digit == BASE64.npos ? 0 : 1;
            group = group << 6 | (digit == BASE64.npos ? 0U : static_cast<std::uint32_t>(digit));
        }
        for (std::size_t index = 0; index + 1 < have; ++index) {
            bytes += static_cast<char>(group >> (16 - 8 * index) & 255);
        }
    }
    return bytes;
}

// The bytes of a message: `text` as it stands, or `bytes` in base64.
inline std::string payload(const json &from, bool may_be_empty) {
    if (auto text = optional_text(from, "text")) return *text;
    return may_be_empty ? std::string() : decoded(from, "bytes");
}
