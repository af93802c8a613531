// SPDX-License-Identifier: GPL-2.0-or-later
// One vnic::Vnic inside QEMU: its ports, its place on the card, and the net client by which
// `set_link` and `info network` know it.
#ifndef GATEHOUSE_HW_QEMU_VNIC_HOST_HH_
#define GATEHOUSE_HW_QEMU_VNIC_HOST_HH_

#include "hw/card/card.hh"
#include "hw/card/vnic/vnic.hh"
#include "hw/qemu/vnic_device.hh"
#include "hw/qemu/vnic_ports.hh"

namespace gatehouse::qemu {

class VnicHost final : public card::GuestPort {
 public:
  // Attaches to the card; mac is the device's own unless the policy names another.
  static Result<std::unique_ptr<VnicHost>> make(GatehouseVnicState* device);
  ~VnicHost() override;
  VnicHost(const VnicHost&) = delete;
  VnicHost& operator=(const VnicHost&) = delete;

  vnic::Vnic& model() { return *vnic_; }
  const std::string& name() const { return name_; }
  const MacAddress& mac() const { return mac_; }
  void archive(Archive& archive);

  // card::GuestPort
  size_t receive(std::span<const vnic::Delivery> frames) override;
  bool crowded() const override { return vnic_->crowded(); }
  uint32_t largest_frame() const override { return vnic_->largest_frame(); }
  nlohmann::json state() const override;

 private:
  explicit VnicHost(GatehouseVnicState* device);
  void connect_net_client();
  static void link_changed(NetClientState* client);

  GatehouseVnicState* device_;
  std::string name_;
  MacAddress mac_;
  PciDma dma_;
  VirtualClock clock_;
  PciInterrupt interrupt_;
  card::VnicPort* port_ = nullptr;
  std::unique_ptr<vnic::Vnic> vnic_;
  NICState* nic_ = nullptr;
};

}  // namespace gatehouse::qemu

#endif  // GATEHOUSE_HW_QEMU_VNIC_HOST_HH_
