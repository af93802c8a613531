// SPDX-License-Identifier: GPL-2.0-or-later
// The figure of bench loss, as SVG: goodput on the left, octets sent again on the right.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "tools/bench/loss.hh"

namespace gatehouse::bench {
namespace {

constexpr double kWidth = 360, kHeight = 240, kTop = 44, kLeft = 56, kGap = 84;
constexpr const char* kColours[] = {"#4477aa", "#cc6677", "#228833"};

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}
std::string pixel(double value) { return number(std::round(value * 10) / 10); }

std::string text(double x, double y, const char* anchor, const std::string& words) {
  return "<text x=\"" + pixel(x) + "\" y=\"" + pixel(y) + "\" text-anchor=\"" + anchor + "\">" +
         words + "</text>\n";
}

std::string line(double x, double y, double to_x, double to_y) {
  return "<line x1=\"" + pixel(x) + "\" y1=\"" + pixel(y) + "\" x2=\"" + pixel(to_x) + "\" y2=\"" +
         pixel(to_y) + "\" stroke=\"#ddd\"/>\n";
}

struct Panel {
  double left;
  const char* title;
  double (*value)(const LossPoint&);
  std::vector<double> ticks;
  bool logarithmic;

  double x(double percent) const { return left + percent / 5 * kWidth; }
  double y(double shown) const {
    const auto scale = [&](double of) { return logarithmic ? std::log10(of) : of; };
    const double low = scale(ticks.front()), high = scale(ticks.back());
    const double held = std::max(scale(std::max(shown, ticks.front())), low);
    return kTop + kHeight - (held - low) / (high - low) * kHeight;
  }
};

std::string draw(const Panel& panel, const std::vector<LossPoint>& points) {
  std::string svg = text(panel.left, kTop - 14, "start", panel.title);
  for (const double tick : panel.ticks) {
    svg += line(panel.left, panel.y(tick), panel.left + kWidth, panel.y(tick));
    svg += text(panel.left - 6, panel.y(tick) + 4, "end", number(tick));
  }
  for (int percent = 0; percent <= 5; ++percent) {
    svg += text(panel.x(percent), kTop + kHeight + 18, "middle", std::to_string(percent));
  }
  svg += text(panel.left + kWidth / 2, kTop + kHeight + 38, "middle", "frames lost, %");
  size_t way = 0;
  for (size_t first = 0; first < points.size(); ++way) {
    // The first is wider, so that it is seen beneath another that says the same.
    const char* colour = kColours[way % std::size(kColours)];
    std::string path, dots;
    size_t i = first;
    for (; i < points.size() && points[i].way == points[first].way; ++i) {
      const double value = panel.value(points[i]);
      if (panel.logarithmic && value <= 0) continue;  // no loss, nothing sent again
      const std::string x = pixel(panel.x(points[i].percent)), y = pixel(panel.y(value));
      path += (path.empty() ? "M" : "L") + x + " " + y;
      dots += "<circle cx=\"" + x + "\" cy=\"" + y + "\" r=\"3\" fill=\"" + colour + "\"/>\n";
    }
    svg += "<path d=\"" + path + "\" fill=\"none\" stroke=\"" + colour + "\" stroke-width=\"" +
           (way == 0 ? "5" : "2") + "\"/>\n" + dots;
    const double key = kTop + kHeight + 62, at = kLeft + static_cast<double>(way) * 250;
    if (panel.left == kLeft) {
      svg += "<rect x=\"" + pixel(at) + "\" y=\"" + pixel(key - 9) +
             "\" width=\"14\" height=\"4\" fill=\"" + colour + "\"/>\n";
      svg += text(at + 20, key, "start", points[first].way);
    }
    first = i;
  }
  return svg;
}

}  // namespace

std::string loss_figure(const std::vector<LossPoint>& points) {
  const Panel goodput{kLeft,
                      "goodput, Gbit/s of 10",
                      [](const LossPoint& point) { return point.goodput(); },
                      {0, 2, 4, 6, 8, 10},
                      false};
  const Panel resent{kLeft + kWidth + kGap,
                     "octets sent again, % of the payload",
                     [](const LossPoint& point) { return point.resent_percent(); },
                     {0.1, 1, 10, 100, 1000},
                     true};
  const double width = kLeft + 2 * kWidth + kGap + 30, height = kTop + kHeight + 84;
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + pixel(width) + " " +
         pixel(height) + "\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"" +
         pixel(width) + "\" height=\"" + pixel(height) + "\" fill=\"white\"/>\n" +
         draw(goodput, points) + draw(resent, points) + "</svg>\n";
}

}  // namespace gatehouse::bench
