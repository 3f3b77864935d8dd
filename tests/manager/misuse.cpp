#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;

TEST_CASE("a call that can't even be made leaves the entry that it would have left") {
    Store store;
    const Trace trace(store);
    store.manager.record_misuse("create_artifact", "source_path is a text");
    trace.check_unchanged();
    auto entry = store.last_entry();
    CHECK(entry["operation"] == "artifact_storage");
    CHECK(entry["action"] == "store");
    CHECK(entry["outcome"] == "refused");
    CHECK(entry["success"] == false);
    CHECK(store.manager.audit().query_audit_trail({.limit = 1}).front().entry["error_message"] == "source_path is a text");

    store.manager.record_misuse("update_artifact_status", "there is no artifact 'x'", true);
    entry = store.last_entry();
    CHECK(entry["operation"] == "artifact_update");
    CHECK(entry["outcome"] == "not_found");
    CHECK(entry["success"] == false);
    CHECK(entry["artifact_id"].is_null());
    CHECK(store.manager.verify().findings.empty());
}

TEST_CASE("looking for what is no id finds nothing, and is no error") {
    Store store;
    for (const char* call : {"get_artifact", "get_artifact_history", "query_audit_trail", "get_run"}) {
        CAPTURE(call);
        store.manager.record_misuse(call, "there is no artifact '../../x'", true);
        store.manager.audit().flush();
        const auto entry = store.last_entry();
        CHECK(entry["outcome"] == "not_found");
        CHECK(entry["success"] == true);
        CHECK(entry["error_message"].is_null());
    }
    CHECK(store.manager.get_statistics().total_errors == 0);
}

TEST_CASE("a misuse joins the run it happened in; its message is cut and cleaned; calls that don't exist are refused") {
    Store store;
    const auto run = store.manager.start_processing_run();
    store.manager.record_misuse("create_artifact", "call 555-12-3456 " + std::string(100000, 'x'));
    CHECK(store.last_entry()["run_id"] == run.id().str());
    const auto message = store.manager.audit().query_audit_trail({.limit = 1}).front().entry["error_message"].get<std::string>();
    CHECK(message.size() < 5000);
    CHECK(message.find("555-12-3456") == std::string::npos);
    const Trace trace(store);
    CHECK_THROWS_AS(store.manager.record_misuse("drop_table", "x"), InvalidArgument);
    trace.check_unchanged(0);
}

TEST_CASE("a path with a NUL in it is refused, and not taken for what stands before it") {
    Store store;
    const auto id = store.add(ArtifactType::log, "log").id;
    const auto path = (store.scratch / "out").string() + std::string("\0x", 2);
    const std::vector<std::function<void()>> calls = {
        [&] { (void)store.manager.checkout(id, path); },
        [&] { (void)store.manager.snapshot(path); },
        [&] { (void)store.manager.backup(path); },
        [&] { (void)store.manager.import_original(path); },
        [&] { (void)ArtifactManager::examine_original(path); },
        [&] { (void)store.manager.export_original(path); },
        [&] { (void)store.manager.audit().export_audit_trail(path); },
        [&] { (void)store.manager.audit().export_months({.folder = path}); },
        [&] { (void)store.manager.audit().prove_history(id, path); },
        [&] { (void)ArtifactManager(path); },
        [&] { (void)ArtifactManager(store.base, {.signing_key = path}); },
    };
    for (std::size_t i = 0; i < calls.size(); ++i) {
        CAPTURE(i);
        const auto message = message_of<InvalidArgument>(calls[i]);
        CHECK(message.ends_with("has a NUL in its path"));
    }
    CHECK_FALSE(std::filesystem::exists(store.scratch / "out"));
    CHECK(store.manager.verify().findings.empty());
}
