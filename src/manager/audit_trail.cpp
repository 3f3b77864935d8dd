// The trail as callers see it: queries, histories, summaries, exports.

#include <custody/artifact_manager.hpp>
#include <fstream>
#include <sstream>

#include "audit/month_file.hpp"
#include "audit/tree.hpp"
#include "base/canonical_json.hpp"
#include "base/text.hpp"
#include "manager/copy_check.hpp"
#include "manager/manager_impl.hpp"

namespace custody {

namespace {

constexpr std::size_t longest_filter_bytes = 255;

json filter_details(const AuditQuery& query) {
    json details = json::object();
    const auto add = [&](const char* key, const std::string& value) {
        // What is too long is refused below; the entry of the refusal must still be one that can be written.
        if (!value.empty() && value.size() <= longest_filter_bytes) details[key] = base::to_clean_utf8(value);
    };
    if (query.start_time) details["start_time"] = query.start_time->str();
    if (query.end_time) details["end_time"] = query.end_time->str();
    add("operation", query.operation);
    add("action", query.action);
    add("user", query.user);
    add("module", query.module);
    if (query.outcome) details["outcome"] = to_string(*query.outcome);
    if (query.success) details["success"] = *query.success;
    return details;
}

void check(const AuditQuery& query) {
    manager::require_text(query.operation, "operation", longest_filter_bytes);
    manager::require_text(query.action, "action", longest_filter_bytes);
    manager::require_text(query.user, "user", longest_filter_bytes);
    manager::require_text(query.module, "module", longest_filter_bytes);
}

constexpr const char* csv_columns[] = {"entry_id", "timestamp",    "operation", "artifact_id",   "user", "module",
                                       "action",   "details",      "success",   "error_message", "seq",  "outcome",
                                       "run_id",   "on_behalf_of", "purpose",   "agent"};

std::string csv_row(const ordered_json& entry) {
    std::string row;
    for (const char* column : csv_columns) {
        const auto& value = entry.at(column);
        if (!row.empty()) row += ',';
        // An empty first cell would leave the row without its comma; entry_id never is empty.
        row += base::csv_cell(value.is_null()     ? ""
                              : value.is_string() ? value.get<std::string>()
                                                  : base::canonical_json(json(value)));
    }
    return row + "\r\n";
}

std::string csv_header() {
    std::string header;
    for (const char* column : csv_columns) {
        if (!header.empty()) header += ',';
        header += column;
    }
    return header + "\r\n";
}

using Append = std::function<void(std::string_view)>;

// Writes the entries of one export in its format.
void write_entries(sqlite::Connection& connection, const AuditQuery& query, ExportFormat format, const Append& append,
                   const Progress& progress, std::int64_t& count) {
    const auto total = progress ? static_cast<std::uint64_t>(audit::count_entries(connection, query)) : 0;
    if (format == ExportFormat::csv) append(csv_header());
    if (format == ExportFormat::json) append("[");
    audit::for_each_entry(connection, query, [&](audit::StoredEntry&& entry) {
        if (format == ExportFormat::jsonl) {
            append(audit::exported_line(connection, entry) + "\n");
        } else if (format == ExportFormat::csv) {
            append(csv_row(audit::with_texts(connection, entry)));
        } else {
            auto text = audit::with_texts(connection, entry).dump(2);
            for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 3) text.insert(at + 1, "  ");
            append((count == 0 ? "\n  " : ",\n  ") + text);
        }
        ++count;
        if (progress && count % 1024 == 0) progress(static_cast<std::uint64_t>(count), total);
    });
    if (format == ExportFormat::json) append(count == 0 ? "]\n" : "\n]\n");
    if (progress) progress(static_cast<std::uint64_t>(count), total);
}

void require_month(const std::string& month) {
    const auto is_month = [&] {
        try {
            return month.size() == 7 && Timestamp::parse(month).str().substr(0, 7) == month;
        } catch (const InvalidArgument&) {
            return false;
        }
    };
    if (!month.empty() && !is_month()) throw InvalidArgument("a month is written YYYY-MM, like 2026-10");
}

// The months that are asked for, of the trail as it is, or as if it ended with `to_seq`.
std::vector<audit::Month> chosen_months(sqlite::Connection& connection, const MonthExport& wanted, std::int64_t to_seq) {
    auto months = audit::months(connection, to_seq, Timestamp::now().str().substr(0, 7));
    std::erase_if(months, [&](const audit::Month& month) {
        return (!wanted.first_month.empty() && month.name < wanted.first_month) ||
               (!wanted.last_month.empty() && month.name > wanted.last_month);
    });
    if (months.empty()) throw InvalidArgument("the trail has no month " + wanted.first_month + " yet");
    return months;
}

std::optional<std::string> text_of(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    if (!in || !(text << in.rdbuf())) return std::nullopt;
    return std::move(text).str();
}

// Files that go to auditors are not replaced by ones that prove less.
void refuse_worse(sqlite::Connection& connection, const audit::TrailName& trail, const std::filesystem::path& folder,
                  const audit::Month& month) {
    const auto file = folder / audit::proof_file_name(month.name);
    const auto text = text_of(file);
    if (!text) return;
    const auto proof = audit::prove_month(connection, trail, month);
    const auto refuse = [&](const std::string& why) {
        throw InvalidArgument(file.string() + " " + why + ": name another folder. Nothing was written");
    };
    const auto there = audit::MonthProof::parse(*text);
    if (!there) refuse("is no proof of a month");
    if (there->last_seq > proof.last_seq) {
        refuse("proves entries up to " + std::to_string(there->last_seq) + ", and this export would end with " +
               std::to_string(proof.last_seq));
    }
    if (!manager::continues(connection, there->last_seq, there->root)) refuse("is of another trail than this store's");
    if (there->end_note && !proof.end_note) {
        refuse("is sealed, and this export is not: export with the signing key, or");
    }
}

// A month whose files are whole and say what they would say again is not written again. Where a text of it was withdrawn, older
// files may still have that, in places that the withdrawal did not reach.
bool is_written(sqlite::Connection& connection, const std::filesystem::path& folder, const audit::Month& month,
                const std::string& proof) {
    return text_of(folder / audit::proof_file_name(month.name)) == proof &&
           std::filesystem::exists(folder / audit::lines_file_name(month.name)) &&
           !audit::any_withdrawn(connection, month.first_seq, month.last_seq) &&
           verify_audit_files(folder / audit::lines_file_name(month.name)).ok();
}

}  // namespace

