// SPDX-License-Identifier: GPL-2.0-or-later
// docs/registers.md, made from the rows of hw/spec: no register, field, PHY register or NVM word is
// described twice.
#ifndef GATEHOUSE_TOOLS_DOCS_REGISTER_REFERENCE_HH_
#define GATEHOUSE_TOOLS_DOCS_REGISTER_REFERENCE_HH_

#include <string>

namespace gatehouse::docs {

// Markdown, ends with a line break.
std::string register_reference();

}  // namespace gatehouse::docs

#endif  // GATEHOUSE_TOOLS_DOCS_REGISTER_REFERENCE_HH_
