#pragma once

#include <string>
#include <string_view>

namespace custody::base {

/// What the guard knows about the values below a key: "dob" makes a date of birth of any date.
struct PhiKeyRule;

/// The rule that a key brings, or nullptr. Spelling, case and separators don't matter: "patientName", "PATIENT_NAME".
const PhiKeyRule* find_key_rule(std::string_view key);

/// Its name.
std::string_view rule_name(const PhiKeyRule& rule) noexcept;

/// Whether the rule is broken by the key itself, whatever stands below it.
bool forbids_key(const PhiKeyRule& rule) noexcept;

/// Whether a value, as text, breaks the rule of its key.
bool breaks_key_rule(const PhiKeyRule& rule, std::string_view value);

/// Whether the key speaks of a version, where "1.2.3.4" is no address.
bool is_version_key(std::string_view key);

/// The name of the first rule that a text breaks by itself; empty where it breaks none.
std::string_view find_text_rule(std::string_view text, bool below_version_key);

/// The text with each place that breaks a rule replaced by `[rule]`.
std::string replace_phi(std::string_view text);

}  // namespace custody::base
