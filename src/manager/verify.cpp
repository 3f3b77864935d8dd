// Integrity of everything: the schema, the database, the counters, the trail, the rows against the trail, the payloads.

#include <custody/artifact_manager.hpp>
#include <exception>
#include <random>
#include <set>

#include "audit/check.hpp"
#include "audit/table.hpp"
#include "catalog/artifacts.hpp"
#include "catalog/payloads.hpp"
#include "manager/leftovers.hpp"
#include "manager/manager_impl.hpp"

namespace custody {

namespace {

using Severity = Finding::Severity;

constexpr std::size_t most_findings_of_a_kind = 1000;
constexpr std::size_t mark_batch = 500;

// One verification. Each step adds to the report; none throws for what it finds.
class Verification {
   public:
    Verification(ManagerImpl& manager, const VerifyOptions& options) : manager_(manager), options_(options) {}

    VerifyReport run() {
        try {
            step("schema", [&] { check_schema(); });
            step("database", [&] { check_database(); });
            step("counters", [&] { check_counters(); });
            step("trail", [&] { check_trail(); });
            step("payloads", [&] { check_payloads(); });
            step("leftovers", [&] { check_leftovers(); });
        } catch (const Stop& stop) {
            std::rethrow_exception(stop.why);
        }
        return std::move(report_);
    }

    [[nodiscard]] bool sound_so_far() const { return report_.ok(); }

   private:
    void add(Severity severity, const std::string& kind, const std::string& subject, const std::string& message) {
        if (++counts_[kind] <= most_findings_of_a_kind) report_.findings.push_back({severity, kind, subject, message});
    }

    // Whoever follows the progress may stop the verification by an exception: that is no finding.
    struct Stop {
        std::exception_ptr why;
    };

    void tell(std::uint64_t done) {
        if (!options_.progress) return;
        try {
            options_.progress(done, total_bytes_);
        } catch (...) {
            throw Stop{std::current_exception()};
        }
    }

    template <class Step>
    void step(const char* subject, Step&& body) {
        try {
            body();
        } catch (const Stop&) {
            throw;
        } catch (const Corruption& error) {
            add(Severity::error, "database_damaged", subject, error.what());
        } catch (const std::exception& error) {
            add(Severity::error, "not_checked", subject, std::string("could not be checked: ") + error.what());
        }
    }

    void check_schema() {
        for (const auto& difference : manager_.database().schema_differences()) {
            add(Severity::error, "schema_altered", difference, "the schema is not the one that this version ships with");
        }
    }

    void check_database() {
        manager_.database().read([&](sqlite::Connection& connection) {
            const auto lines = catalog::integrity_check(connection);
            report_.database = lines.empty() ? "no answer" : lines.front();
            if (report_.database != "ok") {
                for (const auto& line : lines) add(Severity::error, "database_damaged", "catalog.db", line);
            }
            for (const auto& line : catalog::foreign_key_check(connection))
                add(Severity::error, "broken_reference", "catalog.db", line);
        });
    }

    void check_counters() {
        manager_.database().read([&](sqlite::Connection& connection) {
            for (const auto& drift : catalog::counter_drift(connection)) add(Severity::error, "counter_drift", "counters", drift);
        });
    }

    void check_trail() {
        manager_.database().read([&](sqlite::Connection& connection) {
            report_.audit_entries = static_cast<std::uint64_t>(
                audit::check_lines(connection, [&](std::int64_t seq, const std::string& kind, const std::string& message) {
                    add(Severity::error, kind, "audit entry " + std::to_string(seq), message);
                }));
            catalog::for_each_artifact(connection, [&](catalog::ArtifactKey key) {
                const auto artifact = catalog::load_artifact(connection, key);
                ++report_.artifacts;
                audit::check_artifact(connection, artifact, [&](const std::string& message) {
                    add(Severity::error, "row_altered", artifact.id.str(), message);
                });
            });
        });
    }

    bool is_drawn() {
        if (options_.quick) return false;
        if (options_.sample_percent >= 100.0) return true;
        return std::uniform_real_distribution<double>(0.0, 100.0)(random_) < options_.sample_percent;
    }

