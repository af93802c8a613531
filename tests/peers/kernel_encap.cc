// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/peers/kernel_encap.hh"

#include <linux/bpf.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tools/lab/failure.hh"

namespace gatehouse::peers {
namespace {

constexpr uint32_t kEthernet = 14;

// Writes instructions, as a compiler would.
class Program {
 public:
  void move(uint8_t to, uint8_t from) { add(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0); }
  void set(uint8_t to, int32_t value) { add(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value); }
  void set_wide(uint8_t to, uint64_t value) {
    add(BPF_LD | BPF_DW | BPF_IMM, to, 0, 0, static_cast<int32_t>(value));
    add(0, 0, 0, 0, static_cast<int32_t>(value >> 32));
  }
  void add_to(uint8_t to, int32_t value) { add(BPF_ALU64 | BPF_ADD | BPF_K, to, 0, 0, value); }
  void store_on_stack(int16_t at, int32_t word) {
    add(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, at, word);
  }
  void call(int32_t helper) { add(BPF_JMP | BPF_CALL, 0, 0, 0, helper); }
  void exit() { add(BPF_JMP | BPF_EXIT, 0, 0, 0, 0); }
  const std::vector<bpf_insn>& instructions() const { return instructions_; }

 private:
  void add(uint8_t code, uint8_t to, uint8_t from, int16_t offset, int32_t value) {
    bpf_insn instruction{};
    instruction.code = code;
    instruction.dst_reg = to & 15;
    instruction.src_reg = from & 15;
    instruction.off = offset;
    instruction.imm = value;
    instructions_.push_back(instruction);
  }
  std::vector<bpf_insn> instructions_;
};

Program encapsulator(const Encapsulation& what, int32_t interface) {
  uint64_t flags = BPF_F_ADJ_ROOM_FIXED_GSO;
  flags |= what.outer_v6 ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 : BPF_F_ADJ_ROOM_ENCAP_L3_IPV4;
  if (what.carrier == Carrier::kUdp) flags |= BPF_F_ADJ_ROOM_ENCAP_L4_UDP;
  if (what.carrier == Carrier::kGre) flags |= BPF_F_ADJ_ROOM_ENCAP_L4_GRE;
  if (what.ethernet_inside) {
    flags |= BPF_F_ADJ_ROOM_ENCAP_L2_ETH | BPF_F_ADJ_ROOM_ENCAP_L2(uint64_t{kEthernet});
  }
  const auto octets = static_cast<int32_t>(what.headers.size());
  const auto room = octets - static_cast<int32_t>(kEthernet);
  Program program;
  program.move(BPF_REG_6, BPF_REG_1);
  // bpf_skb_adjust_room: between the Ethernet header, which becomes the outer one, and IP.
  program.set(BPF_REG_2, room);
  program.set(BPF_REG_3, BPF_ADJ_ROOM_MAC);
  program.set_wide(BPF_REG_4, flags);
  program.call(BPF_FUNC_skb_adjust_room);
  const int32_t on_stack = (octets + 7) / 8 * 8;
  for (int32_t at = 0; at < on_stack; at += 4) {
    int32_t word = 0;
    std::memcpy(&word, what.headers.data() + at,
                static_cast<size_t>(std::max(0, std::min(4, octets - at))));
    program.store_on_stack(static_cast<int16_t>(at - on_stack), word);
  }
  program.move(BPF_REG_1, BPF_REG_6);
  program.set(BPF_REG_2, 0);
  program.move(BPF_REG_3, BPF_REG_10);
  program.add_to(BPF_REG_3, -on_stack);
  program.set(BPF_REG_4, octets);
  program.set(BPF_REG_5, 0);
  program.call(BPF_FUNC_skb_store_bytes);
  program.set(BPF_REG_1, interface);
  program.set(BPF_REG_2, 0);
  program.call(BPF_FUNC_redirect);
  program.exit();
  return program;
}

long bpf(int command, bpf_attr& attributes) {
  return syscall(SYS_bpf, command, &attributes, sizeof attributes);
}

int load(const Program& program) {
  static char log[65536];
  bpf_attr attributes{};
  attributes.prog_type = BPF_PROG_TYPE_SCHED_CLS;
  attributes.insns = reinterpret_cast<uintptr_t>(program.instructions().data());
  attributes.insn_cnt = static_cast<uint32_t>(program.instructions().size());
  attributes.license = reinterpret_cast<uintptr_t>("GPL");
  attributes.log_buf = reinterpret_cast<uintptr_t>(log);
  attributes.log_size = sizeof log;
  attributes.log_level = 1;
  const long file = bpf(BPF_PROG_LOAD, attributes);
  if (file < 0) throw lab::Failure(std::string("BPF: ") + strerror(errno) + "\n" + log);
  return static_cast<int>(file);
}

}  // namespace

void encapsulate_in_kernel(lab::Netns& net, lab::WorkDir& work, const std::string& from,
                           const std::string& to, const Encapsulation& what) {
  const int interface = std::stoi(net.sh("cat /sys/class/net/" + to + "/ifindex"));
  const int program = load(encapsulator(what, interface));
  const std::string folder = work.path("bpf"), pin = folder + "/encapsulator";
  mkdir(folder.c_str(), 0700);
  if (mount("bpf", folder.c_str(), "bpf", 0, nullptr) != 0) {
    close(program);
    throw lab::Failure(std::string("mount of bpffs: ") + strerror(errno));
  }
  bpf_attr attributes{};
  attributes.pathname = reinterpret_cast<uintptr_t>(pin.c_str());
  attributes.bpf_fd = static_cast<uint32_t>(program);
  const bool pinned = bpf(BPF_OBJ_PIN, attributes) == 0;
  const auto attached = net.run({"sh", "-c",
                                 "tc qdisc add dev " + from + " clsact && tc filter add dev " +
                                     from + " ingress bpf direct-action object-pinned " + pin});
  close(program);
  umount2(folder.c_str(), MNT_DETACH);
  if (!pinned || attached.exit_status != 0) throw lab::Failure("tc: " + attached.output);
}

}  // namespace gatehouse::peers
