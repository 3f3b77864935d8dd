#include <custody/artifact.hpp>

#include <doctest/doctest.h>

#include <set>

using namespace custody;

TEST_CASE("a status changes as the table says, and never otherwise") {
    using enum ArtifactStatus;
    const std::set<std::pair<ArtifactStatus, ArtifactStatus>> table{
        {pending, in_progress}, {pending, completed},     {pending, failed},   {in_progress, completed},
        {in_progress, failed},  {completed, in_progress}, {completed, failed}, {completed, archived},
        {failed, pending},      {failed, in_progress},    {failed, archived},  {archived, completed}};
    const ArtifactStatus all[] = {pending, in_progress, completed, failed, archived, static_cast<ArtifactStatus>(99)};
    for (const auto from : all) {
        for (const auto to : all) {
            CAPTURE(to_string(from));
            CAPTURE(to_string(to));
            CHECK(transition_allowed(from, to) == table.contains({from, to}));
        }
    }
}
