// The verbs that keep a store somewhere else, and bring it back.

#include <fmt/format.h>

#include "output.hpp"
#include "progress.hpp"
#include "verbs.hpp"

namespace custody::cli {

namespace {

struct BackupFlags {
    std::string folder{};
    bool catalog_only = false;
    bool rehash = false;
};

const char* name_of(Finding::Severity severity) {
    return severity == Finding::Severity::error ? "error" : severity == Finding::Severity::warning ? "warning" : "note";
}

void print_findings(const std::vector<Finding>& findings) {
    for (const auto& finding : findings) {
        const auto* const severity = name_of(finding.severity);
        put_line(fmt::format("{}: {}: {}: {}", styled(severity, style_of(severity)), printable(finding.kind),
                             printable(finding.subject), printable(finding.message)));
    }
}

std::string head_text(std::uint64_t size, const std::optional<Digest>& root) {
    return root ? fmt::format("{} entries, root {}", size, root->hex()) : std::string("unknown");
}

void print(const BackupReport& report) {
    print_findings(report.findings);
    Fields fields;
    fields.add("head", head_text(report.tree_size, report.root));
    fields.add("payloads", std::to_string(report.payloads));
    fields.add("copied", fmt::format("{} ({})", report.payloads_copied, size_text(report.bytes_copied)));
    fields.add("result", report.ok()       ? "the backup is complete; what was copied is verified"
                         : report.complete ? "error: the catalog is safe, and what is named above is not"
                                           : "error: the backup before this one stays in its place");
    fields.print();
}

int backup(const Session& session, const BackupFlags& flags) {
    auto manager = session.open_for_diagnosis();
    const auto report = [&] {
        ProgressBar bar(session, "copying", ProgressBar::Unit::bytes, "the backup before this one stays as it is");
        return manager.backup(flags.folder,
                              {.catalog_only = flags.catalog_only, .rehash = flags.rehash, .progress = bar.callback()});
    }();
    const auto* const done = report.ok()       ? "the backup is complete"
                             : report.complete ? "the catalog was copied, and not every payload"
                                               : "the backup failed: the one before it stays in its place";
    const auto written = put_result(done, [&] {
        if (session.json_output) return put_json(to_json(report));
        print(report);
    });
    if (!report.audited)
        session.say("this backup was not recorded in the audit trail: the store is altered, damaged or can't be written");
    return !report.ok() ? exit_altered : written ? exit_done : exit_partial;
}

struct RestoreFlags {
    std::string source{};
    std::string destination{};
    std::string reason{};
    std::string payloads{};
    bool accept_missing = false;
};

void print(const RestoreReport& report, const std::string& store) {
    print_findings(report.findings);
    Fields fields;
    fields.add("store", store);
    fields.add("epoch", fmt::format("{}, after {}", report.epoch, report.left_epoch));
    fields.add("left at", head_text(report.left_size, report.left_root));
    fields.add("payloads", fmt::format("{} ({})", report.payloads, size_text(report.bytes)));
    if (report.payloads_missing != 0) fields.add("missing", std::to_string(report.payloads_missing));
    fields.print();
}

int restore(const Session& session, const RestoreFlags& flags) {
    const auto report = [&] {
        ProgressBar bar(session, "restoring", ProgressBar::Unit::bytes, "nothing was restored");
        return ArtifactManager::restore(flags.source, flags.destination,
                                        {.reason = flags.reason,
                                         .payloads = flags.payloads,
                                         .accept_missing = flags.accept_missing,
                                         .progress = bar.callback()},
                                        session.manager_options());
    }();
    const auto written = put_result("the store was restored: " + flags.destination, [&] {
        if (session.json_output) return put_json(to_json(report));
        print(report, flags.destination);
    });
    if (report.payloads_missing != 0) {
        session.say(count_text(report.payloads_missing, "payload is", "payloads are") + " missing in the restored store");
    }
    return written && report.payloads_missing == 0 ? exit_done : exit_partial;
}

}  // namespace

void add_backup_verbs(CLI::App& app, Session& session) {
    auto kept = add_verb<BackupFlags>(app, session,
                                      {"backup", "copy the store into another folder, verified, while others go on writing",
                                       "custody backup /mnt/backup/study\ncustody backup /mnt/backup/study --rehash"},
                                      backup);
    add_filled_text(kept.app, "DEST", "DIR", kept.options.folder,
                    "the folder: a new or empty one, or that of an earlier backup of this store")
        ->required();
    add_flag(kept.app, "--catalog-only", kept.options.catalog_only, "without the payloads");
    add_flag(kept.app, "--rehash", kept.options.rehash,
             "hash the payloads that are in the backup already, and copy anew what went bad there");

    auto made = add_verb<RestoreFlags>(
        app, session,
        {"restore", "make a store from a backup, or from the copy of a store's folder; everything is verified first",
         "custody restore /mnt/backup/study /data/study --reason 'the disk failed'"},
        restore);
    add_filled_text(made.app, "SRC", "DIR", made.options.source, "the backup, or the copy of a store's folder")->required();
    add_filled_text(made.app, "DEST", "DIR", made.options.destination, "the new store: a folder that is empty or missing")
        ->required();
    add_filled_text(made.app, "--reason", "R", made.options.reason, "why; kept in the audit trail")->required();
    add_filled_text(made.app, "--payloads", "DIR", made.options.payloads,
                    "keep the payloads there: another disk, a network file system");
    add_flag(made.app, "--accept-missing", made.options.accept_missing,
             "restore although payloads are missing or damaged in SRC; they are named (exit code 3)");
}

}  // namespace custody::cli
