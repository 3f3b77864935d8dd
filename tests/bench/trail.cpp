// What the trail's tree costs, and how quick it is verified, exported and proven: each figure against a baseline in the same
// run, in turns, medians of the rounds.
//
// usage: bench_trail FOLDER [ENTRIES]      (the folder should be on a disk: commits are durable)

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <custody/artifact_manager.hpp>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

#include "audit/entry.hpp"
#include "audit/merkle.hpp"
#include "audit/month_file.hpp"
#include "audit/proof_forms.hpp"
#include "base/canonical_json.hpp"
#include "blobs/durable.hpp"
#include "sqlite/database.hpp"

namespace {

using namespace custody;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_of(const std::function<void()>& work) {
    const auto begin = Clock::now();
    work();
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// Two things in turns; their medians.
std::pair<double, double> compare(int rounds, const std::function<void()>& first, const std::function<void()>& second) {
    std::vector<double> a, b;
    for (int round = 0; round < rounds; ++round) {
        a.push_back(seconds_of(first));
        b.push_back(seconds_of(second));
    }
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    return {a[a.size() / 2], b[b.size() / 2]};
}

void report(const char* what, double value, const char* unit, double ratio, double wanted) {
    std::cout << std::left << std::setw(44) << what << std::right << std::setw(12) << std::setprecision(4) << value << ' '
              << std::left << std::setw(12) << unit << "ratio " << std::setw(8) << std::setprecision(3) << ratio << "to reach "
              << wanted << '\n';
}

audit::Draft draft_of(int i) {
    audit::Draft draft{.operation = "artifact_update", .action = "update_status", .user = "researcher_1"};
    draft.artifact_id = ArtifactId::random().str();
    draft.module = "video_deid.blur";
    draft.details = {{"new_status", "in_progress"},
                     {"old_status", "completed"},
                     {"frame", i},
                     {"model", "yolo-pose"},
                     {"note", std::string(330, 'n')}};
    return draft;
}

/// The same rows without a tree: what a writer did before there was one.
void append_bare(sqlite::Connection& connection, std::int64_t& seq, int i) {
    static const auto agent = base::current_agent("bench");
    const auto draft = draft_of(i);
    json line = {{"action", draft.action},   {"artifact_id", *draft.artifact_id},
                 {"details", draft.details}, {"entry_id", RunId::random().str()},
                 {"error_message", nullptr}, {"module", *draft.module},
                 {"on_behalf_of", nullptr},  {"operation", draft.operation},
                 {"outcome", "done"},        {"purpose", nullptr},
                 {"run_id", nullptr},        {"seq", ++seq},
                 {"success", true},          {"timestamp", Timestamp::now().str()},
                 {"user", draft.user}};
    line["agent"] = {
        {"host", agent.host}, {"os_user", agent.os_user}, {"pid", agent.pid}, {"program", agent.program}, {"uid", agent.uid}};
    sqlite::Query(connection, "INSERT INTO audit_entries (seq, line) VALUES (?, ?)", seq, base::canonical_json(line)).run();
}

struct Trail {
    explicit Trail(const fs::path& base)
        : manager(base), database(base / "storage/catalog.db", base / "storage/temp/write-queue", {}) {}
    void append(int count, bool with_tree) {
        database.write([&](sqlite::Connection& connection) {
            if (with_tree) {
                audit::Writer writer(connection, agent, audit::ClockJump::refuse);
                for (int i = 0; i < count; ++i) writer.append(draft_of(i));
                writer.finish();
            } else {
                std::int64_t seq = audit::last_seq(connection);
                for (int i = 0; i < count; ++i) append_bare(connection, seq, i);
            }
        });
    }
    ArtifactManager manager;
    sqlite::Database database;
    base::Agent agent = base::current_agent("bench");
};

void bench_append(const fs::path& folder) {
    Trail tree(folder / "tree");
    Trail bare(folder / "bare");
    tree.append(1000, true);
    const auto [with, without] = compare(
        15, [&] { tree.append(5000, true); }, [&] { bare.append(5000, false); });
    report("append in batches of 5,000, with the tree", with / 5000 * 1e6, "us/entry", with / without, 1.3);
    const auto one = [](Trail& trail, bool with_tree) {
        return [&trail, with_tree] {
            for (int i = 0; i < 20; ++i) trail.append(1, with_tree);
        };
    };
    const auto [single, single_bare] = compare(41, one(tree, true), one(bare, false));
    report("append one, durable, with the tree", single / 20 * 1e6, "us/entry", single / single_bare, 1.1);
}

/// Tree hashing alone over the same lines, in memory.
double hash_alone(const std::vector<std::string>& lines) {
    return seconds_of([&] {
        audit::Frontier frontier;
        for (const auto& line : lines) frontier.append(audit::leaf_hash(line));
        if (frontier.size() != lines.size()) std::abort();
    });
}

void bench_reading(const fs::path& folder, int entries) {
    Trail trail(folder / "large");
    (void)trail.manager.audit().make_signing_key(folder / "key");
    for (int done = 0; done < entries; done += 10000) trail.append(std::min(10000, entries - done), true);
    (void)trail.manager.audit().seal(folder / "key");
    std::vector<std::string> lines;
    std::uint64_t bytes = 0;
    trail.database.read([&](sqlite::Connection& connection) {
        audit::for_each_entry(connection, {}, [&](audit::StoredEntry&& entry) {
            bytes += entry.line.size() + 1;
            lines.push_back(std::move(entry.line));
        });
    });
    std::cout << lines.size() << " entries of " << bytes / lines.size() << " bytes\n";

    const auto out = folder / "out";
    fs::create_directory(out);
    std::vector<double> alone, in_store, offline, exported, copied;
    for (int round = 0; round < 5; ++round) {
        alone.push_back(hash_alone(lines));
        in_store.push_back(seconds_of([&] {
            if (!trail.manager.audit().verify({}).ok()) std::abort();
        }));
        fs::remove_all(out);
        fs::create_directory(out);
        exported.push_back(
            seconds_of([&] { (void)trail.manager.audit().export_months({.folder = out, .signing_key = folder / "key"}); }));
        offline.push_back(seconds_of([&] {
            if (!verify_audit_files(out).ok()) std::abort();
        }));
        copied.push_back(seconds_of([&] {  // stored text copied raw, as durable as an export
            blobs::write_atomically(out / "raw", 0600, [&](const auto& append) {
                trail.database.read([&](sqlite::Connection& connection) {
                    sqlite::Query query(connection, "SELECT line FROM audit_entries ORDER BY seq");
                    while (query.step()) {
                        append(query.view(0));
                        append("\n");
                    }
                });
            });
        }));
    }
    for (auto* each : {&alone, &in_store, &offline, &exported, &copied}) std::sort(each->begin(), each->end());
    const auto count = static_cast<double>(lines.size());
    report("tree hashing alone", count / alone[2] / 1e6, "M entries/s", 1, 1);
    report("verify in the store", count / in_store[2] / 1e6, "M entries/s", in_store[2] / alone[2], 1.5);
    report("verify exported files", count / offline[2] / 1e6, "M entries/s", offline[2] / alone[2], 1.5);
    const auto megabytes = static_cast<double>(bytes) / 1e6;
    report("export", megabytes / exported[2], "MB/s", copied[2] / exported[2], 350.0 / 449);

    std::string proof;
    const auto middle = static_cast<std::int64_t>(lines.size() / 2);
    const auto [proving, nothing] = compare(
        21, [&] { proof = trail.manager.audit().prove(middle); }, [] {});
    std::size_t path_bytes = 0;
    if (const auto parsed = audit::EntryProof::parse(proof)) {
        for (const auto& hash : parsed->path) path_bytes += hash.bytes().size();
    }
    std::cout << "a proof: " << proving * 1e6 << " us with its own entry, path " << path_bytes << " bytes (to reach 1024), file "
              << proof.size() << " bytes (to reach 4096)\n";
}

void bench_reads(const fs::path& folder) {
    ArtifactManager audited(folder / "reads");
    const auto made = audited.create_artifact({.type = ArtifactType::log, .content = "log"}).id;
    ArtifactManager unaudited(folder / "reads", {.enable_audit = false});
    const auto many = [&](ArtifactManager& manager) {
        return [&] {
            for (int i = 0; i < 500; ++i) (void)manager.get_artifact(made);
        };
    };
    const auto [with, without] = compare(21, many(audited), many(unaudited));
    std::cout << "a grouped read: " << (with - without) / 500 * 1e6 << " us more than " << without / 500 * 1e6
              << " us unaudited (to reach 20 more)\n";
    const auto [payload, commit] = compare(
        101, [&] { (void)audited.get_artifact_file(made); }, [&] { (void)audited.create_artifact({.type = ArtifactType::log}); });
    report("an audited payload read, to one durable commit", payload * 1e6, "us", payload / commit, 1);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::cerr << "usage: bench_trail FOLDER [ENTRIES]\n";
        return 2;
    }
    const fs::path folder = fs::absolute(argv[1]) / "bench-trail";
    fs::remove_all(folder);
    fs::create_directories(folder);
    bench_append(folder);
    bench_reading(folder, argc > 2 ? std::atoi(argv[2]) : 1000000);
    bench_reads(folder);
    fs::remove_all(folder);
    return 0;
}
