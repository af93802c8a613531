// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef GATEHOUSE_TOOLS_BOOT_BOOT_HH_
#define GATEHOUSE_TOOLS_BOOT_BOOT_HH_

#include <string>
#include <vector>

#include "tools/lab/process.hh"
#include "tools/lab/topology.hh"

namespace gatehouse::boot {

// `gatehouse-tool boot [options] [-- QEMU's own]`. Returns QEMU's exit status.
int run(const std::vector<std::string>& arguments);

// One guest "guest" (vnic0, 10.0.2.15) and the gateway "gateway" (10.0.2.2, DNS 10.0.2.3, default
// route), libslirp's own numbers.
lab::Topology gateway_topology(const std::string& format);

}  // namespace gatehouse::boot

#endif  // GATEHOUSE_TOOLS_BOOT_BOOT_HH_
