// Month files and proofs, checked without the store.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>

#include "audit/entry.hpp"
#include "audit/proof_forms.hpp"
#include "manager/layout.hpp"
#include "manager/support.hpp"
#include "sqlite/database.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

std::set<std::string> kinds_of(const TrailReport& report) {
    std::set<std::string> kinds;
    for (const auto& finding : report.findings) {
        if (finding.severity == Finding::Severity::error) kinds.insert(finding.kind);
    }
    return kinds;
}

void put(const fs::path& file, const std::string& text) { std::ofstream(file, std::ios::binary) << text; }

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line + "\n");
    return lines;
}

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const auto& line : lines) text += line;
    return text;
}

/// A store with texts, a key, and its running month exported and signed.
struct Exported {
    Exported() {
        auto trail = store.manager.audit();
        key = trail.make_signing_key(store.scratch / "key");
        artifact = store.add(ArtifactType::text_raw, "text").id;
        store.manager.update_artifact_status(*artifact, ArtifactStatus::failed, "no \"codec\"\n");
        (void)store.manager.get_artifact_file(*artifact);
        fs::create_directory(folder);
        lines = trail.export_months({.folder = folder, .signing_key = store.scratch / "key"}).back();
        proof = folder / (lines.stem().string() + ".proof.json");
    }
    TrailReport verify(const std::vector<std::string>& keys = {}) const { return verify_audit_files(folder, {.keys = keys}); }
    Store store;
    std::optional<ArtifactId> artifact;
    std::string key;
    fs::path folder = store.scratch / "out";
    fs::path lines;
    fs::path proof;
};

}  // namespace

TEST_CASE("a month's files verify alone, sealed by a key that can be pinned") {
    const Exported out;
    const auto report = out.verify({out.key});
    CHECK(report.ok());
    CHECK(report.findings.empty());
    CHECK(report.pinned);
    CHECK(report.entries_after == 0);
    CHECK(report.sealed_entries == report.entries);
    CHECK(verify_audit_files(out.lines).ok());
    CHECK(verify_audit_files(out.proof).ok());
    CHECK_THROWS_AS((void)verify_audit_files(out.store.scratch / "none"), IoError);
    CHECK_THROWS_AS((void)verify_audit_files(out.store.base / "audit"), IoError);  // nothing was exported there
}

TEST_CASE("an unsigned month says so, and one that is right is not written again") {
    Store store;
    (void)store.add_bare();
    const auto seq = store.entry_count();
    const auto file = store.manager.audit().export_months({.to_seq = seq}).back();
    const auto report = verify_audit_files(store.base / "audit");
    CHECK(report.ok());
    CHECK(report.statement().find("not sealed") == 0);
    const auto written = fs::last_write_time(file);
    (void)store.manager.audit().export_months({.to_seq = seq});
    CHECK(fs::last_write_time(file) == written);
    (void)store.manager.audit().export_months();
    CHECK(verify_audit_files(store.base / "audit").entries > static_cast<std::uint64_t>(seq));
}

TEST_CASE("lines that are cut, moved, doubled, swapped or changed are found") {
    const Exported out;
    const auto whole = slurp(out.lines);
    const auto lines = split(whole);
    REQUIRE(lines.size() >= 5);
    auto swapped = lines;
    std::swap(swapped[1], swapped[2]);
    auto doubled = lines;
    doubled.insert(doubled.begin() + 2, lines[2]);
    auto shorter = lines;
    shorter.erase(shorter.begin() + 1);
    auto edited = whole;
    edited.replace(edited.find("no \\\"codec"), 2, "NO");
    for (const auto& text :
         {joined(swapped), joined(doubled), joined(shorter), edited, whole.substr(0, whole.size() - 1),
          whole.substr(0, whole.size() / 2), whole + lines.back(), whole + "\n", std::string(), "\n" + whole}) {
        put(out.lines, text);
        const auto report = out.verify({out.key});
        CHECK_FALSE(report.ok());
        CHECK(std::any_of(report.findings.begin(), report.findings.end(), [&](const Finding& finding) {
            return finding.subject.find(out.lines.filename().string()) != std::string::npos;
        }));
    }
    put(out.lines, whole);
    CHECK(out.verify({out.key}).ok());
    fs::remove(out.lines);
    CHECK(kinds_of(out.verify()).contains("month_missing"));
    put(out.lines, whole);
    fs::remove(out.proof);
    CHECK(kinds_of(out.verify()) == std::set<std::string>{"month_missing"});
}

