// SPDX-License-Identifier: GPL-2.0-or-later
// `gatehouse-tool docs`: pages made from the tables in hw/, so that nothing is described twice.
#ifndef GATEHOUSE_TOOLS_DOCS_DOCS_HH_
#define GATEHOUSE_TOOLS_DOCS_DOCS_HH_

#include <string>
#include <vector>

namespace gatehouse::docs {

//   docs                  writes every page into docs/ of the working directory
//   docs --check          says which of them are not what the tables say
//   docs PAGE [FILE]      one page, to FILE or to the terminal
// Returns the exit status: 0, 1 when a page differs or can't be written, 2 for wrong arguments.
int run(const std::vector<std::string>& arguments);

}  // namespace gatehouse::docs

#endif  // GATEHOUSE_TOOLS_DOCS_DOCS_HH_
