#include <algorithm>
#include <cerrno>
#include <sstream>

#include "base/canonical_json.hpp"
#include "base/commitment.hpp"
#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;

namespace {

// A little of everything, with texts of every kind in it.
void fill(Store& store) {
    auto run = store.manager.start_processing_run({{"pipeline", "text"}});
    const auto raw = store.manager.create_artifact({.type = ArtifactType::text_raw,
                                                    .content = "text",
                                                    .file_name = "note.txt",
                                                    .processing_module = "input",
                                                    .metadata = {{"pages", 3}}});
    const auto out = store.manager.create_artifact(
        {.type = ArtifactType::text_deid, .source_artifacts = {raw.id}, .processing_module = "philter"});
    store.manager.update_artifact_status(out.id, ArtifactStatus::failed, "line one\nline \"two\" \xc3\xbc");
    CHECK_THROWS_AS((void)store.manager.create_artifact({.type = ArtifactType::log, .source_path = "/no/such/file"}),
                    SourceNotFound);
    CHECK_THROWS_AS((void)store.manager.link_artifacts({{out.id}, raw.id}), Conflict);
    store.manager.add_hold(raw.id, "kept for review");
    (void)store.manager.sql("SELECT 'free text'");
    (void)store.manager.get_artifact(ArtifactId::random());
    run.end(ArtifactStatus::failed, "it failed");
}

// What any reader of an exported line can do: commitments in the place of texts, and it is the stored line.
std::string stored_form(const std::string& exported) {
    auto line = json::parse(exported);
    if (!line.contains("openings")) return exported;
    for (const auto& [pointer, salt_hex] : line.at("openings").items()) {
        base::Salt salt{};
        const auto hex = salt_hex.get<std::string>();
        for (std::size_t i = 0; i < salt.size(); ++i)
            salt[i] = static_cast<std::uint8_t>(std::stoi(hex.substr(2 * i, 2), nullptr, 16));
        auto& text = line.at(json::json_pointer(pointer));
        text = base::commit_text(salt, text.get<std::string>());
    }
    line.erase("openings");
    return base::canonical_json(line);
}

std::vector<std::string> lines_of(const std::filesystem::path& file) {
    std::vector<std::string> lines;
    std::istringstream text(slurp(file));
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
}

}  // namespace

TEST_CASE("entries are numbered from one without gaps and are canonical JSON with every key") {
    Store store;
    fill(store);
    std::int64_t expected = 0;
    for (const auto& row : store.raw().rows("SELECT seq, line FROM audit_entries ORDER BY seq")) {
        const auto line = json::parse(row[1]);
        CHECK(row[0] == std::to_string(++expected));
        CHECK(line.at("seq") == expected);
        CHECK(base::canonical_json(line) == row[1]);
        CHECK(line.size() == 16);
        CHECK(line.at("agent").size() == 5);
    }
    CHECK(store.entries("store", "init").size() == 1);
    CHECK(expected > 9);
}

TEST_CASE("every filter of a query lets through just what it should") {
    Store store;
    fill(store);
    const auto all = store.manager.audit().query_audit_trail();
    const auto artifact =
        ArtifactId::parse(store.entries("artifact_creation", "create").front().at("artifact_id").get<std::string>());
    const auto run = store.manager.list_runs().front().id;
    const auto middle = Timestamp::parse(all[4].entry.at("timestamp").get<std::string>());
    using Wanted = std::function<bool(const ordered_json&)>;
    const std::vector<std::pair<AuditQuery, Wanted>> filters = {
        {{.start_time = middle}, [&](const auto& e) { return e.at("timestamp").template get<std::string>() >= middle.str(); }},
        {{.end_time = middle}, [&](const auto& e) { return e.at("timestamp").template get<std::string>() < middle.str(); }},
        {{.operation = "processing_run"}, [](const auto& e) { return e.at("operation") == "processing_run"; }},
        {{.action = "create"}, [](const auto& e) { return e.at("action") == "create"; }},
        {{.artifact_id = artifact}, [&](const auto& e) { return e.at("artifact_id") == artifact.str(); }},
        {{.run_id = run}, [&](const auto& e) { return e.at("run_id") == run.str(); }},
        {{.user = "tester"}, [](const auto&) { return true; }},
        {{.user = "nobody"}, [](const auto&) { return false; }},
        {{.module = "philter"}, [](const auto& e) { return e.at("module") == "philter"; }},
        {{.outcome = Outcome::not_found}, [](const auto& e) { return e.at("outcome") == "not_found"; }},
        {{.success = false}, [](const auto& e) { return e.at("success") == false; }},
        {{.success = true}, [](const auto& e) { return e.at("success") == true; }},
        {{.errors_only = true}, [](const auto& e) { return e.at("success") == false && e.at("outcome") != "done"; }},
        {{.operation = "artifact_creation", .module = "input", .success = true},
         [](const auto& e) { return e.at("operation") == "artifact_creation" && e.at("module") == "input"; }},
    };
    for (std::size_t i = 0; i < filters.size(); ++i) {
        CAPTURE(i);
        auto query = filters[i].first;
        if (!query.end_time) query.end_time = Timestamp::parse("9999-01-01");
        std::vector<std::int64_t> expected;
        for (const auto& entry : store.manager.audit().query_audit_trail()) {
            if (filters[i].second(entry.entry)) expected.push_back(entry.seq);
        }
        std::vector<std::int64_t> found;
        for (const auto& entry : store.manager.audit().query_audit_trail(query)) found.push_back(entry.seq);
        // The query that gave what is expected has left its own entry meanwhile.
        std::erase_if(found, [&](auto seq) { return seq == store.entry_count() - 1; });
        CHECK(found == expected);
        query.limit = 2;
        std::vector<std::int64_t> newest;
        for (const auto& entry : store.manager.audit().query_audit_trail(query)) newest.push_back(entry.seq);
        CHECK(newest.size() <= 2);
        CHECK(std::is_sorted(newest.begin(), newest.end()));
    }
    CHECK_THROWS_AS((void)store.manager.audit().query_audit_trail({.module = std::string(300, 'm')}), InvalidArgument);
}

