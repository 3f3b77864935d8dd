// Questions to a large store: the library against SQLite alone, which runs the same statements on the same file and builds no
// values. The library's entries of reads are left out on purpose.

#include <algorithm>
#include <custody/artifact_manager.hpp>
#include <deque>
#include <stdexcept>
#include <unordered_set>

#include "bench/cases/cases.hpp"
#include "bench/harness/raw_sqlite.hpp"

namespace custody::bench {

namespace {

const char* const columns =
    "SELECT artifact_id, artifact_type, status, created_at, updated_at, processing_module, processing_version, file_name, "
    "file_size, checksum, metadata, error_message, removed_at FROM artifacts WHERE artifact_key = ?1";

/// The same statements, prepared once.
class Raw {
   public:
    explicit Raw(const std::filesystem::path& store)
        : database_(store / "storage/catalog.db", RawSqlite::Open::read_only),
          begin_(database_.prepare("BEGIN")),
          end_(database_.prepare("COMMIT")),
          key_(database_.prepare("SELECT artifact_key FROM artifacts WHERE artifact_id = ?1")),
          row_(database_.prepare(columns)),
          links_(database_.prepare("SELECT e.relationship, s.artifact_id FROM lineage_edges AS e JOIN artifacts AS s ON "
                                   "s.artifact_key = e.source_key WHERE e.output_key = ?1 ORDER BY e.ordinal")),
          run_(database_.prepare("SELECT r.run_id FROM run_artifacts AS ra JOIN runs AS r USING (run_key) "
                                 "WHERE ra.artifact_key = ?1 AND ra.role = 'output' ORDER BY ra.run_key LIMIT 1")),
          newest_(database_.prepare("SELECT artifact_key FROM artifacts WHERE artifact_type = ?1 AND status = ?2 "
                                    "ORDER BY artifact_key DESC LIMIT 50")),
          sources_(
              database_.prepare("SELECT source_key, relationship FROM lineage_edges WHERE output_key = ?1 ORDER BY ordinal")),
          node_(database_.prepare("SELECT artifact_id, artifact_type, status, created_at, processing_module, removed_at IS NOT "
                                  "NULL FROM artifacts WHERE artifact_key = ?1")),
          by_cte_(database_.prepare(
              "WITH RECURSIVE up (artifact_key) AS (SELECT artifact_key FROM artifacts WHERE artifact_id = ?1 UNION SELECT "
              "e.source_key FROM up JOIN lineage_edges AS e ON e.output_key = up.artifact_key) "
              "SELECT a.* FROM up JOIN artifacts AS a USING (artifact_key)")),
          types_(database_.prepare("SELECT artifact_type FROM artifact_types ORDER BY artifact_type")),
          counters_(database_.prepare("SELECT artifact_type, status, artifact_count FROM artifact_counts ORDER BY 1, 2")),
          payloads_(database_.prepare("SELECT payload_count, size_bytes FROM payload_counts WHERE state = 'present'")),
          runs_(database_.prepare("SELECT status, count(*) FROM runs GROUP BY status ORDER BY status")),
          counted_(database_.prepare("SELECT artifact_type, status, count(*) FROM artifacts GROUP BY 1, 2")),
          history_(database_.prepare("SELECT seq, line FROM audit_entries WHERE artifact_id = ?1 ORDER BY seq")),
          openings_(database_.prepare("SELECT pointer, salt, text FROM audit_openings WHERE seq = ?1 ORDER BY pointer")),
          texts_(database_.prepare(
              "SELECT metadata_salt, metadata, file_name_salt, file_name FROM artifacts WHERE artifact_id = ?1")) {}

    void get(const ArtifactId& id) {
        in_one_transaction([&] { load(key_of(id)); });
    }
    void newest() {
        in_one_transaction([&] {
            newest_.bind(1, "log").bind(2, "in_progress");
            std::vector<std::int64_t> keys;
            while (newest_.step()) keys.push_back(newest_.integer(0));
            newest_.reset();
            for (const auto key : keys) load(key);
        });
    }
    /// Breadth first, then each node's row. Answers how many there are.
    std::size_t ancestors(const ArtifactId& id) {
        std::deque<std::int64_t> met;
        in_one_transaction([&] {
            met.push_back(key_of(id));
            std::unordered_set<std::int64_t> known{met.front()};
            for (std::size_t at = 0; at < met.size(); ++at) {
                sources_.bind(1, met[at]);
                while (sources_.step()) {
                    if (known.insert(sources_.integer(0)).second) met.push_back(sources_.integer(0));
                }
                sources_.reset();
            }
            for (const auto key : met) (void)node_.bind(1, key).drain();
        });
        return met.size();
    }
    void ancestors_by_cte(const ArtifactId& id) { (void)by_cte_.bind(1, id.str()).drain(); }
    void counters() {
        in_one_transaction([&] {
            for (auto* statement : {&types_, &counters_, &payloads_, &runs_}) (void)statement->drain();
        });
    }
    void count() { (void)counted_.drain(); }
    /// The entries, and the texts that their lines commit to.
    void history(const ArtifactId& id) {
        in_one_transaction([&] {
            history_.bind(1, id.str());
            while (history_.step()) {
                const auto line = history_.view(1);
                if (line.find("\"sha256:") == std::string::npos) continue;
                (void)openings_.bind(1, history_.integer(0)).drain();
                if (line.find("\"artifact_creation\"") != std::string::npos) (void)texts_.bind(1, id.str()).drain();
            }
            history_.reset();
        });
    }

