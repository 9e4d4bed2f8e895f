// Drawings as text: SVG with the classes that the page's style colours.
#pragma once

#include <string>
#include <string_view>

#include "results.hpp"

namespace bench {

/// Text that may stand inside of HTML and SVG.
inline std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

class Svg {
 public:
  Svg(double width, double height)
      : text_("<svg viewBox=\"0 0 " + fixed(width, 0) + " " + fixed(height, 0) + "\" width=\"" +
              fixed(width, 0) + "\" role=\"img\">\n") {}

  void line(double x0, double y0, double x1, double y1, std::string_view style) {
    text_ += "<line" + place("x1", x0) + place("y1", y0) + place("x2", x1) + place("y2", y1) +
             of(style) + "/>\n";
  }
  /// A bar or a point that shows `tip` when pointed at.
  void bar(double x, double y, double width, double height, std::string_view style,
           std::string_view tip) {
    text_ += "<rect" + place("x", x) + place("y", y) + place("width", width) +
             place("height", height) + of(style) + "><title>" + escaped(tip) + "</title></rect>\n";
  }
  void point(double x, double y, std::string_view style, std::string_view tip) {
    text_ += "<circle r=\"3.5\"" + place("cx", x) + place("cy", y) + of(style) + "><title>" +
             escaped(tip) + "</title></circle>\n";
  }
  /// The anchor is start, middle or end.
  void text(double x, double y, std::string_view words, std::string_view anchor = "start") {
    text_ += "<text" + place("x", x) + place("y", y) + " text-anchor=\"" + std::string(anchor) +
             "\">" + escaped(words) + "</text>\n";
  }
  std::string finish() const { return text_ + "</svg>\n"; }

 private:
  static std::string place(std::string_view name, double value) {
    return octet::text_of(' ', name, "=\"", fixed(value, 1), '"');
  }
  static std::string of(std::string_view style) { return octet::text_of(" class=\"", style, '"'); }

  std::string text_;
};

}  // namespace bench
