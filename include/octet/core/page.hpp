// Pages of HTML for reports: one file that needs nothing else, with tables and drawings, readable
// in light and in dark. It is well-formed XML but for its first line, so that tools can read it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "octet/core/svg.hpp"

namespace octet::inline OCTET_ABI::page {

/// A table of text, for people and for HTML.
struct Table {
  std::string title, note;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
};

template <class = WhenUsed>
class BasicPage {
 public:
  explicit BasicPage(std::string_view title) {
    text_ = text_of(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"/>"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/><title>",
        escaped(title), "</title>\n<style>", style(), "</style></head>\n<body>\n<h1>",
        escaped(title), "</h1>\n");
  }

  void heading(std::string_view words) { text_ += text_of("<h2>", escaped(words), "</h2>\n"); }
  void paragraph(std::string_view words) {
    if (!words.empty()) text_ += text_of("<p>", escaped(words), "</p>\n");
  }
  /// A heading, a sentence and a drawing; nothing if the drawing is empty.
  void figure(std::string_view title, std::string_view words, std::string_view svg) {
    if (svg.empty()) return;
    heading(title);
    paragraph(words);
    text_ += text_of("<div class=\"wide\">", svg, "</div>\n");
  }
  void table(const Table& table) {
    heading(table.title);
    paragraph(table.note);
    text_ += html_of(table);
  }
  /// Drawings, and what they show as numbers, side by side where there is room. The table's title
  /// and note are left out.
  void beside(const std::vector<std::string>& drawings, const Table& table) {
    text_ += "<div class=\"beside\">\n";
    for (const std::string& svg : drawings) text_ += "<div class=\"wide\">" + svg + "</div>\n";
    text_ += html_of(table) + "</div>\n";
  }
  /// What follows, up to close(), is hidden behind these words until they are clicked on.
  void open(std::string_view words) {
    text_ += text_of("<details><summary>", escaped(words), "</summary>\n");
  }
  void close() { text_ += "</details>\n"; }
  std::string finish() const { return text_ + "</body>\n</html>\n"; }

 private:
  static std::string html_of(const Table& table) {
    std::string text = "<div class=\"wide\"><table>\n";
    const auto add = [&](const std::vector<std::string>& row, const char* cell) {
      text += "<tr>";
      for (const std::string& each : row)
        text += text_of("<", cell, ">", escaped(each), "</", cell, ">");
      text += "</tr>\n";
    };
    if (!table.header.empty()) add(table.header, "th");
    for (const auto& row : table.rows) add(row, "td");
    return text + "</table></div>\n";
  }
  static const char* style() {
    return R"(
:root { color-scheme: light dark; --ink: #1b1b1b; --paper: #fff; --faint: #ddd;
        --blue: #2b6cb0; --orange: #c05621; --green: #2f855a; --red: #c53030; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e6; --paper: #16181c; --faint: #3a3d44;
          --blue: #63b3ed; --orange: #f6ad55; --green: #68d391; --red: #fc8181; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
       max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
.wide { overflow-x: auto; }
.beside { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start; }
.beside .wide { max-width: 100%; }
summary { cursor: pointer; padding: 3px 0; font-variant-numeric: tabular-nums; }
details { border-bottom: 1px solid var(--faint); }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 2px 8px; border-bottom: 1px solid var(--faint); text-align: left;
         white-space: nowrap; }
svg text { font: 11px system-ui, sans-serif; fill: var(--ink); }
.grid { stroke: var(--faint); } .one { stroke: var(--ink); }
.memory { stroke: var(--green); stroke-width: 1.5; }
.roof { stroke-dasharray: 5 4; stroke-width: 1.5; }
.float32 { fill: var(--blue); stroke: var(--blue); }
.float16, .bf16 { fill: var(--green); stroke: var(--green); }
.int8 { fill: var(--orange); stroke: var(--orange); }
.loss { fill: var(--red); stroke: var(--red); }
.curve { fill: none; stroke-width: 1.5; } .steps { stroke: var(--orange); stroke-width: 0.6; }
circle { fill-opacity: 0.55; stroke-opacity: 0; } rect { fill-opacity: 0.8; stroke: none; }
path.float32, path.int8 { stroke: none; fill-opacity: 0.8; }
path.curve { fill: none; stroke-opacity: 1; }
path.curve.float32 { stroke: var(--blue); } path.curve.int8 { stroke: var(--orange); }
)";
  }

  std::string text_;
};
using Page = BasicPage<>;

}  // namespace octet::inline OCTET_ABI::page
