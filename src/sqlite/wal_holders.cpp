#include "sqlite/wal_holders.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>

namespace custody::sqlite {

namespace {

// Bytes of the -shm that are locked (wal.c: WAL_WRITE_LOCK, WAL_READ_LOCK(0) to (4)).
constexpr std::int64_t writer_byte = 120;
constexpr std::int64_t first_reader_byte = 123;
constexpr std::int64_t last_reader_byte = 127;

// A line of /proc/locks: "3: POSIX  ADVISORY  READ 812 08:01:1234 124 124".
struct Lock {
    long pid = 0;
    unsigned device_major = 0, device_minor = 0;
    unsigned long inode = 0;
    std::int64_t first = 0, last = 0;
};

bool parse(const std::string& line, Lock& lock) {
    std::istringstream in(line);
    std::string number, kind, mode, access, file, end;
    if (!(in >> number >> kind >> mode >> access >> lock.pid >> file >> lock.first >> end) || kind != "POSIX") return false;
    lock.last = end == "EOF" ? INT64_MAX : std::strtoll(end.c_str(), nullptr, 10);
    return std::sscanf(file.c_str(), "%x:%x:%lu", &lock.device_major, &lock.device_minor, &lock.inode) == 3;
}

std::string name_of(long pid) {
    std::ifstream in("/proc/" + std::to_string(pid) + "/comm");
    std::string name;
    std::getline(in, name);
    return "process " + std::to_string(pid) + (name.empty() ? "" : " (" + name + ")");
}

// The other processes that have any of these bytes locked.
std::string holders_of(const std::filesystem::path& file, std::int64_t first, std::int64_t last) {
    struct stat status {};
    if (::stat((file.string() + "-shm").c_str(), &status) != 0) return {};
    std::set<long> pids;
    std::ifstream in("/proc/locks");
    for (std::string line; std::getline(in, line);) {
        Lock lock;
        const bool holds = parse(line, lock) && lock.inode == status.st_ino && lock.first <= last && lock.last >= first;
        if (holds && lock.pid != ::getpid()) pids.insert(lock.pid);
    }
    std::string names;
    for (const auto pid : pids) names += (names.empty() ? "" : ", ") + name_of(pid);
    return names;
}

}  // namespace

std::string wal_holders(const std::filesystem::path& file) { return holders_of(file, first_reader_byte, last_reader_byte); }

std::string write_lock_holders(const std::filesystem::path& file) { return holders_of(file, writer_byte, writer_byte); }

}  // namespace custody::sqlite