TEST_CASE("an entry has the original's ten keys first, in their order, with its texts in place") {
    Store store;
    fill(store);
    const auto entries = store.manager.audit().query_audit_trail({.operation = "artifact_update"});
    REQUIRE(entries.size() == 1);
    std::vector<std::string> keys;
    for (const auto& [key, value] : entries[0].entry.items()) keys.push_back(key);
    CHECK(keys == std::vector<std::string>{"entry_id", "timestamp", "operation", "artifact_id", "user", "module", "action",
                                           "details", "success", "error_message", "seq", "outcome", "run_id", "on_behalf_of",
                                           "purpose", "agent"});
    CHECK(entries[0].entry.at("details").at("error_message") == "line one\nline \"two\" \xc3\xbc");
    CHECK(entries[0].line.find("line one") == std::string::npos);
    const auto created =
        store.manager.audit().query_audit_trail({.operation = "artifact_creation", .module = "input"}).at(0).entry;
    CHECK(created.at("details").at("metadata") == "{\"pages\":3}");
    CHECK(created.at("details").at("file_name") == "note.txt");
    CHECK(store.manager.audit().query_audit_trail({.action = "start"}).at(0).entry.at("details").at("configuration") ==
          "{\"pipeline\":\"text\"}");
}

TEST_CASE("an artifact's history is everything that was done with it, oldest first") {
    Store store;
    const auto made = store.add(ArtifactType::log, "log");
    store.manager.update_artifact_status(made.id, ArtifactStatus::archived);
    (void)store.add_bare();
    (void)store.manager.get_artifact_file(made.id);
    CHECK_THROWS_AS(store.manager.update_artifact_status(made.id, ArtifactStatus::failed), Conflict);
    std::vector<std::string> actions;
    for (const auto& entry : store.manager.audit().get_artifact_history(made.id)) actions.push_back(entry.entry.at("action"));
    CHECK(actions == std::vector<std::string>{"create", "update_status", "get_file", "update_status"});
    CHECK(store.manager.audit().get_artifact_history(ArtifactId::random()).empty());
    CHECK(store.last_entry().at("outcome") == "not_found");
}

TEST_CASE("errors are summed up: what failed, was refused, or was to change what is not there") {
    Store store;
    fill(store);
    CHECK_THROWS_AS((void)store.manager.create_artifact(
                        {.type = ArtifactType::log, .source_path = "/no/such/file", .processing_module = "input"}),
                    SourceNotFound);
    const auto summary = store.manager.audit().get_error_summary();
    CHECK(summary.total_errors == 3);
    CHECK(summary.errors_by_operation == std::map<std::string, std::uint64_t>{{"artifact_link", 1}, {"artifact_storage", 2}});
    CHECK(summary.errors_by_module.at("input") == 1);
    CHECK(summary.unique_error_messages.size() == 2);  // the missing file's twice
    CHECK(summary.first.value() < summary.last.value());
    const auto form = to_json(summary);
    CHECK(form.at("time_range").at("start") == summary.first->str());
    const auto none = store.manager.audit().get_error_summary({.operation = "artifact_hold"});
    CHECK(none.total_errors == 0);
    CHECK_FALSE(none.first.has_value());
}

