// The original's audit entries: history that is kept as it was, in its order, and never twice.

#include <algorithm>
#include <array>
#include <unordered_map>

#include "audit/table.hpp"
#include "base/text.hpp"
#include "manager/original_import.hpp"

namespace custody::manager {

namespace {

constexpr std::size_t lines_in_one = 1000;

// "audit/audit_202401.jsonl:17", or ":17.2" for the second of several in a line.
std::string place_of(const original::Line& line) {
    auto place = line.path;
    if (line.line != 0) place.append(":").append(std::to_string(line.line));
    if (line.part > 1) place.append(".").append(std::to_string(line.part));
    return place;
}

bool has_id(const original::Line& line) {
    const auto& id = line.entry_id;
    return line.whole && !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
                      c == '.' || c == ':';
           });
}

// What an entry of this trail would mean must not be said by a line of another's.
bool is_reserved(const std::string& operation) {
    static constexpr std::array<std::string_view, 6> own = {"artifact_hold", "artifact_type", "audit_access",
                                                            "audit_trail",   "sql",           "store"};
    return std::find(own.begin(), own.end(), operation) != own.end();
}

// In the original a lookup that finds nothing counts as an error, and what failed looks like what was marked as failed.
Outcome outcome_of(const original::Line& line) {
    if (line.success) return Outcome::done;
    if (line.operation == "artifact_update" && line.details.value("new_status", json()) == "failed") return Outcome::done;
    if (line.operation == "processing_run" && line.action == "end") return Outcome::done;
    return line.operation == "artifact_access" ? Outcome::not_found : Outcome::failed;
}

audit::Draft entry_of(const ManagerImpl& manager, const original::Line& line) {
    const bool told =
        line.whole && base::is_identifier(line.operation) && base::is_identifier(line.action) && !is_reserved(line.operation);
    auto entry = manager.draft("audit_trail", "import");
    if (told) {
        entry.operation = line.operation;
        entry.action = line.action;
    }
    entry.details = {{"imported", line.text}, {"imported_from", place_of(line)}};
    if (!line.whole) {
        entry.details["damaged"] = true;
        return entry;
    }
    if (has_id(line)) entry.entry_id = line.entry_id;
    entry.user = line.user.empty() ? "unknown" : line.user;
    entry.on_behalf_of.reset();
    entry.purpose.reset();
    if (!line.module.empty()) entry.module = line.module;
    if (line.artifact_id) entry.artifact_id = line.artifact_id->str();
    if (line.run_id) entry.run_id = line.run_id->str();
    if (line.time) entry.details["occurred_at"] = line.time->str();
    entry.success = line.success;
    entry.outcome = outcome_of(line);
    if (!line.error_message.empty()) entry.error_message = manager.clean_message(line.error_message);
    return entry;
}

// What the store's trail has of others' already. An entry is known by its id; what has none, by its place and text.
class Known {
   public:
    void refresh(sqlite::Connection& connection) {
        audit::for_each_imported(connection, seen_to_, [&](audit::ImportedEntry&& entry) {
            if (!entry.is_damaged) ++counts_["id " + entry.entry_id];
            ++counts_[entry.text ? "at " + entry.from + "\n" + *entry.text : "at " + entry.from];
            seen_to_ = entry.seq;
        });
    }
    [[nodiscard]] bool has(const original::Line& line, std::uint64_t occurrence) const {
        if (has_id(line)) return count("id " + line.entry_id) >= occurrence;
        return count("at " + place_of(line) + "\n" + line.text) + count("at " + place_of(line)) != 0;
    }

   private:
    [[nodiscard]] std::uint64_t count(const std::string& key) const {
        const auto found = counts_.find(key);
        return found == counts_.end() ? 0 : found->second;
    }
    std::unordered_map<std::string, std::uint64_t> counts_{};
    std::int64_t seen_to_ = 0;
};

// Which line of several with one id each is: a file may have been copied beside itself.
std::vector<std::uint64_t> occurrences_of(const std::vector<original::Line>& lines) {
    std::unordered_map<std::string, std::uint64_t> counts;
    std::vector<std::uint64_t> occurrences;
    occurrences.reserve(lines.size());
    for (const auto& line : lines) occurrences.push_back(has_id(line) ? ++counts[line.entry_id] : 1);
    return occurrences;
}

}  // namespace

std::uint64_t import_lines(ManagerImpl& manager, const std::vector<original::Line>& lines, bool dry_run,
                           const std::function<void()>& after_each) {
    const auto occurrences = occurrences_of(lines);
    Known known;
    std::uint64_t missing = 0;
    manager.database().read([&](sqlite::Connection& connection) {
        known.refresh(connection);
        missing = 0;
        for (std::size_t i = 0; i < lines.size(); ++i) missing += known.has(lines[i], occurrences[i]) ? 0 : 1;
    });
    if (dry_run || missing == 0) return missing;
    std::uint64_t count = 0;
    for (std::size_t begin = 0; begin < lines.size(); begin += lines_in_one) {
        std::uint64_t added = 0;
        manager.transact([&](sqlite::Connection& connection, ManagerImpl::Recorder& recorder) {
            added = 0;
            known.refresh(connection);  // another import may go on beside this one
            for (auto i = begin; i < std::min(begin + lines_in_one, lines.size()); ++i) {
                if (known.has(lines[i], occurrences[i])) continue;
                recorder.append(entry_of(manager, lines[i]));
                ++added;
            }
        });
        count += added;
        after_each();
    }
    return count;
}

}  // namespace custody::manager
