// Integrity of everything: the schema, the database, the counters, the trail, the rows against the trail, the payloads.

#include "manager/verification.hpp"

#include <cmath>
#include <custody/artifact_manager.hpp>
#include <exception>
#include <random>

#include "audit/row_check.hpp"
#include "audit/table.hpp"
#include "audit/trail_check.hpp"
#include "catalog/artifacts.hpp"
#include "catalog/counters.hpp"
#include "catalog/store.hpp"
#include "manager/leftovers.hpp"
#include "manager/named_links.hpp"
#include "manager/taken_over.hpp"
#include "sqlite/watch.hpp"

namespace custody {

namespace manager {

namespace {

using Severity = Finding::Severity;

constexpr std::size_t most_findings_of_a_kind = 1000;

}  // namespace

VerifyReport Verification::run() {
    try {
        step("schema", [&] { check_schema(); });
        step("database", [&] { check_database(); });
        step("trail", [&] { check_trail(); });
        step("payloads", [&] { check_payloads(); });
        step("links", [&] { check_links(); });
        step("leftovers", [&] { check_leftovers(); });
    } catch (const Stop& stop) {
        std::rethrow_exception(stop.why);
    }
    return report_;
}

void Verification::add(Severity severity, const std::string& kind, const std::string& subject, const std::string& message) {
    if (++counts_[kind] <= most_findings_of_a_kind) report_.findings.push_back({severity, kind, subject, message});
}

void Verification::tell(std::uint64_t done) {
    if (!options_.progress) return;
    try {
        options_.progress(done, total_bytes_);
    } catch (...) {
        throw Stop{std::current_exception()};
    }
}

template <class Step>
void Verification::step(const char* subject, Step&& body) {
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

// Reads that meet damage are made twice: what they found is added once, and also where they end in an error.
void Verification::look(const std::function<void(sqlite::Connection&, std::vector<Finding>&)>& body) {
    std::vector<Finding> found;
    const auto add_all = [&] {
        for (const auto& finding : found) add(finding.severity, finding.kind, finding.subject, finding.message);
    };
    std::exception_ptr stopped;
    const auto goes_on = [&] {  // a check of a large database is one statement that takes its time
        try {
            tell(0);
        } catch (const Stop&) {
            stopped = std::current_exception();
        }
        return !stopped;
    };
    try {
        manager_.database().read([&](sqlite::Connection& connection) {
            const sqlite::Watch watch(connection, goes_on);
            found.clear();
            body(connection, found);
        });
    } catch (...) {
        if (stopped) std::rethrow_exception(stopped);
        add_all();
        throw;
    }
    add_all();
}

void Verification::check_schema() {
    for (const auto& difference : manager_.database().schema_differences()) {
        add(Severity::error, "schema_altered", difference, "the schema is not the one that this version ships with");
    }
}

void Verification::check_database() {
    look([&](sqlite::Connection& connection, std::vector<Finding>& found) {
        const auto lines = catalog::integrity_check(connection);
        report_.database = lines.empty() ? "no answer" : lines.front();
        if (report_.database != "ok") {
            for (const auto& line : lines) found.push_back({Severity::error, "database_damaged", "catalog.db", line});
        }
        for (const auto& line : catalog::foreign_key_check(connection)) {
            found.push_back({Severity::error, "broken_reference", "catalog.db", line});
        }
        for (const auto& drift : catalog::counter_drift(connection)) {
            found.push_back({Severity::error, "counter_drift", "counters", drift});
        }
    });
}

// One pass over the trail: every line, hash and seal is checked, and what the entries say of rows is put together.
void Verification::check_trail() {
    look([&](sqlite::Connection& connection, std::vector<Finding>& found) {
        TrailReport trail;
        audit::Replay replay;
        const TrailVerifyOptions options{.progress = [&](std::uint64_t, std::uint64_t) { tell(0); }};
        audit::check_trail(connection, manager_.store().store_id, manager_.store().epoch, options, trail, &replay);
        report_.audit_entries = trail.entries;
        report_.trail_statement = trail.statement();
        report_.artifacts = catalog::count_artifacts(connection);
        found = trail.findings;
        for (const auto& finding : trail.findings) {
            if (finding.kind != "entry_missing") continue;
            found.push_back(
                {Severity::error, "not_checked", "rows", "entries are missing, so the rows can't be told from the trail"});
            return;
        }
        replay.finish();
        audit::check_rows(connection, replay,
                          [&](const std::string& kind, const std::string& subject, const std::string& message) {
                              found.push_back({Severity::error, kind, subject, message});
                          });
    });
}

bool Verification::is_drawn() {
    if (options_.quick) return false;
    if (options_.sample_percent >= 100.0) return true;
    return std::uniform_real_distribution<double>(0.0, 100.0)(random_) < options_.sample_percent;
}

// Where an interrupted verification left off: what was found good since it began needs no second look.
void Verification::find_interrupted(sqlite::Connection& connection) {
    resumed_since_.reset();
    if (!options_.resume) return;
    const auto line = audit::last_verification(connection);
    if (line.is_null()) return;
    const auto& details = line.at("details");
    const bool is_over = line.at("outcome") == "done" && !details.value("partial", false);
    if (!is_over) resumed_since_ = Timestamp::parse(details.at("started_at").get<std::string>());
}

std::vector<PayloadCheck::Task> Verification::choose_payloads() {
    std::vector<PayloadCheck::Task> tasks;
    look([&](sqlite::Connection& connection, std::vector<Finding>& found) {
        tasks.clear();
        find_interrupted(connection);
        catalog::for_each_payload(connection, [&](const catalog::PayloadRow& row) {
            if (row.present) tasks.push_back({row, is_drawn() && !(resumed_since_ && row.verified_at >= *resumed_since_)});
        });
        for (const auto& unused : catalog::unused_payloads(connection)) {
            found.push_back({Severity::note, "unused_payload", unused.digest.hex(),
                             "no artifact has it any more; a cleanup was interrupted"});
        }
        if (options_.resume && !resumed_since_) {
            found.push_back({Severity::note, "nothing_to_resume", "payloads",
                             "no verification was interrupted since the last one that was completed; this one begins anew"});
        }
    });
    if (resumed_since_) started_at_ = *resumed_since_;
    return tasks;
}

// The rows were read before: a cleanup may have taken the file since, and a create may have brought it back. A kill between the
// move to trash/ and the commit leaves a row without its file, too, which nobody misses.
bool Verification::went_meanwhile(const Digest& digest) {
    bool wanted = true;
    manager_.database().read([&](sqlite::Connection& connection) {
        const auto row = catalog::find_payload(connection, digest);
        wanted = row && row->present && catalog::is_referenced(connection, digest);
    });
    return !wanted || manager_.blobs().matches(digest, {});
}

void Verification::judge(const PayloadCheck::Task& task, const PayloadResult& result) {
    using State = PayloadResult::State;
    const bool may_have_gone = result.state == State::missing || result.state == State::wrong_content;
    if (may_have_gone && went_meanwhile(task.row.digest)) return;
    const auto hex = task.row.digest.hex();
    ++report_.payloads;
    if (result.hashed) {
        ++report_.payloads_hashed;
        report_.bytes_hashed += task.row.size_bytes;
    } else if (resumed_since_ && task.row.verified_at >= *resumed_since_) {
        ++report_.payloads_resumed;
    }
    switch (result.state) {
        case State::missing:
            return add(Severity::error, "payload_missing", hex, "no file " + manager_.blobs().path_of(task.row.digest).string());
        case State::wrong_size:
            return add(Severity::error, "payload_altered", hex,
                       "has " + std::to_string(result.size_bytes) + " bytes instead of " + std::to_string(task.row.size_bytes));
        case State::wrong_content:
            return add(Severity::error, "payload_altered", hex, "its bytes are not those that were stored");
        case State::unreadable:
            return add(Severity::error, "payload_unreadable", hex, "can't be read: " + result.message);
        case State::good:
            break;
    }
    if (result.mtime_ns != task.row.mtime_ns && touched_++ == 0) first_touched_ = hex;
    if (result.hashed && catalog::is_mark_due(task.row, result.mtime_ns, Timestamp::now())) {
        good_.emplace_back(task.row.digest, result.mtime_ns);
    }
}

// Only where nothing is wrong: a store that is altered is left as it is.
void Verification::mark_good(sqlite::Connection& connection, const Timestamp& now) {
    for (const auto& [digest, mtime_ns] : good_) catalog::mark_verified(connection, digest, mtime_ns, now);
}

void Verification::describe(audit::Draft& draft, const Timestamp& now) const {
    draft.details = {
        {"payloads", report_.payloads},   {"payloads_hashed", report_.payloads_hashed},
        {"artifacts", report_.artifacts}, {"audit_entries", report_.audit_entries},
        {"quick", options_.quick},        {"sample_percent", options_.quick ? 0 : std::lround(options_.sample_percent)}};
    // Only such a verification can be resumed, or be the one after which there is nothing to resume.
    if (!options_.quick && options_.sample_percent >= 100.0) draft.details["started_at"] = started_at_.str();
    if (!good_.empty()) draft.details["verified_at"] = now.str();
}

void Verification::mark_now_and_then() {
    const auto now = std::chrono::steady_clock::now();
    if (!records_ || now - marked_ < between_marks_ || good_.empty() || !may_write()) return;
    marked_ = now;
    try {
        const auto time = Timestamp::now();
        manager_.transact([&](sqlite::Connection& connection, ManagerImpl::Recorder& recorder) {
            auto draft = manager_.draft("store", "verify");
            describe(draft, time);
            mark_good(connection, time);
            draft.details["partial"] = true;
            recorder.append(draft);
        });
        good_.clear();
    } catch (const Error& error) {
        add(Severity::warning, "not_marked", "payloads", std::string("could not be marked as verified: ") + error.what());
    }
}

void Verification::check_payloads() {
    PayloadCheck check(manager_.blobs(), choose_payloads(), options_.threads);
    total_bytes_ = check.total_bytes();
    check.run([&](const PayloadCheck::Task& task, const PayloadResult& result) { judge(task, result); },
              [&](std::uint64_t done) {
                  mark_now_and_then();
                  tell(done);
              });
    if (touched_ > 0) {
        add(Severity::note, "payload_touched", first_touched_,
            std::to_string(touched_) +
                " payload files have another time than when they were last found good, this one for example: a copy or a "
                "touch does that; their content tells whether they were changed");
    }
    check_strangers();
}

// What is on disk and not in the catalog: a crash may leave it, and nothing was lost by that.
void Verification::check_strangers() {
    const auto listing = manager_.blobs().list();
    const OrphanFindings orphan(manager_.blobs());
    look([&](sqlite::Connection& connection, std::vector<Finding>& found) {
        for (const auto& digest : listing.blobs) {
            const auto row = catalog::find_payload(connection, digest);
            if (row && row->present) continue;
            found.push_back(orphan.of(digest));
        }
    });
    for (const auto& path : listing.strangers) add(Severity::note, "stranger", path.string(), "this is no payload of ours");
}

// The view is never the truth; but who follows a name in it must come to that payload.
void Verification::check_links() {
    const auto links = survey_named_links(manager_);
    for (const auto& link : links.wrong) {
        add(Severity::error, "link_wrong", link.path.string(), "what is under this name is not the payload of its artifact");
    }
    for (const auto& link : links.missing) {
        add(Severity::note, "link_missing", link.path.string(), "it was handed out; it is made again when it is asked for");
    }
    for (const auto& path : links.stale) {
        add(Severity::note, "link_stale", path.string(), "no artifact with a payload has this name");
    }
}

void Verification::check_leftovers() {
    for (const auto& path : leftovers(manager_.layout())) {
        add(Severity::note, "left_behind", path.string(), "a process that died left this; it goes at the next opening");
    }
}

VerifyReport Verification::recorded(audit::Draft& draft) {
    records_ = true;
    const auto record = [&](const Error& error) {
        if (!may_write()) return;
        const auto now = Timestamp::now();
        describe(draft, now);
        manager_.record_failure(draft, error, [&](sqlite::Connection& connection) { mark_good(connection, now); });
    };
    try {
        run();
    } catch (const Error& error) {  // its caller has stopped it
        record(error);
        throw;
    } catch (const std::exception& error) {
        ManagerImpl::fail_foreign(error, record);
    }
    report_.audited = false;
    if (!may_write()) return report_;
    const auto now = Timestamp::now();
    describe(draft, now);
    try {
        manager_.attempt(draft, [&] {
            manager_.transact([&](sqlite::Connection& connection, ManagerImpl::Recorder& recorder) {
                mark_good(connection, now);
                recorder.append(draft);
            });
        });
        report_.audited = true;
    } catch (const Error& error) {
        report_.findings.push_back({Severity::warning, "not_audited", "verify", error.what()});
    }
    return report_;
}

}  // namespace manager

bool VerifyReport::ok() const noexcept {
    for (const auto& finding : findings) {
        if (finding.severity == Finding::Severity::error) return false;
    }
    return true;
}

VerifyReport ArtifactManager::verify(const VerifyOptions& options) {
    impl_->flush_reads();
    auto draft = impl_->draft("store", "verify");
    if (!(options.sample_percent > 0.0 && options.sample_percent <= 100.0)) {
        impl_->attempt(draft, [&] { throw InvalidArgument("a sample is above 0 and up to 100 percent"); });
    }
    manager::Verification verification(*impl_, options);
    return verification.recorded(draft);
}

}  // namespace custody
