#include "octet/core/channel_runs.hpp"

#include <doctest/doctest.h>

using namespace octet;

TEST_CASE("channel runs: the output channel first, and last") {
  const ChannelRuns first = output_channels(OutputChannel::first, Shape{3, 2, 2});
  const ChannelRuns last = output_channels(OutputChannel::last, Shape{2, 2, 3});
  for (std::int64_t channel = 0; channel < 3; ++channel)
    for (std::int64_t k = 0; k < 4; ++k) {
      CHECK(first.at(channel, k) == channel * 4 + k);
      CHECK(last.at(channel, k) == k * 3 + channel);
      CHECK(first.of(first.at(channel, k)) == channel);
      CHECK(last.of(last.at(channel, k)) == channel);
    }
}

TEST_CASE("channel runs: one weight for each channel, one channel, a channel in the middle") {
  const ChannelRuns one_weight = output_channels(OutputChannel::first, 5, 5);
  CHECK(one_weight.at(3, 0) == 3);
  CHECK(one_weight.of(3) == 3);
  CHECK(output_channels(OutputChannel::last, Shape{3, 3, 1}).of(8) == 0);
  CHECK(ChannelRuns{}.of(1000) == 0);
  CHECK(ChannelRuns{6, 25}.of(25 * 7) == 1);
}

TEST_CASE("channel runs: depthwise weights have their output channel last") {
  CHECK(output_channel_of("depthwise_conv2d") == OutputChannel::last);
  CHECK(output_channel_of("conv2d") == OutputChannel::first);
  CHECK(output_channel_of("linear") == OutputChannel::first);
}
