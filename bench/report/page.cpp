#include "octet/core/page.hpp"

#include "results.hpp"

namespace bench {

std::string page_of(const Results& results, const std::vector<Table>& tables) {
  octet::page::Page page("Octet: benchmarks");
  if (!results.machine.is_null())
    page.paragraph(results.machine["processor"].as_string() + ", " +
                   results.machine["threads"].text() + " threads, " +
                   results.machine["isa"].as_string() + "; compiled by " +
                   results.machine["compiler"].as_string() + ".");
  page.paragraph(
      "Medians; what is compared was measured in turns. Point at a bar or a dot for its name.");
  page.facts(facts_of(results));
  page.figure("Roofline",
              "Each dot is a layer of a network, batch 1, one thread. Dashed lines are what "
              "arithmetic allows, rising lines what memory allows: no dot can be above the line "
              "that holds for it. Only Winograd's algorithm, counted as the products that it "
              "saves, may pass its roof.",
              roofline_plot(results));
  page.figure("int8 over float32, layer by layer",
              "How many times faster each layer is in int8, batch 1, one thread.",
              ratio_plot(results));
  page.figure("Latency by network and instruction set",
              "Batch 1, one thread; each network has a scale of its own.", latency_plot(results));
  for (const Table& table : tables) page.table(table);
  return page.finish();
}

}  // namespace bench
