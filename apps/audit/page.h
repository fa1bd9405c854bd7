// The audit as a page with pictures.
#pragma once

#include <string>

#include "apps/audit/audit.h"

namespace xr::audit {

/// One self-contained HTML file. Pictures are made anew from the image files; one that cannot be read any
/// more is left out. `command` repeats the audit.
[[nodiscard]] std::string audit_page(const Audit& audit, const std::string& command);

}  // namespace xr::audit
