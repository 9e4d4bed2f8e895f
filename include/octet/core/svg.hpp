// Drawings as text: SVG whose colours are classes of the style in page.hpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "octet/core/error.hpp"

namespace octet::inline OCTET_ABI::page {

/// A number with so many decimals.
template <class = WhenUsed>
std::string fixed(double value, int decimals) {
  char text[400];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

/// Text that may stand inside of HTML and SVG; control characters become question marks.
template <class = WhenUsed>
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += (code < 0x20 && c != '\n' && c != '\t') || code == 0x7F ? '?' : c;
  }
  return out;
}

/// Positions on an axis: from `low`, at `from`, to `high`, at `to`. Values outside lie at its ends.
struct LinearAxis {
  double low, high, from, to;
  double operator()(double value) const {
    value = (std::clamp)(value, low, high);
    return high > low ? from + (to - from) * (value - low) / (high - low) : (from + to) / 2;
  }
};
/// The same with a logarithmic scale.
struct LogAxis {
  double low, high, from, to;
  double operator()(double value) const {
    value = (std::clamp)(value, low, high);
    return from + (to - from) * std::log(value / low) / std::log(high / low);
  }
};

/// Where an axis is labelled: multiples of 1, 2 or 5 times a power of ten from low to high, at most
/// `count` + 1 of them, and the decimals that tell them apart.
struct RoundValues {
  std::vector<double> values;
  int decimals = 0;
};
template <class = WhenUsed>
RoundValues round_values(double low, double high, int count) {
  RoundValues result;
  if (!(high > low)) return {{low}, 0};
  const double least = (high - low) / count;
  double step = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0, 10.0})
    if (factor * step >= least * (1 - 1e-9)) {
      step *= factor;
      break;
    }
  result.decimals = static_cast<int>((std::max)(0.0, std::ceil(-std::log10(step) - 1e-9)));
  for (double k = std::ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; ++k)
    result.values.push_back(k * step + 0.0);  // No minus before a zero.
  return result;
}

/// A drawing of so many pixels, y downwards. A style is one or more classes of the page's style.
template <class = WhenUsed>
class BasicSvg {
 public:
  /// `label` says what is drawn to those who cannot see it. A narrow window shrinks the drawing to
  /// three quarters at most, so that its words stay readable.
  BasicSvg(double width, double height, std::string_view label = "")
      : text_(text_of(
            "<svg viewBox=\"0 0 ", fixed(width, 0), " ", fixed(height, 0), "\" width=\"",
            fixed(width, 0), "\" style=\"min-width:", fixed(0.75 * width, 0), "px\" role=\"img\"",
            label.empty() ? "" : text_of(" aria-label=\"", escaped(label), "\""), ">\n")) {}

  void line(double x0, double y0, double x1, double y1, std::string_view style) {
    text_ += "<line" + place("x1", x0) + place("y1", y0) + place("x2", x1) + place("y2", y1) +
             of(style) + "/>\n";
  }
  /// A bar or a point that shows `tip` when pointed at.
  void bar(double x, double y, double width, double height, std::string_view style,
           std::string_view tip, double opacity = 0.8) {
    text_ += "<rect" + place("x", x) + place("y", y) + place("width", width) +
             place("height", height) + of(style);
    if (opacity != 0.8) text_ += text_of(" style=\"fill-opacity:", fixed(opacity, 3), '"');
    text_ += "><title>" + escaped(tip) + "</title></rect>\n";
  }
  void point(double x, double y, std::string_view style, std::string_view tip) {
    text_ += "<circle r=\"3.5\"" + place("cx", x) + place("cy", y) + of(style) + "><title>" +
             escaped(tip) + "</title></circle>\n";
  }
  /// The anchor is start, middle or end.
  void text(double x, double y, std::string_view words, std::string_view anchor = "start",
            std::string_view style = "") {
    text_ += "<text" + place("x", x) + place("y", y) + " text-anchor=\"" + std::string(anchor) +
             '"' + (style.empty() ? "" : of(style)) + ">" + escaped(words) + "</text>\n";
  }
  /// Words that are read from below, and end at (x, y).
  void upright(double x, double y, std::string_view words) {
    text_ += "<text" + place("x", x) + place("y", y) +
             " text-anchor=\"end\" transform=\"rotate(-90 " + fixed(x, 1) + " " + fixed(y, 1) +
             ")\">" + escaped(words) + "</text>\n";
  }
  /// What the colours mean, in a row that begins at (x, y): {style, words} each.
  void key(double x, double y,
           std::span<const std::pair<std::string_view, std::string_view>> entries) {
    for (const auto& [style, words] : entries) {
      text_ += "<rect" + place("x", x) + place("y", y - 9) + place("width", 10) +
               place("height", 10) + of(style) + "/>\n";
      text(x + 15, y, words);
      x += 35 + 6.5 * static_cast<double>(words.size());
    }
  }
  /// Straight lines from point to point, {x, y} each.
  void path(std::span<const std::pair<double, double>> points, std::string_view style) {
    text_ += "<path d=\"";
    for (std::size_t i = 0; i < points.size(); ++i)
      text_ += text_of(i ? "L" : "M", fixed(points[i].first, 1), " ", fixed(points[i].second, 1));
    text_ += '"' + of(style) + "/>\n";
  }
  /// Many bars in one shape that stand on `bottom`: from edges[i] to edges[i + 1], up to tops[i].
  void bars(std::span<const double> edges, std::span<const double> tops, double bottom,
            std::string_view style) {
    text_ += "<path d=\"";
    for (std::size_t i = 0; i < tops.size(); ++i)
      if (tops[i] < bottom)
        text_ += text_of("M", fixed(edges[i], 1), " ", fixed(bottom, 1), "V", fixed(tops[i], 1),
                         "H", fixed(edges[i + 1], 1), "V", fixed(bottom, 1), "Z");
    text_ += '"' + of(style) + "/>\n";
  }
  /// A vertical line from y0 to y1 at each x.
  void ticks(std::span<const double> x, double y0, double y1, std::string_view style) {
    text_ += "<path d=\"";
    for (const double each : x)
      text_ += text_of("M", fixed(each, 2), " ", fixed(y0, 1), "V", fixed(y1, 1));
    text_ += '"' + of(style) + "/>\n";
  }
  std::string finish() const { return text_ + "</svg>\n"; }

 private:
  static std::string place(std::string_view name, double value) {
    return text_of(' ', name, "=\"", fixed(value, 1), '"');
  }
  static std::string of(std::string_view style) { return text_of(" class=\"", style, '"'); }

  std::string text_;
};
using Svg = BasicSvg<>;

}  // namespace octet::inline OCTET_ABI::page
