// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/peers/streams.hh"

#include <chrono>
#include <memory>

#include "tools/lab/deadline.hh"
#include "tools/lab/failure.hh"

namespace gatehouse::peers {
namespace {

using std::chrono::seconds;

// bash connects, so that dd writes large pieces to the socket: kernels leave them to NICs whole.
std::string send(const std::string& file, const std::string& address) {
  return "bash -c 'exec 3<>/dev/tcp/" + address + "/7001 && dd if=" + file +
         " bs=64k >&3 2>/dev/null'";
}

std::string digest_of(const std::string& file) {
  return lab::check_command({"sh", "-c", "sha256sum <" + file});
}

}  // namespace

// The listener's own input never ends: at its end it would hang up.
void stream_to_peer(lab::Guest& guest, lab::Netns& peer, const lab::WorkDir& work,
                    const std::string& address) {
  lab::Agent& agent = guest.agent();
  const std::string got = work.path("got");
  const std::unique_ptr<lab::Process> sink = peer.start(
      {"sh", "-c", "sleep 1000 | exec busybox nc -l -p 7001 >" + got}, work.path("sink.log"));
  agent.check("dd if=/dev/urandom of=/tmp/data bs=64k count=64 2>/dev/null");
  // Refused until the listener listens.
  agent.wait_for(send("/tmp/data", address), seconds(60));
  const std::string sent = agent.check("sha256sum </tmp/data");
  const lab::Deadline deadline(seconds(20));
  std::string received;
  do {
    received = digest_of(got);
  } while (received != sent && !deadline.expired());
  if (received != sent) throw lab::Failure("what arrived at the peer is not what was sent");
}

void stream_to_guest(lab::Guest& guest, lab::Netns& peer, const lab::WorkDir& work,
                     const std::string& address) {
  lab::Agent& agent = guest.agent();
  const lab::Agent::Job server = agent.start(
      "[ -e /tmp/never ] || mkfifo /tmp/never\nexec 3<>/tmp/never\n"
      "busybox nc -l -p 7001 <&3 >/tmp/got\nsha256sum </tmp/got");
  agent.check("gh-wait tcp 7001 10000");
  const std::string data = work.path("data");
  lab::check_command({"dd", "if=/dev/urandom", "of=" + data, "bs=64k", "count=64"});
  peer.sh(send(data, address));
  const lab::CommandResult received = agent.finish(server);
  if (received.output != digest_of(data))
    throw lab::Failure("what arrived at the guest is not what was sent: " + received.output);
}

}  // namespace gatehouse::peers
