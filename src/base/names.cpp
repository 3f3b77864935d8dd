#include <array>
#include <utility>

#include <custody/error.hpp>
#include <custody/types.hpp>

#include "base/text.hpp"

namespace custody {

namespace {

template <class Enum, std::size_t size>
using Names = std::array<std::pair<Enum, std::string_view>, size>;

constexpr Names<ArtifactStatus, 5> statuses{{{ArtifactStatus::pending, "pending"},
                                             {ArtifactStatus::in_progress, "in_progress"},
                                             {ArtifactStatus::completed, "completed"},
                                             {ArtifactStatus::failed, "failed"},
                                             {ArtifactStatus::archived, "archived"}}};

constexpr Names<Sensitivity, 3> sensitivities{
    {{Sensitivity::identified, "identified"}, {Sensitivity::deidentified, "deidentified"}, {Sensitivity::neutral, "neutral"}}};

constexpr Names<Outcome, 4> outcomes{
    {{Outcome::done, "done"}, {Outcome::not_found, "not_found"}, {Outcome::refused, "refused"}, {Outcome::failed, "failed"}}};

template <class Enum, std::size_t size>
std::string_view name_of(const Names<Enum, size>& names, Enum value) noexcept {
    for (const auto& [known, name] : names) {
        if (known == value) return name;
    }
    return "unknown";  // a number cast to the enum
}

template <class Enum, std::size_t size>
Enum value_of(const Names<Enum, size>& names, std::string_view name, const char* what) {
    std::string message(what);
    message += " must be one of";
    const char* separator = " ";
    for (const auto& [value, known] : names) {
        if (known == name) return value;
        message.append(separator).append(known);
        separator = ", ";
    }
    throw InvalidArgument(message);
}

}  // namespace

ArtifactType::ArtifactType(std::string_view name) : size_(name.size()) {
    if (!base::is_identifier(name)) {
        throw InvalidArgument(
            "the name of an artifact type must be a lower-case letter and then lower-case letters, digits or underscores, "
            "at most 63 in all");
    }
    name.copy(name_.data(), name_.size());
}

std::string_view to_string(ArtifactStatus status) noexcept { return name_of(statuses, status); }
std::string_view to_string(Sensitivity sensitivity) noexcept { return name_of(sensitivities, sensitivity); }
std::string_view to_string(Outcome outcome) noexcept { return name_of(outcomes, outcome); }

ArtifactStatus parse_status(std::string_view name) { return value_of(statuses, name, "a status"); }
Sensitivity parse_sensitivity(std::string_view name) { return value_of(sensitivities, name, "a sensitivity"); }
Outcome parse_outcome(std::string_view name) { return value_of(outcomes, name, "an outcome"); }

}  // namespace custody
