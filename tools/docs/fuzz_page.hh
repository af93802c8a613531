// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef GATEHOUSE_TOOLS_DOCS_FUZZ_PAGE_HH_
#define GATEHOUSE_TOOLS_DOCS_FUZZ_PAGE_HH_

#include <string>

namespace gatehouse::docs {

// docs/fuzzing.md.
std::string fuzz_page();

}  // namespace gatehouse::docs

#endif  // GATEHOUSE_TOOLS_DOCS_FUZZ_PAGE_HH_
