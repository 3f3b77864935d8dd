// JSON forms of what the facade answers: the original's key names, in its order.

#include <custody/artifact_manager.hpp>

#include "base/strict_json.hpp"

namespace custody {

namespace {

template <class T>
ordered_json ids(const std::vector<T>& list) {
    ordered_json array = ordered_json::array();
    for (const auto& id : list) array.push_back(id.str());
    return array;
}

template <class T>
ordered_json or_null(const std::optional<T>& value) {
    if (!value) return nullptr;
    if constexpr (requires { value->str(); }) {
        return value->str();
    } else {
        return *value;
    }
}

ordered_json null_if_empty(const std::string& text) { return text.empty() ? ordered_json(nullptr) : ordered_json(text); }

const char* name_of(Finding::Severity severity) {
    switch (severity) {
        case Finding::Severity::error:
            return "error";
        case Finding::Severity::warning:
            return "warning";
        default:
            return "note";
    }
}

}  // namespace

// `<relationship>_artifacts`, which the original kept in the metadata, is computed from the links.
static ordered_json shown_metadata(const Artifact& artifact) {
    auto metadata = base::parse_ordered(artifact.metadata_text);
    for (const auto& [relationship, source] : artifact.links) metadata[relationship + "_artifacts"] = ordered_json::array();
    for (const auto& [relationship, source] : artifact.links) metadata[relationship + "_artifacts"].push_back(source.str());
    return metadata;
}

ordered_json to_json(const Artifact& artifact, const std::filesystem::path& storage) {
    ordered_json form;
    form["artifact_id"] = artifact.id.str();
    form["artifact_type"] = artifact.type.name();
    form["status"] = to_string(artifact.status);
    form["created_at"] = artifact.created_at.str();
    form["updated_at"] = artifact.updated_at.str();
    form["source_artifacts"] = ids(artifact.source_artifacts);
    form["processing_module"] = null_if_empty(artifact.processing_module);
    form["processing_version"] = null_if_empty(artifact.processing_version);
    form["file_path"] = artifact.file_path.empty() || artifact.removed_at ? ordered_json(nullptr)
                        : storage.empty()                                 ? ordered_json(artifact.file_path)
                                                                          : ordered_json((storage / artifact.file_path).string());
    form["file_size"] = or_null(artifact.file_size);
    form["checksum"] = artifact.checksum ? ordered_json(artifact.checksum->hex()) : ordered_json(nullptr);
    form["metadata"] = shown_metadata(artifact);
    form["error_message"] = or_null(artifact.error_message);
    form["run_id"] = or_null(artifact.run);
    form["file_name"] = null_if_empty(artifact.file_name);
    form["removed_at"] = or_null(artifact.removed_at);
    return form;
}

ordered_json to_json(const RunRecord& run) {
    ordered_json form;
    form["run_id"] = run.id.str();
    form["status"] = to_string(run.status);
    form["started_at"] = run.started_at.str();
    form["ended_at"] = or_null(run.ended_at);
    form["end_reason"] = null_if_empty(run.end_reason);
    form["configuration"] = base::parse_ordered(run.configuration_text);
    form["user"] = run.user;
    form["on_behalf_of"] = or_null(run.on_behalf_of);
    form["purpose"] = or_null(run.purpose);
    form["error_message"] = or_null(run.error_message);
    form["input_artifacts"] = ids(run.inputs);
    form["output_artifacts"] = ids(run.outputs);
    form["error_messages"] = run.errors;
    return form;
}

ordered_json to_json(const ErrorSummary& summary) {
    ordered_json form;
    form["total_errors"] = summary.total_errors;
    form["errors_by_operation"] = summary.errors_by_operation;
    form["errors_by_module"] = summary.errors_by_module;
    form["unique_error_messages"] = summary.unique_error_messages;
    form["time_range"] = {{"start", or_null(summary.first)}, {"end", or_null(summary.last)}};
    return form;
}

ordered_json to_json(const CleanupReport& report) {
    ordered_json form;
    form["removed"] = ids(report.removed);
    form["removed_count"] = report.removed.size();
    form["removed_files"] = report.removed_files;
    form["removed_bytes"] = report.removed_bytes;
    form["kept"] = ordered_json::array();
    for (const auto& kept : report.kept) form["kept"].push_back({{"artifact_id", kept.id.str()}, {"reason", kept.reason}});
    form["dry_run"] = report.dry_run;
    return form;
}

static ordered_json items(const std::vector<GcItem>& all) {
    auto form = ordered_json::array();
    for (const auto& item : all) {
        form.push_back({{"path", item.path.string()}, {"size_bytes", item.size_bytes}, {"reason", item.reason}});
    }
    return form;
}

ordered_json to_json(const GcReport& report) {
    ordered_json form;
    form["removed"] = ordered_json::array();
    for (const auto& each : report.removed) {
        form["removed"].push_back(
            {{"artifact_id", each.id.str()}, {"artifact_type", each.type.name()}, {"older_than_days", each.days}});
    }
    form["removed_count"] = report.removed.size();
    form["removed_bytes"] = report.removed_bytes;
    form["kept"] = ordered_json::array();
    for (const auto& kept : report.kept) form["kept"].push_back({{"artifact_id", kept.id.str()}, {"reason", kept.reason}});
    form["collected"] = items(report.collected);
    form["collected_files"] = report.collected.size();
    form["collected_bytes"] = report.collected_bytes;
    form["freed"] = items(report.freed);
    form["freed_files"] = report.freed.size();
    form["freed_bytes"] = report.freed_bytes;
    form["left"] = items(report.left);
    form["failed_files"] = report.failed;
    form["dry_run"] = report.dry_run;
    return form;
}

ordered_json to_json(const RetentionPolicy& policy) {
    return {{"artifact_type", policy.type.name()},
            {"days", policy.days},
            {"when_descendants_completed", policy.when_descendants_completed},
            {"reason", null_if_empty(policy.reason)},
            {"set_by", policy.set_by},
            {"set_at", policy.set_at.str()}};
}

ordered_json to_json(const Hold& hold) {
    return {{"hold_id", hold.hold_id},
            {"artifact_id", hold.artifact_id.str()},
            {"reason", hold.reason},
            {"placed_by", hold.placed_by},
            {"placed_at", hold.placed_at.str()}};
}

ordered_json to_json(const Statistics& statistics) {
    ordered_json form;
    form["storage"] = {{"total_size_bytes", statistics.total_size_bytes},
                       {"total_size_mb", static_cast<double>(statistics.total_size_bytes) / (1024.0 * 1024.0)},
                       {"artifact_counts", statistics.artifact_counts},
                       {"total_artifacts", statistics.total_artifacts},
                       {"total_payloads", statistics.total_payloads}};
    form["artifacts"] = {
        {"total", statistics.total_artifacts}, {"by_status", statistics.by_status}, {"by_type", statistics.by_type}};
    form["runs"] = {{"by_status", statistics.runs_by_status}};
    if (statistics.total_errors) {
        form["audit"] = {{"total_errors", *statistics.total_errors}, {"errors_by_operation", statistics.errors_by_operation}};
    }
    return form;
}

ordered_json to_json(const Finding& finding) {
    return {{"severity", name_of(finding.severity)},
            {"kind", finding.kind},
            {"subject", finding.subject},
            {"message", finding.message}};
}

ordered_json to_json(const VerifyReport& report) {
    ordered_json form;
    form["ok"] = report.ok();
    form["findings"] = ordered_json::array();
    for (const auto& finding : report.findings) form["findings"].push_back(to_json(finding));
    form["database"] = report.database;
    form["artifacts"] = report.artifacts;
    form["payloads"] = report.payloads;
    form["payloads_hashed"] = report.payloads_hashed;
    form["bytes_hashed"] = report.bytes_hashed;
    form["payloads_resumed"] = report.payloads_resumed;
    form["audit_entries"] = report.audit_entries;
    form["statement"] = report.trail_statement;
    form["audited"] = report.audited;
    return form;
}

ordered_json to_json(const RepairReport& report) {
    ordered_json form;
    form["ok"] = report.after.ok();
    form["dry_run"] = report.dry_run;
    form["repairs"] = ordered_json::array();
    for (const auto& [kind, subject, message] : report.repairs) {
        form["repairs"].push_back({{"kind", kind}, {"subject", subject}, {"message", message}});
    }
    form["failed"] = ordered_json::array();
    for (const auto& [kind, subject, message] : report.failed) {
        form["failed"].push_back({{"kind", kind}, {"subject", subject}, {"message", message}});
    }
    form["refused"] = report.refused.empty() ? ordered_json(nullptr) : ordered_json(report.refused);
    form["before"] = to_json(report.before);
    form["after"] = to_json(report.after);
    return form;
}

ordered_json to_json(const DoctorCheck& check) {
    return {{"name", check.name},
            {"severity", name_of(check.severity)},
            {"message", check.message},
            {"next_command", check.next_command.empty() ? ordered_json(nullptr) : ordered_json(check.next_command)}};
}

}  // namespace custody
