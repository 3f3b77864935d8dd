#include <fcntl.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "output.hpp"
#include "spelling.hpp"
#include "verbs.hpp"

namespace custody::cli {

namespace {

/// Where 0, 1 or 2 is closed, the next file opened would get that number, and a message could end up in the database.
/// Each is opened the wrong way round, so that using it still fails.
void hold_standard_descriptors() {
    for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (fcntl(descriptor, F_GETFD) != -1) continue;
        if (open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY) != descriptor) std::_Exit(exit_failed);
    }
}

/// An empty variable counts as one that is not set.
std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : value;
}

void add_global_options(CLI::App& app, Session& session) {
    session.store = environment("CUSTODY_STORE");
    session.actor = environment("CUSTODY_ACTOR");
    session.signing_key = environment("CUSTODY_SIGNING_KEY");
    const auto group = [](CLI::Option* option) { option->group("Options of every verb"); };
    group(add_text(app, "--store", "DIR", session.store, "the store; else CUSTODY_STORE"));
    group(add_flag(app, "--json", session.json_output, "print JSON"));
    group(add_flag(app, "--quiet", session.quiet, "no messages, no progress bar; errors are still said"));
    group(add_filled_text(app, "--actor", "NAME", session.actor, "who acts; else CUSTODY_ACTOR, else the system's account"));
    group(add_filled_text(app, "--on-behalf-of", "WHO", session.on_behalf_of, "for whom; kept in the audit trail"));
    group(add_filled_text(app, "--purpose", "TEXT", session.purpose, "why; kept in the audit trail"));
    group(add_parsed(app, "--lock-timeout", "S", session.lock_timeout, parse_seconds,
                     "how long to wait for other processes, in seconds; 30 unless given"));
    group(add_filled_text(app, "--signing-key", "FILE", session.signing_key,
                          "the key that seals and signs exports; else CUSTODY_SIGNING_KEY"));
    group(add_flag(app, "--accept-clock", session.accept_clock,
                   "the clock jumped a day or more ahead, and is right now; kept in the audit trail"));
    app.set_version_flag("--version", std::string("custody ") + version(), "print the version")->group("Options of every verb");
    app.set_help_flag("-h,--help", "print this help")->group("Options of every verb");
}

/// In the order of --help.
constexpr void (*verb_groups[])(CLI::App&, Session&) = {
    add_store_verbs,       add_backup_verbs,    add_original_verbs, add_run_verbs,     add_creation_verbs,
    add_artifact_verbs,    add_type_verbs,      add_lineage_verbs,  add_payload_verbs, add_audit_verbs,
    add_maintenance_verbs, add_integrity_verbs, add_sql_verbs};

/// What stands where the verb does; nothing where that isn't plain.
std::string verb_of(const CLI::App& app, int argc, const char* const* argv) {
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (!argument.starts_with("-")) return argument;
        const auto* option = app.get_option_no_throw(argument);
        if (option == nullptr) return {};
        if (option->get_expected_min() > 0) ++i;
    }
    return {};
}

/// A tenth of a short command's time would go into the options of all the other verbs: once the wanted one is there they are left
/// out. The search begins where `add` is, which pipelines call most.
void add_verbs(CLI::App& app, Session& session, const std::string& wanted) {
    constexpr auto count = std::size(verb_groups);
    constexpr std::size_t creation = 4;
    for (std::size_t i = 0; i < count; ++i) {
        verb_groups[wanted.empty() ? i : (creation + i) % count](app, session);
        const auto added = app.get_subcommands({});
        if (std::ranges::any_of(added, [&](const CLI::App* verb) { return verb->check_name(wanted); })) return;
    }
}

/// CLI11's messages in the words of this command.
std::string message_of(const CLI::App& app, const CLI::ParseError& error) {
    const auto text = unprotect_message(error.what());
    const auto before = [&](const char* words) {
        const auto at = text.find(words);
        return at == std::string::npos ? std::string() : text.substr(0, at);
    };
    if (text == "A subcommand is required") return "a verb is missing";
    if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
        std::string more;
        for (const auto& argument : app.remaining(true)) more += " " + unprotect(argument);
        return "too many arguments:" + more;
    }
    if (const auto name = before(": At Most 1 required"); !name.empty()) return name + " was given more than once";
    if (const auto name = before(": 1 required "); !name.empty()) return name + " needs a value";
    if (const auto name = before(" was given a disallowed flag override"); !name.empty()) return "--" + name + " takes no value";
    return text;
}

int parse(CLI::App& app, std::vector<std::string> arguments) {
    std::reverse(arguments.begin(), arguments.end());  // CLI11 reads from the back
    try {
        app.parse(std::move(arguments));
        return exit_done;
    } catch (const CLI::CallForHelp&) {
        put(app.help());
    } catch (const CLI::CallForVersion& version_text) {
        put_line(version_text.what());
    } catch (const CLI::ParseError& error) {
        throw UsageError(message_of(app, error) + "; see " + verb_path(chosen_verb(app)) + " --help");
    }
    return exit_done;
}

int run(int argc, const char* const* argv) {
    Session session;
    CLI::App app("Keeps the artifacts of regulated media pipelines, with proof.", "custody");
    app.fallthrough();
    app.require_subcommand(1);
    app.get_formatter()->column_width(34);
    app.get_formatter()->label("SUBCOMMAND", "VERB");
    app.footer(examples_footer("export CUSTODY_STORE=/data/study\ncustody init\n"
                               "ID=$(custody add --type video_raw interview.mp4)\ncustody lineage $ID --both") +
               "\n\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 done in part, 4 not found, 10 no store there, 11 locked,\n"
               "20 something lost, wrong or altered was found. The manual: man custody");
    add_global_options(app, session);
    add_verbs(app, session, verb_of(app, argc, argv));
    const auto arguments = protect_arguments(argc, argv);
    check_spelling(app, arguments);
    const int code = parse(app, arguments);
    return session.action ? session.action() : code;
}

constexpr rlim_t most_open_files = 16384;

// For this process alone, which the library may not do for those that it is linked into.
void settle_process() {
    std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away is an ordinary error, found when writing
    std::signal(SIGXFSZ, SIG_IGN);  // so is a file that would grow past the shell's limit
    // SQLite would count each allocation, under a lock.
    ::sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    // How many files are open at once says how many share a sync. The usual limit is for programs that use select(2).
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    files.rlim_cur = std::max(files.rlim_cur, std::min<rlim_t>(files.rlim_max, most_open_files));
    ::setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace

}  // namespace custody::cli

int main(int argc, char** argv) {
    custody::cli::hold_standard_descriptors();
    custody::cli::settle_process();
    return custody::cli::guarded([&] { return custody::cli::run(argc, argv); });
}
