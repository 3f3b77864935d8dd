#include <fmt/format.h>

#include <algorithm>

#include "output.hpp"
#include "progress.hpp"
#include "verbs.hpp"

namespace custody::cli {

namespace {

using Severity = Finding::Severity;

std::string name_of(Severity severity) {
    switch (severity) {
        case Severity::note:
            return "note";
        case Severity::warning:
            return "warning";
        case Severity::error:
            return "error";
    }
    return "error";
}

struct VerifyFlags {
    bool quick = false;
    double sample_percent = 100;
};

void print_report(const VerifyReport& report) {
    for (const auto& finding : report.findings) {
        const auto severity = name_of(finding.severity);
        put_line(fmt::format("{}: {}: {}: {}", styled(severity, style_of(severity)), printable(finding.kind),
                             printable(finding.subject), printable(finding.message)));
    }
    Fields fields;
    fields.add("artifacts", std::to_string(report.artifacts));
    fields.add("payloads", std::to_string(report.payloads));
    fields.add("hashed", fmt::format("{} ({})", report.payloads_hashed, size_text(report.bytes_hashed)));
    fields.add("audit entries", std::to_string(report.audit_entries));
    fields.add("database", report.database);
    fields.add("result", report.ok() ? "nothing is lost, wrong or altered" : "error");
    fields.print();
}

int verify(const Session& session, const VerifyFlags& flags) {
    auto manager = session.open_for_diagnosis();
    const auto report = [&] {
        ProgressBar bar(session, "verifying", ProgressBar::Unit::bytes, "not everything was verified");
        return manager.verify({.quick = flags.quick, .sample_percent = flags.sample_percent, .progress = bar.callback()});
    }();
    put_if_read([&] {
        if (session.json_output) {
            put_json(to_json(report));
        } else {
            print_report(report);
        }
    });
    if (!report.audited)
        session.say("this verification was not recorded in the audit trail: the store is altered, damaged or can't be written");
    return report.ok() ? exit_done : exit_altered;
}

struct DoctorFlags {};

void print_checks(const std::vector<DoctorCheck>& checks) {
    for (const auto& check : checks) {
        const auto severity = check.severity == Severity::note ? "ok" : name_of(check.severity);
        put_line(
            fmt::format("{}: {}: {}", styled(severity, style_of(severity)), printable(check.name), printable(check.message)));
        if (!check.next_command.empty()) put_line("    next: " + printable(check.next_command));
    }
}

int doctor(const Session& session, const DoctorFlags&) {
    auto manager = session.open_for_diagnosis();
    const auto checks = manager.doctor();
    put_if_read([&] {
        if (!session.json_output) return print_checks(checks);
        JsonArray array;
        for (const auto& check : checks) array.add(to_json(check));
        array.end();
    });
    const bool bad =
        std::any_of(checks.begin(), checks.end(), [](const auto& check) { return check.severity == Severity::error; });
    return bad ? exit_altered : exit_done;
}

double parse_percent(const std::string& text) {
    const auto percent = parse_number(text);
    if (percent <= 0 || percent > 100) throw UsageError(text + " is not above 0 and up to 100");
    return percent;
}

}  // namespace

void add_integrity_verbs(CLI::App& app, Session& session) {
    auto [verb, flags] = add_verb<VerifyFlags>(app, session,
                                               {"verify", "check the integrity of database, payloads and trail",
                                                "custody verify\ncustody verify --quick\ncustody verify --sample 5"},
                                               verify);
    auto* quick = add_flag(verb, "--quick", flags.quick, "presence and size of payloads only; no hashing");
    add_parsed(verb, "--sample", "P", flags.sample_percent, parse_percent,
               "hash only so many percent of the payloads, drawn at random")
        ->excludes(quick);

    add_verb<DoctorFlags>(app, session,
                          {"doctor", "the state of machine and store, with the next command to run", "custody doctor"}, doctor);
}

}  // namespace custody::cli