AuditTrail ArtifactManager::audit() { return AuditTrail(impl_); }

std::vector<AuditEntry> AuditTrail::query_audit_trail(const AuditQuery& query) {
    manager_->flush_reads();
    auto draft = manager_->draft("audit_access", "query");
    draft.details = filter_details(query);
    std::vector<AuditEntry> entries;
    manager_->look(draft, [&](sqlite::Connection& connection) {
        check(query);
        entries.clear();
        audit::for_each_entry(connection, query, [&](audit::StoredEntry&& stored) {
            auto entry = audit::with_texts(connection, stored);
            entries.push_back({stored.seq, std::move(stored.line), std::move(entry)});
        });
        draft.details["result_count"] = entries.size();
    });
    return entries;
}

std::vector<AuditEntry> AuditTrail::get_artifact_history(const ArtifactId& artifact) {
    manager_->flush_reads();
    auto draft = manager_->draft("artifact_access", "history");
    draft.artifact_id = artifact.str();
    std::vector<AuditEntry> entries;
    manager_->look(draft, [&](sqlite::Connection& connection) {
        entries.clear();
        audit::for_each_entry(connection, {.artifact_id = artifact}, [&](audit::StoredEntry&& stored) {
            auto entry = audit::with_texts(connection, stored);
            entries.push_back({stored.seq, std::move(stored.line), std::move(entry)});
        });
        draft.outcome = entries.empty() ? Outcome::not_found : Outcome::done;
        draft.details["result_count"] = entries.size();
    });
    return entries;
}

ErrorSummary AuditTrail::get_error_summary(const AuditQuery& query) {
    manager_->flush_reads();
    auto draft = manager_->draft("audit_access", "query");
    draft.details = filter_details(query);
    draft.details["summary"] = "errors";
    ErrorSummary summary;
    manager_->look(draft, [&](sqlite::Connection& connection) {
        check(query);
        summary = audit::summarize_errors(connection, query);
    });
    return summary;
}

