// Every column of every row, altered; every row, removed: verify tells each from the trail.
#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;

namespace {

/// A store with a row of every kind, in every state that a row can be in.
void make_store(const std::filesystem::path& base, const std::filesystem::path& key) {
    ArtifactManager manager(base, {.actor = "tester", .on_behalf_of = "dr", .purpose = "study"});
    auto trail = manager.audit();
    (void)trail.make_signing_key(key);
    manager.register_artifact_type(ArtifactType("scan"), Sensitivity::identified);
    auto run = manager.start_processing_run({{"a", 1}});
    const auto raw = manager.create_artifact({.type = ArtifactType::text_raw,
                                              .content = "text",
                                              .file_name = "a.txt",
                                              .processing_module = "m",
                                              .processing_version = "1",
                                              .metadata = {{"pages", 3}},
                                              .request_key = "r1"});
    (void)manager.create_artifact(
        {.type = ArtifactType::text_raw, .content = "text", .metadata = {{"pages", 3}}, .request_key = "r1"});
    const auto out = manager.create_artifact({.type = ArtifactType::text_deid,
                                              .content = "t***",
                                              .source_artifacts = {raw.id, raw.id},
                                              .relationship = "masked_from"});
    manager.update_artifact_status(out.id, ArtifactStatus::failed, "why");
    run.end(ArtifactStatus::failed, "because");
    auto second = manager.start_processing_run(json::object(), {.time_to_live = std::chrono::hours(1)});
    const auto third = manager.create_artifact({.type = ArtifactType("scan"), .source_artifacts = {out.id}});
    manager.link_artifacts({.source_artifact_ids = {raw.id, out.id, raw.id}, .output_artifact_id = third.id});
    manager.link_artifacts({.source_artifact_ids = {raw.id}, .output_artifact_id = third.id, .relationship = "seen_in"});
    second.detach();
    manager.link_artifacts({.source_artifact_ids = {raw.id}, .output_artifact_id = out.id, .relationship = "late"});
    (void)manager.add_hold(raw.id, "trial");
    (void)manager.add_hold(raw.id, "trial");
    (void)manager.add_hold(third.id, "audit");
    manager.remove_hold(raw.id, "over");
    const auto old = manager.create_artifact({.type = ArtifactType::log, .content = "old", .file_name = "old.log"});
    (void)manager.cleanup_old_artifacts({.older_than_days = 0, .type = ArtifactType::log});
    const auto again = manager.create_artifact({.type = ArtifactType::audio_raw, .content = "old", .file_name = "n"});
    manager.update_artifact_status(again.id, ArtifactStatus::failed, "gone");
    manager.update_artifact_status(again.id, ArtifactStatus::pending);
    (void)manager.create_artifact({.type = ArtifactType::log, .content = "gone"});
    (void)manager.cleanup_old_artifacts({.older_than_days = 0, .type = ArtifactType::log});
    (void)manager.set_retention(ArtifactType::audio_raw, {.days = 10, .when_descendants_completed = true, .reason = "plan"});
    (void)manager.set_retention(ArtifactType::audio_raw, {.days = 20});
    (void)manager.set_retention(ArtifactType::text_raw, {.days = 30});
    manager.remove_retention(ArtifactType::text_raw, "no more");
    (void)manager.collect_garbage({.grace = std::chrono::seconds(0)});
    (void)trail.seal(key);
    REQUIRE(manager.get_artifact_file(raw.id, true).has_value());
}

/// Kinds of errors that the comparison of rows and trail finds, rather than SQLite's own checks.
bool tells(const VerifyReport& report) {
    for (const auto& finding : report.findings) {
        const bool other = finding.kind == "database_damaged" || finding.kind == "broken_reference" ||
                           finding.kind.starts_with("payload_") || finding.severity != Finding::Severity::error;
        if (!other) return true;
    }
    return false;
}

struct Column {
    std::string table, name, type;
    bool may_be_null;
};

std::vector<Column> columns(Raw& raw) {
    std::vector<Column> all;
    for (const auto& row : raw.rows("SELECT m.name, c.name, c.type, c.\"notnull\" OR c.pk > 0 FROM sqlite_schema AS m, "
                                    "pragma_table_xinfo(m.name) AS c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' "
                                    "AND c.hidden = 0 AND NOT (m.name = 'payloads' AND c.name = 'mtime_ns') ORDER BY 1, c.cid")) {
        all.push_back({row[0], row[1], row[2], row[3] == "0"});
    }
    return all;
}

/// The column's value changed into another one of its type.
std::string altered(const Column& column) {
    if (column.type == "INTEGER") return "coalesce(" + column.name + " + 1, 1)";
    if (column.type == "BLOB") return "coalesce(zeroblob(length(" + column.name + ")), zeroblob(16))";
    return "coalesce(substr(" + column.name + ", 1, length(" + column.name + ") - 1) || char(unicode(substr(" + column.name +
           ", -1)) + 1), 'x')";
}

/// Changes one row at a time, verifies, and puts the table back.
class Attacks {
   public:
    explicit Attacks(const std::filesystem::path& base) : raw_(base, Raw::As::intruder), manager_(base, {.diagnose = true}) {
        raw_.run("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF");
    }
    Raw& raw() { return raw_; }
    VerifyReport verify() { return manager_.verify({.quick = true}); }

