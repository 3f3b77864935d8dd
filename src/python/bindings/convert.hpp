#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstddef>
#include <custody/artifact_manager.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace custody::python {

namespace py = pybind11;

/// JSON as Python has it: dicts in the order of their keys, lists, str, int, float, bool, None.
py::object to_python(const ordered_json& value);
py::object to_python(const json& value);

/// An aware datetime in UTC. From Python times come as microseconds since 1970.
py::object to_python(const Timestamp& time);
Timestamp time_from(std::int64_t microseconds);

template <class T>
py::object to_python(const std::optional<T>& value) {
    if (!value) return py::none();
    if constexpr (requires { value->str(); }) {
        return py::cast(value->str());
    } else {
        return py::cast(*value);
    }
}
inline py::object to_python(const std::optional<Timestamp>& time) { return time ? to_python(*time) : py::none(); }

/// An empty text is None in Python.
inline py::object none_if_empty(const std::string& text) { return text.empty() ? py::object(py::none()) : py::cast(text); }

template <class T>
py::list texts_of(const std::vector<T>& ids) {
    py::list list(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) list[i] = py::cast(ids[i].str());
    return list;
}

/// A path by its bytes, whatever they are: Python's surrogateescape is undone by os.fsencode beforehand.
inline std::filesystem::path path_from(const py::bytes& bytes) { return {std::string(bytes)}; }
inline py::bytes to_bytes(const std::filesystem::path& path) { return {path.string()}; }

/// The members of a dict that Python fills with what its caller gave: those that are missing or None stay as they are.
class Options {
   public:
    explicit Options(py::dict values) : values_(std::move(values)) {}

    template <class T>
    void read(const char* key, T& target) const {
        if (const auto value = find(key)) target = value->template cast<T>();
    }
    void read(const char* key, std::filesystem::path& target) const {
        if (const auto value = find(key)) target = path_from(value->cast<py::bytes>());
    }
    template <class Rep, class Period>
    void read(const char* key, std::chrono::duration<Rep, Period>& target) const {
        if (const auto value = find(key)) target = std::chrono::duration<Rep, Period>(value->cast<Rep>());
    }
    void read(const char* key, std::optional<Timestamp>& target) const {
        if (const auto value = find(key)) target = time_from(value->cast<std::int64_t>());
    }
    void read(const char* key, std::optional<ArtifactType>& target) const {
        if (const auto value = find(key)) target = ArtifactType(value->cast<std::string>());
    }
    void read(const char* key, ArtifactStatus& target) const {
        if (const auto value = find(key)) target = parse_status(value->cast<std::string>());
    }
    void read(const char* key, std::optional<ArtifactStatus>& target) const {
        if (const auto value = find(key)) target = parse_status(value->cast<std::string>());
    }
    void read(const char* key, std::optional<Outcome>& target) const {
        if (const auto value = find(key)) target = parse_outcome(value->cast<std::string>());
    }
    template <class Tag>
    void read(const char* key, std::optional<Uuid<Tag>>& target) const {
        if (const auto value = find(key)) target = Uuid<Tag>::parse(value->cast<std::string>());
    }
    [[nodiscard]] std::optional<py::object> find(const char* key) const;

   private:
    py::dict values_;
};

std::vector<ArtifactId> artifact_ids_from(const std::vector<std::string>& texts);

}  // namespace custody::python
