#include "audit/replay.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <custody/error.hpp>

#include "base/sha256.hpp"

namespace custody::audit {

namespace {

using Text = std::optional<std::string>;

Text text_or_null(const json& value) {
    if (value.is_null()) return std::nullopt;
    return value.is_string() ? value.get<std::string>() : value.dump();
}

Text member(const json& object, const char* key) {
    const auto found = object.find(key);
    return found == object.end() ? std::nullopt : text_or_null(*found);
}

const std::string& string_at(const json& object, const char* key) { return object.at(key).get_ref<const std::string&>(); }

bool has(std::string_view line, std::string_view part) {
    return ::memmem(line.data(), line.size(), part.data(), part.size()) != nullptr;
}

// Entries of what makes, upgrades or restores a store: their details have columns of the table store.
bool sets_store(const std::string& operation, const std::string& action) {
    if (operation == "audit_trail") return action == "epoch";
    return operation == "store" && (action == "init" || action == "migrate" || action == "restore");
}

Microseconds time_or(const json& details, const char* key, Microseconds other) {
    const auto text = member(details, key);
    return text ? Timestamp::parse(*text).time().time_since_epoch().count() : other;
}

// What is imported happened before its entry was written: the rows say when.
Microseconds told_time(const json& entry) { return time_or(entry.at("details"), "occurred_at", time_of(entry)); }

// An entry of another system's trail, kept as it was: history, and no change of a row.
bool is_history(const json& details) { return details.contains("imported_from"); }

Text column_of(const json& entry, const char* imported, const Text& own) {
    const auto told = member(entry.at("details"), imported);
    return told ? told : own;
}

std::uint64_t first_bytes(const Digest& digest) { return DigestHash()(digest); }

}  // namespace

Fingerprint fingerprint_of(const Columns& columns) {
    std::string all;
    for (const auto& [name, value] : columns) {
        all += value ? 'v' + std::to_string(value->size()) + ':' + *value : std::string("n");
    }
    const auto digest = base::sha256(all);
    Fingerprint fingerprint;
    std::copy_n(digest.bytes().begin(), fingerprint.size(), fingerprint.begin());
    return fingerprint;
}

Columns columns_of_artifact(const json& entry) {
    const auto& details = entry.at("details");
    return {{"artifact_id", member(entry, "artifact_id")},
            {"artifact_type", member(details, "artifact_type")},
            {"created_at", column_of(entry, "occurred_at", member(entry, "timestamp"))},
            {"processing_module", member(entry, "module")},
            {"processing_version", member(details, "processing_version")},
            {"file_size", member(details, "file_size")},
            {"checksum", member(details, "checksum")},
            {"request_key", member(details, "request_key")}};
}

Columns columns_of_run(const json& entry) {
    const auto& details = entry.at("details");
    const auto owner = details.value("owner", json(nullptr));
    const auto of_owner = [&](const char* key) { return owner.is_object() ? member(owner, key) : std::nullopt; };
    return {{"run_id", member(entry, "run_id")},
            {"started_at", column_of(entry, "occurred_at", member(entry, "timestamp"))},
            {"user", column_of(entry, "user", member(entry, "user"))},
            {"on_behalf_of", member(entry, "on_behalf_of")},
            {"purpose", member(entry, "purpose")},
            {"host", column_of(entry, "host", member(entry.at("agent"), "host"))},
            {"boot_id", of_owner("boot_id")},
            {"pid_namespace", of_owner("pid_namespace")},
            {"pid", of_owner("pid")},
            {"pid_started_ticks", of_owner("pid_started_ticks")},
            {"expires_at", member(details, "expires_at")}};
}

Microseconds time_of(const json& entry) {
    return Timestamp::parse(string_at(entry, "timestamp")).time().time_since_epoch().count();
}

bool Replay::concerns(std::string_view line, const LineView& view) {
    static constexpr std::array<std::string_view, 15> actions = {"create",     "update_status", "create_relationship",
                                                                 "remove_old", "collect",       "add",
                                                                 "remove",     "register",      "start",
                                                                 "end",        "lost",          "redact",
                                                                 "seal",       "set_retention", "remove_retention"};
    const auto details = line.substr(view.details_begin, view.details_end - view.details_begin);
    if (has(details, "\"verified_at\":") || has(details, "\"boot\":{") || has(details, "\"checkpoint_sizes\":")) return true;
    if (view.outcome != "done") return false;
    return view.operation == "store" || view.action == "epoch" ||
           std::find(actions.begin(), actions.end(), view.action) != actions.end();
}

void Replay::apply(std::int64_t seq, const json& entry) {
    try {
        const auto& operation = string_at(entry, "operation");
        const auto& action = string_at(entry, "action");
        const auto& details = entry.at("details");
        note_verified(entry);
        if (const auto found = details.find("boot"); found != details.end() && found->is_object()) boot = *found;
        if (string_at(entry, "outcome") != "done" || is_history(details)) return;
        note_checkpoints(details);
        if (operation == "artifact_creation") {
            if (!details.value("repeated", false)) create(seq, entry);
        } else if (operation == "artifact_update") {
            change_status(seq, entry);
        } else if (operation == "artifact_link") {
            link(entry);
        } else if (operation == "artifact_cleanup") {
            remove(entry);
        } else if (operation == "artifact_storage" && action == "collect") {
            collect(details);
        } else if (operation == "artifact_hold") {
            hold(seq, entry);
        } else if (operation == "artifact_type" && action == "register") {
            types[string_at(details, "artifact_type")] = string_at(details, "sensitivity");
        } else if (operation == "artifact_type") {
            set_policy(seq, entry);
        } else if (operation == "processing_run" && action == "start") {
            start_run(seq, entry);
        } else if (operation == "processing_run" && (action == "end" || action == "lost")) {
            end_run(seq, entry);
        } else if (operation == "audit_trail" && action == "redact") {
            redact(entry);
        } else if (operation == "audit_trail" && action == "seal") {
            seals.emplace(seq, string_at(details, "public_key"));
        } else if (sets_store(operation, action)) {
            set_store(entry);
        }
    } catch (const std::exception& error) {
        contradictions.emplace_back(seq, error.what());
    }
}

void Replay::set_policy(std::int64_t seq, const json& entry) {
    const auto& details = entry.at("details");
    const auto& action = string_at(entry, "action");
    if (action == "set_retention") {
        policies[string_at(details, "artifact_type")] = {details.at("days").get<std::int64_t>(),
                                                         details.at("when_descendants_completed").get<bool>(), seq};
    } else if (action == "remove_retention" && policies.erase(string_at(details, "artifact_type")) == 0) {
        throw Corruption("the type has no retention policy that could be removed");
    }
}

void Replay::create(std::int64_t seq, const json& entry) {
    const auto& details = entry.at("details");
    const auto time = told_time(entry);
    const auto id = ArtifactId::parse(string_at(entry, "artifact_id"));
    const auto key = static_cast<RowKey>(artifacts.size() + 1);
    if (!artifact_keys_.emplace(id, key).second) throw Corruption("artifact " + id.str() + " was created before");
    artifacts.push_back({.id = id,
                         .fixed = fingerprint_of(columns_of_artifact(entry)),
                         .create_seq = seq,
                         .error_seq = member(details, "error_message") ? seq : 0,
                         .updated_at = time_or(details, "updated_at", time),
                         .removed_at = time_or(details, "removed_at", never),
                         .type = interned(string_at(details, "artifact_type")),
                         .status = interned(string_at(details, "status")),
                         .is_named = details.contains("file_name")});
    counted.emplace(artifacts.back().type, artifacts.back().status);
    if (const auto checksum = member(details, "checksum")) {
        const auto digest = Digest::parse(*checksum);
        const PayloadFacts facts{details.at("file_size").get<std::int64_t>(), artifacts.back().removed_at == never};
        // One that had gone before it was imported says nothing of a payload that is there.
        if (facts.is_present) {
            payloads[digest] = facts;
        } else {
            payloads.emplace(digest, facts);
        }
        verified_.emplace_back(first_bytes(digest), time_of(entry));
    }
    const auto run = run_of(entry.at("run_id"));
    if (run) members.push_back({*run, key, true});
    // A source that is named twice is one source.
    json sources = json::array();
    for (const auto& source : details.at("source_artifacts")) {
        if (std::find(sources.begin(), sources.end(), source) == sources.end()) sources.push_back(source);
    }
    add_links(key, sources, details, time);
    for (const auto& source : sources) add_input(run, key_of(source));
}

void Replay::change_status(std::int64_t seq, const json& entry) {
    const auto& details = entry.at("details");
    auto& artifact = artifacts[key_of(entry.at("artifact_id")) - 1];
    artifact.status = interned(string_at(details, "new_status"));
    artifact.updated_at = time_of(entry);
    artifact.error_seq = details.at("error_message").is_null() ? 0 : seq;
    counted.emplace(artifact.type, artifact.status);
}

void Replay::link(const json& entry) {
    const auto& details = entry.at("details");
    add_links(key_of(entry.at("artifact_id")), details.at("added_artifacts"), details, told_time(entry));
    const auto run = run_of(entry.at("run_id"));
    // What a run that has ended was made from stays as it was.
    if (!run || runs[*run - 1].status != "in_progress") return;
    for (const auto& source : details.at("source_artifacts")) add_input(run, key_of(source));
}

void Replay::remove(const json& entry) {
    if (entry.at("artifact_id").is_null()) return;  // a summary, or what would have been done
    auto& artifact = artifacts[key_of(entry.at("artifact_id")) - 1];
    artifact.removed_at = artifact.updated_at = time_of(entry);
}

void Replay::collect(const json& details) {
    const auto checksums = details.find("checksums");
    if (checksums == details.end()) return;
    for (const auto& checksum : *checksums) {
        const auto payload = payloads.find(Digest::parse(checksum.get_ref<const std::string&>()));
        if (payload != payloads.end()) payload->second.is_present = false;
    }
}

void Replay::hold(std::int64_t seq, const json& entry) {
    const auto& details = entry.at("details");
    const auto& action = string_at(entry, "action");
    if (action == "add") {
        holds[details.at("hold_id").get<std::int64_t>()] = {key_of(entry.at("artifact_id")), seq, string_at(entry, "user"),
                                                            string_at(entry, "timestamp")};
    } else if (action == "remove") {
        for (const auto& number : details.at("hold_ids")) {
            auto& hold = holds.at(number.get<std::int64_t>());
            hold.removed_by = string_at(entry, "user");
            hold.removed_at = string_at(entry, "timestamp");
        }
    }
}

void Replay::start_run(std::int64_t seq, const json& entry) {
    const auto id = RunId::parse(string_at(entry, "run_id"));
    if (!run_keys_.emplace(id, static_cast<RowKey>(runs.size() + 1)).second) {
        throw Corruption("run " + id.str() + " was started before");
    }
    runs.push_back({.id = id, .fixed = fingerprint_of(columns_of_run(entry)), .start_seq = seq, .status = "in_progress"});
}

void Replay::end_run(std::int64_t seq, const json& entry) {
    const auto& details = entry.at("details");
    const auto key = run_of(entry.at("run_id"));
    if (!key) throw Corruption("it ends no run");
    auto& run = runs[*key - 1];
    run.status = interned(string_at(details, "new_status"));
    run.end_reason = interned(string_at(details, "end_reason"));
    run.ended_at = told_time(entry);
    run.error_seq = details.at("error_message").is_null() ? 0 : seq;
}

void Replay::redact(const json& entry) {
    const auto& details = entry.at("details");
    const auto seq = details.at("redacted_seq").get<std::int64_t>();
    const auto names = [&](const char* pointer) {
        const auto& pointers = details.at("pointers");
        return std::find(pointers.begin(), pointers.end(), pointer) != pointers.end();
    };
    if (const auto run = run_of(entry.at("run_id")); run && runs[*run - 1].start_seq == seq && names("/details/configuration")) {
        runs[*run - 1].configuration_withdrawn = true;
    }
    if (entry.at("artifact_id").is_null()) return;
    const auto found = artifact_keys_.find(ArtifactId::parse(string_at(entry, "artifact_id")));
    if (found == artifact_keys_.end()) return;  // an entry about what was never there
    auto& artifact = artifacts[found->second - 1];
    const bool metadata = artifact.create_seq == seq && names("/details/metadata");
    const bool file_name = artifact.create_seq == seq && names("/details/file_name");
    artifact.metadata_withdrawn |= metadata;
    artifact.file_name_withdrawn |= file_name;
    if (metadata || file_name || (artifact.error_seq == seq && names("/details/error_message"))) {
        artifact.updated_at = time_of(entry);
    }
}

void Replay::set_store(const json& entry) {
    const auto& details = entry.at("details");
    for (const char* column : {"store_id", "epoch", "payload_root", "group_access", "phi_guard", "min_reader", "min_writer"}) {
        if (const auto value = details.find(column); value != details.end()) store[column] = *value;
    }
    if (string_at(entry, "action") == "init") store["created_at"] = entry.at("timestamp");
    if (const auto times = details.find("applied_at"); times != details.end()) {
        for (const auto& [version, time] : times->items()) applied_at[version] = time.get<std::string>();
    }
}

// An export or a snapshot that signed heads says of which sizes.
void Replay::note_checkpoints(const json& details) {
    const auto sizes = details.find("checkpoint_sizes");
    if (sizes == details.end()) return;
    for (const auto& size : *sizes) seals.emplace(size.get<std::int64_t>(), string_at(details, "public_key"));
}

// Whoever hashed a payload and found it good says so: a verification of all that it hashed, whoever was handed one out of that.
void Replay::note_verified(const json& entry) {
    const auto& details = entry.at("details");
    const auto found = details.find("verified_at");
    if (found == details.end() || found->is_null()) return;
    const auto time = Timestamp::parse(found->get_ref<const std::string&>()).time().time_since_epoch().count();
    if (const auto checksum = member(details, "checksum")) {
        verified_.emplace_back(first_bytes(Digest::parse(*checksum)), time);
    } else {
        verifications_.insert(time);
    }
}

bool Replay::was_verified(const Digest& digest, const std::string& time) const {
    const auto when = Timestamp::parse(time);
    if (when.str() != time) return false;
    const auto point = when.time().time_since_epoch().count();
    return verifications_.contains(point) ||
           std::binary_search(verified_.begin(), verified_.end(), std::pair(first_bytes(digest), Microseconds(point)));
}

void Replay::add_links(RowKey output, const json& sources, const json& details, Microseconds time) {
    if (sources.empty()) return;
    const auto relationship = interned(string_at(details, "relationship"));
    for (const auto& source : sources) {
        links.push_back({output, ++artifacts[output - 1].links, key_of(source), relationship, time});
    }
}

void Replay::add_input(std::optional<RowKey> run, RowKey artifact) {
    if (run) members.push_back({*run, artifact, false});
}

void Replay::finish() {
    std::sort(links.begin(), links.end(),
              [](const auto& a, const auto& b) { return std::pair(a.output, a.ordinal) < std::pair(b.output, b.ordinal); });
    // What a run made is its output, whatever else it was used for in it.
    std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) {
        return std::tuple(a.run, a.artifact, !a.is_output) < std::tuple(b.run, b.artifact, !b.is_output);
    });
    members.erase(std::unique(members.begin(), members.end(),
                              [](const auto& a, const auto& b) { return a.run == b.run && a.artifact == b.artifact; }),
                  members.end());
    std::sort(verified_.begin(), verified_.end());
}

RowKey Replay::key_of(const json& artifact_id) const {
    const auto& text = artifact_id.get_ref<const std::string&>();
    const auto found = artifact_keys_.find(ArtifactId::parse(text));
    if (found == artifact_keys_.end()) throw Corruption("it is about artifact " + text + ", and no entry created that");
    return found->second;
}

std::optional<RowKey> Replay::run_of(const json& run_id) const {
    if (run_id.is_null()) return std::nullopt;
    const auto found = run_keys_.find(RunId::parse(run_id.get_ref<const std::string&>()));
    if (found == run_keys_.end()) throw Corruption("it is of run " + run_id.get<std::string>() + ", and no entry started that");
    return found->second;
}

std::string_view Replay::interned(const std::string& text) { return *names_.insert(text).first; }

}  // namespace custody::audit
