#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "faults/support/tracer.hpp"

namespace custody::faults {

/// A file or folder, told apart by what it is and not by its name; 0 is the folder in which all of them are.
using Object = std::size_t;

/// One change of the disk, one sync, or one line that the program said.
struct Event {
    enum class Kind { write, truncate, mode, make_file, make_folder, make_link, name, rename, unname, sync, sync_all, said } kind;
    Object object = 0;
    Object folder = 0;  ///< where the name is made or taken
    std::string name{};
    Object old_folder = 0;  ///< of a rename
    std::string old_name{};
    std::uint64_t offset = 0;  ///< of a write; the size of a truncation; the mode
    std::string bytes{};       ///< what is written or said; where a symbolic link leads
};

/// Records what a program does below a folder. What it maps into memory (the index of the WAL, the write queue) is no durable
/// data and is left out.
class Recorder : public Observer {
   public:
    explicit Recorder(std::filesystem::path root);
    Verdict entering(const TracedCall& call) override;
    void left(const TracedCall& call, std::int64_t result) override;
    void said(const std::string& line) override;
    [[nodiscard]] const std::vector<Event>& events() const { return events_; }

   private:
    using Inode = std::pair<std::uint64_t, std::uint64_t>;
    void opened(const TracedCall& call, int descriptor);
    void wrote(const TracedCall& call, std::uint64_t offset, std::uint64_t count);
    void named(Event::Kind kind, const std::string& path, const std::string& old_path);
    Object object_of(const std::string& path, bool follow = false);
    Object new_object(const std::string& path, bool follow = false);
    std::pair<Object, std::string> place_of(const std::string& path);
    void add(Event event) { events_.push_back(std::move(event)); }

    std::filesystem::path root_;
    std::vector<Event> events_;
    std::map<Inode, Object> objects_;
    Object last_ = 0;
    bool makes_ = false;  ///< the call that was entered last makes a file
};

}  // namespace custody::faults
