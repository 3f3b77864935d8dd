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
