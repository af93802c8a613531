// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/decapsulate/plan.hh"

#include <algorithm>

#include "hw/core/base/checksum.hh"
#include "hw/core/base/headers.hh"
#include "hw/core/base/layers.hh"

namespace gatehouse::decapsulate {
namespace {

using policy::Field;
using policy::Format;
using spec::DropReason;

constexpr uint32_t kWindow = 8;

Bits bits(const Field& field) { return {field.octet, field.bit, field.bits}; }

uint32_t end_octet(const Field& field) {
  return field ? (field.octet * 8u + field.bit + field.bits + 7) / 8 : 0;
}

}  // namespace

Plan::Length Plan::length_of(const policy::LengthRule& rule) {
  return {bits(rule.field), rule.unit, rule.addend};
}

Plan::Plan(const Format& format)
    : end_(end_of(format.protocol, format.port)),
      header_(static_cast<uint32_t>(format.header.size())),
      tenant_(bits(format.tenant)),
      ether_type_(bits(format.ether_type)),
      inside_(format.inner),
      length_(length_of(format.length)),
      total_length_(length_of(format.total_length)),
      option_length_(length_of(format.option_length)),
      option_kind_(bits(format.option_kind)),
      option_critical_(bits(format.option_critical)),
      option_header_(std::max({end_octet(format.option_length.field), end_octet(format.option_kind),
                               end_octet(format.option_critical)})),
      checksum_(format.checksum),
      plain_(!format.checksum && !format.total_length.field &&
             format.inner == policy::Inside::kEthernet) {
  redundant_ = format.is_redundant();
  if (format.offload) offload_at_ = static_cast<uint8_t>(format.offload.octet);
  if (!format.length.field) length_.addend = header_;
  make_id(format);
  join(format);
}

Left Plan::left(const uint8_t* header) const {
  if (offload_at_ == kNoOffload) return {};
  const SttOffload offload(header + offload_at_);
  const uint8_t flags = offload.flags();
  const bool tcp = (flags & offload.kTcp) != 0;
  return {(flags & offload.kPartial) != 0, tcp ? offload.mss() : uint16_t{0}};
}

void Plan::join(const Format& format) {
  zero_checksum_ipv6_ |= format.zero_checksum_ipv6;
  know_options(format);
}

// One comparison of eight octets for all that lies within them. Where the header is shorter they
// begin in front of it, where the outer headers are.
void Plan::make_id(const Format& format) {
  std::array<uint8_t, Format::kMaxHeader> value{}, mask{};
  for (const policy::Match& match : format.id) {
    for (size_t i = 0; i < match.value.size(); ++i) {
      value[match.octet + i] |= match.value[i];
      mask[match.octet + i] |= match.mask[i];
    }
  }
  for (uint32_t from = 0; from < header_; from += kWindow) {
    const uint32_t to = std::min(header_, from + kWindow);
    Id id;
    id.at = static_cast<int16_t>(static_cast<int>(to) - static_cast<int>(kWindow));
    for (uint32_t octet = from; octet < to; ++octet) {
      const uint32_t shift = (to - 1 - octet) * 8;
      id.mask |= uint64_t{mask[octet]} << shift;
      id.value |= uint64_t{value[octet]} << shift;
    }
    if (id.mask != 0) id_[id_count_++] = id;
  }
}

void Plan::know_options(const Format& format) {
  if (!option_length_.field || !option_kind_) return;
  // The fields of an option are read through eight octets that end with them.
  std::vector<uint8_t> options(kWindow);
  options.insert(options.end(), format.options.begin(), format.options.end());
  for (size_t at = kWindow; at + option_header_ <= options.size();) {
    known_options_.push_back(static_cast<uint32_t>(option_kind_.read(&options[at])));
    at += std::max(option_length_.read(&options[at]), option_header_);
  }
}

DropReason Plan::check_options(const uint8_t* options, uint32_t length) const {
  for (uint32_t at = 0; at < length;) {
    if (length - at < option_header_) return DropReason::bad_options;
    const uint8_t* option = options + at;
    const uint32_t octets = option_length_.read(option);
    if (octets < option_header_ || octets > length - at) return DropReason::bad_options;
    at += octets;
    if (option_critical_.read(option) == 0) continue;
    const auto kind = static_cast<uint32_t>(option_kind_.read(option));
    if (std::find(known_options_.begin(), known_options_.end(), kind) == known_options_.end()) {
      return DropReason::critical_option;
    }
  }
  return DropReason::none;
}

// Of what two places tell, neither is believed alone.
bool Plan::version_agrees(const uint8_t* header, const Found& found) const {
  if (found.end == found.inner) return false;
  const unsigned version = header[found.inner] >> 4;
  if (version != 4 && version != 6) return false;
  if (inside_ != policy::Inside::kIp && (inside_ == policy::Inside::kIpv4) != (version == 4)) {
    return false;
  }
  const auto type = static_cast<uint16_t>(version == 4 ? EtherType::kIpv4 : EtherType::kIpv6);
  return !ether_type_ || ether_type_.read(header) == type;
}

DropReason Plan::open_rest(const uint8_t* header, Found& found) const {
  const uint32_t room = found.end;
  if (found.inner != header_ && option_length_.field) {
    const DropReason reason = check_options(header + header_, found.inner - header_);
    if (reason != DropReason::none) return reason;
  }
  if (total_length_.field) {
    found.end = total_length_.read(header);
    if (found.end < found.inner || found.end > room) return DropReason::bad_tunnel;
  }
  if (carries_ip() && !version_agrees(header, found)) return DropReason::bad_tunnel;
  const bool good = !checksum_ || checksum::sum(header, found.end) == 0xffff;
  return good ? DropReason::none : DropReason::bad_outer_checksum;
}

}  // namespace gatehouse::decapsulate
