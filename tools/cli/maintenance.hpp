#pragma once

#include "options.hpp"

namespace custody::cli {

void add_cleanup_verb(CLI::App& app, Session& session);
void add_gc_verb(CLI::App& app, Session& session);
void add_retention_verbs(CLI::App& app, Session& session);

}  // namespace custody::cli
