// Which channel each element of a tensor belongs to.
#pragma once

#include <cstdint>
#include <string_view>

#include "octet/core/shape.hpp"

namespace octet::inline OCTET_ABI {

/// Element i is one of channel (i / run) % channels. With one channel all are of it; with a run of
/// 1 the channel is the last dimension; [OC, ...] has a run of all elements of a channel.
struct ChannelRuns {
  std::int64_t channels = 1;
  std::int64_t run = 1;
  std::int64_t of(std::int64_t element) const { return element / run % channels; }
  /// Element k of a channel, where it is the first or the last dimension.
  std::int64_t at(std::int64_t channel, std::int64_t k) const {
    return run == 1 ? k * channels + channel : channel * run + k;
  }
};

/// Where weights have their output channel: [OC, ...], or, those of depthwise convolutions,
/// [..., OC].
enum class OutputChannel { first, last };

/// Where the weights of a layer of this type have it.
inline OutputChannel output_channel_of(std::string_view type) {
  return type == "depthwise_conv2d" ? OutputChannel::last : OutputChannel::first;
}

/// The output channel of each of so many weights.
inline ChannelRuns output_channels(OutputChannel place, std::int64_t weights, std::int64_t OC) {
  return {OC, place == OutputChannel::last ? 1 : weights / OC};
}
inline ChannelRuns output_channels(OutputChannel place, const Shape& weights) {
  return output_channels(place, weights.elements(),
                         place == OutputChannel::last ? weights.back() : weights[0]);
}

}  // namespace octet::inline OCTET_ABI
