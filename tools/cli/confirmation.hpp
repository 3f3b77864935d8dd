#pragma once

#include <string_view>

namespace custody::cli {

/// Whether a verb that can't be taken back has to ask: unless --yes or --dry-run was given. @throws UsageError with `advice`
/// where there is no terminal to ask on
bool has_to_ask(bool yes, bool dry_run, const char* advice);

/// Asks on the terminal; only a yes is a yes.
bool confirmed(std::string_view what);

}  // namespace custody::cli
