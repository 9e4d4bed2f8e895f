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

/// What another layer computes too has no time of its own.
bool timed(const octet::Json& form) {
  return !form.is_null() && form["milliseconds"].as_number() > 0;
}

}  // namespace

std::string roofline_plot(const Results& results) {
  const MachinePeak& peak = results.peak;
  if (peak.compute.empty() || results.layers.is_null()) return "";
  Svg svg(1000, 540, "roofline: speed of each layer by its operations a byte");
  const LogAxis x{0.1, 1000, 60, 840}, y{1, 10000, 480, 50};
  draw_axes(svg, x, y, "operations a byte", "GOP/s, one thread");
  const std::pair<std::string_view, std::string_view> colours[] = {
      {"float32", "float32"}, {"int8", "int8"}, {"bf16", "bf16 and memory"}};
  svg.key(240, 30, colours);
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
    svg.text(x(end), y(end * speed) - 8,
             std::string(level_names[static_cast<std::size_t>(each.level)]) + " " +
                 fixed(speed, 0) + " GB/s",
             each.level == Level::memory ? "start" : "end", "bf16");
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
    const std::string_view style = each->arithmetic == Arithmetic::f32    ? "float32"
                                   : each->arithmetic == Arithmetic::bf16 ? "bf16"
                                                                          : "int8";
    svg.line(x.from, height, x.to, height, std::string(style) + " roof");
    last_label = (std::max)(height + 4, last_label + 14);
    svg.text(x.to + 6, last_label,
             std::string(arithmetic_names[static_cast<std::size_t>(each->arithmetic)]) + " " +
                 to_text(each->isa) + " " + fixed(each->giga_operations, 0),
             "start", style);
  }
  for (const auto& [network, content] : results.layers["networks"].as_object())
    for (const octet::Json& layer : content["layers"].as_array())
      for (const char* const type : {"float32", "int8"}) {
        const octet::Json& form = layer[type];
        const double operations = 2 * layer["multiply_adds"].as_number();
        if (!timed(form) || operations == 0) continue;
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
  constexpr double pitch = 16, left = 50, bars = 120, letter = 6.5;
  const auto compared = [](const octet::Json& layer) { return layer["ratio"].as_number() > 0; };
  // Under each strip stand the names of its layers, read upwards.
  double width = 360, height = 30;
  std::vector<double> name_heights;
  for (const auto& [network, content] : networks) {
    double count = 0, longest = 0;
    for (const octet::Json& layer : content["layers"].as_array()) {
      if (!compared(layer)) continue;
      ++count;
      longest = (std::max)(longest, letter * static_cast<double>(layer["name"].as_string().size()));
    }
    width = (std::max)(width, pitch * count);
    height += bars + longest + 50;
    name_heights.push_back(longest);
  }
  Svg svg(left + width + 20, height, "how many times faster each layer is in int8");
  const std::pair<std::string_view, std::string_view> colours[] = {{"int8", "int8 is faster"},
                                                                   {"loss", "int8 is slower"}};
  svg.key(left, 14, colours);
  double top = 56;
  std::size_t strip = 0;
  for (const auto& [network, content] : networks) {
    const LogAxis y{0.25, 16, top + bars, top};
    const double whole = content["int8_milliseconds"].as_number();
    svg.text(
        left, top - 8,
        network + (whole > 0 ? ": as a whole " +
                                   fixed(content["float32_milliseconds"].as_number() / whole, 2) +
                                   " times"
                             : ""),
        "start", "title");
    for (const double value : {0.25, 1.0, 4.0, 16.0}) {
      svg.line(left, y(value), left + width, y(value), value == 1 ? "one" : "grid");
      svg.text(left - 6, y(value) + 4, fixed(value, value < 1 ? 2 : 0), "end");
    }
    double place = left + 2;
    for (const octet::Json& layer : content["layers"].as_array()) {
      if (!compared(layer)) continue;
      const double ratio = layer["ratio"].as_number();
      svg.bar(place, (std::min)(y(ratio), y(1)), 12, std::abs(y(ratio) - y(1)) + 1,
              ratio < 1 ? "loss" : "int8",
              layer["name"].as_string() + " " + layer["shape"].as_string() + ": " +
                  fixed(ratio, 2) + " times; " + layer["int8"]["why"].as_string());
      svg.upright(place + 10, top + bars + 6, layer["name"].as_string());
      place += pitch;
    }
    top += bars + name_heights[strip++] + 50;
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
    return std::tuple(a->parts[1], a->parts[2], is_other(*a), a->isa) <
           std::tuple(b->parts[1], b->parts[2], is_other(*b), b->isa);
  });
  std::map<std::string, double> slowest;
  for (const Measurement* const each : shown)
    slowest[each->parts[1]] = (std::max)(slowest[each->parts[1]], 1e3 * each->seconds);
  constexpr double row = 17, left = 180, title = 30;
  std::size_t groups = 0;
  for (std::size_t i = 0; i < shown.size(); ++i)
    groups += i == 0 || shown[i]->parts[1] != shown[i - 1]->parts[1];
  Svg svg(760, row * static_cast<double>(shown.size()) + title * static_cast<double>(groups) + 40,
          "milliseconds of each network in each form");
  const std::pair<std::string_view, std::string_view> colours[] = {{"float32", "float32"},
                                                                   {"float16", "float16 weights"},
                                                                   {"int8", "int8"},
                                                                   {"other", "another library"}};
  svg.key(left, 14, colours);
  double top = 26;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const Measurement& each = *shown[i];
    if (i == 0 || each.parts[1] != shown[i - 1]->parts[1]) {
      svg.text(left, top + 21, each.parts[1], "start", "title");
      top += title;
    }
    const double milliseconds = 1e3 * each.seconds;
    const std::string name = each.parts[2] + " " + each.parts[3];
    svg.text(left - 6, top + 12, name, "end");
    const double width = 500 * milliseconds / slowest[each.parts[1]];
    svg.bar(left, top + 2, width, row - 3, is_other(each) ? "other" : each.parts[2],
            each.parts[1] + " " + name + ": " + fixed(milliseconds, 3) + " ms");
    svg.text(left + width + 5, top + 12, fixed(milliseconds, 3) + " ms");
    top += row;
  }
  return svg.finish();
}

}  // namespace bench
