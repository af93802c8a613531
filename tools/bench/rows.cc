// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/bench/rows.hh"

#include <algorithm>
#include <cstdio>

namespace gatehouse::bench {
namespace {

std::string figure(double value) {
  char text[32];
  std::snprintf(text, sizeof text, value < 100 ? "%.2f" : "%.0f", value);
  return text;
}

std::string list(const std::vector<double>& values) {
  std::string text;
  for (double value : values) text += (text.empty() ? "" : " ") + figure(value);
  return text;
}

void measure_pair(Row& row, bool ours_first) {
  if (row.measure_both) {
    const auto [ours, peer] = row.measure_both();
    row.ours.push_back(ours);
    row.peer.push_back(peer);
    return;
  }
  if (ours_first) row.ours.push_back(row.measure_ours());
  row.peer.push_back(row.measure_peer());
  if (!ours_first) row.ours.push_back(row.measure_ours());
}

}  // namespace

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double spread(const std::vector<double>& values) {
  if (values.empty() || median(values) == 0) return 0;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return (*high - *low) / median(values);
}

double ratio(const Row& row) {
  std::vector<double> ratios;
  for (size_t i = 0; i < std::min(row.ours.size(), row.peer.size()); ++i)
    ratios.push_back(row.peer[i] > 0 ? row.ours[i] / row.peer[i] : 0);
  return median(ratios);
}

bool Row::met() const {
  if (goal == 0) return true;
  return at_most ? ratio(*this) <= goal : ratio(*this) >= goal;
}

void measure(std::vector<Row>& rows, unsigned pairs) {
  for (Row& row : rows) {
    for (unsigned pair = 0; pair < pairs; ++pair) {
      measure_pair(row, pair % 2 == 0);
      std::fprintf(stderr, "  %-34s pair %u/%u  ours %s  %s %s\n", row.name.c_str(), pair + 1,
                   pairs, figure(row.ours.back()).c_str(), row.peer_name.c_str(),
                   figure(row.peer.back()).c_str());
    }
  }
}

void print(const std::vector<Row>& rows, report::Terminal& terminal) {
  report::Terminal::Table table{
      {"what", "unit", "ours", "peer", "ratio", "goal", "pairs", "spread", "peer is"}, {}};
  for (const Row& row : rows) {
    const bool alone = row.peer.empty();
    const std::string of_peer =
        alone ? ""
              : terminal.styled(row.met() ? report::Style::kGood : report::Style::kBad,
                                figure(ratio(row)));
    table.rows.push_back(
        {row.name, row.unit, figure(median(row.ours)), alone ? "" : figure(median(row.peer)),
         of_peer, row.goal == 0 ? "" : (row.at_most ? "<= " : "") + figure(row.goal),
         std::to_string(row.ours.size()), figure(100 * spread(row.ours)) + " %", row.peer_name});
  }
  terminal.table(table);
  terminal.line();
  for (const Row& row : rows) {
    terminal.line(terminal.styled(report::Style::kDim,
                                  row.name + ": ours " + list(row.ours) +
                                      (row.peer.empty() ? "" : " | peer " + list(row.peer))));
  }
}

nlohmann::json to_json(const std::string& bench, const std::vector<Row>& rows) {
  nlohmann::json list = nlohmann::json::array();
  for (const Row& row : rows) {
    list.push_back({{"name", row.name},
                    {"unit", row.unit},
                    {"ours", median(row.ours)},
                    {"peer", median(row.peer)},
                    {"peer_name", row.peer_name},
                    {"ratio", ratio(row)},
                    {"goal", row.goal},
                    {"at_most", row.at_most},
                    {"runs", row.ours.size()},
                    {"spread", spread(row.ours)},
                    {"ours_runs", row.ours},
                    {"peer_runs", row.peer}});
  }
  return {{"bench", bench}, {"rows", list}};
}

std::string not_in_any(const std::vector<std::string>& parts,
                       const std::vector<std::string>& names) {
  const auto found = std::find_if(parts.begin(), parts.end(), [&](const std::string& part) {
    return std::none_of(names.begin(), names.end(), [&](const std::string& name) {
      return name.find(part) != std::string::npos;
    });
  });
  return found == parts.end() ? "" : *found;
}

}  // namespace gatehouse::bench
