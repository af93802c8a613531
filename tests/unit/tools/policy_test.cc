// SPDX-License-Identifier: GPL-2.0-or-later
// The command that looks at policy files without a card.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>

#include "tools/docs/policy_page.hh"
#include "tools/lab/guest.hh"
#include "tools/lab/process.hh"
#include "tools/policy/check.hh"

namespace gatehouse::policy_check {
namespace {

class PolicyCheck : public testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& text) {
    const std::string path =
        testing::TempDir() + "gatehouse-" + std::to_string(getpid()) + "-" + name;
    std::ofstream(path) << text;
    files_.push_back(path);
    return path;
  }
  ~PolicyCheck() override {
    for (const std::string& path : files_) std::remove(path.c_str());
  }

 private:
  std::vector<std::string> files_;
};

TEST_F(PolicyCheck, SaysWhatIsInAPolicyThatACardTakes) {
  const Result<std::string> found = check(file("example.json", docs::policy_example()));
  ASSERT_TRUE(found.ok()) << found.status().message();
  EXPECT_EQ(found.value(),
            "1 uplink, 2 tenants, 2 vnics, 3 mappings, 0 groups, 0 firewalls of 0 rules, 0 meters, "
            "0 mirrors");
}

// The reader knows no card: what only that can refuse is refused, too.
TEST_F(PolicyCheck, AsksTheCardAfterTheReader) {
  const std::string path = file("narrow.json", R"({
    "uplinks": [{"name": "uplink0", "mac": "02:00:00:00:00:01", "addresses": ["10.1.0.1/24"], "mtu": 1300}],
    "tenants": [{"name": "red", "vni": 1}],
    "mappings": [{"tenant": "red", "destination": "fd00::2", "mac": "52:54:00:00:00:02", "peer": "10.1.0.2"}]})");
  const Result<std::string> found = check(path);
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(
      found.status().message(),
      path +
          ": mappings[0] (red fd00::2/128): uplink0's mtu of 1300 leaves 1250 octets, and IPv6 "
          "needs 1280; write at least 1330");
}

TEST_F(PolicyCheck, EachFileHasItsLine) {
  const std::string good = file("good.json", "{}"), bad = file("bad.json", R"({"tenant": []})");
  const auto run = [](const std::vector<std::string>& files) {
    std::vector<std::string> command = {lab::Build::tool(), "policy"};
    command.insert(command.end(), files.begin(), files.end());
    return lab::run_command(command, std::chrono::seconds(60));
  };
  const lab::CommandResult both = run({bad, good});
  EXPECT_EQ(both.exit_status, 1);
  EXPECT_EQ(both.output,
            bad + ":1:2: policy: unknown member \"tenant\"; did you mean \"tenants\"?\n" + good +
                ": a card takes it: 0 uplinks, 0 tenants, 0 vnics, 0 mappings, 0 "
                "groups, 0 firewalls of 0 rules, 0 meters, 0 mirrors\n");
  EXPECT_EQ(run({good}).exit_status, 0);
  EXPECT_EQ(run({}).exit_status, 2);
  EXPECT_EQ(run({"--help"}).exit_status, 0);
}

}  // namespace
}  // namespace gatehouse::policy_check
