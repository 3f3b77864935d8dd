#include <fmt/format.h>

#include <limits>

#include "confirmation.hpp"
#include "integrity.hpp"
#include "output.hpp"
#include "progress.hpp"

namespace custody::cli {

namespace {

struct VerifyFlags {
    bool quick = false;
    double sample_percent = 100;
    bool resume = false;
    unsigned threads = 0;
    bool repair = false;
    std::string from{};
    bool dry_run = false;
    bool yes = false;
};

/// What was not hashed may have been altered.
std::string good_result(const VerifyReport& report) {
    const auto unhashed = report.payloads - report.payloads_hashed - report.payloads_resumed;
    if (unhashed == 0) return "nothing is lost, wrong or altered";
    return "nothing that was looked at is lost, wrong or altered; the bytes of " + count_text(unhashed, "payload") +
           " were not looked at";
}

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
    if (report.payloads_resumed > 0) fields.add("hashed before", std::to_string(report.payloads_resumed));
    fields.add("audit entries", std::to_string(report.audit_entries));
    fields.add("trail", printable(report.trail_statement));
    fields.add("database", report.database);
    fields.add("result", report.ok() ? good_result(report) : "error");
    fields.print();
}

std::string repair_text(const RepairReport& report, const Repair& repair) {
    return fmt::format("{}: {}: {}: {}", report.dry_run ? "would repair" : "repaired", printable(repair.kind),
                       printable(repair.subject), printable(repair.message));
}

void print_repairs(const RepairReport& report) {
    for (const auto& repair : report.repairs) put_line(repair_text(report, repair));
    for (const auto& failure : report.failed) {
        put_line(fmt::format("not repaired: {}: {}: {}", printable(failure.kind), printable(failure.subject),
                             printable(failure.message)));
    }
    print_report(report.after);
}

void complain_of_repairs(const RepairReport& report) {
    for (const auto& repair : report.repairs) complain(repair_text(report, repair));
}

RepairReport repair(const Session& session, ArtifactManager& manager, const VerifyFlags& flags, bool dry_run) {
    ProgressBar bar(session, "verifying", ProgressBar::Unit::bytes, "what was repaired so far is in the audit trail");
    return manager.repair({.from = flags.from, .dry_run = dry_run, .threads = flags.threads, .progress = bar.callback()});
}

std::string summary(const RepairReport& preview) {
    return "this would repair " + count_text(preview.repairs.size(), "thing") +
           "; what is bad or belongs to nothing goes to trash/";
}

int verify_and_repair(const Session& session, const VerifyFlags& flags) {
    const bool ask = has_to_ask(flags.yes, flags.dry_run,
                                "this changes the store: add --yes to do so, or --dry-run to see what would be repaired");
    auto manager = session.open_for_diagnosis();
    if (ask) {
        const auto preview = repair(session, manager, flags, true);
        // What is asked about is shown on the terminal; stdout is for the result alone where that is JSON.
        session.json_output ? complain_of_repairs(preview) : print_repairs(preview);
        if (!preview.repairs.empty() && !confirmed(summary(preview))) throw Error("nothing was repaired");
    }
    const auto report = repair(session, manager, flags, flags.dry_run);
    const auto print = [&] {
        if (session.json_output) return put_json(to_json(report));
        print_repairs(report);
    };
    bool written = true;
    if (report.dry_run || report.repairs.empty()) {
        put_if_read(print);
    } else {
        written = put_result(count_text(report.repairs.size(), "thing was", "things were") + " repaired", print);
    }
    if (!report.refused.empty()) session.say(report.refused);
    if (!report.after.ok()) return exit_altered;
    return written && report.failed.empty() ? exit_done : exit_partial;
}

int verify(const Session& session, const VerifyFlags& flags) {
    if (flags.repair) return verify_and_repair(session, flags);
    auto manager = session.open_for_diagnosis();
    const auto report = [&] {
        ProgressBar bar(session, "verifying", ProgressBar::Unit::bytes,
                        "not everything was verified; custody verify --resume goes on from here");
        return manager.verify({.quick = flags.quick,
                               .sample_percent = flags.sample_percent,
                               .resume = flags.resume,
                               .threads = flags.threads,
                               .progress = bar.callback()});
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

// "5" and "5%" are the same.
double parse_percent(const std::string& text) {
    const auto percent = parse_number(text.ends_with('%') ? text.substr(0, text.size() - 1) : text);
    if (percent <= 0 || percent > 100) throw UsageError(text + " is not above 0 and up to 100");
    return percent;
}

unsigned parse_threads(const std::string& text) { return static_cast<unsigned>(parse_integer(text, 1, 256)); }

}  // namespace

void add_verify_verb(CLI::App& app, Session& session) {
    auto [verb, flags] = add_verb<VerifyFlags>(app, session,
                                               {"verify", "check the integrity of database, payloads and trail",
                                                "custody verify\ncustody verify --quick\ncustody verify --sample 5%\n"
                                                "custody verify --resume\ncustody verify --repair --from /backup --dry-run"},
                                               verify);
    auto* quick = add_flag(verb, "--quick", flags.quick, "presence and size of payloads only; no hashing");
    auto* sample = add_parsed(verb, "--sample", "P", flags.sample_percent, parse_percent,
                              "hash only so many percent of the payloads, drawn at random")
                       ->excludes(quick);
    auto* resume =
        add_flag(verb, "--resume", flags.resume, "leave out what an interrupted verification has found good since it began")
            ->excludes(quick)
            ->excludes(sample);
    add_parsed(verb, "--threads", "N", flags.threads, parse_threads, "that hash; otherwise one for each processor");
    auto* repair =
        add_flag(verb, "--repair", flags.repair, "put right what can be put right without losing anything, and verify again")
            ->excludes(quick)
            ->excludes(sample)
            ->excludes(resume);
    add_filled_text(verb, "--from", "DIR", flags.from, "a folder to look in for content that is missing or damaged")
        ->needs(repair);
    add_flag(verb, "--dry-run", flags.dry_run, "say what would be repaired, and change nothing")->needs(repair);
    add_flag(verb, "--yes", flags.yes, "don't ask")->needs(repair);
}

}  // namespace custody::cli
