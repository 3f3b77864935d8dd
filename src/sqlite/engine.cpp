#include "sqlite/engine.hpp"

#include <link.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "sqlite/connection.hpp"

namespace custody::sqlite {

namespace {

constexpr int first_version_with_wal = 3007000;
constexpr int first_version_without_bug = 3051003;

// A format of SQLite's own log (sqlite3ReportError), put together here so that this library doesn't have it.
std::string telltale() {
    std::string text = "%s at line %d";
    return text.append(" of [%.10s]");
}

std::string name_of(const dl_phdr_info& object) {
    if (object.dlpi_name != nullptr && *object.dlpi_name != '\0') return object.dlpi_name;
    std::error_code error;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
    return error ? std::string("this program") : program.string();
}

struct Search {
    std::string text;
    std::vector<std::string> found;
};

// Searched by hand: the constants of a program that is checked by AddressSanitizer have marks between them that memmem() may not
// pass.
#if defined(__GNUC__)
__attribute__((no_sanitize("address")))
#endif
bool has_text(const char* begin, std::size_t size, const std::string& text) {
    const char* const wanted = text.data();
    const auto length = text.size();
    if (size < length) return false;
    const char* const last = begin + (size - length);
    for (const char* at = begin; at <= last; ++at) {
        if (*at != *wanted) continue;
        std::size_t same = 1;
        while (same < length && at[same] == wanted[same]) ++same;
        if (same == length) return true;
    }
    return false;
}

int look_into(dl_phdr_info* object, std::size_t /*size*/, void* search_of_caller) {
    auto& search = *static_cast<Search*>(search_of_caller);
    for (int i = 0; i < object->dlpi_phnum; ++i) {
        const auto& part = object->dlpi_phdr[i];
        // Constants are in what can be read and not written; the rest may be anything's data.
        if (part.p_type != PT_LOAD || (part.p_flags & PF_R) == 0 || (part.p_flags & PF_W) != 0) continue;
        const auto* const begin =
            reinterpret_cast<const char*>(object->dlpi_addr + part.p_vaddr);  // NOLINT(performance-no-int-to-ptr)
        if (has_text(begin, part.p_filesz, search.text)) {
            search.found.push_back(name_of(*object));
            break;
        }
    }
    return 0;
}

}  // namespace

std::string engine_version() { return sqlite3_libversion(); }

bool has_wal_reset_bug() {
    const int version = sqlite3_libversion_number();
    return version >= first_version_with_wal && version < first_version_without_bug;
}

bool is_guarded(Connection& connection) {
    int none_at_the_end = 0;
    sqlite3_db_config(connection.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, -1, &none_at_the_end);
    Query after_commits(connection, "PRAGMA wal_autocheckpoint");
    // The library's hook took the place of SQLite's, so that this is 0 whatever was set before.
    return none_at_the_end == 1 && after_commits.step() && after_commits.integer(0) == 0;
}

std::vector<std::string> engines_in_process() {
    Search search{telltale(), {}};
    ::dl_iterate_phdr(look_into, &search);
    return search.found;
}

}  // namespace custody::sqlite
