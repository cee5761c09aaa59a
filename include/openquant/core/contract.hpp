// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cassert>

/// Debug contracts of inner kernels. A kernel is noexcept and trusts its caller; public entry
/// points check shapes first and throw `openquant::error`. Contracts therefore catch bugs of this
/// library: they are on where NDEBUG is not defined (Debug builds, the sanitizer runs), and cost
/// nothing elsewhere.
#define OPENQUANT_EXPECTS(condition) assert((condition) && "openquant: precondition")