    void check_payload(const catalog::PayloadRow& row) {
        const auto hex = row.digest.hex();
        const auto stat = manager_.blobs().stat(row.digest);
        if (!stat)
            return add(Severity::error, "payload_missing", hex, "no file " + manager_.blobs().path_of(row.digest).string());
        if (stat->size_bytes != row.size_bytes) {
            return add(Severity::error, "payload_altered", hex,
                       "has " + std::to_string(stat->size_bytes) + " bytes instead of " + std::to_string(row.size_bytes));
        }
        if (!is_drawn()) return;
        const auto before = report_.bytes_hashed;
        const bool good = manager_.blobs().matches(row.digest, [&](std::uint64_t done) { tell(before + done); });
        ++report_.payloads_hashed;
        report_.bytes_hashed += row.size_bytes;
        if (!good) return add(Severity::error, "payload_altered", hex, "its bytes are not those that were stored");
        if (!catalog::is_mark_due(row, stat->mtime_ns, Timestamp::now())) return;
        good_.emplace_back(row.digest, stat->mtime_ns);
        if (good_.size() >= mark_batch) mark_good();
    }

    // Only where nothing is wrong: a store that is altered is left as it is.
    void mark_good() {
        if (!report_.ok() || !manager_.database().writable()) return;
        try {
            manager_.database().write([&](sqlite::Connection& connection) {
                const auto now = Timestamp::now();
                for (const auto& [digest, mtime_ns] : good_) catalog::mark_verified(connection, digest, mtime_ns, now);
            });
        } catch (const Error& error) {
            add(Severity::warning, "not_marked", "payloads", std::string("could not be marked as verified: ") + error.what());
        }
        good_.clear();
    }

    void check_payloads() {
        std::vector<catalog::PayloadRow> rows;
        std::set<Digest> known;
        std::set<Digest> unused;
        manager_.database().read([&](sqlite::Connection& connection) {
            rows.clear();
            catalog::for_each_payload(connection, [&](const catalog::PayloadRow& row) {
                if (row.present) rows.push_back(row);
            });
            for (const auto& row : rows) {
                if (catalog::references_to(connection, row.digest) == 0) unused.insert(row.digest);
            }
        });
        for (const auto& row : rows) total_bytes_ += row.size_bytes;
        for (const auto& row : rows) {
            known.insert(row.digest);
            ++report_.payloads;
            if (unused.contains(row.digest)) {
                add(Severity::note, "unused_payload", row.digest.hex(), "no artifact has it any more; a cleanup was interrupted");
            }
            check_payload(row);
        }
        mark_good();
        check_strangers(known);
    }

    // What is on disk and not in the catalog: a crash may leave it, and nothing was lost by that.
    void check_strangers(const std::set<Digest>& known) {
        const auto listing = manager_.blobs().list();
        for (const auto& digest : listing.blobs) {
            if (!known.contains(digest)) {
                add(Severity::note, "orphan_payload", digest.hex(),
                    "no record names this file; an interrupted create leaves such");
            }
        }
        for (const auto& path : listing.strangers) {
            add(Severity::note, "stranger", path.string(), "this is no payload of ours");
        }
    }

    void check_leftovers() {
        for (const auto& path : manager::leftovers(manager_.layout())) {
            add(Severity::note, "left_behind", path.string(), "a process that died left this; it goes at the next opening");
        }
    }

    ManagerImpl& manager_;
    const VerifyOptions& options_;
    VerifyReport report_;
    std::map<std::string, std::size_t> counts_;
    std::uint64_t total_bytes_ = 0;
    std::vector<std::pair<Digest, std::int64_t>> good_;  ///< hashed, and to be marked
    std::mt19937_64 random_{std::random_device{}()};
};

}  // namespace

bool VerifyReport::ok() const noexcept {
    for (const auto& finding : findings) {
        if (finding.severity == Severity::error) return false;
    }
    return true;
}

VerifyReport ArtifactManager::verify(const VerifyOptions& options) {
    impl_->flush_reads();
    auto draft = impl_->draft("store", "verify");
    if (!(options.sample_percent >= 0.0 && options.sample_percent <= 100.0)) {
        impl_->attempt(draft, [&] { throw InvalidArgument("a sample is between 0 and 100 percent"); });
    }
    Verification verification(*impl_, options);
    VerifyReport report;
    try {
        report = verification.run();
    } catch (const Error& error) {  // its caller has stopped it
        if (verification.sound_so_far() && impl_->database().writable()) impl_->record_failure(draft, error, {});
        throw;
    }
    // A store that is altered or damaged, or can't be written, is left as it is, and the report says so.
    report.audited = false;
    if (!report.ok() || !impl_->database().writable()) return report;
    draft.details = {{"payloads", report.payloads},
                     {"payloads_hashed", report.payloads_hashed},
                     {"artifacts", report.artifacts},
                     {"audit_entries", report.audit_entries},
                     {"quick", options.quick}};
    try {
        impl_->record(draft);
        report.audited = true;
    } catch (const Error& error) {
        report.findings.push_back({Severity::warning, "not_audited", "verify", error.what()});
    }
    return report;
}

}  // namespace custody
