// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef GATEHOUSE_TOOLS_DOCS_POLICY_PAGE_HH_
#define GATEHOUSE_TOOLS_DOCS_POLICY_PAGE_HH_

#include <string>

namespace gatehouse::docs {

std::string policy_page();         // Markdown
std::string policy_json_schema();  // JSON Schema, draft 2020-12
const char* policy_example();      // the policy that the page shows; the reader takes it

}  // namespace gatehouse::docs

#endif  // GATEHOUSE_TOOLS_DOCS_POLICY_PAGE_HH_
