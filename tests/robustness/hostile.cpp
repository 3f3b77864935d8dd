// Thousands of hostile values through every public call: errors of custody come out and nothing else, the store stays whole,
// and nothing lies about on the disk.
#include <fcntl.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <set>

#include "robustness/hostile_values.hpp"
#include "robustness/support.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

#ifdef CUSTODY_LONG_TESTS
constexpr bool each_in_turn = true;  // so many of every public call
constexpr int calls = 1000;
#else
constexpr bool each_in_turn = false;
constexpr int calls = sanitized ? 2000 : 10000;
#endif

/// The public calls, each with values drawn anew.
class Attack {
   public:
    Attack(const fs::path& store, const fs::path& outside, std::uint64_t seed)
        : manager_(store, {.lock_timeout = std::chrono::milliseconds(10000)}), outside_(outside), draw_(seed) {
        ids_.push_back(manager_.create_artifact({.type = ArtifactType::log, .content = "first"}).id);
        runs_.push_back(manager_.start_processing_run().id());
    }

    /// How many calls there are to draw from.
    static std::size_t size() { return all().size(); }
    std::size_t draw() { return draw_.below(size()); }

    /// One of the calls. Only custody's errors are caught.
    void call(std::size_t which) {
        const auto& [name, body] = all()[which];
        try {
            body(*this);
            ++done_[name];
        } catch (const Error& error) {
            ++refused_[name];
            CHECK(error.what()[0] != '\0');
        }
    }
    [[nodiscard]] const std::map<std::string, int>& done() const { return done_; }
    [[nodiscard]] const std::map<std::string, int>& refused() const { return refused_; }
    ArtifactManager& manager() { return manager_; }

   private:
    using Call = std::pair<std::string, std::function<void(Attack&)>>;
    static std::vector<Call> calls_of();
    static const std::vector<Call>& all() {
        static const auto table = calls_of();
        return table;
    }
    // For work that grows with the store: now and then, and seldom where there are very many calls.
    bool now_and_then(unsigned one_in) { return draw_.chance(each_in_turn ? one_in * 20 : one_in); }

    // A hostile name for a folder that is made and goes again: a name, not a way to elsewhere.
    fs::path new_folder() {
        const auto name = draw_.text();
        const bool way =
            name.find('/') != std::string::npos || name.find('\0') != std::string::npos || name == "." || name == "..";
        return outside_ / "new" / (way || name.empty() ? "x" : name);
    }
    void init() {
        const auto base = new_folder();
        const auto payloads = draw_.chance(3) ? new_folder() : fs::path();
        const auto remove = [&] {
            std::error_code ignored;
            fs::remove_all(outside_ / "new", ignored);
        };
        try {
            (void)ArtifactManager::init(base, {.group = draw_.chance(2), .payloads = payloads, .phi_guard = draw_.chance(2)},
                                        {.actor = draw_.text(), .purpose = draw_.text()});
        } catch (...) {
            remove();
            throw;
        }
        remove();
    }
    void read_payload() {
        auto stream = manager_.open_payload(id());
        CHECK(stream.checksum().hex().size() == 64);
        std::vector<std::byte> buffer(1 + draw_.below(5000));
        std::uint64_t size_bytes = 0;
        while (const auto count = stream.read(buffer)) size_bytes += count;
        CHECK(size_bytes == stream.size_bytes());
        CHECK(stream.read({}) == 0);
    }
    void detach_run() {
        auto run = manager_.start_processing_run(json::object(), {.time_to_live = std::chrono::seconds(draw_.number())});
        CHECK(manager_.current_run() == run.id());
        CHECK_FALSE(run.ended());
        if (!draw_.chance(10)) run.end();
        run.detach();
    }

