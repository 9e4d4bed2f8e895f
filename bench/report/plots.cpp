#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "octet/core/svg.hpp"
#include "results.hpp"

namespace bench {

using octet::page::LogAxis;
using octet::page::Svg;

namespace {

void draw_axes(Svg& svg, const LogAxis& x, const LogAxis& y, std::string_view x_title,
               std::string_view y_title) {
  for (double value = x.low; value <= x.high * 1.001; value *= 10) {
    svg.line(x(value), y.from, x(value), y.to, "grid");
    svg.text(x(value), y.from + 16, fixed(value, value < 1 ? 1 : 0), "middle");
  }
  for (double value = y.low; value <= y.high * 1.001; value *= 10) {
    svg.line(x.from, y(value), x.to, y(value), "grid");
    svg.text(x.from - 6, y(value) + 4, fixed(value, value < 1 ? 1 : 0), "end");
  }
  svg.text((x.from + x.to) / 2, y.from + 34, x_title, "middle");
  svg.text(x.from - 40, y.to - 12, y_title);
}

}  // namespace

std::string roofline_plot(const Results& results) {
  const MachinePeak& peak = results.peak;
  if (peak.compute.empty() || results.layers.is_null()) return "";
  Svg svg(860, 520);
  const LogAxis x{0.1, 1000, 60, 700}, y{1, 10000, 460, 40};
  draw_axes(svg, x, y, "operations a byte", "GOP/s, one thread");
  // A level of memory is a rising line that ends at the highest roof.
  double highest = 0;
  for (const ComputePeak& each : peak.compute)
    if (each.threads == 1) highest = (std::max)(highest, each.giga_operations);
  for (const Bandwidth& each : peak.bandwidth) {
    if (each.threads != 1) continue;
    const double speed = (std::max)(each.read, each.copy);
    const double start = (std::max)(x.low, y.low / speed);
    const double end = (std::min)({x.high, highest / speed, y.high / speed});
    svg.line(x(start), y(start * speed), x(end), y(end * speed), "memory");
    svg.text(x(start) + 4, y(start * speed) - 6,
             std::string(level_names[static_cast<std::size_t>(each.level)]));
  }
  std::vector<const ComputePeak*> roofs;
  for (const ComputePeak& each : peak.compute)
    if (each.threads == 1 && each.isa != octet::Isa::scalar &&
        each.arithmetic != Arithmetic::s8_saturating)
      roofs.push_back(&each);
  std::sort(roofs.begin(), roofs.end(), [](const ComputePeak* a, const ComputePeak* b) {
    return a->giga_operations > b->giga_operations;
  });
  double last_label = 0;  // Labels move down where they would overlap.
  for (const ComputePeak* const each : roofs) {
    const double height = y(each->giga_operations);
    const std::string_view style = each->arithmetic == Arithmetic::f32    ? "float32 roof"
                                   : each->arithmetic == Arithmetic::bf16 ? "bf16 roof"
                                                                          : "int8 roof";
    svg.line(x.from, height, x.to, height, style);
    last_label = (std::max)(height + 4, last_label + 12);
    svg.text(x.to + 6, last_label,
             std::string(arithmetic_names[static_cast<std::size_t>(each->arithmetic)]) + " " +
                 to_text(each->isa));
  }
  for (const auto& [network, content] : results.layers["networks"].as_object())
    for (const octet::Json& layer : content["layers"].as_array())
      for (const char* const type : {"float32", "int8"}) {
        const octet::Json& form = layer[type];
        const double operations = 2 * layer["multiply_adds"].as_number();
        if (form.is_null() || operations == 0) continue;
        const double giga = operations / form["milliseconds"].as_number() / 1e6;
        svg.point(x(operations / form["bytes"].as_number()), y(giga), type,
                  network + " " + layer["name"].as_string() + ", " + form["kernel"].as_string() +
                      ": " + fixed(giga, 0) + " GOP/s, " +
                      fixed(100 * form["share_of_peak"].as_number(), 0) + " % of its limit");
      }
  return svg.finish();
}

std::string ratio_plot(const Results& results) {
  if (results.layers.is_null()) return "";
  const auto& networks = results.layers["networks"].as_object();
  constexpr double strip = 150, left = 60;
  double widest = 0;
  for (const auto& [network, content] : networks)
    widest = (std::max)(widest, static_cast<double>(content["layers"].as_array().size()));
  Svg svg(left + 13 * widest + 40, strip * static_cast<double>(networks.size()) + 20);
  double top = 30;
  for (const auto& [network, content] : networks) {
    const LogAxis y{0.25, 16, top + strip - 40, top};
    svg.text(left, top - 6,
             network + ": whole " +
                 fixed(content["float32_milliseconds"].as_number() /
                           content["int8_milliseconds"].as_number(),
                       2) +
                 " times");
    for (const double value : {0.25, 1.0, 4.0, 16.0}) {
      svg.line(left, y(value), left + 13 * widest, y(value), value == 1 ? "one" : "grid");
      svg.text(left - 6, y(value) + 4, fixed(value, value < 1 ? 2 : 0), "end");
    }
    double place = left + 2;
    for (const octet::Json& layer : content["layers"].as_array()) {
      if (layer["float32"].is_null() || layer["int8"].is_null()) continue;
      const double ratio =
          layer["float32"]["milliseconds"].as_number() / layer["int8"]["milliseconds"].as_number();
      svg.bar(place, (std::min)(y(ratio), y(1)), 10, std::abs(y(ratio) - y(1)) + 1,
              ratio < 1 ? "loss" : "int8",
              layer["name"].as_string() + " " + layer["shape"].as_string() + ": " +
                  fixed(ratio, 2) + " times; " + layer["int8"]["why"].as_string());
      place += 13;
    }
    top += strip;
  }
  return svg.finish();
}

std::string latency_plot(const Results& results) {
  std::vector<const Measurement*> shown;
  for (const Measurement& each : results.networks)
    if (each.parts[4] == "batch_1" && each.parts[5] == "threads_1") shown.push_back(&each);
  if (shown.empty()) return "";
  // By network, and within a network by form and instruction set, however they were interleaved.
  std::stable_sort(shown.begin(), shown.end(), [](const Measurement* a, const Measurement* b) {
    return std::tuple(a->parts[1], a->parts[2], a->isa) <
           std::tuple(b->parts[1], b->parts[2], b->isa);
  });
  std::map<std::string, double> slowest;
  for (const Measurement* const each : shown)
    slowest[each->parts[1]] = (std::max)(slowest[each->parts[1]], 1e3 * each->seconds);
  constexpr double row = 15, left = 330;
  std::size_t groups = 0;
  for (std::size_t i = 0; i < shown.size(); ++i)
    groups += i == 0 || shown[i]->parts[1] != shown[i - 1]->parts[1];
  Svg svg(900, row * static_cast<double>(shown.size()) + 10 * static_cast<double>(groups) + 40);
  double top = 20;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const Measurement& each = *shown[i];
    if (i > 0 && each.parts[1] != shown[i - 1]->parts[1]) top += 10;
    const double milliseconds = 1e3 * each.seconds;
    const std::string name = each.parts[1] + " " + each.parts[2] + " " + each.parts[3];
    svg.text(left - 6, top + 11, name, "end");
    const double width = 470 * milliseconds / slowest[each.parts[1]];
    svg.bar(left, top + 2, width, row - 3, each.parts[2],
            name + ": " + fixed(milliseconds, 3) + " ms");
    svg.text(left + width + 5, top + 11, fixed(milliseconds, 3) + " ms");
    top += row;
  }
  return svg.finish();
}

}  // namespace bench
