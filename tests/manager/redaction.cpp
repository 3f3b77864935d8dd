// Withdrawn texts: gone from every byte of the store, and every proof still good.
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <thread>

#include "blobs/descriptor.hpp"
#include "manager/support.hpp"
#include "sqlite/wal_holders.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

/// Files of the store in whose bytes, or name, the text stands. Read by another process: one that closed the database's file
/// would drop the library's locks.
std::string files_with(const fs::path& base, const std::string& text) {
    return shell("cd '" + base.string() + "' && (grep -rlaF -- '" + text + "' . ; find . -name '*" + text + "*')").out;
}

std::int64_t seq_of(const Store& store, const std::string& operation) {
    return store.raw().number("SELECT max(seq) FROM audit_entries WHERE operation = '" + operation +
                              "' AND outcome <> 'not_found'");
}

/// The stock shell with a read transaction that stays open until this object goes.
class Reader {
   public:
    explicit Reader(const fs::path& base) {
        pipe_ = ::popen(("sqlite3 -readonly '" + (base / "storage/catalog.db").string() + "' >/dev/null").c_str(), "w");
        std::fputs("BEGIN; SELECT count(*) FROM audit_entries;\n", pipe_);
        std::fflush(pipe_);
        for (int i = 0; i < 100 && sqlite::wal_holders(base / "storage/catalog.db").empty(); ++i) ::usleep(20000);
    }
    ~Reader() { ::pclose(pipe_); }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

   private:
    FILE* pipe_;
};

}  // namespace

TEST_CASE("every kind of free text can be withdrawn, and is then in no byte of the store") {
    Store store;
    auto& manager = store.manager;
    auto trail = manager.audit();
    auto run = manager.start_processing_run({{"note", "SECRETconfiguration"}});
    const auto made = manager.create_artifact({.type = ArtifactType::text_raw,
                                               .content = "text",
                                               .file_name = "SECRETname.txt",
                                               .metadata = {{"note", "SECRETmetadata"}}});
    REQUIRE(manager.get_artifact_file(made.id));
    manager.update_artifact_status(made.id, ArtifactStatus::failed, "SECRETmessage");
    manager.add_hold(made.id, "SECRETreason");
    run.end(ArtifactStatus::failed, "SECRETend");
    CHECK_THROWS_AS((void)manager.create_artifact({.type = ArtifactType::log, .source_path = store.scratch / "SECRETpath"}),
                    IoError);
    (void)manager.sql("SELECT 'SECRETquery'");
    (void)trail.export_months();
    const auto proof = store.scratch.file("before.json", trail.prove(seq_of(store, "artifact_creation")));
    CHECK_FALSE(files_with(store.base, "SECRET").empty());

    const std::vector<std::string> operations = {"artifact_creation", "artifact_update",  "artifact_hold",
                                                 "processing_run",    "artifact_storage", "sql"};
    for (const auto& operation : operations) {
        CAPTURE(operation);
        const auto done = trail.redact({seq_of(store, operation)}, "", "names a patient");
        CHECK_FALSE(done.withdrawn.empty());
        CHECK(done.held_by.empty());
    }
    const auto start = store.raw().number("SELECT min(seq) FROM audit_entries WHERE operation = 'processing_run'");
    CHECK(trail.redact({start}, "/details/configuration", "names a patient").withdrawn.size() == 1);
    CHECK(files_with(store.base, "SECRET").empty());

    CHECK(trail.verify({}).ok());
    CHECK(trail.verify({}).withdrawn_texts >= 8);
    CHECK(manager.verify().ok());
    CHECK(verify_audit_files(store.base / "audit").ok());
    CHECK(verify_audit_files(proof).ok());
    const auto raw = store.raw();
    CHECK(store.raw().text("SELECT metadata || file_name || error_message FROM review_artifacts") ==
          "withdrawnwithdrawnwithdrawn");
    CHECK(store.raw().text("SELECT configuration || error_message FROM review_runs") == "withdrawnwithdrawn");
    CHECK(store.raw().text("SELECT reason FROM review_holds") == "withdrawn");
    CHECK(manager.get_artifact(made.id)->metadata() == json::object());
    CHECK(fs::exists(*manager.get_artifact_file(made.id)));
    const auto after = store.scratch.file("after.json", trail.prove(seq_of(store, "artifact_creation")));
    CHECK(verify_audit_files(after).ok());
    CHECK(store.last_entry().at("action") == "prove");
}

