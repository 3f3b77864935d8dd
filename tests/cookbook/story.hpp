#pragma once

#include <filesystem>
#include <map>
#include <string>

#include <custody/artifact_manager.hpp>

namespace custody::testing {

/// What the answers call the things of the store: name → id, and "name.checksum" → SHA-256.
using Names = std::map<std::string, std::string>;

/// The moment at which the story ends; whoever opens the store later stops the clock there, or runs would expire.
inline constexpr const char* end_of_story = "2026-11-20T12:00:00Z";

/// The accounts that act in a store, each through a manager of its own.
class Story {
   public:
    explicit Story(std::filesystem::path store) : store_(std::move(store)) {}

    /// Goes to a time and opens the store as somebody, who may act for somebody else.
    ArtifactManager& as(std::string_view time, const std::string& actor, const std::string& on_behalf_of = {},
                        const std::string& purpose = {});
    /// Ends what the last `as` opened.
    void leave() { manager_.reset(); }
    Artifact make(const std::string& name, const NewArtifact& artifact);
    void name_run(const std::string& name, const RunId& run) { names_.insert_or_assign(name, run.str()); }
    [[nodiscard]] ArtifactId id(const std::string& name) const { return ArtifactId::parse(names_.at(name)); }
    [[nodiscard]] const Names& names() const { return names_; }
    [[nodiscard]] const std::filesystem::path& store() const { return store_; }

   private:
    std::filesystem::path store_;
    std::optional<ArtifactManager> manager_;
    Names names_;
};

/// Runs an operation that must be turned down. @throws std::logic_error where it isn't
template <class Operation>
void must_fail(Operation&& operation) {
    try {
        operation();
    } catch (const Error&) {
        return;
    }
    throw std::logic_error("an operation that had to be turned down was done");
}

// The chapters, in order of time.
void tell_processing(Story& story);
void tell_ended_runs(Story& story, const std::string& this_program);
void tell_broken_chains(Story& story);
void tell_first_reads(Story& story);
void tell_refusals(Story& story);
void tell_overrides(Story& story);
void tell_holds(Story& story);
void tell_last_reads(Story& story);
void tell_removals(Story& story);
void tell_what_goes_on(Story& story);

}  // namespace custody::testing
