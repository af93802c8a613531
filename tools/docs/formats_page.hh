// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef GATEHOUSE_TOOLS_DOCS_FORMATS_PAGE_HH_
#define GATEHOUSE_TOOLS_DOCS_FORMATS_PAGE_HH_

#include <string>

namespace gatehouse::docs {

std::string formats_page();     // Markdown
const char* formats_example();  // the policy that the page shows; the reader takes it

}  // namespace gatehouse::docs

#endif  // GATEHOUSE_TOOLS_DOCS_FORMATS_PAGE_HH_
