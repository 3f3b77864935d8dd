// What the trail's tree costs, and how quick it is verified, exported and proven.

#include <algorithm>
#include <custody/artifact_manager.hpp>
#include <memory>
#include <stdexcept>

#include "audit/entry.hpp"
#include "audit/merkle.hpp"
#include "audit/proof_forms.hpp"
#include "audit/table.hpp"
#include "bench/cases/cases.hpp"
#include "bench/harness/raw_sqlite.hpp"
#include "blobs/durable.hpp"
#include "sqlite/database.hpp"

namespace custody::bench {

namespace {

audit::Draft draft_of(std::size_t number) {
    audit::Draft draft{.operation = "artifact_update", .action = "update_status", .user = "researcher_1"};
    draft.artifact_id = ArtifactId::random().str();
    draft.module = "video_deid.blur";
    draft.details = {{"new_status", "in_progress"},
                     {"old_status", "completed"},
                     {"frame", number},
                     {"model", "yolo-pose"},
                     {"note", std::string(330, 'n')}};
    return draft;
}

/// What an entry knows of the trail where there is no tree: its number, and what the clock said before.
audit::TrailEnd end_without_tree(sqlite::Connection& connection) {
    sqlite::Query query(connection,
                        "SELECT (SELECT max(seq) FROM audit_entries), (SELECT max(timestamp) FROM audit_entries), boot_id, "
                        "boottime_ms, seen_at FROM audit_clock WHERE clock_key = 1");
    audit::TrailEnd end;
    if (!query.step()) return end;
    end.last_seq = query.integer(0);
    if (!query.is_null(1)) end.highest_time = Timestamp::parse(query.view(1));
    end.clock = audit::ClockRecord{query.text(2), std::chrono::milliseconds(query.integer(3)), Timestamp::parse(query.view(4))};
    return end;
}

/// The same rows without a tree, stamped by the same clock.
void append_bare(sqlite::Connection& connection, const base::Agent& agent, std::size_t count) {
    const auto end = end_without_tree(connection);
    audit::Clock clock(connection, end, audit::ClockJump::refuse);
    for (std::size_t i = 0; i < count; ++i) {
        std::vector<audit::Opening> openings;
        auto marks = json::object();
        const auto time = clock.stamp(Timestamp::now(), marks);
        const auto seq = end.last_seq + 1 + static_cast<std::int64_t>(i);
        const auto line = audit::make_line(draft_of(i), agent, seq, time, marks, openings);
        sqlite::Query(connection, "INSERT INTO audit_entries (seq, line) VALUES (?, ?)", seq, line).run();
    }
}

/// A store whose trail is written without the operations that it tells of.
struct Trail {
    explicit Trail(const std::filesystem::path& base)
        : folder(base), manager(base), database(base / "storage/catalog.db", base / "storage/temp/write-queue", {}) {}
    void append(std::size_t count, bool with_tree) {
        database.write([&](sqlite::Connection& connection) {
            if (!with_tree) return append_bare(connection, agent, count);
            audit::Writer writer(connection, agent, audit::ClockJump::refuse);
            for (std::size_t i = 0; i < count; ++i) writer.append(draft_of(i));
            writer.finish();
        });
    }
    [[nodiscard]] std::filesystem::path key() const { return folder.string() + ".key"; }

