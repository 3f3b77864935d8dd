#include "manager/backup_folder.hpp"

#include <custody/error.hpp>
#include <fstream>
#include <sstream>

#include "blobs/durable.hpp"

namespace custody::manager {

std::filesystem::path BackupFolder::aside(std::string_view file, const Manifest& of) const {
    const auto dot = file.rfind('.');
    return root / (std::string(file.substr(0, dot)) + "-" + of.epoch + "-" + std::to_string(of.tree_size) + "-" +
                   of.root.value().hex().substr(0, 16) + std::string(file.substr(dot)));
}

std::optional<Manifest> Manifest::read(const std::filesystem::path& file) {
    std::error_code code;
    if (std::filesystem::symlink_status(file, code).type() == std::filesystem::file_type::not_found) return std::nullopt;
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    if (code || !in || !(text << in.rdbuf())) throw IoError("can't read " + file.string(), code ? code.value() : EIO);
    try {
        const auto form = json::parse(text.view());
        Manifest manifest{form.at("store_id").get<std::string>(), form.at("complete").get<bool>()};
        if (!manifest.complete) return manifest;
        manifest.epoch = form.at("epoch").get<std::string>();
        manifest.tree_size = form.at("tree_size").get<std::uint64_t>();
        manifest.root = Digest::parse(form.at("root").get<std::string>());
        manifest.has_payloads = !form.at("payloads").is_null();
        return manifest;
    } catch (const json::exception& error) {
        throw Corruption(file.string() + " is no description of a backup: " + error.what());
    } catch (const InvalidArgument& error) {
        throw Corruption(file.string() + " is no description of a backup: " + error.what());
    }
}

void write_manifest(const BackupFolder& folder, const ordered_json& manifest) {
    blobs::write_atomically(folder.manifest(), 0600, [&](const auto& append) { append(manifest.dump(2) + "\n"); });
}

}  // namespace custody::manager