TEST_CASE("a withdrawal that was cut off after its commit is finished by the same call") {
    Store store;
    auto& manager = store.manager;
    const auto made = manager.create_artifact({.type = ArtifactType::text_raw,
                                               .content = "text",
                                               .file_name = "SECRETname.txt",
                                               .metadata = {{"note", "SECRETmetadata"}}});
    const auto link = manager.get_artifact_file(made.id);
    REQUIRE(link);
    const auto month = manager.audit().export_months().front();
    const auto lines = slurp(month);
    const auto seq = seq_of(store, "artifact_creation");
    CHECK(manager.audit().redact({seq}, "", "named").held_by.empty());
    REQUIRE(files_with(store.base, "SECRET").empty());
    // As the kill would have left them: the files that come after the commit.
    std::ofstream(month, std::ios::binary) << lines;
    for (const auto& entry : fs::directory_iterator(link->parent_path())) fs::rename(entry.path(), *link);
    REQUIRE_FALSE(files_with(store.base, "SECRET").empty());
    CHECK(manager.audit().redact({seq}, "", "named").held_by.empty());
    CHECK(files_with(store.base, "SECRET").empty());
}

TEST_CASE("one text of an entry can be withdrawn, others stay; what has none is refused") {
    Store store;
    auto trail = store.manager.audit();
    const auto made =
        store.manager.create_artifact({.type = ArtifactType::text_raw, .content = "t", .file_name = "n", .metadata = {{"a", 1}}});
    const auto seq = seq_of(store, "artifact_creation");
    const auto preview = trail.redact({seq}, "", "why", true);
    REQUIRE(preview.withdrawn.size() == 1);
    CHECK(preview.withdrawn[0].pointers == std::vector<std::string>{"/details/file_name", "/details/metadata"});
    CHECK(store.manager.get_artifact(made.id)->metadata_text == R"({"a":1})");
    CHECK(trail.redact({seq}, "/details/metadata", "why").withdrawn.size() == 1);
    CHECK(store.manager.get_artifact(made.id)->file_name == "n");
    CHECK(trail.redact({seq}, "/details/metadata", "why").withdrawn.empty());  // again: nothing is left to do
    CHECK(store.entries("audit_trail", "redact").size() == 1);
    CHECK(store.entries("audit_trail", "redact").front().at("details").at("redacted_seq") == seq);
    for (const char* pointer : {"/error_message", "/details/status", "nonsense"}) {
        CHECK_THROWS_AS((void)trail.redact({seq}, pointer, "why"), InvalidArgument);
    }
    CHECK_THROWS_AS((void)trail.redact({seq}, "", ""), InvalidArgument);
    CHECK_THROWS_AS((void)trail.redact({0}, "", "why"), NotFound);
    CHECK_THROWS_AS((void)trail.redact({1000000}, "", "why"), NotFound);
    CHECK(trail.verify({}).ok());
}

TEST_CASE("a text that goes without an entry that withdraws it is found") {
    Store store;
    (void)store.manager.create_artifact({.type = ArtifactType::text_raw, .metadata = {{"a", 1}}});
    CHECK_THROWS_AS((void)store.manager.end_processing_run(RunId::random()), NotFound);
    CHECK(store.manager.audit().verify({}).ok());
    store.raw(Raw::As::intruder).run("UPDATE artifacts SET metadata = NULL, metadata_salt = NULL; DELETE FROM audit_openings");
    const auto report = store.manager.audit().verify({});
    REQUIRE(report.findings.size() == 2);
    CHECK(report.findings[0].kind == "text_missing");
}

TEST_CASE("a thousand texts go while readers come and go; one that stays is named, and the same call finishes it later") {
    Store store;
    std::vector<NewArtifact> batch;
    for (int i = 0; i < 1000; ++i) {
        batch.push_back(
            {.type = ArtifactType::metadata, .metadata = {{"note", "SECRET" + std::to_string(i) + std::string(200, 'x')}}});
    }
    (void)store.manager.create_artifacts(batch);
    std::vector<std::int64_t> seqs;
    for (const auto& row : store.raw().rows("SELECT seq FROM audit_entries WHERE operation = 'artifact_creation'")) {
        seqs.push_back(std::stoll(row[0]));
    }
    REQUIRE(seqs.size() == 1000);
    auto trail = store.manager.audit();
    {
        const Reader reader(store.base);
        const auto held = trail.redact(seqs, "", "names patients");
        CHECK(held.withdrawn.size() == 1000);
        CHECK(held.held_by.find("(sqlite3)") != std::string::npos);
    }
    std::atomic<bool> ending = false;
    std::thread readers([&] {
        while (!ending)
            (void)shell("sqlite3 -readonly '" + (store.base / "storage/catalog.db").string() +
                        "' 'SELECT count(*) FROM artifacts'");
    });
    std::string held_by = "not tried";
    for (int attempt = 0; attempt < 50 && !held_by.empty(); ++attempt) held_by = trail.redact(seqs, "", "names patients").held_by;
    ending = true;
    readers.join();
    CHECK(held_by.empty());
    CHECK(files_with(store.base, "SECRET").empty());
    CHECK(store.raw().number("SELECT count(*) FROM review_artifacts WHERE metadata = 'withdrawn'") == 1000);
    CHECK(trail.verify({}).ok());
    CHECK(trail.verify({}).withdrawn_texts == 1000);
    CHECK(store.manager.verify().ok());
}

