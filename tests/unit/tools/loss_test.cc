// SPDX-License-Identifier: GPL-2.0-or-later
// docs/loss.csv and docs/loss.svg: one set of figures, and what they are quoted for holds.
#include "tools/bench/loss.hh"

#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "tools/lab/process.hh"

namespace gatehouse::bench {
namespace {

std::string page(const std::string& name) {
  return lab::read_file(std::string(std::getenv("GATEHOUSE_ROOT")) + "/docs/" + name);
}

std::vector<LossPoint> points_of(const std::string& csv) {
  std::vector<LossPoint> points;
  std::istringstream lines(csv);
  std::string line;
  std::getline(lines, line);  // names of the columns
  while (std::getline(lines, line)) {
    std::istringstream cells(line);
    LossPoint point;
    std::string cell;
    std::getline(cells, point.way, ',');
    std::getline(cells, cell, ',');
    point.percent = std::stod(cell);
    std::getline(cells, cell, ',');  // goodput: reckoned
    for (uint64_t* to :
         {&point.resent, &point.payload, &point.wire, &point.frames, &point.frames_lost}) {
      std::getline(cells, cell, ',');
      *to = std::stoull(cell);
    }
    points.push_back(point);
  }
  return points;
}

TEST(LossFigures, TableAndFigureAreOfOneRun) {
  const std::string csv = page("loss.csv");
  const std::vector<LossPoint> points = points_of(csv);
  ASSERT_EQ(points.size(), 21u);
  EXPECT_EQ(loss_csv(points), csv);
  EXPECT_EQ(loss_figure(points), page("loss.svg"));
}

TEST(LossFigures, ShowWhatTheyAreQuotedFor) {
  const std::vector<LossPoint> points = points_of(page("loss.csv"));
  ASSERT_EQ(points.size(), 21u);
  for (size_t rate = 0; rate < 7; ++rate) {
    const LossPoint &frames = points[rate], &stt = points[7 + rate], &redundant = points[14 + rate];
    SCOPED_TRACE(frames.percent);
    for (const LossPoint* point : {&frames, &stt, &redundant}) {
      EXPECT_EQ(point->percent, frames.percent);
      EXPECT_EQ(point->payload, frames.payload);
      const double lost =
          100.0 * static_cast<double>(point->frames_lost) / static_cast<double>(point->frames);
      EXPECT_NEAR(lost, point->percent, 0.02 + point->percent * 0.05);
    }
    // Only what was lost is sent again; of STT, whole super-frames.
    EXPECT_NEAR(redundant.resent_percent(), frames.resent_percent(),
                0.05 + frames.resent_percent() * 0.05);
    EXPECT_GT(redundant.goodput(), frames.goodput());
    if (frames.percent >= 0.5) {
      EXPECT_GT(stt.resent_percent(), 20 * redundant.resent_percent());
    }
  }
}

}  // namespace
}  // namespace gatehouse::bench
