#include "svg.hpp"

namespace bench {

namespace {

constexpr const char* style = R"(
:root { color-scheme: light dark; --ink: #1b1b1b; --paper: #fff; --faint: #ddd;
        --blue: #2b6cb0; --orange: #c05621; --green: #2f855a; --red: #c53030; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e6; --paper: #16181c; --faint: #3a3d44;
          --blue: #63b3ed; --orange: #f6ad55; --green: #68d391; --red: #fc8181; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
       max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
.wide { overflow-x: auto; }
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
circle { fill-opacity: 0.55; stroke-opacity: 0; } rect { fill-opacity: 0.8; stroke: none; }
)";

std::string figure(const std::string& title, const std::string& words, const std::string& svg) {
  if (svg.empty()) return "";
  return "<h2>" + escaped(title) + "</h2>\n<p>" + escaped(words) + "</p>\n<div class=\"wide\">" +
         svg + "</div>\n";
}

}  // namespace

std::string page_of(const Results& results, const std::vector<Table>& tables) {
  std::string page =
      "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
      "<title>Octet: benchmarks</title>\n<style>" +
      std::string(style) + "</style></head>\n<body>\n<h1>Octet: benchmarks</h1>\n" +
      "<p>Medians of interleaved runs on one machine. Point at a bar or a dot for its name.</p>\n";
  page += figure("Roofline",
                 "Each dot is a layer of a network, batch 1, one thread: blue in float32, orange "
                 "in int8. Dashed lines are what arithmetic allows, rising lines what memory "
                 "allows. Winograd's algorithm, counted as the products that it saves, may pass "
                 "its roof.",
                 roofline_plot(results));
  page += figure("int8 over float32, layer by layer",
                 "How many times faster each layer is in int8; red where it is slower.",
                 ratio_plot(results));
  page +=
      figure("Latency by network and instruction set",
             "Batch 1, one thread; each network has a scale of its own.", latency_plot(results));
  for (const Table& table : tables) {
    page += "<h2>" + escaped(table.title) + "</h2>\n<p>" + escaped(table.note) +
            "</p>\n<div class=\"wide\"><table><tr>";
    for (const std::string& cell : table.header) page += "<th>" + escaped(cell) + "</th>";
    page += "</tr>\n";
    for (const auto& row : table.rows) {
      page += "<tr>";
      for (const std::string& cell : row) page += "<td>" + escaped(cell) + "</td>";
      page += "</tr>\n";
    }
    page += "</table></div>\n";
  }
  return page + "</body>\n</html>\n";
}

}  // namespace bench