TEST_CASE("a withdrawn text that is put back is found, and so is a text that is there twice") {
    Store store;
    auto trail = store.manager.audit();
    const auto made = store.manager.create_artifact({.type = ArtifactType::text_raw, .metadata = {{"note", "SECRET"}}});
    (void)store.manager.add_hold(made.id, "litigation Jane Roe");
    const auto seq = seq_of(store, "artifact_hold");
    const auto kept = store.raw().rows("SELECT pointer, hex(salt), text FROM audit_openings WHERE seq = " + std::to_string(seq));
    REQUIRE(kept.size() == 1);
    CHECK(trail.redact({seq}, "", "why").withdrawn.size() == 1);
    REQUIRE(store.manager.verify().ok());
    SUBCASE("a reason, in its row too") {
        store.raw(Raw::As::intruder)
            .run("INSERT INTO audit_openings (seq, pointer, salt, text) VALUES (" + std::to_string(seq) + ", '" + kept[0][0] +
                 "', x'" + kept[0][1] + "', '" + kept[0][2] + "'); UPDATE holds SET reason = '" + kept[0][2] + "'");
        CHECK(kinds(store.manager.verify()).contains("text_not_withdrawn"));
    }
    SUBCASE("metadata, of which only its row should have one") {
        const auto create = std::to_string(seq_of(store, "artifact_creation"));
        store.raw(Raw::As::intruder)
            .run("INSERT INTO audit_openings (seq, pointer, salt, text) SELECT " + create +
                 ", '/details/metadata', metadata_salt, metadata FROM artifacts");
        CHECK(kinds(store.manager.verify()).contains("text_altered"));
    }
}

TEST_CASE("a withdrawal tells which other entries have the same text, in rows as well") {
    Store store;
    const NewArtifact twin{
        .type = ArtifactType::text_raw, .content = "t", .file_name = "Jane Roe.txt", .metadata = {{"note", "SECRET"}}};
    (void)store.manager.create_artifact(twin);
    const auto first = seq_of(store, "artifact_creation");
    (void)store.manager.create_artifact(twin);
    const auto second = seq_of(store, "artifact_creation");
    (void)store.add_bare();  // without metadata, as many others are
    const auto redaction = store.manager.audit().redact({first}, "", "why");
    CHECK(std::set<std::int64_t>(redaction.also_in.begin(), redaction.also_in.end()) == std::set<std::int64_t>{second});
}

TEST_CASE("what an export that died has left of a text goes with it; one that is under way is named") {
    Store store;
    (void)store.manager.create_artifact({.type = ArtifactType::text_raw, .metadata = {{"note", "SECRET"}}});
    const auto left = store.scratch.file("store/audit/incoming-00000000000000000000000000000000", "SECRET");
    SUBCASE("dead") {
        CHECK(store.manager.audit().redact({seq_of(store, "artifact_creation")}, "", "why").held_by.empty());
        CHECK(files_with(store.base, "SECRET").empty());
    }
    SUBCASE("under way") {
        const blobs::Descriptor writer(::open(left.c_str(), O_RDWR | O_CLOEXEC));
        REQUIRE(::flock(writer.get(), LOCK_EX) == 0);
        const auto seq = seq_of(store, "artifact_creation");
        CHECK(store.manager.audit().redact({seq}, "", "why").held_by.find("being written") != std::string::npos);
        CHECK(fs::exists(left));
        REQUIRE(::flock(writer.get(), LOCK_UN) == 0);
        CHECK(store.manager.audit().redact({seq}, "", "why").held_by.empty());
        CHECK(files_with(store.base, "SECRET").empty());
    }
}