TEST_CASE("an exported line leads back to the stored one, byte for byte") {
    Store store;
    fill(store);
    std::vector<std::string> stored;
    for (const auto& row : store.raw().rows("SELECT line FROM audit_entries ORDER BY seq")) stored.push_back(row[0]);
    const auto by_query = store.manager.audit().export_audit_trail(store.scratch / "all.jsonl", ExportFormat::jsonl);
    const auto by_month = store.manager.audit().export_months({.to_seq = static_cast<std::int64_t>(stored.size())});
    REQUIRE(by_month.size() >= 1);
    const auto lines = lines_of(by_query);
    REQUIRE(lines.size() == stored.size());
    std::size_t with_openings = 0;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        CHECK(base::canonical_json(json::parse(lines[i])) == lines[i]);
        CHECK(stored_form(lines[i]) == stored[i]);
        with_openings += json::parse(lines[i]).contains("openings") ? 1 : 0;
    }
    CHECK(with_openings >= 6);
    std::vector<std::string> month_lines;
    for (const auto& file : by_month) {
        for (const auto& line : lines_of(file)) month_lines.push_back(line);
    }
    CHECK(month_lines == lines);
}

TEST_CASE("months are exported to the same bytes again, and only months that there are") {
    Store store;
    fill(store);
    const auto seq = store.entry_count();
    const auto first = slurp(store.manager.audit().export_months({.to_seq = seq}).front());
    (void)store.add_bare();
    const auto folder = store.scratch / "out";
    std::filesystem::create_directory(folder);
    const auto files = store.manager.audit().export_months({.folder = folder, .to_seq = seq});
    CHECK(slurp(files.front()) == first);
    CHECK(files.front().parent_path() == folder);
    const auto month = Timestamp::now().str().substr(0, 7);
    CHECK(store.manager.audit().export_months({.first_month = month, .last_month = month}).back().filename() ==
          "audit_" + month.substr(0, 4) + month.substr(5) + ".jsonl");
    for (const char* bad : {"2026", "2026-13", "1999-01", "26-1", "2026-1", "2026-10-01"}) {
        CAPTURE(bad);
        CHECK_THROWS_AS((void)store.manager.audit().export_months({.first_month = bad, .last_month = bad}), InvalidArgument);
    }
    CHECK_THROWS_AS((void)store.manager.audit().export_months({.to_seq = 100000}), InvalidArgument);
    CHECK_THROWS_AS((void)store.manager.audit().export_months({.to_seq = -1}), InvalidArgument);
    CHECK_THROWS_AS((void)store.manager.audit().export_months({.to_seq = 0}), InvalidArgument);
    CHECK(message_of<InvalidArgument>([&] {
              (void)store.manager.audit().export_months({.first_month = "2026-11", .last_month = "2026-10"});
          }).find("earlier") != std::string::npos);
    CHECK_THROWS_AS((void)store.manager.audit().export_months({.folder = store.scratch / "no/such"}), IoError);
}

TEST_CASE("the JSON export is one array with indent 2, empty too") {
    Store store;
    fill(store);
    const auto path = store.scratch / "all.json";
    const auto entries = store.manager.audit().query_audit_trail();
    CHECK(store.manager.audit().export_audit_trail(path, ExportFormat::json, {.end_time = Timestamp::now()}) == path);
    const auto text = slurp(path);
    const auto array = ordered_json::parse(text);
    CHECK(text == array.dump(2) + "\n");
    REQUIRE(array.size() == entries.size() + 1);
    for (std::size_t i = 0; i < entries.size(); ++i) CHECK(array[i] == entries[i].entry);
    const auto empty =
        store.manager.audit().export_audit_trail(store.scratch / "no.json", ExportFormat::json, {.operation = "none"});
    CHECK(slurp(empty) == "[]\n");
    CHECK(store.last_entry().at("details").at("entry_count") == 0);
    CHECK_THROWS_AS((void)store.manager.audit().export_audit_trail(store.scratch / "no/such/x.json"), IoError);
}

TEST_CASE("an export never overwrites a file that is there") {
    Store store;
    fill(store);
    const auto file = store.scratch.file("precious", "years of work");
    std::filesystem::create_symlink(store.scratch / "nowhere", store.scratch / "link");
    for (const auto& output : {file, store.scratch / "link", store.scratch.path()}) {
        CAPTURE(output);
        const Trace before(store);
        try {
            (void)store.manager.audit().export_audit_trail(output, ExportFormat::csv);
            FAIL("it was overwritten");
        } catch (const IoError& error) {
            CHECK(error.code() == EEXIST);
            CHECK(std::string(error.what()).find(output.string() + " is there already") != std::string::npos);
        }
        before.check_unchanged();
        CHECK(store.last_entry().at("outcome") == "failed");
    }
    CHECK(slurp(file) == "years of work");
    CHECK_FALSE(std::filesystem::exists(store.scratch / "nowhere"));
    // Nor does it where the file appears while it is written.
    const auto late = store.scratch / "late";
    const auto appear = [&](std::uint64_t, std::uint64_t) { store.scratch.file("late", "somebody else's"); };
    CHECK_THROWS_AS((void)store.manager.audit().export_audit_trail(late, ExportFormat::csv, {}, appear), IoError);
    CHECK(slurp(late) == "somebody else's");
}
