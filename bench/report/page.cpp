#include "octet/core/page.hpp"

#include "results.hpp"

namespace bench {

std::string page_of(const Results& results, const std::vector<Table>& tables) {
  octet::page::Page page("Octet: benchmarks");
  page.paragraph(
      "Medians of interleaved runs on one machine. Point at a bar or a dot for its name.");
  page.figure("Roofline",
              "Each dot is a layer of a network, batch 1, one thread: blue in float32, orange in "
              "int8. Dashed lines are what arithmetic allows, rising lines what memory allows. "
              "Winograd's algorithm, counted as the products that it saves, may pass its roof.",
              roofline_plot(results));
  page.figure("int8 over float32, layer by layer",
              "How many times faster each layer is in int8; red where it is slower.",
              ratio_plot(results));
  page.figure("Latency by network and instruction set",
              "Batch 1, one thread; each network has a scale of its own.", latency_plot(results));
  for (const Table& table : tables) page.table(table);
  return page.finish();
}

}  // namespace bench
