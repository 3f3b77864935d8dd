// Verbs and options that there are not.
#include <doctest/doctest.h>

#include "tools/command.hpp"

using namespace custody::testing;

namespace {

/// What the command says about a line that is wrong.
std::string complaint(const Bench& bench, const std::string& arguments) {
    const auto ran = bench.custody(arguments);
    INFO("custody " << arguments << "\n" << ran.out << ran.err);
    CHECK(ran.exit_code == 2);
    CHECK(ran.out.empty());
    CHECK(lines_of(ran.err).size() == 1);
    return ran.err;
}

}  // namespace

TEST_CASE("a verb that there is not is named, and the nearest one that there is") {
    const Bench bench(false);
    const std::pair<std::string, std::string> misspelt[] = {
        {"lsit", "list"},          {"--store list lsit", "list"},  {"--json shwo --help", "show"}, {"audit erors", "errors"},
        {"audit erors", "errors"}, {"run strat --ttl 5", "start"}, {"hold ad x", "add"},           {"hold --quiet ad x", "add"}};
    for (const auto& [arguments, meant] : misspelt) {
        const auto said = complaint(bench, arguments);
        CHECK(contains(said, "there is no verb \""));
        CHECK(contains(said, "did you mean " + meant + "?"));
    }
    CHECK(contains(complaint(bench, "lsit"), "there is no verb \"lsit\""));
    CHECK(contains(complaint(bench, "audit erors"), "there is no verb \"erors\" in custody audit"));
    CHECK(contains(complaint(bench, "audit erors"), "custody audit --help"));
    CHECK(contains(complaint(bench, "audit erors --help"), "there is no verb \"erors\""));
}

TEST_CASE("nothing is guessed where no verb is near") {
    const Bench bench(false);
    for (const std::string arguments : {"publish --help", "frobnicate", "x", "''"}) {
        const auto said = complaint(bench, arguments);
        CHECK(contains(said, "there is no verb \""));
        CHECK_FALSE(contains(said, "did you mean"));
    }
    CHECK(contains(complaint(bench, "publish --help"), "there is no verb \"publish\""));
}

TEST_CASE("an option that there is not is told before one that is missing") {
    const Bench bench(false);
    CHECK(contains(complaint(bench, "add --tpye log x"), "there is no option --tpye"));
    CHECK(contains(complaint(bench, "add --tpye log x"), "did you mean --type?"));
    CHECK(contains(complaint(bench, "add --tpye=log x"), "there is no option --tpye;"));
    CHECK(contains(complaint(bench, "show -x"), "there is no option -x"));
    CHECK(contains(complaint(bench, "cleanup --older 5"), "there is no option --older"));
    CHECK_FALSE(contains(complaint(bench, "status x --error --quite"), "--quite"));  // it is a text
    const auto help = bench.custody("add --tpye log --help");
    CHECK(help.exit_code == 2);
}

TEST_CASE("what is given too often, or where nothing is due, is told in the words of the command") {
    const Bench bench(false);
    CHECK(contains(complaint(bench, "list 1 2"), "too many arguments: 1 2; see custody list --help"));
    CHECK(contains(complaint(bench, "run start foo"), "too many arguments: foo; see custody run start --help"));
    CHECK(contains(complaint(bench, "list --limit 1 --limit 2"), "--limit was given more than once"));
    CHECK(contains(complaint(bench, "add --type"), "--type needs a value"));
    CHECK(contains(complaint(bench, "list --json=yes"), "--json takes no value"));
}
