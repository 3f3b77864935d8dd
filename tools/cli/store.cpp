#include <fmt/format.h>

#include "output.hpp"
#include "verbs.hpp"

namespace custody::cli {

namespace {

struct InitFlags {
    InitOptions options{};
    std::string payloads{};
    bool no_phi_guard = false;
};

int init(const Session& session, const InitFlags& flags) {
    auto options = flags.options;
    options.payloads = flags.payloads;
    options.phi_guard = !flags.no_phi_guard;
    const auto store = session.store_path();
    const bool created = ArtifactManager::init(store, options, session.manager_options()) == InitResult::created;
    // Said once, while somebody looks: a trail without a key proves less.
    if (created && !session.json_output) {
        session.say("a trail that proves itself needs a key: custody audit keygen --out FILE, outside of the store");
    }
    if (!created && (options.group || !options.phi_guard)) {
        session.say("--group and --no-phi-guard are for a new store: they were not applied to the one that is there");
    }
    const auto done = created ? fmt::format("made a store in {}", store.string())
                              : fmt::format("there is a store in {} already; nothing was changed", store.string());
    return session.tell_done(done, [&] { return ordered_json{{"store", store.string()}, {"created", created}}; });
}

struct MigrateFlags {};

int migrate(const Session& session, const MigrateFlags&) {
    const int applied = ArtifactManager::migrate(session.store_path(), session.manager_options());
    return session.tell_done(applied == 0 ? "the store is of this version already"
                                          : count_text(static_cast<std::uint64_t>(applied), "migration") + " applied",
                             [&] {
                                 return ordered_json{{"migrations_applied", applied}};
                             });
}

struct SnapshotFlags {
    std::string output{};
    bool no_text = false;
};

int snapshot(const Session& session, const SnapshotFlags& flags) {
    auto manager = session.open();
    const auto path = manager.snapshot(flags.output, {.include_text = !flags.no_text, .signing_key = session.signing_key});
    return put_file("the snapshot", path, session.json_output) ? exit_done : exit_partial;
}

}  // namespace

void add_store_verbs(CLI::App& app, Session& session) {
    auto made =
        add_verb<InitFlags>(app, session,
                            {"init", "make a store; where there is one, do nothing",
                             "custody init --store /data/study\ncustody init --store /data/study --group --payloads /mnt/big"},
                            init);
    add_flag(made.app, "--group", made.options.options.group, "open the store to its group");
    add_filled_text(made.app, "--payloads", "DIR", made.options.payloads,
                    "keep the payloads there: another disk, a network file system");
    add_flag(made.app, "--no-phi-guard", made.options.no_phi_guard,
             "accept metadata that looks like protected health information");

    add_verb<MigrateFlags>(app, session,
                           {"migrate", "bring an older store to this version; the database is copied first", "custody migrate"},
                           migrate);

    auto taken =
        add_verb<SnapshotFlags>(app, session,
                                {"snapshot", "write one self-contained database to hand to a reviewer",
                                 "custody snapshot --out review.db\n"
                                 "custody snapshot --out review.db --no-text && sqlite3 review.db 'SELECT * FROM review_runs'"},
                                snapshot);
    add_filled_text(taken.app, "--out", "FILE", taken.options.output, "the database to write; it must not exist")->required();
    add_flag(taken.app, "--no-text", taken.options.no_text, "leave out free text: metadata, file names, messages, reasons");
}

}  // namespace custody::cli
