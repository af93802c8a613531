// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef GATEHOUSE_TOOLS_DOCS_COUNTERS_PAGE_HH_
#define GATEHOUSE_TOOLS_DOCS_COUNTERS_PAGE_HH_

#include <string>

namespace gatehouse::docs {

// docs/counters.md.
std::string counters_page();

}  // namespace gatehouse::docs

#endif  // GATEHOUSE_TOOLS_DOCS_COUNTERS_PAGE_HH_
