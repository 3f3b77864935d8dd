// What the original got wrong, shown right: rows 9 to 16.

#include <stdlib.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "audit/entry.hpp"
#include "audit/table.hpp"
#include "manager/layout.hpp"
#include "manager/support.hpp"
#include "sqlite/database.hpp"

using namespace custody;
using namespace custody::testing;

TEST_CASE("row 9: one damaged record breaks neither lists nor statistics") {
    Store store;
    const auto whole = store.add_bare();
    const auto damaged = store.add_bare();
    const auto cut = store.add(ArtifactType::log, "a log of some length");
    auto raw = store.raw(Raw::As::intruder);
    raw.run("UPDATE artifacts SET metadata = '{\"fps\": 3' WHERE artifact_id = '" + damaged.id.str() + "'");
    raw.run("UPDATE audit_entries SET line = substr(line, 1, 40) WHERE seq = 2");
    tamper(store.blob(cut), "a log");
    CHECK(store.manager.list_artifacts().size() == 3);
    CHECK(store.manager.get_statistics().total_artifacts == 3);
    CHECK(store.manager.get_artifact(whole.id).value().metadata() == json::object());
    CHECK(store.manager.audit().query_audit_trail({.operation = "artifact_creation"}).size() == 2);
    // It is found, and by name.
    const auto report = store.manager.verify();
    CHECK_FALSE(report.ok());
    CHECK(kinds(report).count("entry_altered") == 1);
    CHECK(kinds(report).count("payload_altered") == 1);
}

TEST_CASE("row 10: metadata that can't be stored leaves no file, and NaN is refused") {
    Store store;
    const auto source = store.scratch.file("clip.mp4", "video");
    for (const json& metadata : {json{{"fps", std::nan("")}}, json{{"fps", INFINITY}}, json{{"text", "\xff\xfe"}}}) {
        const Trace before(store);
        CHECK_THROWS_AS(
            (void)store.manager.create_artifact({.type = ArtifactType::video_raw, .source_path = source, .metadata = metadata}),
            InvalidArgument);
        before.check_unchanged();
    }
    for (const char* text : {"{\"fps\": NaN}", "{\"a\":1,\"a\":2}", "{\"a\":\"\\ud800\"}", "{", "[]", "{} {}"}) {
        const Trace before(store);
        CHECK_THROWS_AS(
            (void)store.manager.create_artifact({.type = ArtifactType::video_raw, .source_path = source, .metadata_text = text}),
            InvalidArgument);
        before.check_unchanged();
    }
}

TEST_CASE("row 11: a change and its entry are there together or not at all") {
    Store store;
    const auto artifact = store.add_bare();
    CHECK(store.entries("artifact_creation", "create").size() == 1);
    // Where no entry can be written (its number would be past the last that there is), nothing is changed.
    store.raw(Raw::As::intruder).run("INSERT INTO audit_entries (seq, line) VALUES (9223372036854775807, '{}')");
    const Trace before(store);
    CHECK_THROWS_AS((void)store.add(ArtifactType::log, "log"), Error);
    CHECK_THROWS_AS(store.manager.update_artifact_status(artifact.id, ArtifactStatus::failed, "x"), Error);
    CHECK_THROWS_AS((void)store.manager.start_processing_run(), Error);
    CHECK_THROWS_AS(store.manager.add_hold(artifact.id, "audit"), Error);
    CHECK(store.raw().text("SELECT status FROM artifacts") == "completed");
    before.check_unchanged(0);
    const auto said = message_of<Error>([&] { (void)store.add_bare(); });
    CHECK(said.find("could not be recorded") != std::string::npos);
    // The next entry that can be written tells of those that couldn't.
    store.raw(Raw::As::intruder).run("DELETE FROM audit_entries WHERE seq = 9223372036854775807");
    (void)store.add_bare();
    const auto told = store.last_entry().at("details").at("unrecorded");
    CHECK(told.size() == 5);
    CHECK(told[0].at("operation") == "artifact_storage");
    (void)store.add_bare();
    CHECK_FALSE(store.last_entry().at("details").contains("unrecorded"));
}

TEST_CASE("row 12: a hostile audit detail leaves a whole line, and the next entry is found") {
    Store store;
    const auto first = store.add_bare();
    const auto second = store.add_bare();
    const std::string hostile = std::string("half\n{\"seq\":1}\r\n\xff\xc3 \"quote\\ ") + '\0' + " end";
    store.manager.update_artifact_status(first.id, ArtifactStatus::failed, hostile);
    store.manager.update_artifact_status(second.id, ArtifactStatus::failed, "plain");
    const auto entries = store.manager.audit().query_audit_trail({.operation = "artifact_update"});
    REQUIRE(entries.size() == 2);
    for (const auto& entry : entries) CHECK(entry.line.find('\n') == std::string::npos);
    CHECK(entries[1].entry.at("details").at("error_message") == "plain");
    const auto file = store.manager.audit().export_months().back();
    const auto text = slurp(file);
    std::istringstream lines(text);
    std::int64_t seq = 0;
    for (std::string line; std::getline(lines, line);) CHECK(json::parse(line).at("seq") == ++seq);
    CHECK(seq >= 5);
}

