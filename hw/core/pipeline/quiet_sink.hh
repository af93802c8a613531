// SPDX-License-Identifier: GPL-2.0-or-later
// Where frames end that nobody looks at.
#ifndef GATEHOUSE_HW_CORE_PIPELINE_QUIET_SINK_HH_
#define GATEHOUSE_HW_CORE_PIPELINE_QUIET_SINK_HH_

#include "hw/core/pipeline/pipeline.hh"

namespace gatehouse::pipeline {

class QuietSink final : public Sink {
 public:
  void to_uplink(unsigned, std::span<const OutFrame>) override {}
  void to_vnic(unsigned, std::span<const OutFrame>, const Layers&, bool, bool) override {}
  void tapped(TapPoint, TapDirection, unsigned, const OutFrame&, spec::DropReason) override {}
  void dropped(bool, unsigned, spec::DropReason) override {}
};

}  // namespace gatehouse::pipeline

#endif  // GATEHOUSE_HW_CORE_PIPELINE_QUIET_SINK_HH_
