// A program of a pipeline, made to be killed, traced and run many times at once.
//
// usage: store_driver create STORE CONTENT   one create; prints "ok ID"
//        store_driver creates STORE          creates for ever; prints each id after its create returned
//        store_driver run STORE              starts a run with one output and one input, prints "RUN OUTPUT", and waits
//        store_driver mixed STORE HUB SEED COUNT   mixed operations, checked against what they should have come to
//        store_driver open STORE             opens and lists; prints the number of artifacts
//        store_driver doctor STORE           prints what doctor says
#include <unistd.h>

#include <chrono>
#include <custody/artifact_manager.hpp>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <stdexcept>

using namespace custody;

namespace {

int create_one(const std::string& store, const std::string& content) {
    std::optional<ArtifactManager> manager;
    try {
        manager.emplace(store, ManagerOptions{.create = false});
    } catch (const Error& error) {
        std::cerr << "not opened: " << error.what() << '\n';
        return 2;
    }
    int code = 0;
    try {
        const auto artifact =
            manager->create_artifact({.type = ArtifactType::log, .content = content, .processing_module = "driver"});
        std::cout << "ok " << artifact.id.str() << '\n';
    } catch (const Error& error) {
        std::cerr << "not created: " << error.what() << '\n';
        code = 1;
    }
    try {
        (void)manager->get_statistics();
        manager->audit().flush();  // its entry tells of what could not be recorded
    } catch (const Error& error) {
        std::cerr << "not looked up: " << error.what() << '\n';
    }
    return code;
}

int create_for_ever(const std::string& store) {
    ArtifactManager manager(store);
    const auto own = std::to_string(::getpid());
    for (int i = 0;; ++i) {
        const auto text = own + " " + std::to_string(i) + std::string(static_cast<std::size_t>(i) * 977 % 30000, 'x');
        const auto line = manager.create_artifact({.type = ArtifactType::log, .content = text}).id.str() + "\n";
        if (::write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size())) return 1;
    }
}

int hold_run(const std::string& store) {
    ArtifactManager manager(store);
    const auto input = manager.create_artifact({.type = ArtifactType::video_raw, .content = "input of the killed run"});
    auto run = manager.start_processing_run({{"pipeline", "killed"}});
    const auto output = manager.create_artifact(
        {.type = ArtifactType::video_keypoints, .content = "output of the killed run", .source_artifacts = {input.id}});
    (void)manager.temp_folder();
    std::cout << run.id().str() << ' ' << output.id.str() << std::endl;
    ::pause();
    return 0;
}

/// One process among many: what it made, as it must be in the end.
class Mixed {
   public:
    Mixed(const std::string& store, const ArtifactId& hub, unsigned seed) : manager_(store), hub_(hub), random_(seed) {}

    void run(int count) {
        create();
        for (int i = 1; i < count; ++i) {
            switch (random_() % 5) {
                case 0:
                    create();
                    break;
                case 1:
                    link();
                    break;
                case 2:
                    change_status();
                    break;
                case 3:
                    list();
                    break;
                default:
                    lineage();
                    break;
            }
        }
        check();
        for (const auto& [name, times] : counts_) std::cout << name << ' ' << times << '\n';
    }

   private:
    struct Mine {
        ArtifactStatus status;
        std::set<ArtifactId> sources;
    };

    static void require(bool holds, const char* what) {
        if (!holds) throw std::logic_error(what);
    }

    const ArtifactId& any_of_mine() { return ids_[random_() % ids_.size()]; }

    void create() {
        const bool shared = random_() % 3 == 0;  // the same bytes from several processes at once
        const auto text =
            shared ? "shared " + std::to_string(random_() % 20) : std::to_string(random_()) + std::string(random_() % 3000, 'x');
        const auto made = manager_.create_artifact({.type = ArtifactType::log, .content = text});
        ids_.push_back(made.id);
        mine_[made.id] = {made.status, {}};
        ++counts_["artifact_creation/create"];
    }