    ArtifactId id() {
        const auto parsed = draw_.chance(4) ? std::nullopt : ArtifactId::try_parse(draw_.text());
        return parsed ? *parsed : draw_.chance(3) ? ArtifactId::random() : draw_.one_of(ids_);
    }
    RunId run_id() { return draw_.chance(3) ? RunId::random() : draw_.one_of(runs_); }
    ArtifactStatus status() { return static_cast<ArtifactStatus>(draw_.below(5)); }
    ArtifactType type() {
        return draw_.chance(5)   ? ArtifactType(draw_.text())
               : draw_.chance(4) ? ArtifactType("never_registered")
                                 : ArtifactType::log;
    }
    fs::path source() {
        switch (draw_.below(6)) {
            case 0:
                return "/dev/zero";
            case 1:
                return "/proc/self/mem";
            case 2:
                return outside_;
            case 3:
                return outside_ / "source";
            case 4:
                return outside_ / "link";
            default:
                return draw_.text();
        }
    }
    NewArtifact artifact() {
        NewArtifact made{.type = type()};
        if (draw_.chance(3)) made.source_path = source();
        if (draw_.chance(2)) made.content = draw_.text();
        if (draw_.chance(20)) made.source_fd = static_cast<int>(1000 + draw_.below(100000));
        if (draw_.chance(3)) made.file_name = draw_.text();
        if (draw_.chance(3)) made.source_artifacts = {id(), id()};
        if (draw_.chance(5)) made.relationship = draw_.text();
        if (draw_.chance(4)) made.processing_module = draw_.text();
        if (draw_.chance(4)) made.processing_version = draw_.text();
        if (draw_.chance(3)) made.metadata = draw_.value();
        if (draw_.chance(3)) made.metadata_text = draw_.json_text();
        if (draw_.chance(8)) made.run = run_id();
        if (draw_.chance(5)) made.request_key = draw_.text();
        made.transfer = draw_.chance(10) ? Transfer::reflink : Transfer::copy;
        if (draw_.chance(5)) made.status = status();
        return made;
    }
    AuditQuery audit_query() {
        AuditQuery query;
        if (draw_.chance(4)) query.start_time = draw_.time();
        if (draw_.chance(4)) query.end_time = draw_.time();
        if (draw_.chance(3)) query.operation = draw_.text();
        if (draw_.chance(3)) query.action = draw_.text();
        if (draw_.chance(3)) query.user = draw_.text();
        if (draw_.chance(3)) query.module = draw_.text();
        if (draw_.chance(4)) query.artifact_id = id();
        query.errors_only = draw_.chance(3);
        query.limit = draw_.chance(50) ? static_cast<std::size_t>(draw_.number()) : 20;
        return query;
    }
    fs::path target() {
        return draw_.chance(2) ? outside_ / ("out" + std::to_string(draw_.below(1000000))) : outside_ / "missing" / draw_.text();
    }

    ArtifactManager manager_;
    fs::path outside_;
    HostileValues draw_;
    std::vector<ArtifactId> ids_;
    std::vector<RunId> runs_;
    std::map<std::string, int> done_;
    std::map<std::string, int> refused_;
};

