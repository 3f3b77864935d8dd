#pragma once

#include <string>

namespace custody {

/// One thing that a verification or doctor has to say.
struct Finding {
    enum class Severity { note, warning, error } severity;  ///< error: lost, wrong or altered
    std::string kind;     ///< payload_missing, payload_altered, counter_drift, schema_altered, orphan_payload, …
    std::string subject;  ///< an id, a file, a table, an entry
    std::string message;
};

}  // namespace custody
