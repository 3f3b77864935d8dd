// Disks of every size in a range: a load on an ext4 file system in a file, until it is full; what was acknowledged is there, and
// with some room it goes on. (tests/robustness/environment.cpp has read-only media, and accounts that may not.)
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <custody/error.hpp>
#include <fstream>

#include "faults/driver/load.hpp"
#include "faults/support/program.hpp"
#include "faults/support/state.hpp"

using namespace custody;
using namespace custody::faults;
namespace fs = std::filesystem;

namespace {

constexpr const char* usage =
    "usage: faults_small_disks [--from=KIB] [--to=KIB] [--step=KIB]\nDisks of 2048 to 4608 KiB in steps of 640, as root.\n";

class Disk {
   public:
    Disk(const fs::path& folder, std::uint64_t size_kib) : image_(folder / "image"), place_(folder / "disk") {
        fs::create_directories(place_);
        spill(image_, "");
        fs::resize_file(image_, size_kib * 1024);
        const auto command = "mkfs.ext4 -q -F -O ^has_journal -m 0 '" + image_.string() + "' && mount -o loop '" +
                             image_.string() + "' '" + place_.string() + "' 2>/dev/null";
        mounted_ = std::system(command.c_str()) == 0;
    }
    Disk(const Disk&) = delete;
    Disk& operator=(const Disk&) = delete;
    ~Disk() {
        if (mounted_) ::umount2(place_.c_str(), MNT_DETACH);
    }
    [[nodiscard]] bool mounted() const { return mounted_; }
    [[nodiscard]] const fs::path& place() const { return place_; }

   private:
    fs::path image_;
    fs::path place_;
    bool mounted_;
};

/// Whether the store could be made at all.
bool fill(const World& world, Acknowledged& acknowledged, std::uint64_t& failures, Problems& problems) {
    Load load(world, 7, [&](const std::string& line) { acknowledged.add(line); });
    for (int i = 0; i < 400 && failures < 5; ++i) {
        try {
            load.step();
        } catch (const IoError& error) {
            ++failures;
            if (error.code() != ENOSPC) problems.push_back(std::string("does not say that the disk is full: ") + error.what());
        } catch (const Error&) {
            throw;
        } catch (const std::exception&) {
            ++failures;  // the load's own: it had no room for a source or a folder
        }
    }
    return fs::exists(world.store() / "storage/catalog.db");
}

void try_size(const Folder& folder, std::uint64_t size_kib, std::uint64_t& acknowledgements, std::uint64_t& failures,
              Problems& problems) {
    const Disk disk(folder.path(), size_kib);
    if (!disk.mounted()) throw std::runtime_error("not mounted");
    const auto ballast = disk.place() / "ballast";
    spill(ballast, std::string(256 * 1024, 'b'));
    const World world(disk.place() / "world");
    Acknowledged acknowledged;
    std::uint64_t failed = 0;
    const bool made = fill(world, acknowledged, failed, problems);
    fs::remove(ballast);
    if (failed == 0) problems.emplace_back("it was never full");
    if (!made && acknowledged.all() > 0) problems.emplace_back("the catalog is gone");
    if (made) {
        (void)acknowledged.check(world, problems);
        check_store(world, problems);
    }
    acknowledgements += acknowledged.all();
    failures += failed;
}

}  // namespace

int main(int argc, char** argv) {
    const CommandLine line(argc, argv, usage);
    if (::geteuid() != 0) return skip("only root may mount");
    {
        const Folder folder;
        if (!Disk(folder.path(), 2048).mounted()) return skip("this machine has no loop devices");
    }
    Verdicts verdicts;
    std::uint64_t acknowledgements = 0;
    std::uint64_t failures = 0;
    std::uint64_t sizes = 0;
    const auto step = std::max<std::uint64_t>(line.number("step", 640), 4);
    for (auto size = line.number("from", 2048); size <= line.number("to", 4608); size += step) {
        Problems problems;
        try {
            const Folder folder;
            try_size(folder, size, acknowledgements, failures, problems);
        } catch (const std::exception& error) {
            problems.emplace_back(error.what());
        }
        verdicts.add("a disk of " + std::to_string(size) + " KiB", problems);
        ++sizes;
    }
    std::cout << sizes << " disks, " << acknowledgements << " acknowledgements, " << failures << " operations failed"
              << std::endl;
    return verdicts.finish();
}
