// The library's exceptions as the package's: custody.errors has a class for each.

#include "core.hpp"

namespace custody::python {

namespace {

// The most special classes first.
const char* name_of(const Error& error) {
    if (dynamic_cast<const SourceNotFound*>(&error) != nullptr) return "SourceNotFound";
    if (dynamic_cast<const SourceIsDirectory*>(&error) != nullptr) return "SourceIsDirectory";
    if (dynamic_cast<const InvalidArgument*>(&error) != nullptr) return "InvalidArgument";
    if (dynamic_cast<const NotFound*>(&error) != nullptr) return "NotFound";
    if (dynamic_cast<const Conflict*>(&error) != nullptr) return "Conflict";
    if (dynamic_cast<const Busy*>(&error) != nullptr) return "Busy";
    if (dynamic_cast<const SchemaAltered*>(&error) != nullptr) return "SchemaAltered";
    if (dynamic_cast<const Corruption*>(&error) != nullptr) return "Corruption";
    if (dynamic_cast<const StoreNotFound*>(&error) != nullptr) return "StoreNotFound";
    if (dynamic_cast<const VersionMismatch*>(&error) != nullptr) return "VersionMismatch";
    if (dynamic_cast<const InvalidState*>(&error) != nullptr) return "InvalidState";
    return "Error";
}

py::object made(const Error& error) {
    const auto errors = py::module_::import("custody.errors");
    // A message may name a file whose name is not UTF-8.
    const std::string text = error.what();
    auto message = py::reinterpret_steal<py::object>(
        PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "backslashreplace"));
    if (const auto* refused = dynamic_cast<const Refused*>(&error)) return errors.attr("Refused")(message, refused->rule());
    const auto* io = dynamic_cast<const IoError*>(&error);
    const std::string name = name_of(error);
    if (io != nullptr) return errors.attr("_io_error")(message, io->code(), name);
    return errors.attr(name.c_str())(message);
}

}  // namespace

void add_errors(py::module_& /*module*/) {
    py::register_exception_translator([](std::exception_ptr thrown) {  // NOLINT(performance-unnecessary-value-param)
        try {
            if (thrown) std::rethrow_exception(thrown);
        } catch (const Error& error) {
            // KeyboardInterrupt, mostly: it is why the call waits no longer.
            if (dynamic_cast<const Busy*>(&error) != nullptr && PyErr_CheckSignals() != 0) return;
            const auto exception = made(error);
            PyErr_SetObject(py::type::handle_of(exception).ptr(), exception.ptr());
        } catch (const py::cast_error& error) {  // a number too large, mostly
            PyErr_SetString(py::module_::import("custody.errors").attr("InvalidArgument").ptr(), error.what());
        }
    });
}

}  // namespace custody::python
