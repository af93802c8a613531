// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef GATEHOUSE_TOOLS_DOCS_ISOLATION_PAGE_HH_
#define GATEHOUSE_TOOLS_DOCS_ISOLATION_PAGE_HH_

#include <string>

namespace gatehouse::docs {

std::string isolation_page();  // Markdown

}  // namespace gatehouse::docs

#endif  // GATEHOUSE_TOOLS_DOCS_ISOLATION_PAGE_HH_