TEST_CASE("row 13: an entry's month is that of its own time, and one month is one file") {
    Store store;
    const manager::Layout layout{store.base};
    {
        sqlite::Database database(layout.catalog(), layout.write_queue(), {});
        const auto append = [&](const char* time) {
            database.write([&](sqlite::Connection& connection) {
                audit::Draft draft{.operation = "test", .action = time, .user = "tester"};
                draft.timestamp = Timestamp::parse(time);
                const auto agent = base::current_agent("test");
                audit::Writer writer(connection, agent, audit::ClockJump::accept);
                writer.append(draft);
                writer.finish();
            });
        };
        append("2126-01-31T23:59:59.999999Z");
        append("2126-02-01T00:00:00Z");
        append("2126-01-31T12:00:00Z");  // the clock went back: that month is over
        append("2126-04-01T00:00:00Z");
        database.read([&](sqlite::Connection& connection) {
            const auto months = audit::months(connection, audit::last_seq(connection), "2126-05");
            const auto last = std::vector<audit::Month>(months.end() - 5, months.end());
            const auto count = [](const audit::Month& month) { return month.last_seq - month.first_seq + 1; };
            CHECK(last[0].name == "2126-01");
            CHECK(count(last[0]) == 1);
            CHECK(count(last[1]) == 2);
            CHECK(count(last[2]) == 0);
            CHECK(count(last[3]) == 1);
            CHECK(last[4].name == "2126-05");
            CHECK(count(last[4]) == 0);
            for (std::size_t i = 1; i < months.size(); ++i) CHECK(months[i].first_seq == months[i - 1].last_seq + 1);
        });
    }
    const auto files = store.manager.audit().export_months({.first_month = "2126-02", .last_month = "2126-02"});
    REQUIRE(files.size() == 1);
    CHECK(files[0] == store.base / "audit" / "audit_212602.jsonl");
    const auto text = slurp(files[0]);
    CHECK(std::count(text.begin(), text.end(), '\n') == 2);
}

TEST_CASE("row 14: a limit answers the newest entries, oldest first") {
    Store store;
    std::vector<std::string> ids;
    for (int i = 0; i < 8; ++i) ids.push_back(store.add_bare().id.str());
    const auto newest = store.manager.audit().query_audit_trail({.operation = "artifact_creation", .limit = 3});
    REQUIRE(newest.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) CHECK(newest[i].entry.at("artifact_id") == ids[5 + i]);
    const auto all = store.manager.audit().query_audit_trail();
    for (std::size_t i = 0; i < all.size(); ++i) CHECK(all[i].seq == static_cast<std::int64_t>(i + 1));
}

TEST_CASE("row 15: every entry has its user, who is not taken from the environment") {
    ::setenv("USER", "mallory", 1);
    Store store{ManagerOptions{}};
    const auto artifact = store.add_bare();
    (void)store.manager.get_artifact(artifact.id);
    const auto entries = store.manager.audit().query_audit_trail();
    REQUIRE(entries.size() == 3);
    for (const auto& entry : entries) {
        CHECK(entry.entry.at("user") == entry.entry.at("agent").at("os_user"));
        CHECK(entry.entry.at("user") != "mallory");
        CHECK(entry.entry.at("user") != "");
    }
    Store named({.actor = "researcher_1"});
    auto run = named.manager.start_processing_run();
    (void)named.manager.list_artifacts();
    run.end();
    for (const auto& entry : named.manager.audit().query_audit_trail()) CHECK(entry.entry.at("user") == "researcher_1");
}

TEST_CASE("row 16: every read leaves one entry, a lineage of many nodes too") {
    Store store;
    const auto root = store.add_bare();
    const auto middle = store.add_bare(ArtifactType::metadata, {root.id});
    const auto leaf = store.add_bare(ArtifactType::metadata, {root.id, middle.id});
    const auto expect = [&](const char* operation, const char* action, const std::function<void()>& read) {
        CAPTURE(action);
        const auto before = store.entry_count();
        read();
        CHECK(store.entry_count() == before + 1);
        CHECK(store.last_entry().at("operation") == operation);
        CHECK(store.last_entry().at("action") == action);
    };
    auto& manager = store.manager;
    expect("artifact_access", "get_metadata", [&] { (void)manager.get_artifact(leaf.id); });
    expect("artifact_access", "list", [&] { (void)manager.list_artifacts(); });
    expect("artifact_access", "lineage", [&] { (void)manager.get_artifact_lineage(leaf.id); });
    expect("artifact_access", "history", [&] { (void)manager.audit().get_artifact_history(leaf.id); });
    expect("artifact_access", "statistics", [&] { (void)manager.get_statistics(); });
    expect("audit_access", "query", [&] { (void)manager.audit().query_audit_trail(); });
    expect("audit_access", "query", [&] { (void)manager.audit().get_error_summary(); });
    expect("audit_access", "export", [&] { (void)manager.audit().export_audit_trail(store.scratch / "all.json"); });
    expect("audit_access", "export", [&] { (void)manager.audit().export_months(); });
    expect("artifact_access", "get_file", [&] { (void)manager.get_artifact_file(leaf.id); });
    expect("sql", "query", [&] { (void)manager.sql("SELECT 1"); });
    expect("store", "snapshot", [&] { (void)manager.snapshot(store.scratch / "snapshot.db"); });
    expect("store", "verify", [&] { (void)manager.verify(); });
}