TEST_CASE("everything signed again with another key is found by whoever pinned the right one") {
    Exported out;
    Store forged;  // a trail of the same form, by somebody else's key
    auto trail = forged.manager.audit();
    const auto other = trail.make_signing_key(forged.scratch / "key");
    fs::remove_all(out.folder);  // an export refuses to write over another trail's
    fs::create_directory(out.folder);
    const auto lines = trail.export_months({.folder = out.folder, .signing_key = forged.scratch / "key"}).back();
    CHECK(lines == out.lines);
    CHECK(out.verify().ok());  // it doesn't contradict itself
    const auto kinds = kinds_of(out.verify({out.key}));
    CHECK(kinds.contains("key_not_pinned"));
    CHECK(kinds.contains("not_sealed"));
    CHECK(out.verify({other}).ok());
}

TEST_CASE("months join: one that is missing, or of another trail, is found; one without entries has its files") {
    Store store;
    (void)store.manager.audit().make_signing_key(store.scratch / "key");
    store.manager.audit().flush();
    const manager::Layout layout{store.base};
    sqlite::Database database(layout.catalog(), layout.write_queue(), {});
    for (const char* time : {"2126-01-31T23:00:00Z", "2126-02-01T00:00:00Z", "2126-02-03T00:00:00Z", "2126-01-01T00:00:00Z",
                             "2126-04-01T00:00:00Z"}) {
        database.write([&](sqlite::Connection& connection) {
            const auto agent = base::current_agent("test");
            audit::Writer writer(connection, agent, audit::ClockJump::accept);
            audit::Draft draft{.operation = "test", .action = "wait", .user = "tester"};
            draft.timestamp = Timestamp::parse(time);
            writer.append(draft);
            writer.finish();
        });
    }
    const auto folder = store.scratch / "out";
    fs::create_directory(folder);
    const MonthExport range{
        .first_month = "2126-01", .last_month = "2126-04", .folder = folder, .signing_key = store.scratch / "key"};
    REQUIRE(store.manager.audit().export_months(range).size() == 4);
    CHECK(slurp(folder / "audit_212603.jsonl").empty());
    const auto good = verify_audit_files(folder);
    CHECK(good.ok());
    CHECK(good.entries_after == 0);
    CHECK(good.first_seq > 1);
    CHECK(verify_audit_files(folder / "audit_212602.jsonl").ok());
    CHECK(slurp(folder / "audit_212602.jsonl").find("clock_back_ms") != std::string::npos);

    const auto without = [&](const std::string& month) {
        const auto copy = store.scratch / ("without" + month);
        fs::copy(folder, copy);
        fs::remove(copy / ("audit_" + month + ".jsonl"));
        fs::remove(copy / ("audit_" + month + ".proof.json"));
        return kinds_of(verify_audit_files(copy));
    };
    CHECK(without("212602") == std::set<std::string>{"month_missing", "joint_broken"});
    CHECK(without("212603") == std::set<std::string>{"month_missing"});
    CHECK(without("212601").empty());  // what is left begins later, and says so

    // February of another trail in the place of this one's.
    auto proof = *audit::MonthProof::parse(slurp(folder / "audit_212602.proof.json"));
    proof.start.append(proof.root);
    proof.start_note.reset();
    ++proof.first_seq;
    put(folder / "audit_212602.proof.json", proof.str());
    CHECK(kinds_of(verify_audit_files(folder)).contains("joint_broken"));
}

TEST_CASE("the proof of one entry is checked alone, and tells nothing of others") {
    Exported out;
    auto trail = out.store.manager.audit();
    const auto text = trail.prove(4);
    const auto proof = audit::EntryProof::parse(text);
    REQUIRE(proof);
    CHECK(proof->leaf_index == 3);
    const auto file = out.store.scratch / "entry.json";
    put(file, text);
    const auto report = verify_audit_files(file, {.keys = {out.key}});
    CHECK(report.ok());
    CHECK(report.entries == 1);
    CHECK(report.first_seq == 4);
    CHECK(text.size() < 4096);
    for (const auto& entry : trail.query_audit_trail()) {
        if (entry.seq != 4) CHECK(text.find(entry.entry["entry_id"].get<std::string>()) == std::string::npos);
    }
    for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{{"\"leaf_index\":3", "\"leaf_index\":2"},
                                                                                   {"\"version\":1", "\"version\":2"},
                                                                                   {"tester", "nobody"},
                                                                                   {"\"path\":[\"", "\"path\":[\"A"}}) {
        auto wrong = text;
        wrong.replace(wrong.find(from), from.size(), to);
        put(file, wrong);
        CHECK_FALSE(verify_audit_files(file).ok());
    }
    put(file, "{}");
    CHECK(kinds_of(verify_audit_files(file)) == std::set<std::string>{"proof_malformed"});
    CHECK_THROWS_AS((void)trail.prove(0), NotFound);
    CHECK_THROWS_AS((void)trail.prove(100000), NotFound);
    CHECK(out.store.last_entry().at("outcome") == "not_found");
    const auto before = out.store.entry_count();
    CHECK_THROWS_AS((void)trail.prove(INT64_MAX), NotFound);  // a number that no entry could hold
    CHECK(out.store.entry_count() == before + 1);
}

