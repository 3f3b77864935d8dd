#include "manager/layout.hpp"

#include <custody/error.hpp>

namespace custody::manager {

Layout layout_of(const std::filesystem::path& base) {
    if (base.empty()) throw InvalidArgument("no store was named: its path is empty");
    if (base.native().find('\0') != std::string::npos) throw InvalidArgument("the store's path has a NUL in it");
    std::error_code code;
    auto absolute = std::filesystem::weakly_canonical(std::filesystem::absolute(base, code), code);
    if (code) throw IoError("can't resolve the store's path " + base.string() + ": " + code.message(), code.value());
    if (!absolute.has_filename() && absolute.has_parent_path()) absolute = absolute.parent_path();
    return {absolute};
}

}  // namespace custody::manager