std::vector<Attack::Call> Attack::calls_of() {
    return {
        {"create", [](Attack& a) { a.ids_.push_back(a.manager_.create_artifact(a.artifact()).id); }},
        {"create", [](Attack& a) { a.ids_.push_back(a.manager_.create_artifact(a.artifact()).id); }},
        {"create many",
         [](Attack& a) {
             (void)a.manager_.create_artifacts(std::vector{a.artifact(), a.artifact()});
         }},
        {"get", [](Attack& a) { (void)a.manager_.get_artifact(a.id()); }},
        {"get file", [](Attack& a) { (void)a.manager_.get_artifact_file(a.id(), a.draw_.chance(2)); }},
        {"stream", [](Attack& a) { a.read_payload(); }},
        {"checkout", [](Attack& a) { fs::remove(a.manager_.checkout(a.id(), a.target())); }},
        {"list",
         [](Attack& a) {
             ArtifactQuery query{.processing_module = a.draw_.chance(2) ? a.draw_.text() : ""};
             if (a.draw_.chance(2)) query.type = a.type();
             if (a.draw_.chance(3)) query.since = a.draw_.time();
             if (a.draw_.chance(3)) query.until = a.draw_.time();
             if (a.draw_.chance(3)) query.after = a.id();
             if (a.draw_.chance(4)) query.run = a.run_id();
             query.limit = a.draw_.chance(5) ? static_cast<std::size_t>(a.draw_.number()) : 5;
             if (query.limit == 0 || query.limit > 100) query.processing_module += "x";
             (void)a.manager_.list_artifacts(query);
         }},
        {"status",
         [](Attack& a) { a.manager_.update_artifact_status(a.id(), a.status(), a.draw_.chance(2) ? a.draw_.text() : ""); }},
        {"link",
         [](Attack& a) {
             (void)a.manager_.link_artifacts({{a.id(), a.id()}, a.id(), a.draw_.chance(2) ? a.draw_.text() : "derived_from"});
         }},
        {"lineage",
         [](Attack& a) {
             const auto lineage =
                 a.manager_.get_artifact_lineage(a.id(), {static_cast<LineageDirection>(a.draw_.below(3)),
                                                          static_cast<std::size_t>(a.draw_.number()), a.draw_.below(50)});
             if (lineage) (void)(to_json(*lineage).dump().size() + to_dot(*lineage).size() + to_tree(*lineage).size());
         }},
        {"run",
         [](Attack& a) {
             if (a.draw_.chance(4)) return a.manager_.start_processing_run().end();
             auto run =
                 a.manager_.start_processing_run(a.draw_.value(), {.on_behalf_of = a.draw_.text(),
                                                                   .purpose = a.draw_.text(),
                                                                   .time_to_live = std::chrono::seconds(a.draw_.number())});
             run.end(a.status(), a.draw_.text());
         }},
        {"run text", [](Attack& a) { auto run = a.manager_.start_processing_run_text(a.draw_.json_text()); }},
        {"detach run", [](Attack& a) { a.detach_run(); }},
        {"end run", [](Attack& a) { a.manager_.end_processing_run(a.run_id(), a.status(), a.draw_.text()); }},
        {"get run", [](Attack& a) { (void)a.manager_.get_run(a.run_id()); }},
        {"list runs",
         [](Attack& a) { (void)a.manager_.list_runs({.since = a.draw_.time(), .until = a.draw_.time(), .limit = 3}); }},
        {"register",
         [](Attack& a) {
             a.manager_.register_artifact_type(ArtifactType(a.draw_.text()), static_cast<Sensitivity>(a.draw_.below(3)));
         }},
        {"types", [](Attack& a) { (void)a.manager_.artifact_types(); }},
        {"holds", [](Attack& a) { (void)a.manager_.list_holds(); }},
        {"hold", [](Attack& a) { a.manager_.add_hold(a.id(), a.draw_.text()); }},
        {"lift hold", [](Attack& a) { a.manager_.remove_hold(a.id(), a.draw_.text()); }},
        {"cleanup",
         [](Attack& a) {
             const auto days = static_cast<int>(a.draw_.number() % 2147483648);
             (void)a.manager_.cleanup_old_artifacts(
                 {.older_than_days = days, .type = a.type(), .status = a.status(), .dry_run = a.draw_.chance(2)});
         }},
        {"process", [](Attack& a) { attack_process(a.manager_, a.draw_); }},
        {"retention", [](Attack& a) { attack_retention(a.manager_, a.draw_, a.type()); }},
        {"temp",
         [](Attack& a) {
             CHECK(fs::is_directory(a.manager_.temp_folder()));
             CHECK(a.manager_.temp_folder().parent_path() == a.manager_.storage_path() / "temp");
             (void)a.manager_.cleanup_temp();
         }},
        {"statistics", [](Attack& a) { (void)to_json(a.manager_.get_statistics()); }},
        {"doctor",
         [](Attack& a) {
             for (const auto& check : a.manager_.doctor()) (void)to_json(check);
         }},
        {"init", [](Attack& a) { a.init(); }},
        {"migrate",
         [](Attack& a) {
             const auto base = a.draw_.chance(2) ? a.manager_.base_path() : a.outside_ / "missing" / a.draw_.text();
             const int applied = ArtifactManager::migrate(base, {.actor = a.draw_.text()});
             CHECK(applied == 0);
         }},
        {"sql",
         [](Attack& a) {
             (void)a.manager_.sql(a.draw_.chance(2) ? a.draw_.text() : "SELECT '" + a.draw_.text() + "' FROM artifacts",
                                  {.time_limit = std::chrono::milliseconds(a.draw_.number()), .max_rows = 5});
         }},
        {"snapshot",
         [](Attack& a) {
             if (a.now_and_then(30)) fs::remove(a.manager_.snapshot(a.target(), {.include_text = a.draw_.chance(2)}));
         }},
        {"verify",
         [](Attack& a) {
             if (!a.now_and_then(80)) return;
             (void)a.manager_.repair({.from = a.source(), .dry_run = a.draw_.chance(2), .threads = 2});
             (void)a.manager_.verify({.quick = true, .sample_percent = static_cast<double>(a.draw_.number())});
         }},
        {"audit query", [](Attack& a) { (void)a.manager_.audit().query_audit_trail(a.audit_query()); }},
        {"audit history", [](Attack& a) { (void)a.manager_.audit().get_artifact_history(a.id()); }},
        {"audit errors",
         [](Attack& a) {
             if (a.now_and_then(40)) (void)a.manager_.audit().get_error_summary(a.audit_query());
         }},
        {"audit export",
         [](Attack& a) {
             if (a.now_and_then(20))
                 fs::remove(a.manager_.audit().export_audit_trail(a.target(), static_cast<ExportFormat>(a.draw_.below(3)),
                                                                  a.audit_query()));
         }},
        {"audit months",
         [](Attack& a) {
             (void)a.manager_.audit().export_months(
                 {.first_month = a.draw_.text() + "x", .folder = a.outside_, .to_seq = a.draw_.number()});
         }},
        {"parse",
         [](Attack& a) {
             const auto text = a.draw_.text();
             CHECK_NOTHROW((void)ArtifactId::try_parse(text));
             switch (a.draw_.below(8)) {
                 case 0:
                     (void)ArtifactId::parse(text);
                     break;
                 case 1:
                     (void)RunId::parse(text);
                     break;
                 case 2:
                     (void)Digest::parse(text);
                     break;
                 case 3:
                     (void)Timestamp::parse(text);
                     break;
                 case 4:
                     (void)parse_status(text);
                     break;
                 case 5:
                     (void)parse_sensitivity(text);
                     break;
                 case 6:
                     (void)parse_outcome(text);
                     break;
                 default:
                     (void)ArtifactType(text);
                     break;
             }
         }},
        {"time", [](Attack& a) { CHECK(a.draw_.time().str().size() == 32); }},
        {"open",
         [](Attack& a) {
             if (!a.draw_.chance(5)) return;
             const ArtifactManager other(a.manager_.base_path(), {.actor = a.draw_.text(),
                                                                  .on_behalf_of = a.draw_.text(),
                                                                  .purpose = a.draw_.text(),
                                                                  .program = a.draw_.text(),
                                                                  .lock_timeout = std::chrono::milliseconds(a.draw_.number())});
         }},
        {"open elsewhere",
         [](Attack& a) { const ArtifactManager other(a.outside_ / "missing" / a.draw_.text(), {.create = false}); }},
    };
}

}  // namespace

