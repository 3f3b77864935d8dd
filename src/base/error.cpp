#include <custody/error.hpp>

namespace custody {

// The destructors stand here so that each class has one home for its type information: an exception thrown in
// the shared library is caught by type in a program that hides its own symbols.
Error::~Error() = default;
InvalidArgument::~InvalidArgument() = default;
NotFound::~NotFound() = default;
Conflict::~Conflict() = default;
Refused::~Refused() = default;
Busy::~Busy() = default;
IoError::~IoError() = default;
SourceNotFound::~SourceNotFound() = default;
SourceIsDirectory::~SourceIsDirectory() = default;
Corruption::~Corruption() = default;
SchemaAltered::~SchemaAltered() = default;
StoreNotFound::~StoreNotFound() = default;
VersionMismatch::~VersionMismatch() = default;
InvalidState::~InvalidState() = default;

}  // namespace custody
