#pragma once

/// CUSTODY_API marks what the shared library shows; everything else is hidden.
#if defined(__GNUC__)
#define CUSTODY_API __attribute__((visibility("default")))
#else
#define CUSTODY_API
#endif
