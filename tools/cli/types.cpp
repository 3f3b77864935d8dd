#include <fmt/format.h>

#include "output.hpp"
#include "verbs.hpp"

namespace custody::cli {

namespace {

struct AddFlags {
    std::optional<ArtifactType> name{};
    Sensitivity sensitivity = Sensitivity::identified;
};

ordered_json to_json(const ArtifactTypeInfo& info) {
    return {{"artifact_type", info.type.str()}, {"sensitivity", to_string(info.sensitivity)}, {"built_in", info.built_in}};
}

int add(const Session& session, const AddFlags& flags) {
    auto manager = session.open();
    manager.register_artifact_type(*flags.name, flags.sensitivity);
    return session.tell_done(fmt::format("type {} is {}", flags.name->name(), to_string(flags.sensitivity)), [&] {
        return to_json(ArtifactTypeInfo{*flags.name, flags.sensitivity, false});
    });
}

struct ListFlags {};

int list(const Session& session, const ListFlags&) {
    auto manager = session.open();
    const auto types = manager.artifact_types();
    if (session.json_output) {
        JsonArray array;
        for (const auto& info : types) array.add(to_json(info));
        array.end();
    } else {
        Table table({{"TYPE"}, {"SENSITIVITY"}, {"BUILT IN"}});
        for (const auto& info : types) {
            table.add({info.type.str(), std::string(to_string(info.sensitivity)), info.built_in ? "yes" : "no"});
        }
        table.print();
    }
    return exit_done;
}

}  // namespace

void add_type_verbs(CLI::App& app, Session& session) {
    auto& group = add_group(app, {"type", "types of artifacts: add, list", "custody type list"});
    auto added = add_verb<AddFlags>(group, session,
                                    {"add", "register a type; again with the same sensitivity does nothing",
                                     "custody type add image_raw --sensitivity identified"},
                                    add);
    add_type(added.app, "NAME", added.options.name, "its name: [a-z][a-z0-9_]*, at most 63 characters")->required();
    add_parsed(
        added.app, "--sensitivity", "S", added.options.sensitivity,
        [](const std::string& text) { return parse_sensitivity(text); },
        "identified, deidentified or neutral: what it says about patients")
        ->required();
    add_verb<ListFlags>(group, session, {"list", "the types of this store", "custody type list --json"}, list);
}

}  // namespace custody::cli
