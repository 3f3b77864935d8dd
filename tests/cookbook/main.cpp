// Makes the store that the cookbook's questions are asked of, and asks them through the library.
//
// usage: cookbook_store make FOLDER          store/, review.db, review-no-text.db and names.json in FOLDER
//        cookbook_store sql STORE            one statement on stdin; {"columns": […], "rows": […]} on stdout
//        cookbook_store die-in-run STORE TIME

#include <unistd.h>

#include <fstream>
#include <iostream>
#include <iterator>

#include "cookbook/clock.hpp"
#include "cookbook/story.hpp"

using namespace custody;
using namespace custody::testing;

namespace {

void make(const std::filesystem::path& folder, const std::string& this_program) {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    Story story(folder / "store");
    story.as("2026-09-01T08:00:00Z", "anna").register_artifact_type(ArtifactType("eeg_raw"), Sensitivity::identified);
    tell_processing(story);
    tell_ended_runs(story, this_program);
    tell_broken_chains(story);
    tell_first_reads(story);
    tell_refusals(story);
    tell_overrides(story);
    tell_holds(story);
    tell_last_reads(story);
    tell_removals(story);
    tell_what_goes_on(story);
    auto& anna = story.as(end_of_story, "anna", "board of ethics");
    (void)anna.snapshot(folder / "review.db");
    (void)anna.snapshot(folder / "review-no-text.db", {.include_text = false});
    story.leave();
    std::ofstream(folder / "names.json") << json(story.names()).dump(1) << '\n';
}

void ask(const std::filesystem::path& store) {
    stop_clock_at(end_of_story);
    ArtifactManager manager(store, {.actor = "reviewer"});
    const std::string query(std::istreambuf_iterator<char>(std::cin), {});
    const auto answer = manager.sql(query);
    std::cout << json({{"columns", answer.columns}, {"rows", answer.rows}}).dump() << '\n';
}

void die_in_run(const std::filesystem::path& store, const char* time) {
    stop_clock_at(time);
    ArtifactManager manager(store, {.actor = "pipeline", .program = "blur"});
    const auto run = manager.start_processing_run({{"pipeline", "video_deid"}});
    _exit(0);  // no destructor: nobody ends the run
}

}  // namespace

int main(int argc, char** argv) try {
    const std::string verb = argc > 1 ? argv[1] : "";
    if (verb == "make" && argc == 3)
        make(argv[2], argv[0]);
    else if (verb == "sql" && argc == 3)
        ask(argv[2]);
    else if (verb == "die-in-run" && argc == 4)
        die_in_run(argv[2], argv[3]);
    else
        return 2;
    return 0;
} catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
}
