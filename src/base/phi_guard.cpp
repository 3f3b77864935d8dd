#include "base/phi_guard.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/phi_rules.hpp"

namespace custody::base {

namespace {

/// A value still to be looked at, and what the keys on the way to it say.
struct Visit {
    const json* value;
    const PhiKeyRule* key_rule = nullptr;  ///< of the nearest key; holds for the elements of an array too
    bool below_version_key = false;
};

std::string_view check_scalar(const Visit& visit) {
    const json& value = *visit.value;
    if (!value.is_string() && !value.is_number()) return {};
    if (visit.key_rule != nullptr) {
        const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
        if (breaks_key_rule(*visit.key_rule, text)) return rule_name(*visit.key_rule);
    }
    if (!value.is_string()) return {};  // a bare number is nothing without its key
    return find_text_rule(value.get_ref<const std::string&>(), visit.below_version_key);
}

std::string_view check_key(const std::string& key, Visit& child) {
    child.key_rule = find_key_rule(key);
    child.below_version_key = child.below_version_key || is_version_key(key);
    // Whether there is such a thing ({"patient_name": true}) says nothing about a person.
    const bool says_something = !child.value->is_null() && !child.value->is_boolean();
    if (child.key_rule != nullptr && forbids_key(*child.key_rule) && says_something) return rule_name(*child.key_rule);
    return find_text_rule(key, child.below_version_key);
}

/// Checks the keys, and puts the children on the stack, the first on top.
std::string_view enter(const Visit& parent, std::vector<Visit>& open) {
    const auto first = static_cast<std::ptrdiff_t>(open.size());
    for (auto it = parent.value->begin(); it != parent.value->end(); ++it) {
        Visit child{&*it, parent.key_rule, parent.below_version_key};
        if (parent.value->is_object()) {
            const auto rule = check_key(it.key(), child);
            if (!rule.empty()) return rule;
        }
        open.push_back(child);
    }
    std::reverse(open.begin() + first, open.end());
    return {};
}

}  // namespace

std::optional<std::string> find_phi(const json& metadata) {
    std::vector<Visit> open{{&metadata}};
    while (!open.empty()) {
        const Visit visit = open.back();
        open.pop_back();
        const auto rule = visit.value->is_structured() ? enter(visit, open) : check_scalar(visit);
        if (!rule.empty()) return std::string(rule);
    }
    return std::nullopt;
}

std::string withhold_phi(std::string_view text) { return replace_phi(text); }

}  // namespace custody::base