   private:
    void in_one_transaction(const std::function<void()>& work) {
        (void)begin_.drain();
        work();
        (void)end_.drain();
    }
    std::int64_t key_of(const ArtifactId& id) {
        key_.bind(1, id.str());
        if (!key_.step()) throw std::runtime_error("no such artifact");
        const auto key = key_.integer(0);
        key_.reset();
        return key;
    }
    void load(std::int64_t key) {
        (void)row_.bind(1, key).drain();
        (void)links_.bind(1, key).drain();
        (void)run_.bind(1, key).drain();
    }
    RawSqlite database_;
    RawSqlite::Statement begin_, end_, key_, row_, links_, run_, newest_, sources_, node_, by_cte_, types_, counters_, payloads_,
        runs_, counted_, history_, openings_, texts_;
};

/// A question, asked of both so many times in each round.
struct Question {
    std::string what;
    std::size_t times;
    std::function<void(std::size_t)> library;
    std::function<void(std::size_t)> raw;
    Goal goal = Goal::time_at_most(1.5);
    std::string note{};
};

void ask(World& world, Report& report, std::size_t artifacts, const Question& question) {
    const auto times = std::max<std::size_t>(1, world.scale == 0 ? 1 : question.times);
    const auto repeated = [times](const std::function<void(std::size_t)>& once) {
        return [&once, times] {
            for (std::size_t i = 0; i < times; ++i) once(i);
        };
    };
    const auto timing =
        in_turns(world.rounds(21), {{"SQLite alone", repeated(question.raw)}, {"custody", repeated(question.library)}}, true);
    report.compare({.what = question.what,
                    .goal = question.goal,
                    .parameters = {{"artifacts", static_cast<double>(artifacts)}},
                    .note = question.note},
                   Unit::microseconds_each(static_cast<double>(times)), timing[1], timing[0]);
}

void require(bool right) {
    if (!right) throw std::runtime_error("a question was answered wrongly");
}

}  // namespace

void queries(World& world, Report& report) {
    const auto built = world.store(world.scaled(1000000, 200));
    const auto depth = std::min<std::size_t>(1000, world.scaled(100000, 10)) + 1;
    const auto width = std::min<std::size_t>(10000, world.scaled(1000000, 20));
    const auto deep = chain_of(built.path, depth);
    const auto wide = fan_of(built.path, width);
    ArtifactManager manager(built.path, {.actor = "bench", .enable_audit = false});
    Raw raw(built.path);
    const auto& some = built.some;
    const auto nth = [&](std::size_t i) -> const ArtifactId& { return some[i * 7 % some.size()]; };
    const ArtifactQuery newest = {.type = ArtifactType::log, .status = ArtifactStatus::in_progress, .limit = 50};
    const auto walk = [&](const ArtifactId& id, std::size_t nodes) {
        require(manager.get_artifact_lineage(id)->nodes.size() == nodes);
    };
    auto trail = manager.audit();
    const auto name_of = [](const char* what, std::size_t nodes) { return what + std::to_string(nodes) + " nodes"; };
    const std::vector<Question> questions = {
        {"an artifact by its id", 1000, [&](std::size_t i) { require(manager.get_artifact(nth(i)).has_value()); },
         [&](std::size_t i) { raw.get(nth(i)); }},
        {"the newest 50 of a type and status", 20, [&](std::size_t) { require(!manager.list_artifacts(newest).empty()); },
         [&](std::size_t) { raw.newest(); }},
        {name_of("ancestors, deep: ", depth), 5, [&](std::size_t) { walk(deep, depth); },
         [&](std::size_t) { require(raw.ancestors(deep) == depth); }},
        {name_of("ancestors, wide: ", width + 1), 1, [&](std::size_t) { walk(wide, width + 1); },
         [&](std::size_t) { require(raw.ancestors(wide) == width + 1); }},
        {name_of("ancestors, deep, by one recursive SELECT: ", depth), 5, [&](std::size_t) { walk(deep, depth); },
         [&](std::size_t) { raw.ancestors_by_cte(deep); }, Goal::none()},
        {"counts", 100, [&](std::size_t) { (void)manager.get_statistics(); }, [&](std::size_t) { raw.counters(); }},
        {"counts, against counting", 1, [&](std::size_t) { (void)manager.get_statistics(); }, [&](std::size_t) { raw.count(); },
         Goal::none()},
        {"history of an artifact", 200, [&](std::size_t i) { require(!trail.get_artifact_history(nth(i)).empty()); },
         [&](std::size_t i) { raw.history(nth(i)); }},
    };
    for (const auto& question : questions) ask(world, report, built.artifacts, question);
}

}  // namespace custody::bench
