#pragma once

#include <cstdint>
#include <custody/artifact.hpp>
#include <functional>
#include <string>

namespace custody::sqlite {
class Connection;
}

namespace custody::audit {

/// Called with the number of an entry (0: none) and what is wrong there.
using Complaint = std::function<void(std::int64_t seq, const std::string& kind, const std::string& message)>;

/// Looks at every line: numbers without gaps, canonical JSON that says its own number, openings that match their
/// commitments. Answers how many entries there are.
std::int64_t check_lines(sqlite::Connection& connection, const Complaint& complain);

/// Recomputes an artifact's row from the entries about it and says where the two differ.
void check_artifact(sqlite::Connection& connection, const Artifact& artifact,
                    const std::function<void(const std::string&)>& complain);

}  // namespace custody::audit
