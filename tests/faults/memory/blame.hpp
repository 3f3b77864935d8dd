#pragma once

#include <array>
#include <string>
#include <string_view>

namespace custody::faults {

/// The calls on the way to where it is made.
struct Way {
    Way();
    std::array<void*, 40> frames{};
    int count;
};

/// Reads where the functions of this program begin, once and beforehand: addr2line, which knows the inlined ones too, takes as
/// long as the rest of a failure.
void read_functions();

/// Whether a way leads through a function of another library that may not throw, and allocates: what ends the process there is
/// no fault of custody's.
bool goes_through_others(const Way& way);

/// Its calls by name, the inlined ones too.
std::string described(const Way& way);
/// Whether a text names such a function, mangled or not.
bool names_guilty(std::string_view text);

}  // namespace custody::faults
