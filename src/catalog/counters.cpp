// Rows counted as they change, so that how many there are needn't be found out by looking at each.
#include "catalog/counters.hpp"

#include <map>
#include <utility>

#include "sqlite/connection.hpp"

namespace custody::catalog {

namespace {

/// What is to be added. A batch of a thousand artifacts changes a counter or two, once.
class Counts : public sqlite::Deferred {
   public:
    struct Payloads {
        std::int64_t count = 0;
        std::int64_t size_bytes = 0;
    };
    std::int64_t& artifacts(std::string_view type, std::string_view status) {
        return artifacts_[{std::string(type), std::string(status)}];
    }
    Payloads& payloads(std::string_view state) { return payloads_[std::string(state)]; }

    void write(sqlite::Connection& connection) override {
        for (const auto& [key, more] : artifacts_) {
            if (more != 0) add_artifacts(connection, key.first, key.second, more);
        }
        for (const auto& [state, more] : payloads_) {
            if (more.count != 0 || more.size_bytes != 0) add_payloads(connection, state, more);
        }
        forget();
    }
    void forget() noexcept override {
        artifacts_.clear();
        payloads_.clear();
    }

   private:
    static void add_artifacts(sqlite::Connection& connection, const std::string& type, const std::string& status,
                              std::int64_t more) {
        const bool is_known = sqlite::Query(connection,
                                            "UPDATE artifact_counts SET artifact_count = artifact_count + ? WHERE artifact_type "
                                            "= ? AND status = ?",
                                            more, type, status)
                                  .run() == 1;
        if (is_known) return;
        sqlite::Query(connection, "INSERT INTO artifact_counts (artifact_type, status, artifact_count) VALUES (?, ?, ?)", type,
                      status, more)
            .run();
    }
    static void add_payloads(sqlite::Connection& connection, const std::string& state, const Payloads& more) {
        const bool is_known = sqlite::Query(connection,
                                            "UPDATE payload_counts SET payload_count = payload_count + ?, size_bytes = "
                                            "size_bytes + ? WHERE state = ?",
                                            more.count, more.size_bytes, state)
                                  .run() == 1;
        if (is_known) return;
        sqlite::Query(connection, "INSERT INTO payload_counts (state, payload_count, size_bytes) VALUES (?, ?, ?)", state,
                      more.count, more.size_bytes)
            .run();
    }

    std::map<std::pair<std::string, std::string>, std::int64_t> artifacts_;
    std::map<std::string, Payloads> payloads_;
};

}  // namespace

void add_to_artifact_count(sqlite::Connection& connection, std::string_view type, std::string_view status, std::int64_t more) {
    connection.deferred<Counts>().artifacts(type, status) += more;
}

void add_to_payload_count(sqlite::Connection& connection, std::string_view state, std::int64_t more, std::int64_t more_bytes) {
    auto& counted = connection.deferred<Counts>().payloads(state);
    counted.count += more;
    counted.size_bytes += more_bytes;
}

std::vector<std::string> counter_drift(sqlite::Connection& connection) {
    std::vector<std::string> drift;
    sqlite::Query artifacts(connection,
                            "SELECT artifact_type, status, sum(counted), sum(actual) FROM ("
                            "SELECT artifact_type, status, artifact_count AS counted, 0 AS actual FROM artifact_counts UNION ALL "
                            "SELECT artifact_type, status, 0, count(*) FROM artifacts GROUP BY artifact_type, status) "
                            "GROUP BY artifact_type, status HAVING sum(counted) <> sum(actual) ORDER BY artifact_type, status");
    while (artifacts.step()) {
        drift.push_back("artifact_counts says " + artifacts.text(2) + " of " + artifacts.text(0) + "/" + artifacts.text(1) +
                        ", there are " + artifacts.text(3));
    }
    sqlite::Query payloads(
        connection,
        "SELECT state, sum(counted), sum(actual), sum(counted_bytes), sum(actual_bytes) FROM ("
        "SELECT state, payload_count AS counted, size_bytes AS counted_bytes, 0 AS actual, 0 AS actual_bytes "
        "FROM payload_counts UNION ALL SELECT state, 0, 0, count(*), sum(size_bytes) FROM payloads GROUP BY state) "
        "GROUP BY state HAVING sum(counted) <> sum(actual) OR sum(counted_bytes) <> sum(actual_bytes) ORDER BY state");
    while (payloads.step()) {
        drift.push_back("payload_counts says " + payloads.text(1) + " " + payloads.text(0) + " (" + payloads.text(3) +
                        " bytes), there are " + payloads.text(2) + " (" + payloads.text(4) + " bytes)");
    }
    return drift;
}

void rebuild_counters(sqlite::Connection& connection) {
    connection.execute(
        "DELETE FROM artifact_counts;"
        "INSERT INTO artifact_counts (artifact_type, status, artifact_count) "
        "SELECT artifact_type, status, count(*) FROM artifacts GROUP BY artifact_type, status;"
        "DELETE FROM payload_counts;"
        "INSERT INTO payload_counts (state, payload_count, size_bytes) "
        "SELECT state, count(*), sum(size_bytes) FROM payloads GROUP BY state");
}

}  // namespace custody::catalog
