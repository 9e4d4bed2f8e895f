// A share with its interval: as JSON, and what a page says of it, which is drawn from the JSON
// alone.
#pragma once

#include <concepts>
#include <string>

#include "octet/core/json.hpp"
#include "octet/core/page.hpp"
#include "octet/train/metrics.hpp"

namespace octet::inline OCTET_ABI {

template <std::same_as<Proportion> Share>
Json share_json(const Share& share) {
  return Json::object().set("value", share.value).set("low", share.low).set("high", share.high);
}

/// A number from 0 to 1 in percent.
template <std::same_as<Json> AnyJson>
std::string percent_text(const AnyJson& number, int decimals = 2) {
  return page::fixed(100 * number.as_number(), decimals);
}
/// What share_json() wrote, as "65.51 (63.94 to 67.04)".
template <std::same_as<Json> AnyJson>
std::string share_text(const AnyJson& share) {
  return text_of(percent_text(share["value"]), " (", percent_text(share["low"]), " to ",
                 percent_text(share["high"]), ")");
}

}  // namespace octet::inline OCTET_ABI
