#pragma once

#include "options.hpp"

namespace custody::cli {

void add_verify_verb(CLI::App& app, Session& session);

std::string name_of(Finding::Severity severity);

}  // namespace custody::cli
