#include <fmt/format.h>

#include <algorithm>

#include "integrity.hpp"
#include "output.hpp"
#include "verbs.hpp"

namespace custody::cli {

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

namespace {

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

}  // namespace

void add_integrity_verbs(CLI::App& app, Session& session) {
    add_verify_verb(app, session);
    add_verb<DoctorFlags>(app, session,
                          {"doctor", "the state of machine and store, with the next command to run", "custody doctor"}, doctor);
}

}  // namespace custody::cli
