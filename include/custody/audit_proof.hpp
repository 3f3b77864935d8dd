#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <custody/audit.hpp>
#include <custody/finding.hpp>
#include <custody/ids.hpp>

namespace custody {

/// What to check a trail against, beyond itself.
struct TrailVerifyOptions {
    /// Verifier keys (C2SP form, as `keygen` prints them) that are known from elsewhere to be the right ones: a signature by any
    /// other key is then a finding. What counts is the public key in them, so a pinned key outlives a restore.
    std::vector<std::string> keys{};
    /// A file to which `seal` appended its notes, kept where nobody who can change the store can change it.
    std::filesystem::path anchor{};
    Progress progress{};  ///< entries read
};

/// What a verification of the trail has found, and what it has proven.
struct TrailReport {
    std::vector<Finding> findings;
    std::uint64_t entries = 0;          ///< that were read
    std::uint64_t first_seq = 1;        ///< of these
    std::uint64_t sealed_entries = 0;   ///< entries 1 to this one are covered by a checkpoint that was checked; 0: none
    std::string sealed_at;              ///< time of the last one of these
    std::string sealed_by;              ///< verifier key of that checkpoint
    bool pinned = false;                ///< whether that key was given in the options (or is named by one that was)
    std::uint64_t entries_after = 0;    ///< entries that no checkpoint covers
    std::uint64_t withdrawn_texts = 0;  ///< commitments whose text is not there
    std::optional<Digest> root;         ///< of the tree over all entries read
    bool audited = true;                ///< whether a verification of a store could leave its own entry
    /// No finding of severity error.
    [[nodiscard]] CUSTODY_API bool ok() const noexcept;
    /// "sealed to entry 812, of time 2026-11-23T02:07:16.146392+00:00, by key … (pinned by --key); 3 entries after it"
    [[nodiscard]] CUSTODY_API std::string statement() const;
};

[[nodiscard]] CUSTODY_API ordered_json to_json(const TrailReport& report);

/// Verifies exported files without a store: a folder of month files, one month (either of its files), or the proof of an entry.
/// Never throws for what it finds. @throws IoError where there is nothing to read; InvalidArgument for a malformed key
[[nodiscard]] CUSTODY_API TrailReport verify_audit_files(const std::filesystem::path& path,
                                                         const TrailVerifyOptions& options = {});

}  // namespace custody
