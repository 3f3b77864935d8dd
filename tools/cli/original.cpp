// The verbs that bring an original store over, and write one.

#include <fmt/format.h>

#include "output.hpp"
#include "progress.hpp"
#include "verbs.hpp"

namespace custody::cli {

namespace {

struct ImportFlags {
    std::string folder{};
    OriginalImport options{};
};

void print_remarks(const std::vector<ImportRemark>& remarks) {
    for (const auto& remark : remarks) {
        const auto [name, style] = remark.kind == ImportRemark::Kind::left_out ? std::pair("left out", Style::bad)
                                   : remark.kind == ImportRemark::Kind::mended ? std::pair("mended", Style::doubtful)
                                                                               : std::pair("note", Style::plain);
        const auto place = printable(remark.path) + (remark.line == 0 ? "" : ":" + std::to_string(remark.line));
        const auto subject = remark.subject.empty() ? "" : printable(remark.subject) + ": ";
        put_line(fmt::format("{}: {}: {}{}", styled(name, style), place, subject, printable(remark.message)));
    }
}

std::string with_those_there(std::uint64_t came, std::uint64_t there) {
    return there == 0 ? std::to_string(came) : fmt::format("{}, and {} that were there already", came, there);
}

void print(const ImportReport& report) {
    using Kind = ImportRemark::Kind;
    print_remarks(report.remarks);
    Fields fields;
    fields.add("artifacts", with_those_there(report.artifacts, report.artifacts_there));
    fields.add("payloads", fmt::format("{} ({})", report.payloads, size_text(report.payload_bytes)));
    fields.add("links", std::to_string(report.links));
    fields.add("runs", with_those_there(report.runs, report.runs_there));
    fields.add("audit entries", with_those_there(report.audit_entries, report.audit_entries_there));
    fields.add("mended", std::to_string(report.count(Kind::mended)));
    fields.add("left out", std::to_string(report.count(Kind::left_out)));
    fields.add("times of", report.timezone);
    fields.add("result", std::string(report.dry_run ? "a dry run: nothing was changed" : "imported") +
                             (report.ok() ? "" : "; what stays behind is named above"));
    fields.print();
}

// A tree can be looked through before there is a store.
ImportReport run_import(const Session& session, const ImportFlags& flags, const OriginalImport& options) {
    auto opened_by = session.manager_options();
    opened_by.create = !options.dry_run;
    if (!options.dry_run) return ArtifactManager(session.store_path(), opened_by).import_original(flags.folder, options);
    try {
        return ArtifactManager(session.store_path(), opened_by).import_original(flags.folder, options);
    } catch (const StoreNotFound&) {
        return ArtifactManager::examine_original(flags.folder, options);
    }
}

int import_original(const Session& session, const ImportFlags& flags) {
    const auto report = [&] {
        ProgressBar bar(session, "importing", ProgressBar::Unit::bytes, "what came over stays; the same command goes on");
        auto options = flags.options;
        options.progress = bar.callback();
        return run_import(session, flags, options);
    }();
    const auto done = "imported " + count_text(report.artifacts, "artifact") + ", " + count_text(report.runs, "run") + " and " +
                      count_text(report.audit_entries, "audit entry", "audit entries");
    const auto written = put_result(report.dry_run ? "" : done, [&] {
        if (session.json_output) return put_json(to_json(report));
        print(report);
    });
    return written && report.ok() ? exit_done : exit_partial;
}

struct ExportFlags {
    std::string folder{};
    std::string timezone{};
};

void print(const ExportReport& report) {
    print_remarks(report.remarks);
    Fields fields;
    fields.add("folder", report.folder.string());
    fields.add("artifacts", std::to_string(report.artifacts));
    fields.add("payloads", fmt::format("{} ({})", report.payloads, size_text(report.payload_bytes)));
    fields.add("runs", std::to_string(report.runs));
    fields.add("audit entries", fmt::format("{}; {} of operations that the original doesn't have stay here", report.audit_entries,
                                            report.audit_entries_left_out));
    fields.add("times of", report.timezone);
    fields.print();
}

int export_original(const Session& session, const ExportFlags& flags) {
    auto manager = session.open();
    const auto report = [&] {
        ProgressBar bar(session, "exporting", ProgressBar::Unit::bytes, "nothing was exported");
        return manager.export_original(flags.folder, {.timezone = flags.timezone, .progress = bar.callback()});
    }();
    const auto written = put_result("the tree was written: " + report.folder.string(), [&] {
        if (session.json_output) return put_json(to_json(report));
        print(report);
    });
    return written && report.ok() ? exit_done : exit_partial;
}

}  // namespace

void add_original_verbs(CLI::App& app, Session& session) {
    auto& imports =
        add_group(app, {"import", "bring a store of another system over: original", "custody import original --help"});
    auto in = add_verb<ImportFlags>(
        imports, session,
        {"original", "bring a store of the original Python package over, verified; what is there already is not brought in twice",
         "custody import original /srv/artifact_store --timezone America/New_York --dry-run\n"
         "custody import original /srv/artifact_store --timezone America/New_York --store /data/study"},
        import_original);
    add_filled_text(in.app, "DIR", "DIR", in.options.folder, "the store: the folder that has storage/ and audit/ in it")
        ->required();
    add_filled_text(in.app, "--timezone", "TZ", in.options.options.timezone,
                    "where its times were written, such as Europe/Berlin; else local time");
    add_flag(in.app, "--dry-run", in.options.options.dry_run, "say what would be done, and change nothing");
    add_flag(in.app, "--allow-identified-release", in.options.options.allow_identified_release,
             "take de-identified artifacts with an identified one's bytes; audited");
    add_flag(in.app, "--allow-phi-metadata", in.options.options.allow_phi_metadata,
             "take metadata that looks like protected health information; audited");

    auto& exports =
        add_group(app, {"export", "write the store as that of another system: original", "custody export original --help"});
    auto out = add_verb<ExportFlags>(exports, session,
                                     {"original", "write a tree that the original Python package can read",
                                      "custody export original /srv/artifact_store --timezone America/New_York"},
                                     export_original);
    add_filled_text(out.app, "DIR", "DIR", out.options.folder, "the tree: a folder that is empty or missing")->required();
    add_filled_text(out.app, "--timezone", "TZ", out.options.timezone, "where its times are to be read; else local time");
}

}  // namespace custody::cli
