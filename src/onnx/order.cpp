// SPDX-License-Identifier: Apache-2.0
#include "onnx/order.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <queue>
#include <string_view>
#include <unordered_map>

namespace lichen::formats {
namespace {

using Makers = std::unordered_map<std::string_view, int>;

// f(maker) for every value of this graph that the node reads, bodies included.
template <typename F>
void for_each_maker(const ::onnx::NodeProto& node, const Makers& makers, const F& f) {
  for (const std::string& input : node.input()) {
    if (const auto maker = makers.find(input); maker != makers.end()) f(maker->second);
  }
  for (const auto& attribute : node.attribute()) {
    for (const auto& inner : attribute.g().node()) for_each_maker(inner, makers, f);
  }
}

}  // namespace

std::vector<int> running_order(const google::protobuf::RepeatedPtrField<::onnx::NodeProto>& nodes) {
  Makers makers;
  for (int at = 0; at < nodes.size(); ++at) {
    for (const std::string& output : nodes.Get(at).output()) {
      if (!output.empty()) makers.try_emplace(output, at);
    }
  }
  const auto count = static_cast<std::size_t>(nodes.size());
  std::vector<int> waits_for(count, 0);
  std::vector<std::vector<int>> readers(count);
  bool in_order = true;
  for (int at = 0; at < nodes.size(); ++at) {
    for_each_maker(nodes.Get(at), makers, [&](int maker) {
      in_order = in_order && maker < at;
      ++waits_for[static_cast<std::size_t>(at)];
      readers[static_cast<std::size_t>(maker)].push_back(at);
    });
  }
  std::vector<int> order(count);
  std::iota(order.begin(), order.end(), 0);
  if (in_order) return order;

  std::priority_queue<int, std::vector<int>, std::greater<>> ready;  // the first of the file goes first
  for (const int at : order) {
    if (waits_for[static_cast<std::size_t>(at)] == 0) ready.push(at);
  }
  order.clear();
  while (!ready.empty()) {
    const int at = ready.top();
    ready.pop();
    order.push_back(at);
    for (const int reader : readers[static_cast<std::size_t>(at)]) {
      if (--waits_for[static_cast<std::size_t>(reader)] == 0) ready.push(reader);
    }
  }
  for (int at = 0; at < nodes.size(); ++at) {
    if (waits_for[static_cast<std::size_t>(at)] > 0) order.push_back(at);
  }
  return order;
}

}  // namespace lichen::formats
