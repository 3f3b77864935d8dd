// JSON forms of what an import or an export of the original's store has to say.

#include <algorithm>
#include <custody/original.hpp>

namespace custody {

ordered_json to_json(const ImportRemark& remark) {
    static constexpr const char* names[] = {"note", "mended", "left_out"};
    ordered_json form;
    form["kind"] = names[static_cast<int>(remark.kind)];
    form["path"] = remark.path;
    form["line"] = remark.line == 0 ? ordered_json(nullptr) : ordered_json(remark.line);
    form["subject"] = remark.subject.empty() ? ordered_json(nullptr) : ordered_json(remark.subject);
    form["message"] = remark.message;
    return form;
}

ordered_json to_json(const ImportReport& report) {
    using Kind = ImportRemark::Kind;
    ordered_json form;
    form["artifacts"] = report.artifacts;
    form["artifacts_there"] = report.artifacts_there;
    form["payloads"] = report.payloads;
    form["payload_bytes"] = report.payload_bytes;
    form["links"] = report.links;
    form["runs"] = report.runs;
    form["runs_there"] = report.runs_there;
    form["audit_entries"] = report.audit_entries;
    form["audit_entries_there"] = report.audit_entries_there;
    form["timezone"] = report.timezone;
    form["dry_run"] = report.dry_run;
    form["mended_count"] = report.count(Kind::mended);
    form["left_out_count"] = report.count(Kind::left_out);
    form["remarks"] = ordered_json::array();
    for (const auto& remark : report.remarks) form["remarks"].push_back(to_json(remark));
    return form;
}

ordered_json to_json(const ExportReport& report) {
    ordered_json form;
    form["folder"] = report.folder.string();
    form["artifacts"] = report.artifacts;
    form["payloads"] = report.payloads;
    form["payload_bytes"] = report.payload_bytes;
    form["runs"] = report.runs;
    form["audit_entries"] = report.audit_entries;
    form["audit_entries_left_out"] = report.audit_entries_left_out;
    form["timezone"] = report.timezone;
    form["remarks"] = ordered_json::array();
    for (const auto& remark : report.remarks) form["remarks"].push_back(to_json(remark));
    return form;
}

std::uint64_t ImportReport::count(ImportRemark::Kind kind) const noexcept {
    return static_cast<std::uint64_t>(
        std::count_if(remarks.begin(), remarks.end(), [&](const auto& remark) { return remark.kind == kind; }));
}

bool ImportReport::ok() const noexcept { return count(ImportRemark::Kind::left_out) == 0; }

bool ExportReport::ok() const noexcept { return remarks.empty(); }

}  // namespace custody