    /// `change` acts on the row whose primary key is in temp table one. Answers whether it could be made.
    void each_row(const std::string& table, const std::function<std::string(const std::string& where)>& change) {
        const bool has_rowid = raw_.refusal("SELECT rowid FROM " + table + " LIMIT 1").empty();
        std::string key = "rowid";
        if (!has_rowid) {
            key = raw_.text("SELECT group_concat(name, '||''/''||') FROM (SELECT name FROM pragma_table_info('" + table +
                            "') WHERE pk > 0 ORDER BY pk)");
        }
        const auto all = raw_.text("SELECT group_concat(name) FROM pragma_table_info('" + table + "')");
        for (const auto& row : raw_.rows("SELECT " + key + " FROM " + table)) {
            const auto statement = change(key + " = '" + row.front() + "'");
            raw_.run("CREATE TEMP TABLE saved AS SELECT " + all + " FROM " + table);
            const auto refusal = raw_.refusal(statement);  // of two rows with one key, say
            if (refusal.empty() && raw_.number("SELECT changes()") == 1) {
                CAPTURE(statement);
                ++tried;
                const bool told = tells(verify());
                CHECK(told);
                found += told ? 1 : 0;
            }
            raw_.run("BEGIN; DELETE FROM " + table + "; INSERT INTO " + table + " (" + all + ") SELECT " + all +
                     " FROM saved; DROP TABLE saved; COMMIT");
        }
    }
    std::size_t tried = 0, found = 0;

   private:
    Raw raw_;
    ArtifactManager manager_;
};

}  // namespace

TEST_CASE("every column of every row that is altered, or emptied, is told from the trail") {
    const Scratch scratch;
    const auto base = scratch / "store";
    make_store(base, scratch / "key");
    Attacks attacks(base);
    for (const auto& finding : attacks.verify().findings) FAIL(finding.kind << " " << finding.subject << " " << finding.message);
    for (const auto& column : columns(attacks.raw())) {
        if (column.table == "audit_entries" && column.name == "seq") continue;  // moved one row, it meets the next
        attacks.each_row(column.table, [&](const std::string& where) {
            return "UPDATE " + column.table + " SET " + column.name + " = " + altered(column) + " WHERE " + where;
        });
        if (!column.may_be_null) continue;
        attacks.each_row(column.table, [&](const std::string& where) {
            return "UPDATE " + column.table + " SET " + column.name + " = NULL WHERE " + where + " AND " + column.name +
                   " IS NOT NULL";
        });
    }
    attacks.each_row("payloads", [](const std::string& where) {
        return "UPDATE payloads SET mtime_ns = mtime_ns + 1 WHERE state = 'removed' AND " + where;
    });
    MESSAGE(attacks.tried << " values altered or emptied, " << attacks.found << " found");
    CHECK(attacks.tried > 300);
    CHECK(attacks.found == attacks.tried);
    CHECK(attacks.verify().findings.empty());
}

