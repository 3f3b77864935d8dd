#pragma once

#include <string>
#include <vector>

#include <custody/artifact_manager.hpp>

namespace custody::cli {

/// Audit entries as a JSON array.
void put_entries(const std::vector<AuditEntry>& entries);
/// Time, seq, user, operation/action, outcome, artifact.
void print_entries(const std::vector<AuditEntry>& entries);
/// The same for one artifact: its details instead of its id.
void print_history(const std::vector<AuditEntry>& entries);

/// The message for an id that the store doesn't have.
std::string unknown_artifact(const ArtifactId& id);

}  // namespace custody::cli
