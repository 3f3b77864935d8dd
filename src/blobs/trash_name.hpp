#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace custody::blobs {

/// `<name>.<seconds since 1970>.<16 hexadecimal digits>`. The time of the removal stands in the name, because no time
/// of the file itself can carry it: its modification time is the payload's and is compared with the catalog should it be
/// linked again, and its change time moves with every link, chmod and restore of a backup.
std::string trash_name(std::string_view name);

/// The time in a name of that form.
std::optional<std::int64_t> removed_at_seconds(std::string_view trash_name);

}  // namespace custody::blobs
