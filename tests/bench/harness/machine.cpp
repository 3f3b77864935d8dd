#include "bench/harness/machine.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sqlite3.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <custody/artifact_manager.hpp>
#include <fstream>
#include <string>
#include <thread>

#include "bench/harness/files.hpp"
#include "bench/harness/measure.hpp"
#include "bench/harness/statistics.hpp"

namespace custody::bench {

namespace {

std::string processor() {
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);) {
        if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
    }
    return "unknown";
}

double sync_microseconds(const std::filesystem::path& folder) {
    const auto file = folder / "sync-cost";
    const int open_file = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const std::string page(4096, 'p');
    std::vector<double> seconds;
    for (int i = 0; i < 51; ++i) {
        if (::write(open_file, page.data(), page.size()) != static_cast<ssize_t>(page.size())) break;
        seconds.push_back(seconds_of([&] { (void)::fdatasync(open_file); }));
    }
    ::close(open_file);
    std::filesystem::remove(file);
    return seconds.empty() ? 0 : spread_of(seconds).median * 1e6;
}

std::string built_how() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return "with a sanitizer: no figure means anything";
#elif defined(NDEBUG)
    return "release";
#else
    return "development: figures of a release build are better";
#endif
}

}  // namespace

ordered_json machine(const std::filesystem::path& folder) {
    utsname system{};
    ::uname(&system);
    const auto memory = static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
    return {{"processor", processor()},
            {"processors", std::thread::hardware_concurrency()},
            {"memory_gib", memory / (1U << 30U)},
            {"kernel", system.release},
            {"file_system", file_system_of(folder)},
            {"sync_us", sync_microseconds(folder)},
            {"custody", version()},
            {"build", built_how()},
            {"sqlite", sqlite3_libversion()},
            {"openssl", OpenSSL_version(OPENSSL_VERSION_STRING)}};
}

std::string in_words(const ordered_json& machine) {
    std::string words = machine["processor"].get<std::string>() + ", " + machine["processors"].dump() + " processors, " +
                        std::to_string(std::lround(machine["memory_gib"].get<double>())) + " GiB, Linux " +
                        machine["kernel"].get<std::string>() + ", " + machine["file_system"].get<std::string>() + ", one sync " +
                        std::to_string(std::lround(machine["sync_us"].get<double>())) + " us; custody " +
                        machine["custody"].get<std::string>() + " (" + machine["build"].get<std::string>() + "), SQLite " +
                        machine["sqlite"].get<std::string>() + ", OpenSSL " + machine["openssl"].get<std::string>();
    return words;
}

}  // namespace custody::bench
