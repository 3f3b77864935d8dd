#include "base/strict_json.hpp"

#include <cmath>
#include <set>
#include <utility>
#include <vector>

#include <custody/error.hpp>

#include "base/text.hpp"

namespace custody::base {

namespace {

[[noreturn]] void refuse(std::string_view what, const std::string& why) { throw InvalidArgument(std::string(what) + " " + why); }

std::string too_deep(const JsonLimits& limits) { return "is nested more than " + std::to_string(limits.depth) + " levels deep"; }
std::string too_large(const JsonLimits& limits) { return "is larger than " + std::to_string(limits.bytes) + " bytes"; }

constexpr const char* no_object = "must be a JSON object";
constexpr const char* holds_nul = "contains a NUL character";

/// Follows the parser without building anything, and stops it at the first thing that is not allowed. The parser keeps
/// its own stack, so nesting costs no stack of ours.
class StrictReader final : public nlohmann::json_sax<json> {
   public:
    explicit StrictReader(const JsonLimits& limits) : limits_(limits) {}

    [[nodiscard]] const std::string& complaint() const { return complaint_; }

    bool null() override { return scalar(); }
    bool boolean(bool /*value*/) override { return scalar(); }
    bool number_integer(number_integer_t /*value*/) override { return scalar(); }
    bool number_unsigned(number_unsigned_t /*value*/) override { return scalar(); }
    bool number_float(number_float_t value, const string_t& /*text*/) override {
        return std::isfinite(value) ? scalar() : stop("has a number that no double can hold");
    }
    bool string(string_t& text) override { return text.find('\0') == string_t::npos ? scalar() : stop(holds_nul); }
    bool binary(binary_t& /*value*/) override { return stop("contains binary data"); }

    bool start_object(std::size_t /*elements*/) override {
        if (keys_.size() >= limits_.depth) return stop(too_deep(limits_));
        keys_.emplace_back();
        return true;
    }
    bool key(string_t& name) override {
        if (name.find('\0') != string_t::npos) return stop(holds_nul);
        return keys_.back().insert(std::move(name)).second || stop("has a key twice in one object");
    }
    bool end_object() override { return leave(); }
    bool start_array(std::size_t /*elements*/) override {
        if (keys_.empty()) return stop(no_object);
        return start_object(0);
    }
    bool end_array() override { return leave(); }

    bool parse_error(std::size_t position, const std::string& /*token*/, const nlohmann::detail::exception& error) override {
        constexpr int number_overflow = 406;
        if (error.id == number_overflow) return stop("has a number that no double can hold");
        // The parser's own message quotes the text, which must not get into messages.
        return stop("is not valid JSON at byte " + std::to_string(position));
    }

   private:
    bool scalar() { return !keys_.empty() || stop(no_object); }
    bool leave() {
        keys_.pop_back();
        return true;
    }
    bool stop(std::string why) {
        complaint_ = std::move(why);
        return false;
    }

    const JsonLimits& limits_;
    std::vector<std::set<std::string>> keys_;  ///< of each open level; an array's stays empty
    std::string complaint_;
};

/// Builds what the parser reads; of a key that comes twice both members stay.
class OrderedReader final : public nlohmann::json_sax<ordered_json> {
   public:
    [[nodiscard]] ordered_json take() { return std::move(root_); }

    bool null() override { return put(nullptr); }
    bool boolean(bool value) override { return put(value); }
    bool number_integer(number_integer_t value) override { return put(value); }
    bool number_unsigned(number_unsigned_t value) override { return put(value); }
    bool number_float(number_float_t value, const string_t& /*text*/) override { return put(value); }
    bool string(string_t& text) override { return put(std::move(text)); }
    bool binary(binary_t& /*value*/) override { return false; }
    bool start_object(std::size_t /*elements*/) override { return open(ordered_json::object()); }
    bool key(string_t& name) override {
        key_ = std::move(name);
        return true;
    }
    bool end_object() override { return close(); }
    bool start_array(std::size_t /*elements*/) override { return open(ordered_json::array()); }
    bool end_array() override { return close(); }
    bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                     const nlohmann::detail::exception& /*error*/) override {
        return false;
    }

   private:
    ordered_json& add(ordered_json&& value) {
        if (open_.empty()) return root_ = std::move(value);
        if (open_.back()->is_array()) {
            open_.back()->push_back(std::move(value));
            return open_.back()->back();
        }
        ordered_json::object_t::Container& members = open_.back()->get_ref<ordered_json::object_t&>();
        members.emplace_back(std::move(key_), std::move(value));
        return members.back().second;
    }
    bool put(ordered_json value) {
        add(std::move(value));
        return true;
    }
    bool open(ordered_json value) {
        open_.push_back(&add(std::move(value)));
        return true;
    }
    bool close() {
        open_.pop_back();
        return true;
    }

    ordered_json root_{};
    std::vector<ordered_json*> open_{};  ///< nothing is added beside one that is open, so each stays where it is
    std::string key_{};
};

/// Why this one value, its children aside, may not stand in the text; nullptr where it may.
const char* complaint_of(const json& value) {
    switch (value.type()) {
        case json::value_t::number_float:
            return std::isfinite(value.get<double>()) ? nullptr : "has a number that is not finite";
        case json::value_t::string:
            return is_clean_utf8(value.get_ref<const std::string&>()) ? nullptr
                                                                      : "has a string with a NUL or that is not valid UTF-8";
        case json::value_t::binary:
        case json::value_t::discarded:
            return "contains a value that JSON does not have";
        default:
            return nullptr;
    }
}

/// Looks at every value without recursion: what a program hands over may be nested to any depth.
void check_tree(const json& root, const JsonLimits& limits, std::string_view what) {
    std::vector<std::pair<const json*, std::size_t>> open{{&root, 1}};
    while (!open.empty()) {
        const auto [value, level] = open.back();
        open.pop_back();
        if (const char* complaint = complaint_of(*value)) refuse(what, complaint);
        if (!value->is_structured()) continue;
        if (level > limits.depth) refuse(what, too_deep(limits));
        for (auto it = value->begin(); it != value->end(); ++it) {
            if (value->is_object() && !is_clean_utf8(it.key())) refuse(what, "has a key with a NUL or that is not valid UTF-8");
            open.emplace_back(&*it, level + 1);
        }
    }
}

}  // namespace

json parse_strict_object(std::string_view text, const JsonLimits& limits, std::string_view what) {
    if (text.size() > limits.bytes) refuse(what, too_large(limits));
    // The parser would take a NUL for the end of the text, and skip a byte order mark that other readers refuse.
    if (text.find('\0') != std::string_view::npos) refuse(what, holds_nul);
    if (text.starts_with("\xEF\xBB\xBF")) refuse(what, "begins with a byte order mark");
    StrictReader reader(limits);
    if (!json::sax_parse(text.begin(), text.end(), &reader)) refuse(what, reader.complaint());
    return json::parse(text.begin(), text.end());
}

ordered_json parse_ordered(std::string_view text) {
    OrderedReader reader;
    if (!ordered_json::sax_parse(text.begin(), text.end(), &reader)) return ordered_json::parse(text.begin(), text.end());
    return reader.take();
}

std::string dump_strict_object(const json& value, const JsonLimits& limits, std::string_view what) {
    if (!value.is_object()) refuse(what, no_object);
    check_tree(value, limits, what);
    std::string text = value.dump();
    if (text.size() > limits.bytes) refuse(what, too_large(limits));
    return text;
}

}  // namespace custody::base
