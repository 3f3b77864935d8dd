#include "manager/support.hpp"

#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <stdexcept>

#include "catalog/artifacts.hpp"
#include "catalog/lineage.hpp"
#include "manager/layout.hpp"
#include "sqlite/database.hpp"

namespace custody::testing {

Raw::Raw(const std::filesystem::path& base, As as) {
    const auto file = base / "storage" / "catalog.db";
    if (sqlite3_open_v2(file.c_str(), &handle_, SQLITE_OPEN_READWRITE, nullptr) != SQLITE_OK) {
        throw std::runtime_error("can't open " + file.string());
    }
    sqlite3_busy_timeout(handle_, 10000);
    // No checkpoint of its own: see the library's guard against the WAL-reset bug.
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    run("PRAGMA wal_autocheckpoint = 0");
    if (as == As::writer) {
        sqlite3_create_function_v2(
            handle_, "custody_writer", 0, SQLITE_UTF8 | SQLITE_INNOCUOUS, nullptr,
            [](sqlite3_context* context, int, sqlite3_value**) { sqlite3_result_int(context, 1); }, nullptr, nullptr, nullptr);
    }
    if (as == As::intruder) sqlite3_db_config(handle_, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
}

Raw::~Raw() { sqlite3_close_v2(handle_); }

std::string Raw::refusal(const std::string& sql) {
    char* message = nullptr;
    if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, &message) == SQLITE_OK) return {};
    std::string text = message == nullptr ? "refused" : message;
    sqlite3_free(message);
    return text;
}

void Raw::run(const std::string& sql) {
    const auto message = refusal(sql);
    if (!message.empty()) throw std::runtime_error(message + " in " + sql);
}

std::vector<std::vector<std::string>> Raw::rows(const std::string& sql) {
    std::vector<std::vector<std::string>> all;
    const auto add = [](void* rows, int count, char** values, char**) {
        auto& row = static_cast<std::vector<std::vector<std::string>>*>(rows)->emplace_back();
        for (int i = 0; i < count; ++i) row.emplace_back(values[i] == nullptr ? "NULL" : values[i]);
        return 0;
    };
    char* message = nullptr;
    if (sqlite3_exec(handle_, sql.c_str(), add, &all, &message) != SQLITE_OK) {
        const std::string text = message == nullptr ? "failed" : message;
        sqlite3_free(message);
        throw std::runtime_error(text + " in " + sql);
    }
    return all;
}

std::string Raw::text(const std::string& sql) {
    const auto all = rows(sql);
    return all.empty() ? std::string() : all.front().front();
}

std::int64_t Raw::number(const std::string& sql) { return std::stoll(text(sql)); }

Store::Store(ManagerOptions options) : base(scratch / "store"), manager(base, std::move(options)) {}

Raw Store::raw(Raw::As as) const {
    manager.audit().flush();
    return Raw(base, as);
}

std::map<std::string, std::int64_t> Store::rows() const {
    std::map<std::string, std::int64_t> counts;
    auto raw = this->raw();
    for (const auto& row : raw.rows("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
                                    "AND name NOT LIKE 'audit_%'")) {
        counts[row.front()] = raw.number("SELECT count(*) FROM " + row.front());
    }
    counts["artifacts counted"] = raw.number("SELECT coalesce(sum(artifact_count), 0) FROM artifact_counts");
    counts["payloads present"] = raw.number("SELECT count(*) FROM payloads WHERE state = 'present'");
    return counts;
}

std::int64_t Store::entry_count() const { return raw().number("SELECT count(*) FROM audit_entries"); }

json Store::last_entry() const { return json::parse(raw().text("SELECT line FROM audit_entries ORDER BY seq DESC LIMIT 1")); }

std::vector<json> Store::entries(const std::string& operation, const std::string& action) const {
    std::vector<json> lines;
    for (const auto& row : raw().rows("SELECT line FROM audit_entries WHERE operation = '" + operation + "' AND action = '" +
                                      action + "' ORDER BY seq")) {
        lines.push_back(json::parse(row.front()));
    }
    return lines;
}

std::set<std::string> Store::files() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(base)) {
        const auto name = std::filesystem::relative(entry.path(), base).string();
        if (!entry.is_directory() && name.rfind("storage/catalog.db", 0) != 0) names.insert(name);
    }
    return names;
}

std::filesystem::path Store::blob(const Artifact& artifact) const {
    const auto hex = artifact.checksum.value().hex();
    return base / "storage" / "blobs" / hex.substr(0, 2) / hex;
}

Artifact Store::add(const ArtifactType& type, const std::string& content, const std::vector<ArtifactId>& sources) {
    return manager.create_artifact({.type = type, .content = content, .source_artifacts = sources});
}

Artifact Store::add_bare(const ArtifactType& type, const std::vector<ArtifactId>& sources) {
    return manager.create_artifact({.type = type, .source_artifacts = sources});
}

namespace {

void write(const std::filesystem::path& base, const std::function<void(sqlite::Connection&)>& body) {
    const manager::Layout layout{base};
    sqlite::Database(layout.catalog(), layout.write_queue(), {}).write(body);
}

}  // namespace

std::vector<ArtifactId> Store::add_many(std::size_t count) {
    std::vector<ArtifactId> ids;
    write(base, [&](sqlite::Connection& connection) {
        const auto now = Timestamp::now();
        for (std::size_t i = 0; i < count; ++i) {
            ids.push_back(ArtifactId::random());
            catalog::insert_artifact(connection, {ids.back(),
                                                  ArtifactType::metadata,
                                                  ArtifactStatus::completed,
                                                  now,
                                                  {},
                                                  {},
                                                  {},
                                                  base::Salt{},
                                                  {},
                                                  {},
                                                  "{}",
                                                  base::Salt{},
                                                  {}});
        }
    });
    return ids;
}

void Store::link_many(const std::vector<ArtifactId>& ids, const std::vector<std::pair<std::size_t, std::size_t>>& edges) {
    write(base, [&](sqlite::Connection& connection) {
        const auto now = Timestamp::now();
        std::vector<catalog::ArtifactKey> keys;
        for (const auto& id : ids) keys.push_back(catalog::find_key(connection, id).value());
        for (const auto& [output, source] : edges)
            catalog::insert_edge(connection, keys[output], keys[source], "derived_from", now);
    });
}

void Trace::check_unchanged(std::int64_t new_entries) const {
    CHECK(store_.rows() == rows_);
    CHECK(store_.files() == files_);
    CHECK(store_.entry_count() == entries_ + new_entries);
}

void tamper(const std::filesystem::path& payload, const std::string& content) {
    ::chmod(payload.c_str(), 0600);
    std::ofstream(payload, std::ios::binary | std::ios::trunc) << content;
}

pid_t start_child(const std::function<int()>& run) {
    const auto child = ::fork();
    if (child == 0) {
        int code = 200;
        try {
            code = run();
        } catch (const std::exception& error) {
            std::cerr << "in a child: " << error.what() << '\n';
        }
        ::_exit(code);
    }
    return child;
}

int wait_for(pid_t child) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int in_child(const std::function<int()>& run) { return wait_for(start_child(run)); }

std::string read_all(PayloadStream& stream) {
    std::string all;
    std::vector<std::byte> buffer(4096);
    while (const auto count = stream.read(buffer)) all.append(reinterpret_cast<const char*>(buffer.data()), count);
    return all;
}

std::multiset<std::string> kinds(const VerifyReport& report) {
    std::multiset<std::string> found;
    for (const auto& finding : report.findings) found.insert(finding.kind);
    return found;
}

}  // namespace custody::testing
