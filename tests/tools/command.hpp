#pragma once

#include <string>
#include <vector>

#include <custody/json.hpp>

#include "support/scratch.hpp"

namespace custody::testing {

/// A store in a folder of its own, and the real command in front of it. Commands run by /bin/sh in that folder.
class Bench {
   public:
    /// Makes the store unless told otherwise.
    explicit Bench(bool init = true);

    /// Runs a line of shell; `custody` is the command and CUSTODY_STORE names the store.
    [[nodiscard]] Ran run(const std::string& line) const;
    /// `custody ARGUMENTS`.
    [[nodiscard]] Ran custody(const std::string& arguments) const;
    /// The same; fails the test unless it is done. Answers stdout without its last line feed.
    std::string done(const std::string& arguments) const;
    /// The same with --json, read.
    [[nodiscard]] ordered_json json_of(const std::string& arguments) const;
    /// What the command's trail has, newest last.
    [[nodiscard]] std::vector<std::string> operations() const;

    Scratch files{};
};

/// A bench with one artifact, of the file `a`.
struct OneArtifact : Bench {
    OneArtifact();
    std::string id;
    std::string blob;  ///< its payload's file, from the folder of the bench
};

/// A well-formed id that no store has.
inline const std::string unknown_id = "6b6f1c1e-9d55-4d3c-8b6e-0f4a8c0d1e2f";

std::vector<std::string> lines_of(const std::string& text);
bool contains(const std::string& text, const std::string& part);

}  // namespace custody::testing
