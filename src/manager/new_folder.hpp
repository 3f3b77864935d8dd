#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "blobs/blob_store.hpp"
#include "blobs/descriptor.hpp"
#include "manager/layout.hpp"

namespace custody::manager {

/// The folders of a store that is being restored. They are this restore's alone: another one, or an init, of the same store waits
/// or is refused. Until keep() they are taken away again; what a killed restore left can be taken up by the next one.
class NewFolder {
   public:
    /// Makes the folders. @throws InvalidArgument where `layout.base` has something in it that no restore left, or
    /// `payloads` is no folder for a new store; Conflict where another process is making a store there; IoError
    NewFolder(const Layout& layout, const std::optional<std::string>& payloads, const std::string& store_id,
              const blobs::Modes& modes);
    NewFolder(const NewFolder&) = delete;
    NewFolder& operator=(const NewFolder&) = delete;
    ~NewFolder();
    /// The store is there now.
    void keep();

   private:
    void make_alone(const blobs::Modes& modes, const std::string& mark);
    void take_away() noexcept;

    Layout layout_;
    std::string catalog_;
    std::optional<std::string> payloads_;
    std::string store_id_;
    blobs::Descriptor alone_{};
    bool made_base_ = false;
    bool claimed_ = false;
    bool kept_ = false;
};

}  // namespace custody::manager
