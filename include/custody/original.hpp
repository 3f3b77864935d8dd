#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <custody/audit.hpp>
#include <custody/json.hpp>

namespace custody {

/// How to read a store of the original system, and what of it may come in.
struct OriginalImport {
    /// Of the IANA database: the zone of the machine that wrote the tree's times, which say none. Empty: local time.
    std::string timezone{};
    bool allow_phi_metadata = false;        ///< audited override, as for a new artifact
    bool allow_identified_release = false;  ///< audited override, as for a new artifact
    bool dry_run = false;                   ///< says what would be done; changes nothing
    Progress progress{};                    ///< bytes of payloads
};

/// Something about the tree that whoever imports it has to know.
struct ImportRemark {
    enum class Kind {
        note,     ///< nothing was changed by it
        mended,   ///< it came over as the message says, not as it stands in the tree
        left_out  ///< it stays behind
    } kind;
    std::string path;        ///< below the tree
    std::uint64_t line = 0;  ///< of an audit file; 0: the file as a whole
    std::string subject{};   ///< what of it: an artifact's id, a JSON pointer; may be empty
    std::string message;
};

/// What an import found and did. Each count of things that came over leaves out what an earlier import had brought in.
struct ImportReport {
    std::vector<ImportRemark> remarks;  ///< by path and line
    std::uint64_t artifacts = 0;        ///< came over
    std::uint64_t artifacts_there = 0;  ///< were in the store already
    std::uint64_t payloads = 0;         ///< came over, verified
    std::uint64_t payload_bytes = 0;
    std::uint64_t links = 0;
    std::uint64_t runs = 0;
    std::uint64_t runs_there = 0;
    std::uint64_t audit_entries = 0;
    std::uint64_t audit_entries_there = 0;
    std::string timezone;  ///< that was used
    bool dry_run = false;
    [[nodiscard]] CUSTODY_API std::uint64_t count(ImportRemark::Kind kind) const noexcept;
    /// Nothing was left out.
    [[nodiscard]] CUSTODY_API bool ok() const noexcept;
};

struct OriginalExport {
    std::string timezone{};  ///< of the times that are written, which the original takes for local ones. Empty: local time
    Progress progress{};     ///< bytes of payloads
};

/// What of the store has its place in the original's tree, and what has none.
struct ExportReport {
    std::filesystem::path folder;
    std::uint64_t artifacts = 0;
    std::uint64_t payloads = 0;
    std::uint64_t payload_bytes = 0;
    std::uint64_t runs = 0;
    std::uint64_t audit_entries = 0;
    std::uint64_t audit_entries_left_out = 0;  ///< of operations that the original doesn't have
    std::vector<ImportRemark> remarks;         ///< what has no place there, one by one
    std::string timezone;
    /// Nothing was left out but entries of the trail.
    [[nodiscard]] CUSTODY_API bool ok() const noexcept;
};

[[nodiscard]] CUSTODY_API ordered_json to_json(const ImportRemark& remark);
[[nodiscard]] CUSTODY_API ordered_json to_json(const ImportReport& report);
[[nodiscard]] CUSTODY_API ordered_json to_json(const ExportReport& report);

}  // namespace custody
