// Pages of HTML for reports: one file that needs nothing else, with tables and drawings, readable
// in light and in dark. It is well-formed XML but for its first line, so that tools can read it.
#pragma once

#include <algorithm>
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
  /// The rows, from 0, that deserve a look; a page shows them in red.
  std::vector<std::size_t> marked = {};
};

/// A figure to be read at a glance, and what it says.
struct Fact {
  std::string value, words;
};

/// By this in its head a page is known to be one of ours.
inline constexpr std::string_view generator = "<meta name=\"generator\" content=\"Octet\"/>";

template <class = WhenUsed>
class BasicPage {
 public:
  explicit BasicPage(std::string_view title) {
    text_ = text_of(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"/>"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>",
        generator, "<title>", escaped(title), "</title>\n<style>", style(),
        "</style></head>\n<body>\n<h1>", escaped(title), "</h1>\n");
  }

  void heading(std::string_view words) { text_ += text_of("<h2>", escaped(words), "</h2>\n"); }
  void paragraph(std::string_view words) {
    if (!words.empty()) text_ += text_of("<p>", escaped(words), "</p>\n");
  }
  /// What matters most, side by side.
  void facts(const std::vector<Fact>& list) {
    text_ += "<div class=\"facts\">\n";
    for (const Fact& fact : list)
      text_ += text_of("<div><b>", escaped(fact.value), "</b>", escaped(fact.words), "</div>\n");
    text_ += "</div>\n";
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
  /// and note are left out, and all of it if it has no rows.
  void beside(const std::vector<std::string>& drawings, const Table& table = {}) {
    text_ += "<div class=\"beside\">\n";
    for (const std::string& svg : drawings) text_ += "<div class=\"wide\">" + svg + "</div>\n";
    text_ += (table.rows.empty() ? "" : html_of(table)) + "</div>\n";
  }
  /// What follows, up to close(), is hidden behind these words until they are clicked on.
  void open(std::string_view words) {
    text_ += text_of("<details><summary>", escaped(words), "</summary>\n");
  }
  void close() { text_ += "</details>\n"; }
  std::string finish() const { return text_ + "</body>\n</html>\n"; }

 private:
  /// Whether every cell of a column but the first is a number, or else whether it is long: such
  /// columns stand at the right, or are broken into lines.
  static const char* class_of(const Table& table, std::size_t column) {
    bool number = column > 0, longer = false;
    for (const auto& row : table.rows) {
      if (column >= row.size() || row[column].empty() || row[column] == "-") continue;
      const char* const first = row[column].c_str() + (row[column][0] == '-');
      number = number && *first >= '0' && *first <= '9';
      longer = longer || row[column].size() > 44;
    }
    return number ? " class=\"number\"" : longer ? " class=\"words\"" : "";
  }
  static std::string html_of(const Table& table) {
    const bool tall = table.rows.size() > 24;
    std::string text = text_of("<div class=\"wide", tall ? " tall" : "", "\"><table>\n");
    std::vector<std::string_view> classes;
    const auto add = [&](const std::vector<std::string>& row, const char* cell, bool marked) {
      text += marked ? "<tr class=\"marked\">" : "<tr>";
      for (std::size_t i = 0; i < row.size(); ++i) {
        while (classes.size() <= i) classes.push_back(class_of(table, classes.size()));
        text += text_of("<", cell, classes[i], ">", escaped(row[i]), "</", cell, ">");
      }
      text += "</tr>\n";
    };
    if (!table.header.empty()) add(table.header, "th", false);
    for (std::size_t i = 0; i < table.rows.size(); ++i)
      add(table.rows[i], "td",
          std::find(table.marked.begin(), table.marked.end(), i) != table.marked.end());
    return text + "</table></div>\n";
  }
  static const char* style() {
    return R"(
:root { color-scheme: light dark; --ink: #1b1b1b; --paper: #fff; --faint: #ddd; --soft: #666;
        --blue: #2b6cb0; --orange: #c05621; --green: #2f855a; --red: #c53030; --grey: #8a8f98;
        --shade: #0003; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e6; --paper: #16181c; --faint: #3a3d44; --soft: #a4a9b3;
          --blue: #63b3ed; --orange: #f6ad55; --green: #68d391; --red: #fc8181; --grey: #7f8590;
          --shade: #000a; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
       max-width: 75rem; margin: 1.5rem auto; padding: 0 1rem; }
h1 { font-size: 1.8rem; margin: 0 0 .5rem; } p { max-width: 52rem; margin: .4rem 0 .8rem; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .3rem; padding-top: .8rem;
     border-top: 1px solid var(--faint); }
.facts { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1rem 0; }
.facts div { flex: 1 1 10rem; box-sizing: border-box; padding: .5rem .9rem; font-size: 13px;
             color: var(--soft); border: 1px solid var(--faint); border-radius: 6px; }
.facts b { display: block; color: var(--ink); font-size: 1.5rem; }
.wide { overflow-x: auto; margin: .5rem 0;  /* a shade where there is more to the side */
  background: linear-gradient(to right, var(--paper) 40%, transparent) left / 3rem 100% local,
              linear-gradient(to left, var(--paper) 40%, transparent) right / 3rem 100% local,
              linear-gradient(to right, var(--shade), transparent) left / .9rem 100%,
              linear-gradient(to left, var(--shade), transparent) right / .9rem 100%;
  background-repeat: no-repeat; }
.tall { max-height: 38rem; overflow-y: auto; border: 1px solid var(--faint); }
 @media print { .tall { max-height: none; } }
.tall th { position: sticky; top: 0; background: var(--paper); }
.beside { display: flex; flex-wrap: wrap; gap: .5rem 2rem; align-items: flex-start; }
.beside .wide { max-width: 100%; }
summary { cursor: pointer; padding: 3px 0; font-variant-numeric: tabular-nums; }
details { border-bottom: 1px solid var(--faint); }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 2px 8px; border-bottom: 1px solid var(--faint); text-align: left;
         white-space: nowrap; vertical-align: top; }
th { vertical-align: bottom; } tr:hover td { background: var(--faint); }
.number { text-align: right; } .words { white-space: normal; min-width: 13rem; }
.marked td { color: var(--red); }
svg { max-width: 100%; height: auto; }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink); stroke: none; }
svg .title { font-weight: 600; } svg .unit { fill: var(--soft); }
.grid { stroke: var(--faint); } .one { stroke: var(--ink); }
.memory { stroke: var(--green); stroke-width: 1.5; }
.roof { stroke-dasharray: 5 4; stroke-width: 1.5; }
.float32 { fill: var(--blue); stroke: var(--blue); }
.float16, .bf16 { fill: var(--green); stroke: var(--green); }
.int8 { fill: var(--orange); stroke: var(--orange); }
.right { fill: var(--blue); } .other { fill: var(--grey); }
.loss { fill: var(--red); stroke: var(--red); }
.curve { fill: none; stroke-width: 1.5; } .steps { stroke: var(--orange); stroke-width: 0.6; }
circle { fill-opacity: 0.55; stroke-opacity: 0; } rect { fill-opacity: 0.8; }
rect[class], text[class] { stroke: none; }
path.float32, path.int8 { stroke: none; fill-opacity: 0.8; }
path.curve { fill: none; stroke-opacity: 1; }
path.curve.float32 { stroke: var(--blue); } path.curve.int8 { stroke: var(--orange); }
@media (max-width: 40rem) { th, td { padding: 2px 6px; } body { padding: 0 .75rem; } }
)";
  }

  std::string text_;
};
using Page = BasicPage<>;

}  // namespace octet::inline OCTET_ABI::page