TEST_CASE("thousands of hostile values get errors of custody, and leave the store whole and nothing about") {
    const std::uint64_t seed = std::random_device{}();
    MESSAGE("seed " << seed);
    const Scratch scratch;
    const auto store = scratch / "store";
    const auto outside = scratch / "outside";
    scratch.file("outside/source", "a source");
    fs::create_symlink(outside / "source", outside / "link");
    {
        Attack attack(store, outside, seed);
        const auto number = calls * (each_in_turn ? Attack::size() : 1);
        for (std::size_t i = 0; i < number; ++i) {
            try {
                attack.call(each_in_turn ? i % Attack::size() : attack.draw());
            } catch (const std::exception& error) {
                FAIL_CHECK("call " << i << " of seed " << seed << " threw what is no error of custody: " << error.what());
            }
        }
        std::set<std::string> names;
        for (const auto& [name, count] : attack.done()) names.insert(name);
        for (const auto& [name, count] : attack.refused()) names.insert(name);
        CHECK(names.size() >= (sanitized ? 36 : 39));
        for (const std::string name : {"create", "status", "link", "run", "hold", "sql", "list", "audit query", "checkout"}) {
            CAPTURE(name);
            CHECK((sanitized || attack.done().contains(name)));  // fewer calls may miss what few values allow
            CHECK(attack.refused().contains(name));
        }
        const auto report = attack.manager().verify();
        CHECK(count_findings(report, "orphan_payload") == 0);
        CHECK(count_findings(report, "stranger") == 0);
    }
    check_store(store);
    CAPTURE(
        stock_sql(store, "SELECT line FROM audit_entries WHERE json_extract(line, '$.details.unrecorded') IS NOT NULL LIMIT 1"));
    CHECK(count_entries(store, "json_extract(line, '$.details.unrecorded') IS NOT NULL") == 0);
    std::set<std::string> left;
    for (const auto& entry : fs::directory_iterator(outside)) left.insert(entry.path().filename().string());
    CHECK(left == std::set<std::string>{"link", "source"});
    CHECK(slurp(outside / "source") == "a source");
    left.clear();
    for (const auto& entry : fs::directory_iterator(scratch.path())) left.insert(entry.path().filename().string());
    CHECK(left == std::set<std::string>{"outside", "store"});
    left.clear();
    for (const auto& entry : fs::directory_iterator(store / "storage/temp")) left.insert(entry.path().filename().string());
    CHECK(left == std::set<std::string>{"reserve", "write-queue"});
}

TEST_CASE("an age in days that no calendar has removes nothing") {
    const Scratch scratch;
    ArtifactManager manager(scratch / "store");
    (void)manager.create_artifact({.type = ArtifactType::log, .content = "kept"});
    for (const int days : {1, 800000, 106751992, 107000000, 160000000, 2147483647}) {
        CAPTURE(days);
        CHECK(manager.cleanup_old_artifacts({.older_than_days = days}).removed.empty());
    }
    CHECK(manager.cleanup_old_artifacts({.older_than_days = 0}).removed.size() == 1);
}