std::filesystem::path AuditTrail::export_audit_trail(const std::filesystem::path& output_path, ExportFormat format,
                                                     const AuditQuery& query, const Progress& progress) {
    manager_->flush_reads();
    auto draft = manager_->draft("audit_access", "export");
    draft.details = filter_details(query);
    draft.details["format"] = format == ExportFormat::csv ? "csv" : format == ExportFormat::json ? "json" : "jsonl";
    manager_->attempt(draft, [&] {
        check(query);
        manager_->refuse_own(output_path);
        blobs::refuse_existing(output_path);
        manager_->database().read([&](sqlite::Connection& connection) {
            std::int64_t count = 0;
            const auto fill = [&](const Append& append) {
                write_entries(connection, query, format, append, progress, count);
                draft.details["entry_count"] = count;
                manager_->record(draft);  // before the file has its name
            };
            blobs::write_atomically(output_path, manager_->blobs().modes().file(), fill, blobs::IfThere::refuse);
        });
    });
    return output_path;
}

void AuditTrail::flush() { manager_->flush_reads(); }

std::vector<std::filesystem::path> AuditTrail::export_months(const MonthExport& wanted) {
    auto draft = manager_->draft("audit_access", "export");
    draft.details["format"] = "jsonl";
    const auto folder = wanted.folder.empty() ? manager_->layout().audit() : wanted.folder;
    manager_->flush_reads();
    std::vector<audit::Month> months;
    std::shared_ptr<const audit::SigningKey> key;
    manager_->attempt(draft, [&] {
        require_month(wanted.first_month);
        require_month(wanted.last_month);
        if (!wanted.last_month.empty() && wanted.last_month < wanted.first_month) {
            throw InvalidArgument("a range of months goes from the earlier one to the later one");
        }
        manager_->refuse_own(folder);
        key = manager_->signing_key(wanted.signing_key);
    });
    // The entry of the export comes after its range, and the notes are of heads that lie before it.
    manager_->change_many(draft, [&](sqlite::Connection& connection, ManagerImpl::Recorder& recorder) {
        const auto last = audit::last_seq(connection);
        const auto to = wanted.to_seq.value_or(last);
        if (to < 1 || to > last) throw InvalidArgument("the trail has entries 1 to " + std::to_string(last));
        months = chosen_months(connection, wanted, to);
        audit::Tree(connection).require_head();
        if (key) {
            std::vector<std::uint64_t> sizes;
            for (const auto& month : months) {
                sizes.push_back(static_cast<std::uint64_t>(month.first_seq) - 1);
                sizes.push_back(static_cast<std::uint64_t>(month.last_seq));
            }
            audit::seal_heads(connection, manager_->trail_name(), *key, sizes, draft.details);
        }
        for (const auto& month : months) refuse_worse(connection, manager_->trail_name(), folder, month);
        draft.details["to_seq"] = to;
        auto& names = draft.details["months"] = json::array();
        for (const auto& month : months) names.push_back(month.name);
        recorder.append(draft);
    });
    auto failed = manager_->draft("audit_access", "export");
    failed.details["format"] = "jsonl";
    return manager_->attempt(failed, [&] { return write_months(months, folder, wanted.progress); });
}

std::vector<std::filesystem::path> AuditTrail::write_months(const std::vector<audit::Month>& months,
                                                            const std::filesystem::path& folder, const Progress& progress) {
    std::vector<std::filesystem::path> files;
    const auto mode = manager_->blobs().modes().file();
    const auto total = static_cast<std::uint64_t>(months.back().last_seq + 1 - months.front().first_seq);
    if (std::filesystem::is_directory(folder)) blobs::sweep_temporary_files(folder, false, [](const blobs::Swept&) {});
    manager_->database().read([&](sqlite::Connection& connection) {
        files.clear();
        for (const auto& month : months) {
            const auto proof = audit::prove_month(connection, manager_->trail_name(), month).str();
            files.push_back(folder / audit::lines_file_name(month.name));
            if (is_written(connection, folder, month, proof)) continue;
            const auto before = static_cast<std::uint64_t>(month.first_seq - months.front().first_seq);
            const auto tell = [&](std::uint64_t done) {
                if (progress) progress(before + done, total);
            };
            blobs::write_atomically(files.back(), mode, [&](const Append& append) {
                audit::append_lines(connection, month.first_seq, month.last_seq, append, tell);
            });
            blobs::write_atomically(folder / audit::proof_file_name(month.name), mode,
                                    [&](const Append& append) { append(proof); });
        }
    });
    return files;
}

}  // namespace custody