    // From older to newer, so that no two processes make a cycle; every third one to what all share.
    void link() {
        const auto& own = any_of_mine();
        ++counts_["artifact_link/create_relationship"];
        if (random_() % 3 == 0) {
            (void)manager_.link_artifacts({.source_artifact_ids = {own}, .output_artifact_id = hub_});
            to_hub_.insert(own);
            return;
        }
        const auto output = manager_.get_artifact(own);
        ++counts_["artifact_access/get_metadata"];
        auto source = ids_.front();
        const auto others = manager_.list_artifacts({.until = output->created_at, .limit = 30});
        ++counts_["artifact_access/list"];
        for (const auto& other : others) {
            if (other.id != hub_ && other.id != own && random_() % 8 == 0) source = other.id;
        }
        if (source == own) source = own == ids_.front() ? hub_ : ids_.front();
        if (source == hub_) {  // nothing is older: the hub is no source, so link the other way round
            (void)manager_.link_artifacts({.source_artifact_ids = {own}, .output_artifact_id = hub_});
            to_hub_.insert(own);
            return;
        }
        (void)manager_.link_artifacts(
            {.source_artifact_ids = {source}, .output_artifact_id = own, .relationship = "derived_from"});
        mine_.at(own).sources.insert(source);
    }

    void change_status() {
        const auto& id = any_of_mine();
        auto& status = mine_.at(id).status;
        const auto next = status == ArtifactStatus::completed     ? ArtifactStatus::in_progress
                          : status == ArtifactStatus::in_progress ? ArtifactStatus::failed
                                                                  : ArtifactStatus::in_progress;
        const auto after = manager_.update_artifact_status(id, next, next == ArtifactStatus::failed ? "codec" : "");
        require(after.status == next, "the status that was set is not the one answered");
        status = next;
        ++counts_["artifact_update/update_status"];
    }

    void list() {
        require(!manager_.list_artifacts({.type = ArtifactType::log, .limit = 20}).empty(), "an empty list");
        ++counts_["artifact_access/list"];
    }

    void lineage() {
        const auto direction = random_() % 2 == 0 ? LineageDirection::up : LineageDirection::both;
        const auto found = manager_.get_artifact_lineage(any_of_mine(), {.direction = direction, .max_nodes = 200});
        require(found && !found->nodes.empty(), "a lineage without its root");
        ++counts_["artifact_access/lineage"];
    }

    void check() {
        for (const auto& id : ids_) {
            const auto found = manager_.get_artifact(id);
            ++counts_["artifact_access/get_metadata"];
            require(found.has_value(), "an artifact is gone");
            require(found->status == mine_.at(id).status, "an update of a status is lost");
            const std::set<ArtifactId> sources(found->source_artifacts.begin(), found->source_artifacts.end());
            require(sources == mine_.at(id).sources, "a link is lost");
        }
        const auto hub = manager_.get_artifact(hub_);
        ++counts_["artifact_access/get_metadata"];
        const std::set<ArtifactId> linked(hub->source_artifacts.begin(), hub->source_artifacts.end());
        for (const auto& id : to_hub_) require(linked.contains(id), "a link to what all share is lost");
    }

    ArtifactManager manager_;
    ArtifactId hub_;
    std::mt19937 random_;
    std::vector<ArtifactId> ids_;
    std::map<ArtifactId, Mine> mine_;
    std::set<ArtifactId> to_hub_;
    std::map<std::string, int> counts_;
};

int diagnose(const std::string& store) {
    ArtifactManager manager(store, ManagerOptions{.diagnose = true});
    for (const auto& check : manager.doctor()) std::cout << check.message << '\n' << check.next_command << '\n';
    return 0;
}

int run(const std::vector<std::string>& arguments) {
    const auto& action = arguments.at(0);
    const auto& store = arguments.at(1);
    if (action == "create") return create_one(store, arguments.at(2));
    if (action == "creates") return create_for_ever(store);
    if (action == "run") return hold_run(store);
    if (action == "mixed") {
        Mixed mixed(store, ArtifactId::parse(arguments.at(2)), static_cast<unsigned>(std::stoul(arguments.at(3))));
        mixed.run(std::stoi(arguments.at(4)));
        return 0;
    }
    if (action == "doctor") return diagnose(store);
    if (action == "open") {
        std::cout << ArtifactManager(store, ManagerOptions{.create = false}).list_artifacts().size() << '\n';
        return 0;
    }
    throw std::logic_error("unknown action " + action);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run({argv + 1, argv + argc});
    } catch (const std::exception& error) {
        std::cerr << "store_driver: " << error.what() << '\n';
        return 1;
    }
}
