// The verbs by which the trail proves itself: keygen, seal, verify, prove, redact.

#include "trail.hpp"

#include <fmt/format.h>

#include <limits>

#include "confirmation.hpp"
#include "output.hpp"
#include "progress.hpp"

namespace custody::cli {

namespace {

std::int64_t parse_seq(const std::string& text) { return parse_integer(text, 1, std::numeric_limits<std::int64_t>::max()); }

struct KeygenFlags {
    std::string output{};
    std::string added{};
    bool lost = false;
};

int keygen(const Session& session, const KeygenFlags& flags) {
    if (flags.output.empty() == flags.added.empty()) throw UsageError("give one of --out FILE, for a new key, and --add FILE");
    auto manager = session.open();
    const auto current = flags.lost ? std::string() : session.signing_key;
    const auto key = flags.added.empty() ? manager.audit().make_signing_key(flags.output, current, flags.lost)
                                         : manager.audit().add_signing_key(flags.added, current, flags.lost);
    const auto written = put_result("the key is recorded: " + key, [&] {
        if (session.json_output) {
            put_json({{"verifier_key", key}, {"signing_key", flags.added.empty() ? flags.output : flags.added}});
        } else {
            put_line(key);
        }
    });
    session.say(
        "keep a copy of the key's file in a safe place, outside of the store; give the line above to whoever checks the trail");
    return written ? exit_done : exit_partial;
}

struct SealFlags {
    std::string anchor{};
};

int seal(const Session& session, const SealFlags& flags) {
    auto manager = session.open();
    const auto made = manager.audit().seal(session.signing_key, flags.anchor);
    const auto written = put_result("the trail is sealed to entry " + std::to_string(made.size), [&] {
        if (session.json_output) {
            put_json({{"size", made.size}, {"checkpoint", made.note}, {"verifier_key", made.verifier_key}});
        } else {
            put_text(made.note);
        }
    });
    return written ? exit_done : exit_partial;
}

struct VerifyFlags {
    std::string path{};
    std::vector<std::string> keys{};
    std::string anchor{};
};

const char* name_of(Finding::Severity severity) {
    return severity == Finding::Severity::error ? "error" : severity == Finding::Severity::warning ? "warning" : "note";
}

void print_report(const TrailReport& report) {
    for (const auto& finding : report.findings) {
        put_line(fmt::format("{}: {}: {}: {}", styled(name_of(finding.severity), style_of(name_of(finding.severity))),
                             printable(finding.kind), printable(finding.subject), printable(finding.message)));
    }
    Fields fields;
    fields.add("entries", report.entries == 0 ? "none"
                                              : fmt::format("{} ({} to {})", report.entries, report.first_seq,
                                                            report.first_seq + report.entries - 1));
    if (report.root) fields.add("root", report.root->hex());
    if (report.withdrawn_texts != 0) fields.add("withdrawn texts", std::to_string(report.withdrawn_texts));
    fields.add("proven", report.statement());
    fields.add("result", report.ok() ? "nothing that was read contradicts itself" : "error");
    fields.print();
}

int verify(const Session& session, const VerifyFlags& flags) {
    const auto report = [&] {
        ProgressBar bar(session, "verifying", ProgressBar::Unit::items, "nothing was found out");
        const TrailVerifyOptions options{.keys = flags.keys, .anchor = flags.anchor, .progress = bar.callback()};
        if (!flags.path.empty()) return verify_audit_files(flags.path, options);
        return session.open_for_diagnosis().audit().verify(options);
    }();
    if (session.json_output) {
        put_json(to_json(report));
    } else {
        print_report(report);
    }
    if (flags.path.empty() && !report.audited) {
        session.say(
            "this verification was not recorded in the trail: only one that finds no error is, in a store that can be written");
    }
    return report.ok() ? exit_done : exit_altered;
}

struct ProveFlags {
    std::int64_t seq = 0;
};

int prove(const Session& session, const ProveFlags& flags) {
    auto manager = session.open();
    const auto proof = manager.audit().prove(flags.seq, session.signing_key);
    put_line(dump(ordered_json::parse(proof), -1));
    if (proof.find("\"checkpoint\":null") != std::string::npos) {
        session.say(
            "no checkpoint covers this entry: seal the trail first (custody audit seal), or give a key with --signing-key");
    }
    return exit_done;
}

struct RedactFlags {
    std::vector<std::int64_t> seqs{};
    std::string pointer{};
    std::string reason{};
    bool dry_run = false;
    bool yes = false;
};

std::string summary(const Redaction& preview) {
    std::size_t texts = 0;
    for (const auto& entry : preview.withdrawn) texts += entry.pointers.size();
    return "this withdraws for ever " + count_text(texts, "text") + " of " +
           count_text(preview.withdrawn.size(), "entry", "entries");
}

ordered_json form_of(const Redaction& redaction) {
    ordered_json withdrawn = ordered_json::array();
    for (const auto& entry : redaction.withdrawn) withdrawn.push_back({{"seq", entry.seq}, {"pointers", entry.pointers}});
    return {{"withdrawn", withdrawn},
            {"also_in", redaction.also_in},
            {"held_by", redaction.held_by.empty() ? ordered_json(nullptr) : ordered_json(redaction.held_by)},
            {"dry_run", redaction.dry_run}};
}

void print_redaction(const Session& session, const Redaction& redaction) {
    for (const auto& entry : redaction.withdrawn) {
        for (const auto& pointer : entry.pointers) {
            put_line(fmt::format("entry {} {}  {}", entry.seq, printable(pointer),
                                 redaction.dry_run ? "would be withdrawn" : "withdrawn"));
        }
    }
    if (redaction.withdrawn.empty()) session.say("there is no text left to withdraw");
    for (const auto seq : redaction.also_in) session.say(fmt::format("the same text stands in entry {} too", seq));
}

int redact(const Session& session, const RedactFlags& flags) {
    const bool ask = has_to_ask(flags.yes, flags.dry_run,
                                "this withdraws text for ever: add --yes to do so, or --dry-run to see what would go");
    auto manager = session.open();
    if (ask) {
        const auto preview = manager.audit().redact(flags.seqs, flags.pointer, flags.reason, true);
        if (!preview.withdrawn.empty() && !confirmed(summary(preview))) throw Error("nothing was withdrawn");
    }
    const auto redaction = manager.audit().redact(flags.seqs, flags.pointer, flags.reason, flags.dry_run);
    const auto print = [&] {
        if (session.json_output) {
            put_json(form_of(redaction));
        } else {
            print_redaction(session, redaction);
        }
    };
    const auto written = put_result(redaction.dry_run ? "" : "the text was withdrawn", print);
    if (!redaction.held_by.empty()) complain("not finished: " + redaction.held_by);
    return written && redaction.held_by.empty() ? exit_done : exit_partial;
}

void add_verify(CLI::App& group, Session& session) {
    auto [verb, flags] =
        add_verb<VerifyFlags>(group, session,
                              {"verify", "check the trail of a store, or exported files without one",
                               "custody audit verify --key \"$VERIFIER_KEY\" --since-anchor /mnt/elsewhere/anchor\n"
                               "custody audit verify study/audit\n"
                               "custody audit verify entry_7.proof.json"},
                              verify);
    add_filled_text(verb, "PATH", "", flags.path,
                    "a folder of month files, one of them, or the proof of an entry; none: the store");
    verb.add_option_function<std::vector<std::string>>(
            "--key",
            [&keys = flags.keys](const std::vector<std::string>& given) {
                for (const auto& key : given) keys.push_back(unprotect(key));
            },
            "a verifier key that is known to be right; may be repeated")
        ->type_name("VKEY")
        ->allow_extra_args(false);
    add_filled_text(verb, "--since-anchor", "FILE", flags.anchor,
                    "notes that seal has appended to this file must be of this trail");
}

}  // namespace

void add_trail_verbs(CLI::App& group, Session& session) {
    auto key = add_verb<KeygenFlags>(group, session,
                                     {"keygen", "make a key that signs checkpoints, and record it in the store",
                                      "custody audit keygen --out ~/custody.key\n"
                                      "custody audit keygen --out ~/new.key --signing-key ~/custody.key"},
                                     keygen);
    add_text(key.app, "--out", "FILE", key.options.output, "where the new key goes: a new file outside of the store");
    add_text(key.app, "--add", "FILE", key.options.added, "record this key, which is there already, instead");
    add_flag(key.app, "--lost", key.options.lost, "the key in use is lost: nobody signs the name of the new one");

    auto sealed = add_verb<SealFlags>(group, session,
                                      {"seal", "sign the trail as it is, and print the checkpoint",
                                       "custody audit seal --signing-key ~/custody.key --anchor /mnt/elsewhere/anchor"},
                                      seal);
    add_filled_text(sealed.app, "--anchor", "FILE", sealed.options.anchor,
                    "append the checkpoint to this file, out of the reach of whoever can change the store");

    add_verify(group, session);

    auto proven = add_verb<ProveFlags>(group, session,
                                       {"prove", "the proof of one entry, for somebody who has nothing else",
                                        "custody audit prove 7 > entry_7.proof.json\ncustody audit verify entry_7.proof.json"},
                                       prove);
    add_parsed(proven.app, "SEQ", "", proven.options.seq, parse_seq, "the entry's number")->required();

    auto redacted = add_verb<RedactFlags>(group, session,
                                          {"redact", "withdraw free text from an entry; the entry and every proof stay",
                                           "custody audit redact 7 --pointer /error_message --reason \"names a patient\" --yes"},
                                          redact);
    redacted.app
        .add_option_function<std::vector<std::string>>(
            "SEQ",
            [&seqs = redacted.options.seqs](const std::vector<std::string>& given) {
                for (const auto& seq : given) seqs.push_back(parse_seq(unprotect(seq)));
            },
            "the entries' numbers")
        ->type_name("")
        ->required();
    add_filled_text(redacted.app, "--pointer", "P", redacted.options.pointer,
                    "where the text stands, such as /details/metadata; else all");
    add_text(redacted.app, "--reason", "R", redacted.options.reason, "why; kept in the trail")->required();
    add_flag(redacted.app, "--dry-run", redacted.options.dry_run, "say what would go, and change nothing");
    add_flag(redacted.app, "--yes", redacted.options.yes, "don't ask");
}

}  // namespace custody::cli
