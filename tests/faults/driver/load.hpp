#pragma once

#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "faults/support/world.hpp"

namespace custody::faults {

using Say = std::function<void(const std::string&)>;

/// A pipeline at work: ingests, links, changes statuses, cleans up, exports, verifies, and opens the store anew now and then.
/// Says what it begins and what has come back:
/// begin status ID STATUS · ack create ID · ack status ID STATUS · ack link OUTPUT SOURCE · ack removed ID · ack export FILE ·
/// ack backup ENTRIES
class Load {
   public:
    Load(World world, unsigned seed, Say say, bool makes_backups = false);
    /// One operation.
    void step();

   private:
    void create();
    void create_batch();
    void move();
    void link();
    void status();
    void clean();
    void collect();
    void export_months();
    void back_up();
    void reopen();
    void remember(const Artifact& artifact);
    [[nodiscard]] std::string content();

    World world_;
    std::mt19937 random_;
    Say say_;
    bool makes_backups_;
    std::string own_;
    std::unique_ptr<ArtifactManager> manager_;
    std::vector<ArtifactId> made_;
    std::map<ArtifactId, ArtifactStatus> statuses_;
    int steps_ = 0;
};

/// What a load said, as what must be there.
class Acknowledged {
   public:
    void add(const std::string& line);
    /// Adds what is missing or different; answers how many of the creates are missing.
    std::size_t check(const World& world, std::vector<std::string>& problems) const;
    [[nodiscard]] std::size_t creates() const { return creates_.size(); }
    [[nodiscard]] std::size_t all() const { return all_; }

   private:
    std::vector<std::string> creates_;
    std::map<std::string, std::vector<std::string>> statuses_;  ///< what was acknowledged last, then what was begun since
    std::vector<std::pair<std::string, std::string>> links_;
    std::vector<std::string> removed_;
    std::vector<std::string> exports_;
    std::uint64_t backed_up_ = 0;  ///< entries in the backup that was acknowledged last
    std::size_t all_ = 0;
};

}  // namespace custody::faults
