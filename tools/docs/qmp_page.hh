// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef GATEHOUSE_TOOLS_DOCS_QMP_PAGE_HH_
#define GATEHOUSE_TOOLS_DOCS_QMP_PAGE_HH_

#include <string>

namespace gatehouse::docs {

// docs/qmp.md.
std::string qmp_page();

}  // namespace gatehouse::docs

#endif  // GATEHOUSE_TOOLS_DOCS_QMP_PAGE_HH_
