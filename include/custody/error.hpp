#pragma once

#include <stdexcept>
#include <string>

#include <custody/export.hpp>

namespace custody {

/// Every failure of the library is one of these. what() says what happened, to what, and what to do.
/// Exceptions of SQLite, the standard library's file functions and others never leave the library.
class CUSTODY_API Error : public std::runtime_error {
   public:
    explicit Error(const std::string& message) : std::runtime_error(message) {}
    ~Error() override;
};

/// A value that can't be used: malformed metadata, a symbolic link as a source, a negative age.
class CUSTODY_API InvalidArgument : public Error {
   public:
    using Error::Error;
    ~InvalidArgument() override;
};

/// A change names an artifact, run, hold or type that the store does not have.
class CUSTODY_API NotFound : public Error {
   public:
    using Error::Error;
    ~NotFound() override;
};

/// The change contradicts what the store holds: a transition that the table does not have, a link
/// that would close a cycle, a request key used for other content, a payload that was removed.
class CUSTODY_API Conflict : public Error {
   public:
    using Error::Error;
    ~Conflict() override;
};

/// A rule of the house forbids it: an identified artifact's content under a de-identified type, metadata that
/// looks like protected health information. `rule()` names the rule; the offending text is never repeated.
class CUSTODY_API Refused : public Error {
   public:
    Refused(const std::string& message, std::string rule) : Error(message), rule_(std::move(rule)) {}
    ~Refused() override;
    [[nodiscard]] const std::string& rule() const noexcept { return rule_; }

   private:
    std::string rule_;
};

/// Another process held the database past the deadline (`ManagerOptions::lock_timeout`). Nothing was changed.
class CUSTODY_API Busy : public Error {
   public:
    using Error::Error;
    ~Busy() override;
};

/// The operating system refused: full disk, permission, I/O error. `code()` is its errno.
class CUSTODY_API IoError : public Error {
   public:
    IoError(const std::string& message, int code) : Error(message), code_(code) {}
    ~IoError() override;
    [[nodiscard]] int code() const noexcept { return code_; }

   private:
    int code_;
};

/// The file that was to become an artifact is not there.
class CUSTODY_API SourceNotFound : public IoError {
   public:
    using IoError::IoError;
    ~SourceNotFound() override;
};

/// The file that was to become an artifact is a directory.
class CUSTODY_API SourceIsDirectory : public IoError {
   public:
    using IoError::IoError;
    ~SourceIsDirectory() override;
};

/// Something is lost, wrong or altered: a payload that differs from its SHA-256, a damaged database.
class CUSTODY_API Corruption : public Error {
   public:
    using Error::Error;
    ~Corruption() override;
};

/// The database's schema is not the one that this version of it ships with. Such a store opens for diagnosis only.
class CUSTODY_API SchemaAltered : public Corruption {
   public:
    using Corruption::Corruption;
    ~SchemaAltered() override;
};

/// There is no store at the path.
class CUSTODY_API StoreNotFound : public Error {
   public:
    using Error::Error;
    ~StoreNotFound() override;
};

/// The store belongs to an older or newer version of custody than this one can use.
class CUSTODY_API VersionMismatch : public Error {
   public:
    using Error::Error;
    ~VersionMismatch() override;
};

/// The object can't be used as it is: a run that has ended, a manager in a forked child.
class CUSTODY_API InvalidState : public Error {
   public:
    using Error::Error;
    ~InvalidState() override;
};

}  // namespace custody
