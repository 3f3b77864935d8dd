#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <custody/json.hpp>

namespace custody::base {

/// Names the first rule that metadata breaks (ssn, phone, email, ipv4, url, date_of_birth, record_number, age_over_89,
/// key_name), or nullopt. Looks at keys and values at every depth. It can't know names of people.
std::optional<std::string> find_phi(const json& metadata);

/// The text with whatever the guard knows replaced by `[rule]`.
std::string withhold_phi(std::string_view text);

}  // namespace custody::base