TEST_CASE("an artifact's history is proven entry by entry, sealing first where no seal covers it") {
    Exported out;
    auto trail = out.store.manager.audit();
    (void)out.store.manager.get_artifact_file(*out.artifact);
    const auto folder = out.store.scratch / "evidence";
    const auto files = trail.prove_history(*out.artifact, folder, out.store.scratch / "key");
    CHECK(files.size() == 4);
    for (const auto& file : files) {
        CAPTURE(slurp(file));
        const auto report = verify_audit_files(file, {.keys = {out.key}});
        CHECK(report.ok());
        CHECK(report.pinned);
    }
    const auto all = verify_audit_files(folder, {.keys = {out.key}});
    CHECK(all.ok());
    CHECK(all.entries == 4);
    put(files.front(), slurp(files.back()));
    put(files.back(), "{}");
    CHECK(kinds_of(verify_audit_files(folder)) == std::set<std::string>{"proof_malformed"});
    CHECK_THROWS_AS((void)trail.prove_history(ArtifactId::random(), folder), NotFound);
    CHECK_THROWS_AS((void)trail.prove_history(*out.artifact, out.store.base / "storage/temp/x"), InvalidArgument);
}

TEST_CASE("month files are not replaced by ones that prove less") {
    Store store;
    auto trail = store.manager.audit();
    const auto key = store.scratch / "key";
    (void)trail.make_signing_key(key);
    (void)store.add_bare();
    const auto folder = store.scratch / "archive";
    fs::create_directory(folder);
    const auto first = store.entry_count();
    const auto lines = trail.export_months({.folder = folder, .signing_key = key}).back();
    const auto kept = slurp(lines);
    const auto refused = [&](ArtifactManager& manager, const MonthExport& wanted) {
        const auto said = message_of<InvalidArgument>([&] { (void)manager.audit().export_months(wanted); });
        CHECK(slurp(lines) == kept);
        return said;
    };
    CHECK(refused(store.manager, {.folder = folder}).find("is sealed") != std::string::npos);
    CHECK(refused(store.manager, {.folder = folder, .to_seq = first - 1}).find("would end with") != std::string::npos);
    Store other;
    for (int n = 0; n < 20; ++n) (void)other.add_bare();
    CHECK(refused(other.manager, {.folder = folder}).find("another trail") != std::string::npos);
    CHECK(verify_audit_files(folder).ok());
    (void)store.add_bare();
    (void)trail.export_months({.folder = folder, .signing_key = key});
    CHECK(slurp(lines) != kept);
    CHECK(verify_audit_files(folder).ok());
}

TEST_CASE("a month whose lines were damaged since is written again") {
    Store store;
    (void)store.add_bare();
    const auto lines = store.manager.audit().export_months({}).back();
    const auto good = slurp(lines);
    put(lines, good.substr(0, good.size() / 2));
    REQUIRE_FALSE(verify_audit_files(lines).ok());
    const auto last = store.raw().number("SELECT max(seq) FROM audit_entries") - 1;
    (void)store.manager.audit().export_months({.to_seq = last});
    CHECK(slurp(lines) == good);
}

TEST_CASE("what is no file under the name of one is told, and isn't waited for") {
    const Exported out;
    fs::remove(out.lines);
    SUBCASE("a pipe") { REQUIRE(::mkfifo(out.lines.c_str(), 0600) == 0); }
    SUBCASE("a folder") { fs::create_directory(out.lines); }
    CHECK(kinds_of(out.verify()).contains("month_missing"));
    fs::remove(out.proof);
    REQUIRE(::mkfifo(out.proof.c_str(), 0600) == 0);
    CHECK(kinds_of(out.verify()) == std::set<std::string>{"month_missing"});
}

TEST_CASE("the proof of a long line is read as it was written") {
    audit::EntryProof proof{
        .line = std::string(5U << 20U, 'a'), .leaf_index = 0, .tree_size = 1, .path = {}, .note = {}, .keys = {}};
    const auto read = audit::EntryProof::parse(proof.str());
    REQUIRE(read);
    CHECK(read->line == proof.line);
}

TEST_CASE("a folder that can't be looked into is not told as missing") {
    if (::geteuid() != 0) return;  // another account is needed
    const Exported out;
    fs::permissions(out.store.scratch.path(), fs::perms::owner_all);
    CHECK(in_child([&] {
              if (::setuid(65534) != 0) return 100;
              try {
                  (void)verify_audit_files(out.folder);
              } catch (const IoError& error) {
                  return error.code();
              }
              return 0;
          }) == EACCES);
}
