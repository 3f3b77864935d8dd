#include "confirmation.hpp"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <iostream>
#include <string>

#include "session.hpp"

namespace custody::cli {

bool has_to_ask(bool yes, bool dry_run, const char* advice) {
    const bool ask = !yes && !dry_run;
    if (ask && isatty(STDIN_FILENO) != 1) throw UsageError(advice);
    return ask;
}

bool confirmed(std::string_view what) {
    std::cerr << "custody: " << what << ". Go on? [y/N] " << std::flush;
    std::string answer;
    std::getline(std::cin, answer);
    std::transform(answer.begin(), answer.end(), answer.begin(), [](unsigned char letter) { return std::tolower(letter); });
    return answer == "y" || answer == "yes";
}

}  // namespace custody::cli
