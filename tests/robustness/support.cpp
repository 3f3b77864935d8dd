#include "robustness/support.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace custody::testing {

namespace fs = std::filesystem;

Driver::Driver(const std::vector<std::string>& arguments) {
    // Nothing may allocate from fork to exec: a lock of the allocator may be another thread's.
    static const std::string program = STORE_DRIVER;
    std::vector<char*> list{const_cast<char*>(program.c_str())};
    for (const auto& argument : arguments) list.push_back(const_cast<char*>(argument.c_str()));
    list.push_back(nullptr);
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) throw std::runtime_error("pipe failed");
    pid_ = ::fork();
    if (pid_ == 0) {
        ::dup2(ends[1], STDOUT_FILENO);
        ::close(ends[0]);
        ::close(ends[1]);
        ::execv(list[0], list.data());
        ::_exit(127);
    }
    ::close(ends[1]);
    output_ = ends[0];
}

Driver::~Driver() {
    if (pid_ > 0) {
        kill();
        wait();
    }
    ::close(output_);
}

std::string Driver::line() {
    for (;;) {
        const auto end = buffer_.find('\n');
        if (end != std::string::npos) {
            auto first = buffer_.substr(0, end);
            buffer_.erase(0, end + 1);
            return first;
        }
        std::array<char, 4096> bytes{};
        const auto count = ::read(output_, bytes.data(), bytes.size());
        if (count <= 0) return {};  // a line that was cut by a kill was never acknowledged
        buffer_.append(bytes.data(), static_cast<std::size_t>(count));
    }
}

std::vector<std::string> Driver::remaining_lines() {
    std::vector<std::string> lines;
    for (auto text = line(); !text.empty(); text = line()) lines.push_back(text);
    return lines;
}

void Driver::kill() const { ::kill(pid_, SIGKILL); }

int Driver::wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

Ran drive(const std::string& arguments) { return shell(std::string("exec ") + STORE_DRIVER + " " + arguments); }

std::string stock_sql(const fs::path& store, const std::string& sql) {
    auto ran = shell("sqlite3 -batch " + quoted(store / "storage/catalog.db") + " \"" + sql + "\"");
    CAPTURE(ran.err);
    REQUIRE(ran.exit_code == 0);
    if (!ran.out.empty()) ran.out.pop_back();
    return ran.out;
}

std::int64_t count_entries(const fs::path& store, const std::string& where) {
    return std::stoll(stock_sql(store, "SELECT count(*) FROM audit_entries WHERE " + where));
}

void take_away_log(const std::filesystem::path& store) {
    for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove((store / "storage/catalog.db").string() + suffix);
    std::filesystem::remove(store / "storage/temp/write-queue");
}

std::size_t count_findings(const VerifyReport& report, const std::string& kind) {
    std::size_t count = 0;
    for (const auto& finding : report.findings) count += finding.kind == kind ? 1 : 0;
    return count;
}

void check_store(const fs::path& store) {
    ArtifactManager manager(store, {.create = false});
    const auto report = manager.verify();
    for (const auto& finding : report.findings) {
        if (finding.severity == Finding::Severity::error)
            MESSAGE(finding.kind << " " << finding.subject << ": " << finding.message);
    }
    CHECK(report.ok());
    CHECK(report.database == "ok");
    CHECK(stock_sql(store, "SELECT count(*) - max(seq), min(seq) FROM audit_entries") == "0|1");
    for (const auto& artifact : manager.list_artifacts()) {
        if (artifact.checksum && !artifact.removed_at) CHECK(manager.get_artifact_file(artifact.id).has_value());
    }
}

}  // namespace custody::testing