TEST_CASE("every row that is removed is told from the trail") {
    const Scratch scratch;
    const auto base = scratch / "store";
    make_store(base, scratch / "key");
    Attacks attacks(base);
    std::set<std::string> tables;
    for (const auto& column : columns(attacks.raw())) tables.insert(column.table);
    for (const auto& table : tables) {
        // A counter that counts nothing says as much as none.
        const std::string more = table == "artifact_counts"  ? " AND artifact_count > 0"
                                 : table == "payload_counts" ? " AND payload_count > 0"
                                                             : "";
        attacks.each_row(table, [&](const std::string& where) { return "DELETE FROM " + table + " WHERE " + where + more; });
    }
    MESSAGE(attacks.tried << " rows removed, " << attacks.found << " found");
    CHECK(attacks.tried > 60);
    CHECK(attacks.found == attacks.tried);
}

TEST_CASE("what was withdrawn may be gone, and nothing else; withdrawing is a change of the row") {
    Store store;
    const auto made = store.manager.create_artifact(
        {.type = ArtifactType::log, .content = "log", .file_name = "jane.log", .metadata = {{"a", 1}}});
    store.manager.update_artifact_status(made.id, ArtifactStatus::failed, "same");
    store.manager.update_artifact_status(made.id, ArtifactStatus::pending);
    store.manager.update_artifact_status(made.id, ArtifactStatus::failed, "same");
    auto run = store.manager.start_processing_run({{"a", 1}});
    run.end(ArtifactStatus::failed, "same");
    const auto first = store.manager.add_hold(made.id, "same");
    const auto second = store.manager.add_hold(made.id, "same");
    auto trail = store.manager.audit();
    CHECK(store.manager.verify().findings.empty());
    // The first failure's message is not the one that the row has: the row keeps the second's, which was not withdrawn.
    (void)trail.redact({3}, "", "asked for");
    CHECK(store.raw().text("SELECT error_message FROM artifacts") == "same");
    CHECK(store.manager.verify().findings.empty());
    (void)trail.redact({9}, "", "asked for");  // the second hold's reason
    CHECK(store.raw().rows("SELECT reason FROM holds ORDER BY hold_id") ==
          std::vector<std::vector<std::string>>{{"same"}, {"NULL"}});
    for (const auto& entries : {std::vector<std::int64_t>{2}, {5}, {6}, {7}, {8}}) {
        (void)trail.redact(entries, "", "asked for");
        const auto report = store.manager.verify();
        for (const auto& finding : report.findings) FAIL_CHECK(finding.kind << " " << finding.subject << " " << finding.message);
    }
    CHECK(
        store.raw().text("SELECT count(*) FROM artifacts WHERE metadata IS NULL AND error_message IS NULL AND file_name IS NULL "
                         "AND updated_at > created_at") == "1");
    // A text that was withdrawn and is there again, the true one even, is not as the trail says.
    store.raw(Raw::As::intruder).run("UPDATE artifacts SET metadata = '{\"a\":1}', metadata_salt = zeroblob(16)");
    CHECK(kinds(store.manager.verify()).count("row_altered") == 1);
}

TEST_CASE("links of runs that end, sources that come twice and repeated requests replay to the rows that they made") {
    Store store;
    const auto raw = store.add(ArtifactType::text_raw, "raw");
    auto run = store.manager.start_processing_run();
    const auto made = store.add_bare(ArtifactType::log, {raw.id, raw.id});
    const auto other = store.add_bare(ArtifactType::log, {made.id});
    run.end();
    const auto late = store.add_bare(ArtifactType::log);
    // The run that made it has ended: it gets no input any more.
    CHECK(store.manager.link_artifacts({.source_artifact_ids = {late.id}, .output_artifact_id = made.id}) == 1);
    CHECK(store.manager.link_artifacts({.source_artifact_ids = {late.id}, .output_artifact_id = made.id}) == 0);
    CHECK(store.raw().number("SELECT count(*) FROM run_artifacts WHERE role = 'input'") == 1);
    const auto report = store.manager.verify();
    for (const auto& finding : report.findings) FAIL_CHECK(finding.kind << " " << finding.subject << " " << finding.message);
    CHECK(store.entries("artifact_link", "create_relationship").back().at("details").at("added_artifacts").empty());
    CHECK(other.source_artifacts.size() == 1);
}
