#pragma once

#include <nlohmann/json.hpp>

namespace custody {
using json = nlohmann::json;
/// Keeps the order of keys: used where the original's order of fields is part of the contract.
using ordered_json = nlohmann::ordered_json;
}  // namespace custody
