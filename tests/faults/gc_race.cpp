// Ingests, removals and gc of the same few contents, in threads and processes at once. At the end every artifact that wasn't
// removed must have its payload, byte for byte.
//
// usage: gc_race FOLDER [OPERATIONS [PROCESSES [THREADS]]]
//        a new store is made in FOLDER, which must not be there or be one of this program's; prints counts, and exits with 1
//        where anything was lost. A million operations: gc_race /dev/shm/gc_race 1000000
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <custody/artifact_manager.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <thread>
#include <vector>

using namespace custody;
namespace fs = std::filesystem;

namespace {

constexpr unsigned contents = 24;  // few, so that everybody meets
constexpr std::size_t ingests_at_once = 8;

/// Shared by all processes.
struct Counts {
    std::atomic<std::uint64_t> operations{0};
    std::atomic<std::uint64_t> ingested{0};
    std::atomic<std::uint64_t> read{0};
    std::atomic<std::uint64_t> gone{0};  ///< removed before it was read
    std::atomic<std::uint64_t> removed{0};
    std::atomic<std::uint64_t> collected{0};
    std::atomic<std::uint64_t> freed{0};
    std::atomic<std::uint64_t> lost{0};
    std::atomic<std::uint64_t> failed{0};
};

std::string content_of(unsigned number) {
    return std::string(100 + static_cast<std::size_t>(number) * 397, static_cast<char>('a' + number));
}

void complain(const std::string& what) { std::cerr << (what + "\n") << std::flush; }

/// Whether the artifact's payload is there, whole; or was removed, which is no loss.
void look(ArtifactManager& manager, const Artifact& artifact, Counts& counts) {
    try {
        auto stream = manager.open_payload(artifact.id);
        std::array<std::byte, 16384> buffer{};
        std::uint64_t size = 0;
        for (std::size_t got = 1; got > 0; size += got) got = stream.read(buffer);  // hashes as it goes, and throws
        ++(size == artifact.file_size ? counts.read : counts.lost);
    } catch (const Conflict&) {
        ++counts.gone;
    } catch (const Error& error) {
        // Between the look into the catalog and the opening of the file it may have been removed and freed, with no grace.
        const auto now = manager.get_artifact(artifact.id);
        if (now && now->removed_at) {
            ++counts.gone;
        } else {
            ++counts.lost;
            complain("lost: " + artifact.id.str() + ": " + error.what());
        }
    }
}

class Worker {
   public:
    Worker(ArtifactManager& manager, fs::path scratch, unsigned seed, Counts& counts)
        : manager_(manager), scratch_(std::move(scratch)), random_(seed), counts_(counts) {}

    void run(std::uint64_t operations) {
        while (counts_.operations < operations && counts_.lost == 0) {
            try {
                step();
            } catch (const std::exception& error) {
                ++counts_.failed;
                complain(std::string("failed: ") + error.what());
                return;
            }
        }
    }

   private:
    void step() {
        switch (random_() % 8) {
            case 0:
                collect();
                break;
            case 1:
                remove();
                break;
            case 2:
                move_in();
                break;
            default:
                ingest();
        }
    }

    unsigned any() { return static_cast<unsigned>(random_() % contents); }

    void ingest() {
        std::vector<NewArtifact> wanted;
        for (std::size_t i = 0; i < ingests_at_once; ++i) {
            wanted.push_back({.type = ArtifactType::log, .content = content_of(any())});
        }
        settle(manager_.create_artifacts(wanted));
    }

    // A source that is renamed in: its bytes must not be lost where gc takes the name away before the commit.
    void move_in() {
        const auto source = scratch_ / (std::to_string(random_()) + ".log");
        std::ofstream(source) << content_of(any());
        settle({manager_.create_artifact({.type = ArtifactType::log, .source_path = source, .transfer = Transfer::move})});
    }

    void settle(const std::vector<Artifact>& made) {
        counts_.ingested += made.size();
        counts_.operations += made.size();
        for (const auto& artifact : made) look(manager_, artifact, counts_);
        counts_.operations += made.size();
    }

    void remove() {
        const auto report = manager_.cleanup_old_artifacts({.older_than_days = 0});
        counts_.removed += report.removed.size();
        counts_.operations += 1 + report.removed.size();
    }

    void collect() {
        const auto report = manager_.collect_garbage({.grace = std::chrono::seconds(0)});
        counts_.removed += report.removed.size();
        counts_.collected += report.collected.size();
        counts_.freed += report.freed.size();
        counts_.operations += 1 + report.removed.size() + report.freed.size();
    }

    ArtifactManager& manager_;
    fs::path scratch_;
    std::mt19937 random_;
    Counts& counts_;
};

void work(const fs::path& folder, unsigned process, unsigned threads, std::uint64_t operations, Counts& counts) {
    ArtifactManager manager(folder / "store");
    std::vector<std::jthread> all;
    for (unsigned thread = 0; thread < threads; ++thread) {
        all.emplace_back([&, thread] { Worker(manager, folder, process * 1000 + thread + 1, counts).run(operations); });
    }
}

/// Every payload that should be there is read once more.
void check(const fs::path& folder, Counts& counts) {
    ArtifactManager manager(folder / "store");
    const auto report = manager.verify();
    for (const auto& finding : report.findings) {
        if (finding.severity != Finding::Severity::error) continue;
        ++counts.lost;
        complain("verify: " + finding.kind + " " + finding.subject + ": " + finding.message);
    }
    std::cout << "verified " << report.artifacts << " artifacts, " << report.payloads_hashed << " payloads, "
              << report.audit_entries << " entries\n";
}

int race(const fs::path& folder, std::uint64_t operations, unsigned processes, unsigned threads) {
    if (fs::exists(folder) && !fs::exists(folder / "gc_race")) {
        complain(folder.string() + " is there, and not of this program's making");
        return 2;
    }
    fs::remove_all(folder);
    fs::create_directories(folder);
    std::ofstream(folder / "gc_race") << "a scratch folder of gc_race\n";
    {
        ArtifactManager manager(folder / "store");
        (void)manager.set_retention(ArtifactType::log, {.days = 0, .reason = "race"});
    }
    void* shared = ::mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return 2;
    auto& counts = *new (shared) Counts;
    std::vector<pid_t> children;
    for (unsigned process = 0; process < processes; ++process) {
        const auto child = ::fork();
        if (child == 0) {
            try {
                work(folder, process, threads, operations, counts);
            } catch (const std::exception& error) {
                complain(error.what());
                ::_exit(1);
            }
            ::_exit(0);
        }
        children.push_back(child);
    }
    bool well = true;
    for (const auto child : children) {
        int status = 0;
        well = child > 0 && ::waitpid(child, &status, 0) == child && status == 0 && well;
    }
    check(folder, counts);
    std::cout << counts.operations << " operations: " << counts.ingested << " ingested, " << counts.read << " read, "
              << counts.gone << " gone before they were read, " << counts.removed << " removed, " << counts.collected
              << " collected by gc, " << counts.freed << " freed, " << counts.failed << " failed; " << counts.lost << " lost\n";
    return well && counts.lost == 0 && counts.failed == 0 && counts.operations >= operations ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc < 2 || argc > 5) {
        complain("usage: gc_race FOLDER [OPERATIONS [PROCESSES [THREADS]]]");
        return 2;
    }
    const auto number = [&](int index, unsigned long fallback) { return argc > index ? std::stoul(argv[index]) : fallback; };
    return race(argv[1], number(2, 3000), static_cast<unsigned>(number(3, 3)), static_cast<unsigned>(number(4, 2)));
} catch (const std::exception& error) {
    complain(error.what());
    return 2;
}
