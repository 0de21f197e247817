// SPDX-License-Identifier: Apache-2.0
// A request as it arrived, and the header fields of it that the REST door reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/version.hpp>

#include "base/error.hpp"
#include "base/units.hpp"
#include "protocol/compression.hpp"

static_assert(BOOST_VERSION >= 108100, "older Beast and Asio do not compile cleanly in C++23");

namespace lichen::doors {

// A request body that grows with what arrives, whatever Content-Length claims.
struct ArrivedBody {
  using value_type = std::string;
  class reader {
   public:
    template <bool isRequest, class Fields>
    reader(boost::beast::http::header<isRequest, Fields>&, value_type& body) : body_(body) {}
    void init(const boost::optional<std::uint64_t>&, boost::beast::error_code& error) { error = {}; }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, boost::beast::error_code& error) {
      error = {};
      std::size_t taken = 0;
      for (const boost::asio::const_buffer buffer : boost::beast::buffers_range_ref(buffers)) {
        body_.append(static_cast<const char*>(buffer.data()), buffer.size());
        taken += buffer.size();
      }
      return taken;
    }
    void finish(boost::beast::error_code& error) { error = {}; }

   private:
    value_type& body_;
  };
};
using HttpRequest = boost::beast::http::request<ArrivedBody>;

[[nodiscard]] inline std::string_view std_view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

// Inference-Header-Content-Length; nothing if it is not there, an error if it is no number or comes twice.
[[nodiscard]] Result<std::optional<std::size_t>> json_length_of(const HttpRequest& request);

// X-Lichen-Deadline-Ms, likewise.
[[nodiscard]] Result<std::optional<TimeNs>> deadline_of(const HttpRequest& request);

// Content-Encoding; nothing if it is one that is not read here, or comes twice.
[[nodiscard]] std::optional<protocol::ContentCoding> coding_of(const HttpRequest& request);

// What Accept-Encoding likes best of what can be written here.
[[nodiscard]] protocol::ContentCoding accepted_coding_of(const HttpRequest& request);

inline constexpr std::string_view kJsonLengthField = "Inference-Header-Content-Length";

// The front of a text of the client's, for an error.
[[nodiscard]] std::string shown(std::string_view text);

}  // namespace lichen::doors