    std::filesystem::path folder;
    ArtifactManager manager;
    sqlite::Database database;
    base::Agent agent = base::current_agent("bench");
};

/// Sealed, with so many entries; made once.
std::unique_ptr<Trail> long_trail(const World& world) {
    constexpr std::size_t batch = 10000;
    const auto count = world.scaled(1000000, 600);
    const auto folder = world.folder / ("trail-" + std::to_string(count));
    const bool there = std::filesystem::exists(folder);
    auto trail = std::make_unique<Trail>(folder);
    if (there) return trail;
    (void)trail->manager.audit().make_signing_key(trail->key());
    for (auto rest = count; rest > 0; rest -= std::min(batch, rest)) trail->append(std::min(batch, rest), true);
    (void)trail->manager.audit().seal(trail->key());
    return trail;
}

struct Lines {
    std::vector<std::string> lines{};
    double bytes = 0;
};

Lines lines_of(Trail& trail) {
    Lines all;
    trail.database.read([&](sqlite::Connection& connection) {
        audit::for_each_entry(connection, {}, [&](audit::StoredEntry&& entry) {
            all.bytes += static_cast<double>(entry.line.size() + 1);
            all.lines.push_back(std::move(entry.line));
        });
    });
    return all;
}

/// Tree hashing alone over the same lines, in memory.
void hash_alone(const std::vector<std::string>& lines) {
    audit::Frontier frontier;
    for (const auto& line : lines) frontier.append(audit::leaf_hash(line));
    if (frontier.size() != lines.size()) throw std::runtime_error("the tree has lost leaves");
}

void require(bool right) {
    if (!right) throw std::runtime_error("the trail was not found right");
}

/// Stored text copied as it is, as durable as an export.
void copy_text(const std::filesystem::path& store, const std::filesystem::path& to, const std::string& query) {
    RawSqlite raw(store / "storage/catalog.db", RawSqlite::Open::read_only);
    blobs::write_atomically(to, 0600, [&](const auto& append) {
        auto rows = raw.prepare(query);
        while (rows.step()) {
            append(rows.view(0));
            append("\n");
        }
    });
}

}  // namespace

void append(World& world, Report& report) {
    const auto folder = world.fresh("append");
    Trail tree(folder / "tree");
    Trail bare(folder / "bare");
    const auto count = std::min<std::size_t>(5000, world.scaled(500000, 10));
    tree.append(std::min<std::size_t>(1000, count), true);
    const auto many = in_turns(world.rounds(15), {{"the same rows without a tree", [&] { bare.append(count, false); }},
                                                  {"tree", [&] { tree.append(count, true); }}});
    report.compare({.what = "append " + std::to_string(count) + " entries in one transaction", .goal = Goal::time_at_most(1.3)},
                   Unit::microseconds_each(static_cast<double>(count)), many[1], many[0]);
    const auto one = [](Trail& trail, bool with_tree) {
        return [&trail, with_tree] {
            for (int i = 0; i < 20; ++i) trail.append(1, with_tree);
        };
    };
    const auto rounds = static_cast<int>(world.scaled(301, 15));
    const auto single =
        in_turns(world.rounds(rounds), {{"the same rows without a tree", one(bare, false)}, {"tree", one(tree, true)}});
    report.compare({.what = "append one entry, durable", .goal = Goal::time_at_most(1.1)}, Unit::microseconds_each(20), single[1],
                   single[0]);
}

void export_trail(World& world, Report& report) {
    const auto opened = long_trail(world);
    auto& trail = *opened;
    const auto all = lines_of(trail);
    const auto out = world.folder / "out";
    const auto renew = [&] { (void)world.fresh("out"); };
    const auto months = [&] { (void)trail.manager.audit().export_months({.folder = out, .signing_key = trail.key()}); };
    const auto json_lines = [&] { trail.manager.audit().export_audit_trail(out / "trail.jsonl", ExportFormat::jsonl); };
    const auto json_array = [&] { trail.manager.audit().export_audit_trail(out / "trail.json", ExportFormat::json); };
    const auto raw = [&](const char* query) { return [&, query] { copy_text(trail.folder, out / "raw", query); }; };
    const auto times = in_turns(
        world.rounds(5),
        {{"stored text copied", raw("SELECT line FROM audit_entries ORDER BY seq"), renew},
         {"months", months, renew},
         {"as JSON Lines", json_lines, renew},
         {"as JSON", json_array, renew},
         {"json_object", raw("SELECT json_object('seq', seq, 'entry', json(line)) FROM audit_entries ORDER BY seq"), renew}});
    const auto rate = Unit::megabytes_per_second(all.bytes);
    const std::map<std::string, double> parameters = {{"entries", static_cast<double>(all.lines.size())}, {"bytes", all.bytes}};
    const auto name = "export " + std::to_string(all.lines.size()) + " entries ";
    report.compare({.what = name + "as months with proofs", .goal = Goal::value_at_least(350), .parameters = parameters}, rate,
                   times[1], times[0]);
    report.compare({.what = name + "as JSON Lines", .parameters = parameters}, rate, times[2], times[0]);
    report.compare({.what = name + "as JSON", .parameters = parameters}, rate, times[3], times[0]);
    report.compare({.what = "the same by SQLite's json_object", .parameters = parameters}, rate, times[4], times[0]);
}

void verify_trail(World& world, Report& report) {
    const auto opened = long_trail(world);
    auto& trail = *opened;
    const auto out = world.fresh("out");
    (void)trail.manager.audit().export_months({.folder = out, .signing_key = trail.key()});
    const auto all = lines_of(trail);
    const auto times = in_turns(world.rounds(5), {{"tree hashing alone", [&] { hash_alone(all.lines); }},
                                                  {"in the store", [&] { require(trail.manager.audit().verify({}).ok()); }},
                                                  {"files", [&] { require(verify_audit_files(out).ok()); }}});
    const auto rate = Unit::per_second(static_cast<double>(all.lines.size()));
    const std::map<std::string, double> parameters = {{"entries", static_cast<double>(all.lines.size())}};
    const auto goal = world.scale >= 0.01 ? Goal::time_at_most(1.5) : Goal::none();
    report.compare({.what = "verify entries in the store", .goal = goal, .parameters = parameters}, rate, times[1], times[0]);
    report.compare({.what = "verify entries in exported files", .goal = goal, .parameters = parameters}, rate, times[2],
                   times[0]);
}

void proof(World& world, Report& report) {
    const auto opened = long_trail(world);
    auto& trail = *opened;
    const auto count = static_cast<std::int64_t>(entries_of(trail.folder));
    std::string text;
    const auto times = in_turns(world.rounds(21), {{"prove", [&] { text = trail.manager.audit().prove(count / 2); }}});
    const auto name = "an entry of " + std::to_string(count);
    report.single({.what = "prove " + name, .note = "its own entry included"}, Unit::microseconds_each(1), times[0]);
    std::size_t path_bytes = 0;
    const auto parsed = audit::EntryProof::parse(text);
    require(parsed.has_value());
    for (const auto& hash : parsed->path) path_bytes += hash.bytes().size();
    report.add({.what = "the path of " + name,
                .unit = "bytes",
                .value = spread_of({static_cast<double>(path_bytes)}),
                .goal = Goal::value_at_most(1024)});
    report.add({.what = "the proof of " + name,
                .unit = "bytes",
                .value = spread_of({static_cast<double>(text.size())}),
                .goal = Goal::value_at_most(4096)});
}

void reads(World& world, Report& report) {
    const auto folder = world.fresh("reads");
    ArtifactManager audited(folder);
    const auto made = audited.create_artifact({.type = ArtifactType::log, .content = "log"}).id;
    ArtifactManager unaudited(folder, {.enable_audit = false});
    const auto count = std::min<std::size_t>(500, world.scaled(50000, 10));
    const auto many = [&](ArtifactManager& manager) {
        return [&manager, &made, count] {
            for (std::size_t i = 0; i < count; ++i) (void)manager.get_artifact(made);
        };
    };
    const auto grouped = in_turns(world.rounds(21), {{"an unaudited read", many(unaudited)}, {"audited", many(audited)}});
    const auto each = Unit::microseconds_each(static_cast<double>(count));
    report.compare({.what = "a read whose entry waits for others",
                    .goal = Goal::value_at_most(20 + spread_of(each.of(grouped[0].seconds)).median),
                    .note = "20 us more than without an entry"},
                   each, grouped[1], grouped[0]);
    const auto payload = in_turns(world.rounds(101),
                                  {{"a create of metadata", [&] { (void)audited.create_artifact({.type = ArtifactType::log}); }},
                                   {"payload", [&] { (void)audited.get_artifact_file(made); }}});
    report.compare({.what = "a payload handed out, its entry durable", .goal = Goal::time_at_most(1)}, Unit::microseconds_each(1),
                   payload[1], payload[0]);
}

}  // namespace custody::bench
