// SPDX-License-Identifier: GPL-2.0-or-later
// 4 MiB of random octets over TCP between a guest and a namespace that is its peer, to `address`.
// They throw lab::Failure when the digest of what arrives is not that of what was sent.
#ifndef GATEHOUSE_TESTS_PEERS_STREAMS_HH_
#define GATEHOUSE_TESTS_PEERS_STREAMS_HH_

#include <string>

#include "tools/lab/guest.hh"
#include "tools/lab/netns.hh"

namespace gatehouse::peers {

void stream_to_peer(lab::Guest& guest, lab::Netns& peer, const lab::WorkDir& work,
                    const std::string& address);
void stream_to_guest(lab::Guest& guest, lab::Netns& peer, const lab::WorkDir& work,
                     const std::string& address);

}  // namespace gatehouse::peers

#endif  // GATEHOUSE_TESTS_PEERS_STREAMS_HH_
